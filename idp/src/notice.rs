//! Notices about what happened to an account: mails that its owner did not ask for and must get.

use serde_json::json;

use crate::{
    app::App,
    courier::{Channel, Message},
    store::{account, enrolment},
};

pub mod recovery;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Five failures in a row.
    Paused,
    /// Too many failures: the method is off until it is activated again.
    Disabled,
    /// Two devices hold one key: payments are blocked.
    Clone,
}

impl Notice {
    fn key(self) -> &'static str {
        match self {
            Self::Paused => "notice.paused",
            Self::Disabled => "notice.disabled",
            Self::Clone => "notice.clone",
        }
    }
}

/// The mail that tells the owner of `account` what happened to the method `row`, once per state of the row.
pub fn to(app: &App, account: &account::Model, notice: Notice, row: &enrolment::Model) -> Message {
    let factor = app.plugins.factor(&row.factor);
    let name = factor.as_ref().and_then(|factor| factor.text(&account.locale, "name")).unwrap_or(&row.factor);
    let args = json!({ "name": account.first_name, "factor": name, "issuer": app.config.issuer });
    let text = |part: &str| app.pages.text(&account.locale, &format!("{}.{part}", notice.key()), &args);
    Message {
        effect: format!("{}:{}:{}", notice.key(), row.id, row.version),
        channel: Channel::Mail,
        to: account.email.clone(),
        subject: text("subject"),
        text: text("text"),
        html: None,
    }
}
