//! A provider in this process, with a clock that the test moves.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use enum_idp::{
    account::{NewAccount, create_by_admin},
    app::App,
    clock::{Clock, Hand, Millis},
    config::Config,
    entropy::Entropy,
    serve,
    store::{self, log::Event},
};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};
use url::Url;

use super::{
    database::Database,
    http::{Lost, Reply},
    outbox::{Outbox, word},
    pad::{Pad, wrong},
    person::Person,
    plugins,
    sites::{Site, Sites, Visit},
};

/// When every test begins.
const START: Millis = 1_790_000_000_000;
/// All load comes from one address here; tests of the limits set them back.
pub(crate) const GENEROUS: &str = "[limits]\nchallenges_per_minute = 100000\nclient_challenges_per_minute = 100000\nemail_challenges_per_minute = 100000\nregistrations_per_hour = 10000\nrecovery_visits_per_hour = 10000\n";

/// A running provider.
pub(crate) struct Provider {
    pub(crate) app: Arc<App>,
    pub(crate) origin: Url,
    pub(crate) sites: Sites,
    pub(crate) clock: Clock,
    pub(crate) hand: Hand,
    pub(crate) mail: Outbox,
    pub(crate) sms: Outbox,
    pub(crate) dir: PathBuf,
    issuer: String,
    /// Kept open, so that nobody else takes the port while it restarts.
    door: std::net::TcpListener,
    written: Written,
    database: Database,
    running: Running,
}

/// What a test says of the configuration.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    /// Those of our plugins that it pins.
    pub(crate) pins: Vec<&'static str>,
    /// Lines behind the list of plugins.
    pub(crate) settings: String,
    /// Further plugins, as `PATH@SHA256`, behind ours.
    pub(crate) further: Vec<String>,
}

impl Default for Written {
    fn default() -> Self {
        Self { pins: plugins::OURS.to_vec(), settings: GENEROUS.to_owned(), further: Vec::new() }
    }
}

struct Running {
    stop: oneshot::Sender<()>,
    serving: JoinHandle<Result<(), Lost>>,
}

/// The socket that a provider listens on, for one that takes its place.
fn again(door: &std::net::TcpListener) -> TcpListener {
    TcpListener::from_std(door.try_clone().unwrap()).unwrap()
}

impl Provider {
    pub(crate) async fn starts(database: Database) -> Self {
        Self::starts_with(database, GENEROUS).await
    }

    /// With further lines of configuration.
    pub(crate) async fn starts_with(database: Database, settings: &str) -> Self {
        Self::starts_as(database, Written { settings: settings.to_owned(), ..Written::default() }).await
    }

    /// With further plugins, as `PATH@SHA256`, behind ours.
    pub(crate) async fn starts_with_further(database: Database, further: Vec<String>) -> Self {
        Self::starts_as(database, Written { further, ..Written::default() }).await
    }

    /// With a configuration of its own.
    pub(crate) async fn starts_as(database: Database, written: Written) -> Self {
        let door = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        door.set_nonblocking(true).unwrap();
        let issuer = format!("http://{}", door.local_addr().unwrap());
        let (clock, hand) = Clock::by_hand(START);
        let origin: Url = issuer.parse().unwrap();
        let sites = Sites::of(&origin, &issuer, &clock);
        let dir = database.dir();
        std::fs::write(dir.join("clients.json"), sites.registration().to_string()).unwrap();
        let (app, running) = run(&issuer, &database, &written, &clock, again(&door)).await;
        Self {
            app,
            door,
            origin,
            sites,
            clock,
            hand,
            mail: Outbox::at(&dir.join("mail")),
            sms: Outbox::at(&dir.join("sms")),
            dir,
            issuer,
            written,
            database,
            running,
        }
    }

    /// Stops it and starts another on the same data, at the same address.
    pub(crate) async fn restarts(self) -> Self {
        let written = self.written.clone();
        self.restarts_as(written).await
    }

    /// As `restarts`, with another configuration.
    pub(crate) async fn restarts_as(self, written: Written) -> Self {
        self.running.stop.send(()).unwrap();
        self.running.serving.await.unwrap().unwrap();
        drop(self.app);
        let (app, running) = run(&self.issuer, &self.database, &written, &self.clock, again(&self.door)).await;
        Self { app, written, running, ..self }
    }

    /// Another node on the same data, which serves for as long as the second value lives.
    pub(crate) async fn another_node(&self) -> (Arc<App>, impl Sized + use<>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        run(&issuer, &self.database, &self.written, &self.clock, listener).await
    }

