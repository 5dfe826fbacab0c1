//! `enum-idp account`: accounts by hand and by script.

use clap::Subcommand;
use serde_json::json;

use super::{Common, Failure, open, print};
use crate::{
    account::{self, Begun, NewAccount},
    app::App,
    error::Internal,
    store::{self, enrolment, log::Event},
};

#[derive(Subcommand)]
pub(super) enum Command {
    /// Create an account whose e-mail and number are taken for proven.
    Create {
        #[command(flatten)]
        common: Common,
        /// Main e-mail; with --count, `{n}` in it is replaced by the number.
        #[arg(long)]
        email: String,
        /// Mobile number with country code.
        #[arg(long)]
        phone: String,
        /// First name.
        #[arg(long, default_value = "")]
        first_name: String,
        /// Last name.
        #[arg(long, default_value = "")]
        last_name: String,
        /// en, ru or vi.
        #[arg(long, default_value = "en")]
        locale: String,
        /// Begin an enrolment, and print what completes it instead of sending it: a code for a device, or a link.
        #[arg(long)]
        activate: bool,
        /// Which method, such as cipherpad; the first that is enabled if not given.
        #[arg(long, requires = "activate")]
        factor: Option<String>,
        /// How many; one JSON line each with --json.
        #[arg(long, default_value_t = 1)]
        count: u32,
    },
    /// Show an account and its methods.
    Show {
        #[command(flatten)]
        common: Common,
        /// Its e-mail, or its id.
        #[arg(long)]
        email: String,
    },
    /// Begin an enrolment for somebody, and print what completes it. An earlier one of the same method works until then.
    Enrol {
        #[command(flatten)]
        common: Common,
        /// Whose.
        #[arg(long)]
        email: String,
        /// Which method, such as cipherpad; the first that is enabled if not given.
        #[arg(long)]
        factor: Option<String>,
    },
    /// End somebody's method: nobody signs in with it again.
    Unenrol {
        #[command(flatten)]
        common: Common,
        /// Whose.
        #[arg(long)]
        email: String,
        /// Which method, such as cipherpad.
        #[arg(long)]
        factor: String,
        /// Which one of several, by its id in `account show`; all of them if not given.
        #[arg(long)]
        enrolment: Option<String>,
    },
    /// Lock an account: nobody signs in to it until it is unlocked.
    Lock {
        #[command(flatten)]
        common: Common,
        /// Its e-mail.
        #[arg(long)]
        email: String,
        /// Unlock it again.
        #[arg(long)]
        unlock: bool,
    },
    /// Delete an account for good, once its waiting time is over; everybody is told, and can stop it until then.
    Delete {
        #[command(flatten)]
        common: Common,
        /// Whose: the account's e-mail.
        email: String,
        /// Without a waiting time.
        #[arg(long, conflicts_with = "keep")]
        now: bool,
        /// Keep it after all.
        #[arg(long)]
        keep: bool,
    },
    /// Make ten new recovery codes for somebody, and print them; earlier ones are void.
    RecoveryCodes {
        #[command(flatten)]
        common: Common,
        /// Whose: the account's e-mail.
        email: String,
    },
    /// The account's log.
    #[command(subcommand)]
    Audit(Audit),
}

#[derive(Subcommand)]
pub(super) enum Audit {
    /// Show the newest entries.
    Show {
        #[command(flatten)]
        common: Common,
        /// Its e-mail, or its id.
        #[arg(long)]
        email: String,
        /// How many.
        #[arg(long, default_value_t = 50)]
        limit: u64,
    },
    /// Prove that no entry was altered or removed.
    Verify {
        #[command(flatten)]
        common: Common,
        /// Its e-mail, or its id.
        #[arg(long)]
        email: String,
    },
}

pub(super) async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Create { common, email, phone, first_name, last_name, locale, activate, factor, count } => {
            let new = NewAccount { email, phone, first_name, last_name, locale, factor, activate };
            create(&common, &new, count).await
        }
        Command::Enrol { common, email, factor } => {
            let app = open(&common).await?;
            let begun = account::enrol_by_admin(&app, &email, factor.as_deref()).await?;
            let told = json!({ "email": email, "code": begun.code, "link": begun.link });
            print(common.json, &told, |_| format!("{email} can enrol{}", with(&begun)))
        }
        Command::Unenrol { common, email, factor, enrolment } => {
            let app = open(&common).await?;
            match &enrolment {
                Some(one) => account::unenrol_one_by_admin(&app, &email, &factor, one).await?,
                None => account::unenrol_by_admin(&app, &email, &factor).await?,
            }
            let told = json!({ "email": email, "factor": factor, "enrolment": enrolment, "status": "ended" });
            print(common.json, &told, |_| match &enrolment {
                Some(one) => format!("{email} has no {factor} {one} any more"),
                None => format!("{email} has no method {factor} any more"),
            })
        }
        Command::RecoveryCodes { common, email } => {
            let app = open(&common).await?;
            let codes = account::recovery_codes_by_admin(&app, &email).await?;
            print(common.json, &json!({ "email": email, "codes": codes }), |_| codes.join("\n"))
        }
        Command::Delete { common, email, now, keep } => delete(&common, &email, now, keep).await,
        Command::Show { common, email } => show(&common, &email).await,
        Command::Lock { common, email, unlock } => lock(&common, &email, unlock).await,
        Command::Audit(Audit::Show { common, email, limit }) => {
            let app = open(&common).await?;
            let account = find(&app, &email).await?;
            let mut entries = store::log::newest(app.db.read(), &account.id, limit).await?;
            entries.reverse();
            for entry in entries {
                let event: Event = serde_json::from_str(&entry.event)?;
                print(common.json, &json!({ "seq": entry.seq, "at": entry.at, "event": event }), |_| {
                    format!("{:>5}  {}  {:<16} {}", entry.seq, time_text(entry.at), event.what, event.result)
                })?;
            }
            Ok(())
        }
        Command::Audit(Audit::Verify { common, email }) => {
            let app = open(&common).await?;
            let account = find(&app, &email).await?;
            let verdict = store::log::verify(app.db.read(), &app.seal, &account.id).await?;
            print(common.json, &verdict, |verdict| match verdict {
                store::log::Verdict::Whole { entries } => format!("whole: {entries} entries, none altered or removed"),
                store::log::Verdict::Broken { at, reason } => format!("BROKEN at entry {at}: {reason}"),
            })?;
            match verdict {
                store::log::Verdict::Whole { .. } => Ok(()),
                store::log::Verdict::Broken { .. } => Err("the log is not as it was written".into()),
            }
        }
    }
}

