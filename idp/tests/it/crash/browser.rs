//! A browser that notices when the server goes away in the middle.

use std::collections::BTreeMap;

use hyper::{Method, header};
use url::Url;

use crate::support::{
    http::{self, Reply},
    page::{Form, Page},
};

/// The server went away before it had answered: whether it did the thing is unknown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gone;

/// Cookies, and the address of the last page.
#[derive(Clone, Debug)]
pub(super) struct Browser {
    pub(super) cookies: BTreeMap<String, String>,
    at: Url,
}

/// Where a request led.
#[derive(Clone, Debug)]
pub(super) enum Landed {
    /// On a page of the provider.
    Page(Page),
    /// Back at the website.
    Away(Url),
}

impl Landed {
    /// A value that was brought back to the website.
    pub(super) fn brings(&self, name: &str) -> Option<String> {
        let Self::Away(url) = self else { return None };
        url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
    }
}

impl Browser {
    pub(super) fn new(origin: &Url) -> Self {
        Self { cookies: BTreeMap::new(), at: origin.clone() }
    }

    pub(super) async fn opens(&mut self, link: &str) -> Result<Landed, Gone> {
        let url = self.at.join(link).unwrap();
        self.asks(Method::GET, url, String::new()).await
    }

    /// Sends a form with its hidden fields and these.
    pub(super) async fn submits(&mut self, form: &Form, fields: &[(&str, &str)]) -> Result<Landed, Gone> {
        let hidden = form.controls.iter().filter(|control| control.kind == "hidden");
        let mut all: Vec<(&str, &str)> =
            hidden.map(|control| (control.name.as_str(), control.value.as_str())).collect();
        all.extend_from_slice(fields);
        let url = self.at.join(&form.action).unwrap();
        self.asks(Method::POST, url, http::encoded(&all)).await
    }

    async fn asks(&mut self, mut method: Method, mut url: Url, mut body: String) -> Result<Landed, Gone> {
        loop {
            let reply = self.request(method, &url, std::mem::take(&mut body)).await?;
            let location = reply.header("location").to_owned();
            if !reply.status.is_redirection() {
                self.at = url;
                return Ok(Landed::Page(Page::read(&reply.text())));
            }
            let target = url.join(&location).unwrap();
            if target.origin() != url.origin() {
                return Ok(Landed::Away(target));
            }
            (method, url) = (Method::GET, target);
        }
    }

    async fn request(&mut self, method: Method, url: &Url, body: String) -> Result<Reply, Gone> {
        let cookies = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
        let headers = [(header::COOKIE, cookies.as_str()), (header::CONTENT_TYPE, "application/x-www-form-urlencoded")];
        let reply = http::try_send(method, url, &headers, body).await.map_err(|_| Gone)?;
        for value in reply.headers.get_all(header::SET_COOKIE) {
            let pair = value.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        Ok(reply)
    }
}
