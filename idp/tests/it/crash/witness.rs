//! Somebody who logs in over and over, writes down what they were told, and after each crash holds the provider to it.

use std::sync::Arc;

use enum_idp::clock::Clock;
use serde_json::json;
use url::Url;

use super::browser::{Browser, Gone, Landed};
use crate::support::{
    http::Reply,
    pad::{Pad, wrong},
    page::{Form, Page},
    sites::{Site, Sites, Visit, payment},
};

/// What was told in one run, and what is unknown because the answer never came.
#[derive(Default)]
struct Told {
    /// Accepted answers, each with the form that it went into.
    accepted: Vec<(Browser, Form, String)>,
    /// A code that was handed out and not used.
    code: Option<(Visit, String)>,
    /// A code of which it is unknown whether it was used.
    doubtful_code: Option<(Visit, String)>,
    /// Codes that were used.
    used_codes: Vec<(Visit, String)>,
    /// The newest refresh token, not used.
    refresh: Option<String>,
    /// The one before it, used.
    used_refresh: Option<String>,
    /// A pushed request that was acknowledged, and the assertion that came with it.
    pushed: Option<(String, String)>,
}

pub(super) struct Witness {
    pub(super) email: String,
    pad: Pad,
    sites: Arc<Sites>,
    browser: Browser,
    told: Told,
    /// Whether the cookie is known to be that of a living session: an answer without a verdict may have replaced it.
    signed_in: bool,
    /// Verdicts that were told, over all runs.
    pub(super) passes: usize,
    pub(super) failures: usize,
}

impl Witness {
    pub(super) async fn activates(origin: &Url, sites: Arc<Sites>, email: &str, code: &str) -> Self {
        let pad = Pad::activate(origin, email, code, &Clock::system()).await;
        let browser = Browser::new(origin);
        Self {
            email: email.to_owned(),
            pad,
            sites,
            browser,
            told: Told::default(),
            signed_in: false,
            passes: 0,
            failures: 0,
        }
    }

    fn website(&self) -> &Site {
        &self.sites.own
    }

    /// Goes on until the server goes away.
    pub(super) async fn lives(mut self) -> Self {
        loop {
            if self.one_login().await.is_err() {
                return self;
            }
        }
    }

    async fn one_login(&mut self) -> Result<(), Gone> {
        self.push().await?;
        let visit = self.website().sends(&[("prompt", "login")]);
        let email = self.email.clone();
        let Landed::Page(first) = self.browser.opens(&visit.link).await? else { panic!("sent back at once") };
        let (form, _) = first.control("email").expect("the page that asks who it is");
        let Landed::Page(mut page) = self.browser.submits(form, &[("email", &email)]).await? else {
            panic!("sent back without a question")
        };
        // So many wrong answers come from this one address that now and then people have to show that they are people.
        if page.has("sum") {
            let (form, _) = page.control("sum").unwrap();
            let fields = [("email", email.as_str()), ("sum", &page.sum_asked())];
            let Landed::Page(next) = self.browser.submits(form, &fields).await? else {
                panic!("sent back without a question")
            };
            page = next;
        }
        if self.passes.is_multiple_of(3) {
            page = self.answer_wrongly(&page).await?;
        }
        let code = self.answer(&page).await?;
        self.told.code = Some((visit.clone(), code.clone()));
        self.use_code(&visit, &code).await?;
        self.rotate().await
    }

    async fn push(&mut self) -> Result<(), Gone> {
        let assertion = self.sites.shop.assertion(&json!({}));
        let details = payment(1234).to_string();
        let visit = Visit { link: String::new(), state: String::new(), nonce: String::new(), verifier: "v".repeat(43) };
        let fields = self.sites.shop.request(&visit, &[("authorization_details", &details)]);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.told.pushed = None;
        let reply = self.sites.shop.try_asserting("/par", &fields, &assertion).await.map_err(|_| Gone)?;
        let request_uri = reply.expect(201)["request_uri"].as_str().unwrap().to_owned();
        self.told.pushed = Some((request_uri, assertion));
        Ok(())
    }

    async fn answer_wrongly(&mut self, page: &Page) -> Result<Page, Gone> {
        let mistyped = wrong(&self.pad.clone().answer(page.challenge.as_ref().unwrap()));
        let (form, _) = page.control("answer").unwrap();
        match self.browser.submits(form, &[("answer", &mistyped)]).await? {
            Landed::Page(page) => {
                self.failures += 1;
                Ok(page)
            }
            away @ Landed::Away(_) => panic!("a wrong answer was accepted: {away:?}"),
        }
    }