    /// The text of its configuration, for commands.
    pub(crate) fn configuration(&self) -> String {
        self.written.text(&self.issuer, &self.database)
    }

    /// Somebody with a fresh browser.
    pub(crate) fn stranger(&self) -> Person {
        Person::new(&self.origin)
    }

    /// Lets time pass.
    pub(crate) fn waits(&self, millis: Millis) {
        self.hand.advance(millis);
    }

    /// Somebody with an account, who has activated their pad.
    pub(crate) async fn member(&self, email: &str) -> Member {
        let new = NewAccount {
            email: email.to_owned(),
            phone: person_phone(email),
            first_name: "Ann".to_owned(),
            last_name: "Lee".to_owned(),
            locale: "en".to_owned(),
            factor: Some("cipherpad".to_owned()),
            activate: true,
        };
        let code = create_by_admin(&self.app, new).await.unwrap().begun.code.unwrap();
        let pad = Pad::activate(&self.origin, email, &code, &self.clock).await;
        Member { person: self.stranger(), pad, email: email.to_owned() }
    }

    /// Fills in the registration, follows the mailed link and confirms; the person then sees the activation page.
    pub(crate) async fn registers(&self, person: &mut Person, email: &str) {
        self.applies(person, email).await;
        assert!(person.complaint().is_none(), "{}", person.what_is_shown());
        let link = self.mailed_link(email, 1).await;
        person.opens(&link).await;
        person.chooses("factor-cipherpad").presses("continue").await;
        assert!(person.sees("resend"), "{}", person.what_is_shown());
    }

    /// Sends the registration form.
    pub(crate) async fn applies(&self, person: &mut Person, email: &str) {
        person.opens("/register").await;
        let sum = person.page.sum_asked();
        person
            .types("first_name", "Ann")
            .types("last_name", "Lee")
            .types("email", email)
            .types("phone", &person_phone(email))
            .types("security_answer", "The Jungle Book")
            .types("sum", &sum)
            .presses("continue")
            .await;
    }

    /// The newest of `count` mailed links to finish a registration.
    pub(crate) async fn mailed_link(&self, email: &str, count: usize) -> String {
        let start = format!("{}/register/confirm/", self.issuer);
        let letters = self.mail.wait_for(email, count, |letter| letter.text.contains(&start)).await;
        word(&letters.last().unwrap().text, &start).unwrap()
    }

    /// The newest of `count` activation codes sent to a number.
    pub(crate) async fn activation_code(&self, phone: &str, count: usize) -> String {
        let letters = self.sms.wait_for(phone, count, |letter| letter.text.contains("#c=")).await;
        let link = word(&letters.last().unwrap().text, &self.issuer).unwrap();
        link.split_once("#c=").unwrap().1.to_owned()
    }

    /// The one enrolment of an account.
    pub(crate) async fn enrolment_of(&self, email: &str) -> store::enrolment::Model {
        let account = store::account::by_email(self.app.db.read(), email).await.unwrap().unwrap();
        let mut rows = store::enrolment::of_account(self.app.db.read(), &account.id).await.unwrap();
        assert_eq!(rows.len(), 1, "{rows:?}");
        rows.remove(0)
    }

    /// Gives an account a further address.
    pub(crate) async fn has_also(&self, email: &str, other: &str) {
        let account = store::account::by_email(self.app.db.read(), email).await.unwrap().unwrap();
        let confirmed_at = self.app.clock.now();
        let address = store::address::Model { email: other.to_owned(), account_id: account.id, confirmed_at };
        let added = self.app.db.write(move |tx| Box::pin(async move { store::address::add(tx, address).await }));
        assert!(added.await.unwrap(), "{other} belongs to somebody");
    }

    /// An account's log, oldest first, as `what result`.
    pub(crate) async fn log_of(&self, email: &str) -> Vec<String> {
        let account = store::account::by_email(self.app.db.read(), email).await.unwrap().unwrap();
        let mut entries = store::log::newest(self.app.db.read(), &account.id, 10_000).await.unwrap();
        entries.reverse();
        entries
            .into_iter()
            .map(|entry| serde_json::from_str::<Event>(&entry.event).unwrap())
            .map(|event| format!("{} {}", event.what, event.result))
            .collect()
    }
}