async fn delete(common: &Common, email: &str, now: bool, keep: bool) -> Result<(), Failure> {
    let app = open(common).await?;
    let account = find(&app, email).await?;
    let status = if keep {
        account::keep_by_admin(&app, &account).await?;
        "kept"
    } else {
        let days = if now { 0 } else { app.config.account.deletion_wait_days };
        if account::delete_by_admin(&app, &account, days).await? { "deleted" } else { "waiting" }
    };
    let at = find(&app, &account.id).await?.delete_at;
    let told = json!({ "email": email, "account": account.id, "status": status, "delete_at": at });
    print(common.json, &told, |_| match at {
        Some(at) => format!("{email} is deleted at {}; `account delete {email} --keep` stops that", time_text(at)),
        None => format!("{email} is {status}; its log stays under {}", account.id),
    })
}

/// How many accounts are made at once: they share commits.
const AT_ONCE: u32 = 64;

async fn create(common: &Common, new: &NewAccount, count: u32) -> Result<(), Failure> {
    let app = open(common).await?;
    for first in (0..count).step_by(AT_ONCE as usize) {
        let mut making = tokio::task::JoinSet::new();
        for n in first..count.min(first + AT_ONCE) {
            let (app, new) =
                (app.clone(), NewAccount { email: new.email.replace("{n}", &n.to_string()), ..new.clone() });
            making.spawn(async move { (new.email.clone(), account::create_by_admin(&app, new).await) });
        }
        while let Some(made) = making.join_next().await {
            let (email, created) = made?;
            let created = created.map_err(|error| format!("{email}: {error}"))?;
            let begun = &created.begun;
            let told = json!({ "account": created.account_id, "email": email, "code": begun.code, "link": begun.link });
            print(common.json, &told, |_| format!("{email} is created{}", with(begun)))?;
        }
    }
    Ok(())
}

/// What completes the enrolment, for people.
fn with(begun: &Begun) -> String {
    let code = begun.code.as_ref().map(|code| format!("; activation code {code}"));
    let link = begun.link.as_ref().map(|link| format!("; to be set up at {link}"));
    [code, link].into_iter().flatten().collect()
}

pub(super) fn time_text(at: i64) -> String {
    time::OffsetDateTime::from_unix_timestamp(at.div_euclid(1000))
        .ok()
        .and_then(|time| time.format(&time::format_description::well_known::Rfc3339).ok())
        .unwrap_or_else(|| at.to_string())
}

/// By its e-mail or, as one that was deleted, by its id.
pub(super) async fn find(app: &App, email: &str) -> Result<store::account::Model, Failure> {
    let found = if email.contains('@') {
        store::account::by_email(app.db.read(), email).await?
    } else {
        store::account::by_id(app.db.read(), email).await?
    };
    found.ok_or_else(|| format!("there is no account {email}").into())
}

async fn show(common: &Common, email: &str) -> Result<(), Failure> {
    let app = open(common).await?;
    let account = find(&app, email).await?;
    let methods: Vec<_> = enrolment::of_account(app.db.read(), &account.id)
        .await?
        .into_iter()
        .map(|row| {
            json!({
                "id": row.id, "factor": row.factor, "label": row.label, "status": row.status,
                "created_at": row.created_at, "failures": row.failures,
                "blocked_until": row.blocked_until, "payments_blocked": row.payments_blocked,
                "last_used_at": row.last_used_at,
            })
        })
        .collect();
    let told = json!({
        "account": account.id, "email": account.email, "name": account.name(), "phone": account.phone,
        "locale": account.locale, "status": account.status, "methods": methods,
    });
    print(common.json, &told, |told| serde_json::to_string_pretty(told).unwrap_or_default())
}

async fn lock(common: &Common, email: &str, unlock: bool) -> Result<(), Failure> {
    let app = open(common).await?;
    let account = find(&app, email).await?;
    let (status, what) = if unlock { ("active", "unlocked") } else { ("locked", "locked") };
    let (seal, now) = (app.seal.clone(), app.clock.now());
    app.db
        .write(move |tx| {
            Box::pin(async move {
                if !store::account::set_status(tx, &account.id, status).await? {
                    return Err(Internal::Other("the account was deleted".to_owned()));
                }
                store::log::append(tx, &seal, &account.id, now, &Event::new(what, "ok")).await?;
                Ok::<_, Internal>(())
            })
        })
        .await?;
    print(common.json, &json!({ "email": email, "status": status }), |_| format!("{email} is {what}"))
}