    async fn answer(&mut self, page: &Page) -> Result<String, Gone> {
        let answer = self.pad.answer(page.challenge.as_ref().unwrap());
        let (form, _) = page.control("answer").unwrap();
        let asked = self.browser.clone();
        self.signed_in = false;
        let landed = self.browser.submits(form, &[("answer", &answer)]).await?;
        let code = landed.brings("code").unwrap_or_else(|| panic!("{} was refused: {landed:?}", self.email));
        self.signed_in = true;
        self.passes += 1;
        self.told.accepted.push((asked, form.clone(), answer));
        Ok(code)
    }

    async fn use_code(&mut self, visit: &Visit, code: &str) -> Result<(), Gone> {
        let known = self.told.code.take();
        self.told.doubtful_code = known;
        self.told.refresh = None;
        let reply = self.redeem(visit, code).await?;
        let tokens = reply.expect(200);
        self.told.doubtful_code = None;
        self.told.used_codes.push((visit.clone(), code.to_owned()));
        self.told.refresh = Some(tokens["refresh_token"].as_str().unwrap().to_owned());
        self.told.used_refresh = None;
        Ok(())
    }

    async fn redeem(&self, visit: &Visit, code: &str) -> Result<Reply, Gone> {
        self.website().try_posts("/token", &self.website().code_fields(visit, code)).await.map_err(|_| Gone)
    }

    async fn rotate(&mut self) -> Result<(), Gone> {
        let old = self.told.refresh.take().unwrap();
        let reply = self.refresh(&old).await?;
        self.told.refresh = Some(reply.expect(200)["refresh_token"].as_str().unwrap().to_owned());
        self.told.used_refresh = Some(old);
        Ok(())
    }

    async fn refresh(&self, token: &str) -> Result<Reply, Gone> {
        let fields = [("grant_type", "refresh_token"), ("refresh_token", token)];
        self.website().try_posts("/token", &fields).await.map_err(|_| Gone)
    }

    /// Holds a provider that has come back to all that was told before it went.
    pub(super) async fn testifies(&mut self) -> Result<(), Gone> {
        let told = std::mem::take(&mut self.told);
        if self.signed_in {
            self.is_still_signed_in().await?;
        }
        for (mut browser, form, answer) in told.accepted.into_iter().rev().take(2) {
            let landed = browser.submits(&form, &[("answer", &answer)]).await?;
            assert!(landed.brings("code").is_none(), "{}: an accepted answer was accepted again", self.email);
        }
        if let Some((visit, code)) = told.code {
            let first = self.redeem(&visit, &code).await?;
            assert_eq!(first.status, 200, "{}: a code was handed out and is lost: {}", self.email, first.text());
            self.is_used_up(&visit, &code).await?;
        }
        if let Some((visit, code)) = told.doubtful_code {
            self.redeem(&visit, &code).await?;
            self.is_used_up(&visit, &code).await?;
        }
        if let Some(newest) = told.refresh {
            let next = self.refresh(&newest).await?;
            assert_eq!(next.status, 200, "{}: a refresh token is lost: {}", self.email, next.text());
            // The old one is refused, and takes the family with it.
            let old = told.used_refresh.unwrap_or(newest);
            assert_eq!(self.refresh(&old).await?.error(), "invalid_grant", "{}: it works twice", self.email);
            let next = next.json()["refresh_token"].as_str().unwrap().to_owned();
            assert_eq!(self.refresh(&next).await?.error(), "invalid_grant", "{}: the family lives", self.email);
        }
        for (visit, code) in told.used_codes.iter().rev().take(2) {
            self.is_used_up(visit, code).await?;
        }
        if let Some((request_uri, assertion)) = told.pushed {
            let link = self.sites.shop.link_to(&request_uri);
            let Landed::Page(page) = self.browser.clone().opens(&link).await? else { panic!("sent back at once") };
            assert!(page.has("payment-amount"), "{}: a pushed payment is lost: {}", self.email, page.html);
            let again = self.sites.shop.try_asserting("/par", &[], &assertion).await.map_err(|_| Gone)?;
            assert!(again.status.is_client_error(), "{}: {}", self.email, again.text());
        }
        Ok(())
    }

    async fn is_still_signed_in(&mut self) -> Result<(), Gone> {
        let visit = self.website().sends(&[("prompt", "none")]);
        let landed = self.browser.opens(&visit.link).await?;
        assert!(landed.brings("code").is_some(), "{}: the session is lost: {landed:?}", self.email);
        Ok(())
    }

    async fn is_used_up(&self, visit: &Visit, code: &str) -> Result<(), Gone> {
        let again = self.redeem(visit, code).await?;
        assert_eq!(again.error(), "invalid_grant", "{}: a code works twice", self.email);
        Ok(())
    }
}
