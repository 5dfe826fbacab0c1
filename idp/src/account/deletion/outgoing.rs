//! Messages to somebody that were not sent yet. The outbox is sealed and knows no accounts: it is read, a stretch at a time,
//! for their addresses, and for what names something of theirs, since a number may be several people's.

use crate::{
    app::App,
    courier::{Channel, Message},
    error::Internal,
    store::{
        account::Model as Account,
        address, enrolment,
        outbox::{self, Model as Row},
        recovery,
    },
};

/// Messages that are read at once.
const BATCH: u64 = 200;

/// What tells that a message is theirs.
struct Theirs {
    emails: Vec<String>,
    /// Parts of effects.
    names: Vec<String>,
}

impl Theirs {
    async fn find(app: &App, account: &Account) -> Result<Self, Internal> {
        let db = app.db.read();
        let emails = address::of_account(db, &account.id).await?.into_iter().map(|address| address.email).collect();
        let mut names = enrolment::ids_of_account(db, &account.id).await?;
        names.extend(recovery::ids_of_account(db, &account.id).await?);
        names.push(account.id.clone());
        Ok(Self { emails, names })
    }

    fn has(&self, message: &Message) -> bool {
        match message.channel {
            Channel::Mail => self.emails.contains(&message.to),
            Channel::Sms | Channel::Call => {
                message.effect.split(':').any(|part| self.names.iter().any(|name| name == part))
            }
        }
    }
}

/// Messages to `account` that wait to be sent.
pub(super) async fn of(app: &App, account: &Account) -> Result<Vec<Row>, Internal> {
    let theirs = Theirs::find(app, account).await?;
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let rows = outbox::waiting(app.db.read(), after.as_ref(), BATCH).await?;
        let Some(last) = rows.last() else { return Ok(found) };
        after = Some((last.next_at, last.id.clone()));
        for row in rows {
            // What does not open is the courier's to complain of.
            let message = app.seal.open_record_json::<Message>("outbox", &row.id, &row.sealed);
            if message.is_ok_and(|message| theirs.has(&message)) {
                found.push(row);
            }
        }
    }
}
