//! Requests without a browser: a shop asks, the person answers in their personal area, the shop fetches the answer.

mod answering;
mod asking;
mod fetching;
mod muting;
mod notified;
mod racing;
mod retrying;
mod signed;
mod spam;
mod strangers;

use crate::support::{
    http::Reply,
    provider::{Member, text},
    sites::{CIBA, Site, payment},
};

const ANN: &str = "ann@example.com";
const EVE: &str = "eve@example.com";
const ENDPOINT: &str = "/backchannel-authentication";

impl Site {
    /// Asks somebody to sign in, but for `changes`: they replace or add parameters, an empty value removes one.
    pub(crate) async fn asks_behind(&self, email: &str, changes: &[(&str, &str)]) -> Reply {
        self.posts(ENDPOINT, &fields(email, changes)).await
    }

    /// Asks somebody to sign in, and is given the name of that.
    pub(crate) async fn asks_to_sign_in(&self, email: &str) -> String {
        text(&self.asks_behind(email, &[]).await.expect(200), "auth_req_id")
    }

    /// Asks somebody to confirm a payment of so much (in minor units), and is given the name of that.
    pub(crate) async fn asks_to_confirm(&self, email: &str, minor: u64) -> String {
        let details = payment(minor).to_string();
        let reply = self.asks_behind(email, &[("authorization_details", &details)]).await;
        text(&reply.expect(200), "auth_req_id")
    }

    /// Asks whether there is an answer.
    pub(crate) async fn fetches(&self, auth_req_id: &str) -> Reply {
        self.posts("/token", &[("grant_type", CIBA), ("auth_req_id", auth_req_id)]).await
    }
}

fn fields<'a>(email: &'a str, changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut fields = vec![("scope", "openid email"), ("login_hint", email), ("binding_message", "W4SCT")];
    for (name, value) in changes {
        fields.retain(|(known, _)| known != name);
        if !value.is_empty() {
            fields.push((name, value));
        }
    }
    fields
}

impl Member {
    /// Opens the oldest request that waits, and stands before the question of its proof.
    pub(crate) async fn looks(&mut self) -> &mut Self {
        self.enters("/account/requests").await;
        self.person.presses_link("look-1").await;
        assert!(self.person.sees("answer"), "{}", self.person.what_is_shown());
        self
    }

    /// Looks at the oldest request, which is a payment of so much, and approves it.
    pub(crate) async fn approves(&mut self, purse: &str, minor: u64) -> &mut Self {
        self.looks().await.pays(purse, minor).await;
        self.has_approved();
        self
    }

    /// What the area says after an approval.
    #[track_caller]
    pub(crate) fn has_approved(&self) {
        let shown = self.person.what_is_shown();
        assert!(self.person.away.is_none() && self.person.sees("notice"), "{shown}");
        assert!(shown.contains("You have approved"), "{shown}");
    }
}
