//! The page that asks who somebody is, and those who prove it without saying it.
//!
//! Whatever was wrong with such an answer, the page is the same one and says the same: that a name is nobody's, belongs to
//! an account that may not sign in, or pauses, is nothing that can be told from a wrong signature.

use axum::response::Response;
use plugin_api::message::Input;
use serde_json::json;

use super::{Fields, Visit, Visitor, earned::Unanswered, email_of, suspicion::Who, verdict::Settled};
use crate::{
    login::{
        Stage,
        ceremony::{self, Attempt, Issued, Named, Press, Question, Verdict},
        risk::device::Brought,
        session,
    },
    pages::Options,
};

/// Field of the form that somebody answers with who has not said who they are.
pub(super) const FIELD: &str = "nameless";
const PAGE: &str = "login_email.html";

impl Visitor<'_> {
    /// Asks who is there, and offers to prove it at once where a factor can do that.
    pub(super) async fn identify(&self, visit: Visit, error: Option<&str>) -> Result<Response, Unanswered> {
        let session = session::current(self.app, self.headers).await?;
        let known = match session {
            Some(session) => email_of(self.app, &session.account_id).await?,
            None => None,
        };
        let email = visit.interaction.demand.login_hint.clone().or(known);
        // Where a robot is likely, the address comes first, and a sum with it.
        let is_welcome = visit.checked || !self.comes_from_suspicion();
        let offered =
            if is_welcome && self.may_offer() { ceremony::invite(self.app, &visit.interaction).await? } else { None };
        if let Some((issued, question)) = offered {
            let visit = Visit { offered: Some(issued.clone()), ..visit.clone() };
            match self.inviting(&visit, (&issued, &question), error, email.as_deref()) {
                Err(Unanswered::Internal(error)) => {
                    tracing::error!(factor = issued.factor, %error, "a page of a factor cannot be shown");
                }
                shown => return shown,
            }
        }
        let visit = Visit { offered: None, ..visit };
        self.render_with(PAGE, &visit, error, json!({ "email": email }), &Options::for_template(PAGE))
    }

    fn inviting(
        &self,
        visit: &Visit,
        (issued, question): (&Issued, &Question),
        error: Option<&str>,
        email: Option<&str>,
    ) -> Result<Response, Unanswered> {
        let locale = &visit.interaction.locale;
        let body = self.app.pages.plugin_page(&issued.factor, &question.page, locale, &question.data)?;
        let scripts = self.app.pages.scripts(&issued.factor, &self.app.config.issuer, &question.data);
        let own = json!({ "email": email, "nameless": body });
        self.render_with(PAGE, visit, error, own, &Options::for_template(PAGE).running(scripts))
    }

    /// Somebody answers who has not said who they are.
    pub(super) async fn claimed(
        &self,
        visit: Visit,
        offered: Option<Box<Issued>>,
        form: Fields,
        address: String,
    ) -> Result<Response, Unanswered> {
        if !visit.checked && self.comes_from_suspicion() {
            return self.check(&visit, "", None);
        }
        let Some(offered) = offered else { return self.identify(visit, Some("error_nameless_expired")).await };
        let input = Input(form.into_iter().collect());
        let name = match ceremony::named(self.app, &visit.interaction, &offered, &input).await? {
            Named::As(name) => name,
            Named::Stale => {
                self.count(&visit, "stale");
                return self.identify(visit, Some("error_nameless_expired")).await;
            }
            Named::Off => {
                self.count(&visit, "off");
                return self.identify(visit, Some("error_unavailable")).await;
            }
        };
        if !visit.checked && self.is_suspicious_name(&name) {
            return self.check(&visit, "", None);
        }
        if !self.may_claim(&visit, &name) {
            return Err(Unanswered::TooMany);
        }
        let claimant = ceremony::claimant(self.app, &offered, &name).await?;
        let (email, issued) = (claimant.email.as_str(), &claimant.issued);
        let devices = Brought::of(self.app, self.headers).hashes(self.app);
        let attempt = Attempt { interaction: &visit.interaction, email, issued, input, address, devices };
        match self.settle(&visit, &attempt, Who::Named(&name)).await? {
            Settled::Answered(response) => Ok(response),
            // It was them: they go on as if they had said so.
            Settled::Refused(Verdict::Weak) => {
                let factor = Some(issued.factor.as_str());
                self.choose(visit.clone(), email.to_owned(), factor, Some("error_weak"), Press::None).await
            }
            Settled::Refused(_) => {
                let visit = Visit { interaction: visit.interaction.clone().at(Stage::Identify), ..visit };
                self.identify(visit, Some("error_nameless")).await
            }
        }
    }
}
