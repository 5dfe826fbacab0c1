//! Somebody with a browser that has no JavaScript.

use std::{collections::BTreeMap, net::Ipv4Addr};

use hyper::{
    Method, StatusCode,
    header::{self, HeaderName},
};
use url::Url;

use super::{
    http::{self, Reply},
    page::{Form, Page},
};

/// Redirects that a browser follows at most.
const MOST_REDIRECTS: usize = 10;

/// A browser and what it shows. A clone is the same browser in another tab: same cookies, same page.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    origin: Url,
    pub(crate) cookies: BTreeMap<String, String>,
    /// Address of the page that is shown.
    pub(crate) at: Url,
    /// The last answer.
    pub(crate) reply: Reply,
    /// The page that is shown.
    pub(crate) page: Page,
    /// Where the provider has sent the browser: somebody else's address.
    pub(crate) away: Option<Url>,
    typed: BTreeMap<String, String>,
    chosen: Option<String>,
    languages: String,
    from: Ipv4Addr,
    claims: Vec<(HeaderName, String)>,
}

impl Person {
    /// With a fresh browser, at the provider of this address.
    pub(crate) fn new(origin: &Url) -> Self {
        Self {
            origin: origin.clone(),
            cookies: BTreeMap::new(),
            at: origin.clone(),
            reply: Reply { status: StatusCode::OK, headers: hyper::HeaderMap::new(), body: hyper::body::Bytes::new() },
            page: Page::default(),
            away: None,
            typed: BTreeMap::new(),
            chosen: None,
            languages: "en".to_owned(),
            from: http::LOOPBACK,
            claims: Vec::new(),
        }
    }

    /// Takes the browser to another address of the loopback network.
    pub(crate) fn moves_to(&mut self, address: &str) -> &mut Self {
        self.from = address.parse().unwrap();
        self
    }

    /// Sends a header with every request.
    pub(crate) fn claims(&mut self, name: &'static str, value: &str) -> &mut Self {
        self.claims.push((HeaderName::from_static(name), value.to_owned()));
        self
    }

    /// Whose browser asks for pages in this language.
    pub(crate) fn reads(mut self, language: &str) -> Self {
        language.clone_into(&mut self.languages);
        self
    }

    /// Follows a link: `/path` or a whole address.
    pub(crate) async fn opens(&mut self, link: &str) -> &mut Self {
        let url = self.at.join(link).unwrap();
        self.asks(Method::GET, url, String::new()).await
    }

    /// Types into the field with this id, in place of what stands there.
    #[track_caller]
    pub(crate) fn types(&mut self, id: &str, text: &str) -> &mut Self {
        assert!(self.page.control(id).is_some(), "nothing to type {id} into: {}", self.what_is_shown());
        self.typed.insert(id.to_owned(), text.to_owned());
        self
    }

    /// Chooses a radio button.
    #[track_caller]
    pub(crate) fn chooses(&mut self, id: &str) -> &mut Self {
        assert!(self.page.control(id).is_some(), "no choice {id}: {}", self.what_is_shown());
        self.chosen = Some(id.to_owned());
        self
    }

    /// Presses the button with this id, which sends its form.
    pub(crate) async fn presses(&mut self, id: &str) -> &mut Self {
        let Some((form, button)) = self.page.control(id) else { panic!("no button {id}: {}", self.what_is_shown()) };
        let mut fields = self.filled_in(form);
        if !button.name.is_empty() {
            fields.push((button.name.clone(), button.value.clone()));
        }
        let url = if form.action.is_empty() { self.at.clone() } else { self.at.join(&form.action).unwrap() };
        let post = form.method == "post";
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let body = http::encoded(&fields);
        if post {
            self.asks(Method::POST, url, body).await
        } else {
            let mut url = url;
            url.set_query(Some(&body));
            self.asks(Method::GET, url, String::new()).await
        }
    }

    /// Follows the link with this id.
    pub(crate) async fn presses_link(&mut self, id: &str) -> &mut Self {
        let target = self.page.link(id).unwrap_or_else(|| panic!("no link {id}: {}", self.what_is_shown()));
        self.opens(&target).await
    }

    /// Sends a form of an attacker's making with this browser's cookies.
    pub(crate) async fn posts(&mut self, link: &str, fields: &[(&str, &str)]) -> &mut Self {
        let url = self.at.join(link).unwrap();
        self.asks(Method::POST, url, http::encoded(fields)).await
    }

