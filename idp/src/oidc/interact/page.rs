//! What the person sees at each step.

use axum::response::Response;
use plugin_api::message::Fee;
use serde_json::{Value, json};

use super::{Visit, Visitor, complaint::Complaint, earned::Unanswered};
use crate::{
    bot,
    error::Internal,
    login::{
        Stage,
        ceremony::{self, Asked, Issued, Method, Offer, Press, Question},
    },
    pages::Options,
    store,
};

/// Name of the button that leaves the page on which nothing can be chosen.
pub(super) const UNMET: &str = "unmet";
/// The page around a plugin's own.
const FACTOR_PAGE: &str = "login_factor.html";

/// What came of asking by one method.
enum Shown<'e> {
    Page(Response),
    /// There is nothing to show, and this is why.
    Later(Complaint<'e>),
}

impl Visitor<'_> {
    /// Shows the present step.
    pub(super) async fn page(&self, visit: Visit, error: Option<&str>) -> Result<Response, Unanswered> {
        match visit.interaction.stage.clone() {
            Stage::Identify => self.identify(visit, error).await,
            Stage::Choose { email } => self.choose(visit, email, None, error, Press::None).await,
            Stage::Fee { email, factor, fee } => self.fee(visit, &email, (&factor, &fee), error),
            Stage::Answer { email, issued } => self.ask_again(visit, &email, &issued, error).await,
            Stage::Consent { account_id, .. } => {
                let account = store::account::by_id(self.app.db.read(), &account_id).await?;
                let (email, name) = account.map(|account| (account.email.clone(), account.name())).unzip();
                let name = name.filter(|name| !name.is_empty());
                let scopes = &visit.interaction.demand.scope;
                self.render(
                    "login_consent.html",
                    &visit,
                    error,
                    json!({ "email": email, "name": name, "scopes": scopes }),
                )
            }
        }
    }

    /// Lets the person choose a method, or goes straight to the only one. Something is sent only when `press` says that the
    /// person asked for it.
    pub(super) async fn choose(
        &self,
        visit: Visit,
        email: String,
        wanted: Option<&str>,
        error: Option<&str>,
        press: Press,
    ) -> Result<Response, Unanswered> {
        if !visit.checked && self.is_suspicious(&email) {
            return self.check(&visit, &email, None);
        }
        if !self.may_ask(&visit, &email) {
            return Err(Unanswered::TooMany);
        }
        let visit = visit.lowered();
        let mut offer = ceremony::offer(self.app, &email, &visit.interaction.demand).await?;
        let visit = self.weigh_before(visit, &email, &mut offer);
        if offer.unmet {
            return self.nothing_will_do(visit, email);
        }
        if offer.methods.is_empty() {
            tracing::warn!("somebody cannot sign in now: no factor is running that serves them");
            return self.unavailable(&visit, &email);
        }
        let method = match offer.methods.as_slice() {
            [only] => Some(only),
            several => several.iter().find(|method| Some(method.factor.id()) == wanted),
        };
        // Who pressed a button of another method has not asked for what this one sends.
        let press = if wanted.is_some_and(|wanted| method.is_some_and(|method| method.factor.id() != wanted)) {
            Press::None
        } else {
            press
        };
        let Some(method) = method else {
            let error = error.or(wanted.is_some().then_some("error_choose"));
            return self.choices(visit, email, &offer, error.into());
        };
        let asked = Box::pin(self.ask(&visit, &email, (&offer, method), error, press)).await;
        let now = self.app.plugins.factor(method.factor.id());
        match asked {
            Ok(Shown::Page(page)) => Ok(page),
            Ok(Shown::Later(complaint)) => self.choices(visit, email, &offer, complaint),
            // It was replaced or switched off in between.
            Err(_) if now.is_none_or(|now| now.sha256() != method.factor.sha256()) => {
                Box::pin(self.choose(visit, email, wanted, error, press)).await
            }
            Err(Unanswered::Internal(Internal::Page(why))) => {
                tracing::error!(factor = method.factor.id(), why, "a page of a factor cannot be shown");
                self.unavailable(&visit, &email)
            }
            Err(error) => Err(error),
        }
    }

    /// The list of methods.
    fn choices(
        &self,
        visit: Visit,
        email: String,
        offer: &Offer,
        complaint: Complaint<'_>,
    ) -> Result<Response, Unanswered> {
        let locale = &visit.interaction.locale;
        let factors: Vec<Value> = offer
            .methods
            .iter()
            .map(|method| {
                let text = |key| method.factor.text(locale, key);
                json!({ "id": method.factor.id(), "name": text("name"), "description": text("description") })
            })
            .collect();
        let own = json!({ "email": email, "factors": factors, "wait": complaint.wait });
        let visit = Visit { interaction: visit.interaction.at(Stage::Choose { email }), ..visit };
        self.render("login_choose.html", &visit, complaint.error, own)
    }

    /// Shows a challenge of one method, if there is one to show.
    async fn ask<'e>(
        &self,
        visit: &Visit,
        email: &str,
        chosen: (&Offer, &Method),
        error: Option<&'e str>,
        press: Press,
    ) -> Result<Shown<'e>, Unanswered> {
        let issue = |press| ceremony::issue(self.app, &visit.interaction, email, chosen, press);
        let (asked, complaint) = match issue(press).await? {
            Asked::Fee(fee) => {
                let shown = (chosen.1.factor.id(), &fee);
                return Ok(Shown::Page(self.fee(visit.clone(), email, shown, error)?));
            }
            Asked::Later(later) => {
                let complaint = Complaint::about(later, error, self.app.clock.now());
                // Whoever asked for another message may still have the last one.
                let shown = if press == Press::Again { issue(Press::None).await? } else { Asked::Later(later) };
                (shown, complaint)
            }
            asked @ Asked::Question(..) => (asked, error.into()),
        };
        let Asked::Question(issued, question) = asked else { return Ok(Shown::Later(complaint)) };
        let stage = Stage::Answer { email: email.to_owned(), issued: issued.clone() };
        // Who has a question may answer it, and the next one if that is burnt, without another check.
        let visit = Visit { interaction: visit.interaction.clone().at(stage), checked: true, ..visit.clone() };
        let notice = (press == Press::Again && complaint.error.is_none()).then_some("code_sent");
        Ok(Shown::Page(self.question(&visit, email, (&issued, &question), complaint, notice)?))
    }

    /// Asks whether a message may be sent for a fee. What is shown is sealed into the page: that, and nothing else, is what its
    /// button accepts.
    fn fee(
        &self,
        visit: Visit,
        email: &str,
        (factor, fee): (&str, &Fee),
        error: Option<&str>,
    ) -> Result<Response, Unanswered> {
        let has_changed = matches!(&visit.interaction.stage, Stage::Fee { fee: shown, .. } if shown != fee);
        let error = error.or(has_changed.then_some("error_fee_changed"));
        let locale = visit.interaction.locale.clone();
        let name = self.app.plugins.factor(factor).and_then(|factor| factor.text(&locale, "name").map(str::to_owned));
        let others = ceremony::meeting(self.app, &visit.interaction.demand).len() > 1;
        let stage = Stage::Fee { email: email.to_owned(), factor: factor.to_owned(), fee: fee.clone() };
        let visit = Visit { interaction: visit.interaction.at(stage), checked: true, ..visit };
        let fee = format!("{}\u{a0}{}", fee.amount(), fee.currency);
        self.render(
            "login_fee.html",
            &visit,
            error,
            json!({ "email": email, "factor_name": name, "others": others, "fee": fee }),
        )
    }

    /// Says that the person's methods cannot be used for this, and which could be.
    fn nothing_will_do(&self, visit: Visit, email: String) -> Result<Response, Unanswered> {
        let locale = &visit.interaction.locale;
        let would_do: Vec<String> = ceremony::meeting(self.app, &visit.interaction.demand)
            .iter()
            .filter_map(|factor| factor.text(locale, "name").map(str::to_owned))
            .collect();
        let own = json!({ "email": email, "would_do": would_do });
        let visit = Visit { interaction: visit.interaction.at(Stage::Choose { email }), ..visit };
        self.render("login_unmet.html", &visit, None, own)
    }

    /// Says that no method works at the moment. The person can try again with the same address, or another.
    fn unavailable(&self, visit: &Visit, email: &str) -> Result<Response, Unanswered> {
        let visit = Visit { interaction: visit.interaction.clone().at(Stage::Identify), ..visit.clone() };
        self.render("login_email.html", &visit, Some("error_unavailable"), json!({ "email": email }))
    }

    /// Asks for the address once more, together with a sum that keeps simple robots out.
    pub(super) fn check(&self, visit: &Visit, email: &str, error: Option<&str>) -> Result<Response, Unanswered> {
        let bot = bot::ask(self.app, &visit.interaction.locale)?;
        let visit = Visit { interaction: visit.interaction.clone().at(Stage::Identify), ..visit.clone() };
        self.render("login_email.html", &visit, error, json!({ "email": email, "bot": bot }))
    }

    /// Shows a challenge once more; if another build of its factor runs now, that one asks anew.
    pub(super) async fn ask_again(
        &self,
        visit: Visit,
        email: &str,
        issued: &Issued,
        error: Option<&str>,
    ) -> Result<Response, Unanswered> {
        let question = ceremony::question(self.app, &visit.interaction, email, issued).await?;
        let over = question.is_none().then_some("error_expired");
        let is_allowed = issued.is_allowed(self.app, &visit.interaction.demand);
        if let Some(question) = question.filter(|_| is_allowed && issued.is_current(self.app)) {
            match self.question(&visit, email, (issued, &question), error.into(), None) {
                // Its pages went, or were replaced, right after that look: whatever serves now asks anew.
                Err(Unanswered::Internal(Internal::Page(_))) => {}
                shown => return shown,
            }
        }
        let off = (!is_allowed).then_some("error_unavailable");
        let error = error.or(off).or(over);
        self.choose(visit, email.to_owned(), Some(&issued.factor), error, Press::None).await
    }

    /// Shows a challenge that was issued.
    fn question(
        &self,
        visit: &Visit,
        email: &str,
        (issued, question): (&Issued, &Question),
        complaint: Complaint<'_>,
        notice: Option<&str>,
    ) -> Result<Response, Unanswered> {
        let locale = &visit.interaction.locale;
        let body = self.app.pages.plugin_page(&issued.factor, &question.page, locale, &question.data)?;
        let name =
            self.app.plugins.factor(&issued.factor).and_then(|factor| factor.text(locale, "name").map(str::to_owned));
        let others = ceremony::meeting(self.app, &visit.interaction.demand).len() > 1;
        let own = json!({
            "body": body, "email": email, "factor_name": name, "others": others,
            "again": issued.is_sent(), "notice": notice, "wait": complaint.wait,
        });
        let scripts = self.app.pages.scripts(&issued.factor, &self.app.config.issuer, &question.data);
        let options = Options::for_template(FACTOR_PAGE).running(scripts);
        self.render_with(FACTOR_PAGE, visit, complaint.error, own, &options)
    }

    fn render(&self, template: &str, visit: &Visit, error: Option<&str>, own: Value) -> Result<Response, Unanswered> {
        self.render_with(template, visit, error, own, &Options::for_template(template))
    }

    pub(super) fn render_with(
        &self,
        template: &str,
        visit: &Visit,
        error: Option<&str>,
        own: Value,
        options: &Options,
    ) -> Result<Response, Unanswered> {
        let demand = &visit.interaction.demand;
        let here = format!("/login/{}", self.seal(visit)?);
        let mut context = json!({
            // Another language shows the step that was reached, and not the one that the browser's address was made for.
            "action": &here, "here": &here,
            "site": { "name": demand.site.name, "origin": demand.site.origin },
            "hidden": {},
        });
        if let Some(why) = visit.why() {
            context["raised"] = json!(why);
            context["raised_place"] = json!(visit.where_from(self.app));
        }
        if let Some(transaction) = &demand.transaction {
            context["payment"] = self.app.pages.worded(&visit.interaction.locale, transaction);
        }
        if let Some(message) = visit.request.backchannel.as_ref().and_then(|asked| asked.binding_message.as_ref()) {
            context["binding_message"] = json!(message);
        }
        if let Some(error) = error {
            context["error"] = json!(error);
        }
        if let (Some(all), Value::Object(own)) = (context.as_object_mut(), own) {
            all.extend(own.into_iter().filter(|(_, value)| !value.is_null()));
        }
        Ok(self.app.pages.render_with(template, &visit.interaction.locale, context, options)?)
    }
}
