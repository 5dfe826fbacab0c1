//! Lost access: `/recover`.
//!
//! E-mail address and security question ([`visit`], [`question`]) lead to a mailed link ([`link`]). Its page shows the
//! number and offers the methods; its button begins the waiting time, of which everybody is told who is the account's
//! ([`crate::notice::recovery`]). When that is over the same link goes through with it ([`effect`]): whatever worked before
//! ends, and an activation begins. Until then whoever got a notice can stop it ([`stop`]).
//!
//! A recovery code ([`codes`]) stands for question and waiting time. Whoever only needs another activation code asks for it
//! without a question ([`pad`]). Whoever has lost mail and phone asks support ([`support`]), and two administrators have to
//! believe them ([`approval`]); the account then moves to another address and number ([`moved`]).
//!
//! Nobody learns from a page whether an address is known, nor whether an answer was right: pages, counts and writes are the
//! same, and what came of it is told by mail. Right answers are counted like wrong ones, or the count would tell.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use crate::{
    app::App,
    clock::{DAY, Millis},
    error::Internal,
    login::ceremony,
    store::account::{self, Model as Account},
};

pub mod approval;
mod budget;
mod codes;
mod counted;
mod drawn;
mod effect;
pub mod link;
mod moved;
pub mod pad;
pub mod question;
mod sending;
pub mod stop;
pub mod support;
pub mod visit;

pub(in crate::account) use codes::Codes;
pub use codes::make as make_codes;
pub use drawn::Questions;

/// How long the mailed link works.
const LINK_LIFE: Millis = DAY;
/// For how long a recovery can be gone through with when its time has come.
const READY_LIFE: Millis = 7 * DAY;

/// The keyed hash under which a link's token is stored.
fn token_hash(app: &App, token: &str) -> String {
    app.seal.hash("recovery", token)
}

/// Who is asked for.
struct Sought {
    /// Canonical.
    email: String,
    /// `None` where there is nobody, or nobody who may sign in.
    account: Option<Account>,
    /// What tries are counted under: the account's id, or one that is made up and equally long.
    subject: String,
}

impl Sought {
    async fn find(app: &App, email: String) -> Result<Self, Internal> {
        let account = account::by_email(app.db.read(), &email).await?.filter(Account::is_active);
        let address = ceremony::decoy_address(&app.seal, &email);
        let nobody = app.seal.derive(&[b"recovery subject", &address]);
        let nobody = BASE64_URL_SAFE_NO_PAD.encode(&nobody[..16]);
        let subject = account.as_ref().map_or(nobody, |account| account.id.clone());
        Ok(Self { email, account, subject })
    }
}
