//! What follows from an answer: all that it proves, opens and earns commits as one.

use axum::{http::header, response::Response};
use plugin_api::message::Input;

use super::{
    Fields, Visit, Visitor, client_of, decide,
    earned::{self, Earned, Unanswered},
    suspicion::Who,
};
use crate::{
    clock::SECOND,
    health,
    login::{
        Next, Refusal, Stage,
        ceremony::{self, Attempt, Issued, Passed, Press, Verdict},
        consent,
        risk::{after::Beside, device::Brought},
        session::{self, OpenedBy, Opening},
    },
    oidc::{approve::Approval, code::Authenticated, error::ErrorCode, response},
    plugins::ServiceHandle,
    store::{self, log::Event},
};

/// What an answer came to, for whoever is there.
pub(super) enum Settled {
    /// It was right, and this is what follows.
    Answered(Response),
    /// It was not, or not looked at.
    Refused(Verdict),
}

impl Visitor<'_> {
    pub(super) fn count(&self, visit: &Visit, result: &'static str) {
        let purpose = if visit.interaction.demand.transaction.is_some() { "payment" } else { "login" };
        self.app.metrics.verdicts.get_or_create(&health::Verdict { purpose, result }).inc();
    }

    /// Judges an answer and, when it is right, commits all that follows from it as one.
    pub(super) async fn judge(
        &self,
        visit: Visit,
        email: &str,
        issued: &Issued,
        input: Input,
        address: String,
    ) -> Result<Response, Unanswered> {
        let devices = Brought::of(self.app, self.headers).hashes(self.app);
        let attempt = Attempt { interaction: &visit.interaction, email, issued, input, address, devices };
        let verdict = match self.settle(&visit, &attempt, Who::At(email)).await? {
            Settled::Answered(response) => return Ok(response),
            Settled::Refused(verdict) => verdict,
        };
        let error = match verdict {
            Verdict::Wrong { burnt: false } => {
                return self.ask_again(visit.clone(), email, issued, Some("error_wrong")).await;
            }
            Verdict::Off => {
                return self
                    .choose(visit.clone(), email.to_owned(), None, Some("error_unavailable"), Press::None)
                    .await;
            }
            Verdict::Wrong { .. } => "error_wrong_new",
            Verdict::Paused => "error_blocked",
            Verdict::Weak => "error_weak",
            Verdict::Stale | Verdict::Passed(_) => "error_expired",
        };
        self.choose_anew(&visit, email, issued, error).await
    }

    /// Judges an answer, counts what it came to and, when it is right, commits all that follows from it as one.
    pub(super) async fn settle(
        &self,
        visit: &Visit,
        attempt: &Attempt<'_>,
        who: Who<'_>,
    ) -> Result<Settled, Unanswered> {
        loop {
            let verdict = ceremony::judge(self.app, attempt).await?;
            let (result, failed) = match verdict {
                Verdict::Passed(passed) => match Box::pin(self.passed(visit, *passed, attempt.email)).await {
                    // Another answer committed first: this one has to be judged against what it left.
                    Err(Unanswered::Internal(error)) if error.is_conflict() => continue,
                    Err(Unanswered::NoService) => return Ok(Settled::Answered(self.has_no_service(visit))),
                    done => return done.map(Settled::Answered),
                },
                Verdict::Wrong { .. } => ("wrong", true),
                Verdict::Paused => ("paused", true),
                Verdict::Stale => ("stale", false),
                Verdict::Weak => ("weak", false),
                Verdict::Off => ("off", false),
            };
            self.count(visit, result);
            if failed {
                self.note_failure(who);
            }
            return Ok(Settled::Refused(verdict));
        }
    }

    /// Shows what is left to do after a challenge that has ended.
    async fn choose_anew(
        &self,
        visit: &Visit,
        email: &str,
        issued: &Issued,
        error: &str,
    ) -> Result<Response, Unanswered> {
        self.choose(visit.clone(), email.to_owned(), Some(&issued.factor), Some(error), Press::None).await
    }

    /// Whether what is to be paid for, if anything is, still has a service that can say so.
    pub(super) fn is_served(&self, visit: &Visit) -> bool {
        visit.request.payment.is_none() || self.service(visit).is_some()
    }

    fn service(&self, visit: &Visit) -> Option<ServiceHandle> {
        self.app.plugins.service_for(visit.request.payment.as_ref()?.details["type"].as_str()?)
    }

    /// The relying party is told to try again later: nothing was confirmed.
    pub(super) fn has_no_service(&self, visit: &Visit) -> Response {
        let description = "the service that this payment needs is switched off";
        self.refuse(visit, ErrorCode::TemporarilyUnavailable, description)
    }

    /// A right answer to a login: session, and the code if nothing is left to ask.
    pub(super) async fn sign_in(&self, visit: &Visit, passed: Passed, beside: Beside) -> Result<Response, Unanswered> {
        let app = self.app;
        let old = session::current(app, self.headers).await?;
        let by = OpenedBy {
            account_id: &passed.account.id,
            acr: &passed.acr,
            factor: &passed.factor,
            amr: &passed.amr,
            address: passed.address(),
            headers: self.headers,
        };
        let opening = Opening::prepare(app, old.as_ref(), &by)?;
        let proven_at = opening.session().auth_time;
        let next = decide(app, visit, Some(opening.session()), Some(proven_at)).await?;
        let prepared = match &next {
            Next::Finish(standing) => {
                let who =
                    authenticated(opening.session(), standing.acr.clone(), standing.proven_at, &visit.request.scope);
                Some(Earned::prepare(app, &visit.request, who).await?)
            }
            _ => None,
        };
        let now = app.clock.now();
        let (means, opened, to_store) = (app.clone(), opening.clone(), prepared.clone());
        app.db
            .write(move |tx| {
                Box::pin(async move {
                    opened.end_old_in(tx, now).await?;
                    let code = to_store.into_iter().flat_map(|prepared| prepared.changes(now));
                    let opened = [opened.change()].into_iter().chain(beside.change());
                    earned::apply(tx, passed.changes(&means.seal)?.chain(opened).chain(code)).await?;
                    Ok::<_, Unanswered>(beside.settle_in(tx, &means).await?)
                })
            })
            .await?;
        let mut response = match (prepared, next) {
            (Some(prepared), _) => self.send_on(visit, prepared),
            (None, next) => self.proceed(visit.clone(), next, Some(opening.session())).await?,
        };
        response.headers_mut().append(header::SET_COOKIE, opening.cookie());
        Ok(response)
    }

    /// The person's methods cannot be used for what is asked (OpenID Connect Core Unmet Authentication Requirements 1.0).
    pub(super) async fn is_unmet(&self, visit: &Visit) -> Result<Response, Unanswered> {
        self.count(visit, "unmet");
        let (code, description) = if visit.request.payment.is_some() {
            (ErrorCode::AccessDenied, "the person has no method that may confirm this payment")
        } else {
            (ErrorCode::UnmetAuthenticationRequirements, "the person has no method of the level asked for")
        };
        self.gives_up(visit, code, description).await
    }

    /// The level of a session that was proven at the given moment, as far as it will still do here.
    fn level_at(&self, visit: &Visit, session: &store::session::Model, proven_at: i64) -> Option<String> {
        let policy = self.app.policy.now();
        let proofs = session::view(session).proofs;
        let worth = |proof| policy.still_proves(proof, &visit.request.client_id).map(str::to_owned);
        proofs.iter().filter(|proof| proof.at == proven_at).find_map(worth)
    }

    /// A right answer to a payment: confirmation, receipt and code. It opens no session: an answer given for a payment
    /// proves that payment and nothing else.
    pub(super) async fn pay(&self, visit: &Visit, passed: Passed, beside: Beside) -> Result<Response, Unanswered> {
        let app = self.app;
        let client = client_of(app, &visit.request).await?;
        let service = self.service(visit).ok_or(Unanswered::NoService)?;
        let approval = Approval::prepare(app, &client, &visit.request, &service, &passed).await?;
        let who = Authenticated {
            account_id: passed.account.id.clone(),
            sid: app.entropy.id()?,
            auth_time: app.clock.seconds(),
            acr: passed.acr.clone(),
            amr: passed.amr.clone(),
            scope: visit.request.scope.clone(),
            confirmation: Some(approval.confirmed()),
        };
        let prepared = Earned::prepare(app, &visit.request, who).await?;
        let now = app.clock.now();
        let (means, to_store) = (app.clone(), prepared.clone());
        app.db
            .write(move |tx| {
                Box::pin(async move {
                    let approved = [approval.change()].into_iter().chain(beside.change());
                    let code = to_store.changes(now);
                    earned::apply(tx, passed.changes(&means.seal)?.chain(approved).chain(code)).await?;
                    Ok::<_, Unanswered>(beside.settle_in(tx, &means).await?)
                })
            })
            .await?;
        Ok(self.send_on(visit, prepared))
    }

    /// The person's answer to the question of consent.
    pub(super) async fn consented(
        &self,
        visit: Visit,
        account_id: &str,
        proven_at: i64,
        form: &Fields,
    ) -> Result<Response, Unanswered> {
        if form.get("decision").map(String::as_str) != Some("allow") {
            return self.page(visit, None).await;
        }
        let session =
            session::current(self.app, self.headers).await?.filter(|session| session.account_id == account_id);
        let level = session.as_ref().and_then(|session| self.level_at(&visit, session, proven_at));
        let (Some(session), Some(level)) = (session, level) else {
            // Signed out, signed in as somebody else, or proven anew in another window in the meantime: begin again, so
            // that nobody is told of a level or a time that this page did not stand on.
            let visit = Visit { interaction: visit.interaction.at(Stage::Identify), ..visit };
            return self.page(visit, Some("error_expired")).await;
        };
        let app = self.app;
        let (demand, seal, now) = (visit.interaction.demand.clone(), app.seal.clone(), app.clock.now());
        let who = authenticated(&session, level, proven_at, &visit.request.scope);
        let prepared = Earned::prepare(app, &visit.request, who).await?;
        let (to_store, account) = (prepared.clone(), session.account_id.clone());
        app.db
            .write(move |tx| {
                Box::pin(async move {
                    consent::remember(tx, &account, &demand, now).await?;
                    let event = Event { client: Some(demand.client_id.clone()), ..Event::new("consent", "ok") };
                    store::log::append(tx, &seal, &account, now, &event).await?;
                    earned::apply(tx, to_store.changes(now)).await
                })
            })
            .await?;
        Ok(self.send_on(&visit, prepared))
    }

    /// Everything that needs no further proof.
    pub(super) async fn proceed(
        &self,
        visit: Visit,
        next: Next,
        session: Option<&store::session::Model>,
    ) -> Result<Response, Unanswered> {
        match (next, session) {
            (Next::Finish(standing), Some(session)) => {
                let who = authenticated(session, standing.acr, standing.proven_at, &visit.request.scope);
                let prepared = Earned::prepare(self.app, &visit.request, who).await?;
                let (now, to_store) = (self.app.clock.now(), prepared.clone());
                self.app.db.write(move |tx| Box::pin(earned::apply(tx, to_store.changes(now)))).await?;
                Ok(self.send_on(&visit, prepared))
            }
            (Next::AskConsent(standing), Some(session)) => {
                let stage = Stage::Consent { account_id: session.account_id.clone(), proven_at: standing.proven_at };
                self.redirect_to(&Visit { interaction: visit.interaction.at(stage), ..visit })
            }
            (Next::Refuse(refusal), _) => {
                let (code, description) = match refusal {
                    Refusal::LoginRequired => (ErrorCode::LoginRequired, "nobody is signed in here as asked"),
                    Refusal::ConsentRequired => (ErrorCode::ConsentRequired, "the person has not yet allowed this"),
                    Refusal::InteractionRequired => {
                        (ErrorCode::InteractionRequired, "a payment is always confirmed by the person")
                    }
                };
                self.gives_up(&visit, code, description).await
            }
            // A proof was just made, and it does not do.
            _ if visit.request.expected_sub.is_some() => {
                self.gives_up(&visit, ErrorCode::LoginRequired, "the person signed in with another account").await
            }
            _ => {
                let code = ErrorCode::UnmetAuthenticationRequirements;
                self.gives_up(&visit, code, "no method here reaches the level asked for").await
            }
        }
    }

    /// Sends the browser on with what is durable now: back with a code, or to what else waits for the person.
    fn send_on(&self, visit: &Visit, earned: Earned) -> Response {
        match earned {
            Earned::Code { code, row, .. } => {
                store::code::expect(&self.app.db, *row);
                response::succeed(self.app, &visit.request.return_to(), &code, &visit.interaction.locale)
            }
            Earned::Answer(_) if visit.request.device.is_some() => self.return_to_device(visit, true),
            Earned::Answer(_) => self.has_approved(visit),
        }
    }
}

fn authenticated(session: &store::session::Model, acr: String, proven_at: i64, scope: &[String]) -> Authenticated {
    Authenticated {
        account_id: session.account_id.clone(),
        sid: session.sid.clone(),
        auth_time: proven_at.div_euclid(SECOND),
        acr,
        amr: session::amr(session),
        scope: scope.to_vec(),
        confirmation: None,
    }
}