    fn filled_in(&self, form: &Form) -> Vec<(String, String)> {
        let mut fields = Vec::new();
        for control in form.controls.iter().filter(|control| !control.name.is_empty()) {
            let value = match control.kind.as_str() {
                "submit" => continue,
                "radio" | "checkbox" => {
                    let sibling_chosen = form.controls.iter().any(|other| {
                        other.name == control.name && self.chosen.as_deref().is_some_and(|chosen| chosen == other.id)
                    });
                    let on = if sibling_chosen {
                        self.chosen.as_deref() == Some(control.id.as_str())
                    } else {
                        control.checked
                    };
                    if !on {
                        continue;
                    }
                    control.value.clone()
                }
                _ => self.typed.get(&control.id).cloned().unwrap_or_else(|| control.value.clone()),
            };
            fields.push((control.name.clone(), value));
        }
        fields
    }

    async fn asks(&mut self, method: Method, url: Url, body: String) -> &mut Self {
        self.away = None;
        let (mut method, mut url, mut body) = (method, url, body);
        for _ in 0..MOST_REDIRECTS {
            self.request(method, &url, std::mem::take(&mut body)).await;
            self.at = url;
            if !self.reply.status.is_redirection() {
                self.shows();
                return self;
            }
            // RFC 9700 §4.12: a 307 or 308 would make the browser send its form on to somebody else.
            assert!(matches!(self.reply.status.as_u16(), 302 | 303), "{} from {}", self.reply.status, self.at);
            let target = self.at.join(self.reply.header("location")).unwrap();
            if target.origin() != self.origin.origin() {
                self.away = Some(target);
                self.page = Page::default();
                return self;
            }
            (method, url) = (Method::GET, target);
        }
        panic!("redirected without end, last to {}", self.at)
    }

    async fn request(&mut self, method: Method, url: &Url, body: String) {
        let cookies = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
        let mut headers = vec![(header::ACCEPT, "text/html"), (header::ACCEPT_LANGUAGE, self.languages.as_str())];
        if method == Method::POST {
            headers.push((header::CONTENT_TYPE, "application/x-www-form-urlencoded"));
        }
        if !cookies.is_empty() {
            headers.push((header::COOKIE, &cookies));
        }
        headers.extend(self.claims.iter().map(|(name, value)| (name.clone(), value.as_str())));
        let reply = http::try_send_from(self.from, method, url, &headers, body).await;
        let reply = reply.unwrap_or_else(|error| panic!("{url}: {error}"));
        for value in reply.headers.get_all(header::SET_COOKIE) {
            self.keeps(value.to_str().unwrap());
        }
        self.reply = reply;
    }

    fn keeps(&mut self, set_cookie: &str) {
        let mut parts = set_cookie.split(';').map(str::trim);
        let (name, value) = parts.next().unwrap().split_once('=').unwrap();
        let attributes: Vec<String> = parts.map(str::to_lowercase).collect();
        assert!(attributes.iter().any(|a| a == "samesite=lax" || a == "samesite=strict"), "{set_cookie}");
        if attributes.iter().any(|attribute| attribute == "max-age=0") {
            self.cookies.remove(name);
        } else {
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
    }

    /// Takes a page in, and holds every page that any test ever sees against what all pages must have.
    fn shows(&mut self) {
        self.typed.clear();
        self.chosen = None;
        if !self.reply.header("content-type").starts_with("text/html") {
            self.page = Page::default();
            return;
        }
        let policy = self.reply.header("content-security-policy");
        for needed in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"] {
            assert!(policy.contains(needed), "{}: policy {policy:?}", self.at);
        }
        assert!(!policy.contains("unsafe"), "{}: policy {policy:?}", self.at);
        assert_eq!(self.reply.header("x-frame-options"), "DENY", "{}", self.at);
        assert_eq!(self.reply.header("x-content-type-options"), "nosniff", "{}", self.at);
        assert_eq!(self.reply.header("referrer-policy"), "no-referrer", "{}", self.at);
        assert_eq!(self.reply.header("cache-control"), "no-store", "{}", self.at);
        self.page = Page::read(&self.reply.text());
    }

    /// Whether a field, button or other element with this id is shown.
    pub(crate) fn sees(&self, id: &str) -> bool {
        self.page.has(id)
    }

    /// The digits on the page.
    #[track_caller]
    pub(crate) fn challenge(&self) -> String {
        self.page.challenge.clone().unwrap_or_else(|| panic!("no challenge: {}", self.what_is_shown()))
    }

    /// The complaint on the page.
    pub(crate) fn complaint(&self) -> Option<String> {
        self.page.text_of("error")
    }

    /// For the messages of failing tests.
    pub(crate) fn what_is_shown(&self) -> String {
        let text: String = self.reply.text().lines().filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n");
        format!("{} at {} (away {:?}):\n{text}", self.reply.status, self.at, self.away)
    }

    /// What the provider sent back to the website, by name.
    #[track_caller]
    pub(crate) fn brings_back(&self) -> BTreeMap<String, String> {
        let Some(away) = &self.away else { panic!("still at the provider: {}", self.what_is_shown()) };
        away.query_pairs().into_owned().collect()
    }
}
