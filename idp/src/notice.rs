//! Notices about what happened to an account. What guards it is told to every address, whether its owner asked for that or
//! not; what somebody tried is told as they chose ([`attempts`]).

use serde_json::json;

use crate::{
    app::App,
    courier::{Channel, Message},
    store::{StoreError, account, address, enrolment},
};

pub mod attempts;
pub mod choice;
pub mod program;
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

/// Every address of `account`, the oldest first: whatever guards it is told to all of them, or who has taken one over could
/// keep it from its owner.
///
/// # Errors
/// When the database fails.
pub async fn addresses(app: &App, account: &account::Model) -> Result<Vec<String>, StoreError> {
    let all = address::of_account(app.db.read(), &account.id).await?;
    Ok(all.into_iter().map(|address| address.email).collect())
}

/// The mails that tell every address of `account` what happened to the method `row`, once per state of the row.
///
/// # Errors
/// When the database fails.
pub async fn to(
    app: &App,
    account: &account::Model,
    notice: Notice,
    row: &enrolment::Model,
) -> Result<Vec<Message>, StoreError> {
    let factor = app.plugins.factor(&row.factor);
    let name = factor.as_ref().and_then(|factor| factor.text(&account.locale, "name")).unwrap_or(&row.factor);
    let args = json!({ "name": account.first_name, "factor": name, "issuer": app.config.issuer });
    let text = |part: &str| app.pages.text(&account.locale, &format!("{}.{part}", notice.key()), &args);
    let mail = |(number, to)| Message {
        effect: format!("{}:{}:{}:{number}", notice.key(), row.id, row.version),
        channel: Channel::Mail,
        to,
        subject: text("subject"),
        text: text("text"),
        html: None,
    };
    Ok(addresses(app, account).await?.into_iter().enumerate().map(mail).collect())
}
