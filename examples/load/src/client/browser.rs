//! A browser without JavaScript: cookies, redirects by hand, forms.

use hyper::{Method, header};
use url::{Position, Url, form_urlencoded};

use super::{Connection, Reply};
use crate::Error;
use example_page::{Page, PageForm};

/// In seconds.
const A_MONTH: u64 = 31 * 24 * 3600;

/// A visit put aside.
pub(crate) struct Parked {
    cookies: Vec<(String, String)>,
    at: Url,
}

/// One person's browser at one server. Dropping it forgets its cookies and closes its connection.
pub(crate) struct Browser {
    connection: Connection,
    cookies: Vec<(String, String)>,
    /// Names of those that were set for more than a month.
    long_lived: Vec<String>,
    at: Url,
    requests: u32,
}

impl Browser {
    /// `origin`: the server's address as a person would type it.
    pub(crate) fn new(connection: Connection, origin: &Url) -> Self {
        Self { connection, cookies: Vec::new(), long_lived: Vec::new(), at: origin.clone(), requests: 0 }
    }

    /// Forgets who was here, keeps the connection: the next visit is that of somebody whose browser has these cookies left.
    pub(crate) fn becomes(&mut self, lasting: &[(String, String)]) {
        self.cookies = lasting.to_vec();
        self.requests = 0;
    }

    /// Cookies that outlast the visit: those that were set for more than a month.
    pub(crate) fn lasting(&self) -> Vec<(String, String)> {
        self.cookies.iter().filter(|(name, _)| self.long_lived.contains(name)).cloned().collect()
    }

    /// Puts the visit aside, to go on with it later over the same connection.
    pub(crate) fn park(&mut self) -> Parked {
        Parked { cookies: std::mem::take(&mut self.cookies), at: self.at.clone() }
    }

    /// Goes on with a visit that was put aside, with what the browser was given since.
    pub(crate) fn resume(&mut self, parked: Parked, lasting: &[(String, String)]) {
        self.cookies = parked.cookies;
        let missing = lasting.iter().filter(|(name, _)| !self.cookies.iter().any(|(known, _)| known == name));
        let missing: Vec<_> = missing.cloned().collect();
        self.cookies.extend(missing);
        self.at = parked.at;
        self.requests = 0;
    }

    /// Requests since the last [`Browser::becomes`], back-channel ones included.
    pub(crate) fn requests(&self) -> u32 {
        self.requests
    }

    /// Resolves an address as a link on the present page would be.
    pub(crate) fn resolve(&self, reference: &str) -> Result<Url, Error> {
        Ok(self.at.join(reference)?)
    }

    /// Follows a link.
    pub(crate) async fn get(&mut self, address: Url) -> Result<Reply, Error> {
        self.request(Method::GET, address, String::new()).await
    }

    /// Presses a button: the form's hidden fields and `fields`.
    pub(crate) async fn submit(&mut self, form: &PageForm, fields: &[(&str, &str)]) -> Result<Reply, Error> {
        let address = self.resolve(&form.action)?;
        let hidden = form.hidden.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        self.request(Method::POST, address, encoded(hidden.chain(fields.iter().copied()))).await
    }

    /// A request of the relying party's server: no cookies, same connection so that all load comes from one place.
    pub(crate) async fn back_channel(
        &mut self,
        method: Method,
        path: &str,
        authorization: Option<&str>,
        fields: &[(&str, &str)],
    ) -> Result<Reply, Error> {
        let mut headers = Vec::with_capacity(2);
        if let Some(value) = authorization {
            headers.push((header::AUTHORIZATION, value));
        }
        if method == Method::POST {
            headers.push((header::CONTENT_TYPE, "application/x-www-form-urlencoded"));
        }
        let body = encoded(fields.iter().copied());
        self.requests += 1;
        self.connection.send(method, path, &headers, body).await
    }

    async fn request(&mut self, method: Method, address: Url, body: String) -> Result<Reply, Error> {
        let cookies = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
        let origin = address.origin().ascii_serialization();
        let mut headers = vec![(header::ACCEPT, "text/html"), (header::ACCEPT_LANGUAGE, "en")];
        if method == Method::POST {
            headers.push((header::CONTENT_TYPE, "application/x-www-form-urlencoded"));
            headers.push((header::ORIGIN, &origin));
        }
        if !cookies.is_empty() {
            headers.push((header::COOKIE, &cookies));
        }
        self.requests += 1;
        let reply =
            self.connection.send(method, &address[Position::BeforePath..Position::AfterQuery], &headers, body).await?;
        for value in reply.headers.get_all(header::SET_COOKIE) {
            self.keep(value.to_str()?);
        }
        self.at = address;
        Ok(reply)
    }

    /// Keeps a cookie, or drops it when the server says that it has expired.
    fn keep(&mut self, set_cookie: &str) {
        let mut parts = set_cookie.split(';').map(str::trim);
        let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { return };
        let attributes: Vec<String> = parts.map(str::to_ascii_lowercase).collect();
        let max_age = attributes.iter().find_map(|part| part.strip_prefix("max-age=")?.parse::<u64>().ok());
        let expired = max_age == Some(0) || attributes.iter().any(|part| part.starts_with("expires=thu, 01 jan 1970"));
        if max_age.is_some_and(|seconds| seconds > A_MONTH) && !self.long_lived.iter().any(|known| known == name) {
            self.long_lived.push(name.to_owned());
        }
        self.cookies.retain(|(known, _)| known != name);
        if !expired {
            self.cookies.push((name.to_owned(), value.to_owned()));
        }
    }
}

/// Fields as `application/x-www-form-urlencoded`.
fn encoded<'a>(fields: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// Reads the body of an HTML answer.
pub(crate) fn read_page(reply: &Reply) -> Page {
    Page::read(&String::from_utf8_lossy(&reply.body))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn cookies_are_replaced_and_expire() {
        let origin = Url::parse("http://127.0.0.1:1").unwrap();
        let mut browser = Browser::new(Connection::new("127.0.0.1:1".parse().unwrap(), "127.0.0.1:1"), &origin);
        browser.keep("a=1; Path=/; HttpOnly");
        browser.keep("b=2; Path=/");
        browser.keep("a=3; Path=/");
        assert_eq!(browser.cookies, [("b".to_owned(), "2".to_owned()), ("a".to_owned(), "3".to_owned())]);
        browser.keep("b=; Max-Age=0");
        assert_eq!(browser.cookies, [("a".to_owned(), "3".to_owned())]);
        browser.keep("a=; path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT; httponly");
        assert_eq!(browser.cookies, []);
    }

    #[test]
    fn what_outlasts_a_visit_is_kept() {
        let origin = Url::parse("http://127.0.0.1:1").unwrap();
        let mut browser = Browser::new(Connection::new("127.0.0.1:1".parse().unwrap(), "127.0.0.1:1"), &origin);
        browser.keep("year=1; Path=/; Max-Age=31536000");
        browser.keep("hour=2; Path=/; Max-Age=3600");
        browser.keep("visit=3; Path=/");
        let year = [("year".to_owned(), "1".to_owned())];
        assert_eq!(browser.lasting(), year);
        let parked = browser.park();
        browser.becomes(&year);
        assert_eq!(browser.cookies, year);
        browser.resume(parked, &[("year".to_owned(), "4".to_owned()), ("device".to_owned(), "5".to_owned())]);
        let names: Vec<&str> = browser.cookies.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["year", "hour", "visit", "device"]);
        assert_eq!(browser.cookies[0].1, "1", "a visit is bound to the browser that it began in");
    }
}
