//! What a change of the account's number means for what is sent to it.
//!
//! A text message goes to the number that the account has now. So a method that was set up with an earlier number sends
//! nothing any more, whatever its plugin is; and for a while after the change a code by text message confirms no payment,
//! since whoever has just moved a number to another SIM card is who would change it.

use plugin_api::message::{Manifest, Purpose};

use crate::{
    app::App,
    clock::{HOUR, Millis},
    store::{account::Model as Account, enrolment::Model as Enrolment},
};

/// RFC 8176: a code that came by text message.
pub const SMS: &str = "sms";

/// Whether a factor's codes come by text message, as its manifest says.
fn is_texted(manifest: &Manifest) -> bool {
    manifest.amr.iter().any(|value| value == SMS)
}

/// Ids of the running factors whose codes come by text message.
pub fn texted(app: &App) -> Vec<String> {
    let running =
        [Purpose::Authorize, Purpose::Payment].into_iter().flat_map(|purpose| app.plugins.factors_for(purpose));
    let mut ids: Vec<String> =
        running.filter(|factor| is_texted(factor.manifest())).map(|factor| factor.id().to_owned()).collect();
    ids.sort();
    ids.dedup();
    ids
}

/// When the number has been the account's for long enough, if that is not now.
pub fn settles_at(app: &App, account: &Account) -> Option<Millis> {
    let at = account.phone_changed_at? + app.config.account.phone_cooldown_hours * HOUR;
    (app.clock.now() < at).then_some(at)
}

/// Whether a factor may be offered: while the number is new, none by text message is for a payment.
pub(super) fn serves(app: &App, account: &Account, manifest: &Manifest, purpose: Purpose) -> bool {
    !(purpose == Purpose::Payment && is_texted(manifest) && settles_at(app, account).is_some())
}

/// Whether a text message may go out for an enrolment. The last word on it, whatever the manifest says.
pub(super) fn may_be_texted(app: &App, account: &Account, row: &Enrolment, purpose: Purpose) -> bool {
    let was_set_up_before = account.phone_changed_at.is_some_and(|changed| row.created_at < changed);
    let pays_too_soon = purpose == Purpose::Payment && settles_at(app, account).is_some();
    !was_set_up_before && !pays_too_soon
}