async fn run(
    issuer: &str,
    database: &Database,
    written: &Written,
    clock: &Clock,
    listener: TcpListener,
) -> (Arc<App>, Running) {
    let text = written.text(issuer, database);
    let mut config = Config::parse(&text, "the test's configuration", BTreeMap::new()).unwrap();
    // This process is a test, and knows no role `plugin-host`.
    config.plugins.program = env!("CARGO_BIN_EXE_enum-idp").into();
    let app = Box::pin(serve::build_with(config, clock.clone(), Entropy::system())).await.unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let served = app.clone();
    let serving = tokio::spawn(async move {
        // Also when the test has ended and dropped its end.
        let stopped = async { drop(stopped.await) };
        serve::serve_on(served, listener, stopped).await
    });
    (app, Running { stop, serving })
}

impl Written {
    fn text(&self, issuer: &str, database: &Database) -> String {
        let text = plugins::configuration_of(&self.pins, issuer, &database.dir(), &database.url, &self.settings);
        plugins::enabling(&text, &self.further)
    }
}

/// Everybody has a number of their own, in E.164.
pub(crate) fn person_phone(email: &str) -> String {
    let digits = email.bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into())) % 1_000_000;
    format!("+447400{digits:06}")
}

/// Somebody with an account and an activated pad.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) person: Person,
    pub(crate) pad: Pad,
    pub(crate) email: String,
}

impl Member {
    /// Goes where a site sends them, and on to the number-question.
    pub(crate) async fn goes(&mut self, visit: &Visit) -> &mut Self {
        self.person.opens(&visit.link).await;
        if self.person.sees("email") {
            self.person.types("email", &self.email).presses("continue").await;
        }
        // After failures, also a person has to show that they are one.
        if self.person.sees("sum") {
            let sum = self.person.page.sum_asked();
            self.person.types("sum", &sum).presses("continue").await;
        }
        self
    }

    /// Answers the number-question rightly.
    pub(crate) async fn answers(&mut self) -> &mut Self {
        let answer = self.pad.answer(&self.person.challenge());
        self.person.types("answer", &answer).presses("continue").await;
        self
    }

    /// Answers wrongly. The pad's counter does not move: as if the person had mistyped.
    pub(crate) async fn answers_wrongly(&mut self) -> &mut Self {
        let mistyped = wrong(&self.pad.clone().answer(&self.person.challenge()));
        self.person.types("answer", &mistyped).presses("continue").await;
        self
    }

    /// Approves the payment that is shown.
    pub(crate) async fn pays(&mut self, purse: &str, minor: u64) -> &mut Self {
        let answer = self.pad.pay(&self.person.challenge(), purse, minor);
        self.person.types("answer", &answer).presses("continue").await;
        self
    }

    /// Approves the operation that is shown.
    pub(crate) async fn operates(&mut self, check: &str, minor: Option<u64>) -> &mut Self {
        let answer = self.pad.approve(&self.person.challenge(), check, minor);
        self.person.types("answer", &answer).presses("continue").await;
        self
    }

    /// Allows what the site wants to know, if asked.
    pub(crate) async fn allows(&mut self) -> &mut Self {
        if self.person.sees("allow") {
            self.person.presses("allow").await;
        }
        self
    }

    /// A whole login; gives the code that the browser brings back.
    pub(crate) async fn logs_in(&mut self, visit: &Visit) -> String {
        self.goes(visit).await;
        if self.person.away.is_none() && self.person.sees("answer") {
            self.answers().await;
        }
        self.allows().await;
        let back = self.person.brings_back();
        assert_eq!(back.get("state"), Some(&visit.state), "{back:?}");
        back.get("code").unwrap_or_else(|| panic!("no code: {back:?}")).clone()
    }

    /// A whole login, up to the tokens.
    pub(crate) async fn logs_in_at(&mut self, site: &Site) -> serde_json::Value {
        let visit = site.sends(&[]);
        let code = self.logs_in(&visit).await;
        site.redeems(&visit, &code).await.expect(200)
    }
}

/// The text value of a member of a JSON answer.
#[track_caller]
pub(crate) fn text(value: &serde_json::Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}")).to_owned()
}

/// Whether the browser was told that something ends here: a page with an error status.
#[track_caller]
pub(crate) fn is_refused_on_a_page(person: &Person) {
    assert!(person.away.is_none(), "sent away: {:?}", person.away);
    assert!(person.reply.status.is_client_error(), "{}", person.what_is_shown());
    assert!(person.sees("main"), "a page for people: {}", person.what_is_shown());
}

/// Expects a reply to be `error`.
#[track_caller]
pub(crate) fn is_refused(reply: &Reply, error: &str) {
    assert_eq!(reply.error(), error, "{}", reply.text());
}
