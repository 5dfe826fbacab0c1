//! What people and relying parties do, as the driver plays them.

mod login;
mod person;
mod relying_party;
mod target;

use std::sync::Arc;

use hyper::{Method, StatusCode};

pub(crate) use person::{Pad, Person};
pub(crate) use relying_party::RelyingParty;
pub(crate) use target::{Endpoints, Target};

use crate::Error;
use crate::client::{Browser, Parked, Reply};
use login::{Manner, walk};
use relying_party::Tokens;

/// One kind of load; the names are those of the benchmark table in the README.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Workload {
    /// W1: authorize → e-mail → challenge → answer → code → token → userinfo.
    Login,
    /// W2: pushed request → page → answer → code → token, for a payment.
    Payment,
    /// W3: e-mail → challenge → right answer, by a person who is at the page already.
    Challenge,
    /// W3 with one wrong answer before the right one.
    ChallengeWrongFirst,
    /// W4: rotation of a refresh token.
    Refresh,
    /// W6: the key set.
    Keys,
    /// W6: the discovery document.
    Discovery,
    /// W6: the health check.
    Health,
}

impl Workload {
    /// Short name for tables and JSON.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Login => "W1 login",
            Self::Payment => "W2 payment",
            Self::Challenge => "W3 challenge",
            Self::ChallengeWrongFirst => "W3 challenge, one wrong",
            Self::Refresh => "W4 refresh",
            Self::Keys => "W6 keys",
            Self::Discovery => "W6 discovery",
            Self::Health => "W6 health",
        }
    }
}

/// Somebody who repeats one workload over one connection.
pub(crate) struct User {
    target: Arc<Target>,
    browser: Browser,
    /// Those who take turns at this connection: an account has only one login under way at a time.
    people: Vec<Person>,
    turn: usize,
    parked: Vec<(usize, Parked, Reply)>,
    refresh: String,
}

impl User {
    /// `people` must not be empty.
    pub(crate) fn new(target: Arc<Target>, people: Vec<Person>) -> Self {
        Self { browser: target.browser(), target, people, turn: 0, parked: Vec::new(), refresh: String::new() }
    }

    /// Gives the people back, with their pads' counters where they are now.
    pub(crate) fn into_people(self) -> Vec<Person> {
        self.people
    }

    /// What has to be there before the clock starts. `batch`: how many times [`User::once`] will be called at most.
    pub(crate) async fn prepare(&mut self, workload: Workload, batch: usize) -> Result<(), Error> {
        match workload {
            Workload::Challenge | Workload::ChallengeWrongFirst => {
                for _ in 0..batch {
                    let person = self.next_person();
                    self.browser.becomes(&self.people[person].cookies);
                    let page = login::open_page(&mut self.browser, &self.target).await?;
                    self.parked.push((person, self.browser.park(), page));
                }
            }
            Workload::Refresh => {
                self.login().await?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Does it once and returns how many requests it took; `None` when what was prepared is used up.
    pub(crate) async fn once(&mut self, workload: Workload) -> Result<Option<u32>, Error> {
        self.browser.becomes(&[]);
        match workload {
            Workload::Login => self.login().await?,
            Workload::Payment => {
                let person = self.next_person();
                self.browser.becomes(&self.people[person].cookies);
                login::pay(&mut self.browser, &self.target, &mut self.people[person]).await?;
                self.people[person].cookies = self.browser.lasting();
            }
            Workload::Challenge => return self.challenge(Manner::Right).await,
            Workload::ChallengeWrongFirst => return self.challenge(Manner::WrongFirst).await,
            Workload::Refresh => self.rotate().await.map(drop)?,
            Workload::Keys => self.fetch(|endpoints| &endpoints.keys).await?,
            Workload::Discovery => self.fetch(|endpoints| &endpoints.discovery).await?,
            Workload::Health => self.fetch(|endpoints| &endpoints.health).await?,
        }
        Ok(Some(self.browser.requests()))
    }

    async fn login(&mut self) -> Result<(), Error> {
        let person = self.next_person();
        self.browser.becomes(&self.people[person].cookies);
        let tokens = login::log_in(&mut self.browser, &self.target, &mut self.people[person]).await?;
        self.people[person].cookies = self.browser.lasting();
        self.refresh = tokens.refresh;
        Ok(())
    }

    /// Whether a rotation brings a new ID token (OpenID Connect Core §12.2 leaves it open): one signature more.
    pub(crate) async fn refresh_gives_id_token(&mut self) -> Result<bool, Error> {
        self.login().await?;
        Ok(self.rotate().await?.id_token.is_some())
    }

    async fn rotate(&mut self) -> Result<Tokens, Error> {
        let target = &self.target;
        let tokens = target.client.refresh(&mut self.browser, &target.endpoints, &self.refresh).await?;
        self.refresh.clone_from(&tokens.refresh);
        Ok(tokens)
    }

    async fn challenge(&mut self, manner: Manner) -> Result<Option<u32>, Error> {
        let Some((person, parked, page)) = self.parked.pop() else { return Ok(None) };
        self.browser.resume(parked, &self.people[person].cookies);
        walk(&mut self.browser, &self.target, page, &mut self.people[person], manner).await?;
        self.people[person].cookies = self.browser.lasting();
        Ok(Some(self.browser.requests()))
    }

    async fn fetch(&mut self, path: fn(&Endpoints) -> &String) -> Result<(), Error> {
        let path = path(&self.target.endpoints);
        let reply = self.browser.back_channel(Method::GET, path, None, &[]).await?;
        reply.expect(StatusCode::OK).map(drop)
    }

    fn next_person(&mut self) -> usize {
        self.turn = (self.turn + 1) % self.people.len();
        self.turn
    }
}
