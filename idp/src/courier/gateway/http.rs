//! Gateways with an HTTP interface of their own, described by a template.

use std::time::Duration;

use reqwest::{
    Client, Method, RequestBuilder, Response,
    header::{self, HeaderName, HeaderValue},
};
use serde_json::Value;
use url::Url;

use super::{
    Refusal, Sms,
    settings::GatewayConfig,
    template::{JsonTemplate, Template, Values},
};

/// How long making a connection may take, in which nothing is lost.
pub(super) const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// How long an exchange may take in all.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// How much of an answer is read, in bytes.
const ANSWER_LIMIT: usize = 64 << 10;
/// Longest name of a message that is kept, in bytes.
const NAME_LIMIT: usize = 200;

/// One such gateway.
pub(super) struct HttpGateway {
    client: Client,
    method: Method,
    url: Template,
    headers: Vec<(HeaderName, Template)>,
    content: Content,
    id: Option<String>,
    refused: Vec<u16>,
    not_taken: Vec<u16>,
    who: Who,
}

enum Content {
    Json(JsonTemplate),
    Form(Vec<(String, Template)>),
    None,
}

impl std::fmt::Debug for HttpGateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Secrets may stand in URL, header fields and body.
        f.debug_struct("HttpGateway").field("method", &self.method).finish_non_exhaustive()
    }
}

/// Who we are to a gateway.
#[derive(Clone)]
pub(super) struct Who {
    pub(super) from: String,
    pub(super) user: String,
    pub(super) password: String,
}

impl std::fmt::Debug for Who {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Who")
    }
}

impl Who {
    /// # Errors
    /// As those of [`GatewayConfig::password`].
    pub(super) fn of(config: &GatewayConfig) -> Result<Self, String> {
        Ok(Self { from: config.from.clone(), user: config.user()?, password: config.password()? })
    }
}

impl HttpGateway {
    /// # Errors
    /// What cannot be used.
    pub(super) fn new(config: &GatewayConfig, client: Client) -> Result<Self, String> {
        let content = content(config)?;
        let default = if matches!(content, Content::None) { "GET" } else { "POST" };
        let method = match config.method.as_deref().unwrap_or(default) {
            "GET" if !matches!(content, Content::None) => {
                return Err("`method`: GET has no body and no form".to_owned());
            }
            "GET" => Method::GET,
            "POST" => Method::POST,
            "PUT" => Method::PUT,
            other => return Err(format!("`method`: {other} is not GET, POST or PUT")),
        };
        let url = Template::parse(&config.url).map_err(|reason| format!("`url`: {reason}"))?;
        let origin = config.url()?.origin();
        let example = Values { to: "+1", from: "a", text: "b", id: "c", delivery_url: "d", user: "e", password: "f" };
        if Url::parse(&url.fill_url(&example)).map(|url| url.origin()) != Ok(origin) {
            return Err("`url`: places may stand behind the host only".to_owned());
        }
        if let Some(pointer) = config.id.as_deref().filter(|pointer| !pointer.starts_with('/')) {
            return Err(format!("`id`: {pointer:?} is no JSON pointer; it begins with a slash"));
        }
        Ok(Self {
            client,
            method,
            url,
            headers: config.headers.iter().map(header).collect::<Result<_, _>>()?,
            content,
            id: config.id.clone(),
            refused: config.refused.clone(),
            not_taken: config.not_taken.clone(),
            who: Who::of(config)?,
        })
    }

    /// Hands a message over; gives the gateway's name of it, which may be empty.
    pub(super) async fn send(&self, sms: &Sms<'_>) -> Result<String, Refusal> {
        let request = self.request(sms).map_err(Refusal::Unavailable)?;
        let response = exchange(request).await?;
        let status = response.status();
        let told = format!("the gateway answered {}", status.as_u16());
        match status.as_u16() {
            200..300 => Ok(self.name(response).await),
            code if self.refused.contains(&code) => Err(Refusal::Refused(told)),
            code if code >= 500 && !self.not_taken.contains(&code) => Err(Refusal::Unanswered(told)),
            _ => Err(Refusal::Unavailable(told)),
        }
    }

    fn request(&self, sms: &Sms<'_>) -> Result<RequestBuilder, String> {
        let Who { from, user, password } = &self.who;
        let values =
            Values { to: sms.to, from, text: sms.text, id: sms.id, delivery_url: sms.delivery_url, user, password };
        // Whoever stands in the URL would else be sent as a header field as well.
        let mut url = Url::parse(&self.url.fill_url(&values)).map_err(|error| format!("the URL: {error}"))?;
        without_user(&mut url);
        let mut request = self.client.request(self.method.clone(), url);
        request = match &self.content {
            Content::Json(body) => {
                request.header(header::CONTENT_TYPE, "application/json").body(body.fill(&values).to_string())
            }
            Content::Form(fields) => {
                let filled = fields.iter().map(|(name, value)| (name.as_str(), value.fill(&values)));
                form(request, filled)
            }
            Content::None => request,
        };
        for (name, value) in &self.headers {
            let value = HeaderValue::try_from(value.fill(&values));
            let mut value = value.map_err(|_| format!("the header field `{name}` cannot have its value"))?;
            value.set_sensitive(true);
            request = request.header(name, value);
        }
        Ok(request)
    }

    async fn name(&self, response: Response) -> String {
        let Some(pointer) = &self.id else { return String::new() };
        let found = match body(response).await.and_then(|body| serde_json::from_slice::<Value>(&body).ok()) {
            Some(json) => match json.pointer(pointer) {
                Some(Value::String(name)) => Some(name.clone()),
                Some(Value::Number(name)) => Some(name.to_string()),
                _ => None,
            },
            None => None,
        };
        let found = found.filter(|name| name.len() <= NAME_LIMIT);
        if found.is_none() {
            tracing::warn!(pointer, "courier: a gateway took a message and did not name it there");
        }
        found.unwrap_or_default()
    }
}

fn content(config: &GatewayConfig) -> Result<Content, String> {
    match (&config.body, &config.form) {
        (Some(_), Some(_)) => Err("`body` and `form`: give one".to_owned()),
        (Some(Value::String(text)), None) => {
            let json = serde_json::from_str(text).map_err(|error| format!("`body` is not JSON: {error}"))?;
            json_content(&json)
        }
        (Some(table), None) => json_content(table),
        (None, Some(fields)) => {
            let field = |(name, value): (&String, &String)| Ok((name.clone(), Template::parse(value)?));
            let fields = fields.iter().map(field).collect::<Result<_, String>>();
            fields.map(Content::Form).map_err(|reason| format!("`form`: {reason}"))
        }
        (None, None) => Ok(Content::None),
    }
}

fn json_content(json: &Value) -> Result<Content, String> {
    JsonTemplate::parse(json).map(Content::Json).map_err(|reason| format!("`body`: {reason}"))
}

fn header((name, value): (&String, &String)) -> Result<(HeaderName, Template), String> {
    let wrong = |reason: String| format!("`headers`: `{name}`: {reason}");
    let parsed = HeaderName::try_from(name).map_err(|_| wrong("this is no name of a field".to_owned()))?;
    let value = Template::parse(value).map_err(wrong)?;
    if value.holds_the_message() {
        return Err(wrong("number and text belong into the body, the form or the URL".to_owned()));
    }
    Ok((parsed, value))
}

/// Adds fields as `application/x-www-form-urlencoded`.
pub(super) fn form<'f>(request: RequestBuilder, fields: impl IntoIterator<Item = (&'f str, String)>) -> RequestBuilder {
    let mut body = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in fields {
        body.append_pair(name, &value);
    }
    request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(body.finish())
}

/// A password in a URL is for us; the request carries it where the gateway wants it.
pub(super) fn without_user(url: &mut Url) {
    // Both fail only where there is no host, and then there is no user either.
    let _ = (url.set_username(""), url.set_password(None));
}

/// Sends. Without an answer the message may have been taken, unless no connection was made.
pub(super) async fn exchange(request: RequestBuilder) -> Result<Response, Refusal> {
    request.timeout(ANSWER_WITHIN).send().await.map_err(|error| {
        // The URL may hold a password, a number and a text.
        let mut reason = error.without_url();
        let never_left = reason.is_connect() || reason.is_builder();
        let told = innermost(&mut reason);
        if never_left {
            Refusal::Unavailable(format!("cannot connect: {told}"))
        } else {
            Refusal::Unanswered(format!("the gateway did not say whether it has taken it: {told}"))
        }
    })
}

fn innermost(error: &mut reqwest::Error) -> String {
    let mut inner: &dyn std::error::Error = error;
    while let Some(next) = inner.source() {
        inner = next;
    }
    inner.to_string()
}

/// The body of an answer, as far as it is not too long.
async fn body(mut response: Response) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    while let Ok(Some(part)) = response.chunk().await {
        if body.len() + part.len() > ANSWER_LIMIT {
            return None;
        }
        body.extend_from_slice(&part);
    }
    Some(body)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use serde_json::json;

    use super::*;

    fn client() -> Client {
        super::super::client(None).unwrap()
    }

    fn config(url: &str) -> GatewayConfig {
        GatewayConfig { method: Some("POST".into()), ..GatewayConfig::of(url) }
    }

    fn told(config: &GatewayConfig) -> String {
        HttpGateway::new(config, client()).unwrap_err()
    }

    #[tokio::test]
    async fn what_cannot_be_used_is_named() {
        let https = "https://sms.example/send";
        assert!(told(&GatewayConfig { method: Some("TRACE".into()), ..config(https) }).contains("TRACE"));
        assert!(told(&GatewayConfig { body: Some(json!("{")), ..config(https) }).contains("not JSON"));
        assert!(told(&GatewayConfig { body: Some(json!({"a": "{b}"})), ..config(https) }).contains("{b}"));
        assert!(told(&GatewayConfig { id: Some("id".into()), ..config(https) }).contains("JSON pointer"));
        let get = GatewayConfig { method: Some("GET".into()), body: Some(json!({})), ..config(https) };
        assert!(told(&get).contains("GET"));
        let headers = [("X-Text".to_owned(), "{text}".to_owned())].into();
        assert!(told(&GatewayConfig { headers, ..config(https) }).contains("X-Text"));
    }

    #[tokio::test]
    async fn neither_text_nor_settings_send_a_message_to_another_host() {
        assert!(told(&config("https://{user}.example/")).contains("host"));
        assert!(told(&config("https://sms.example:{to_digits}/")).contains("URL"));
    }

    #[tokio::test]
    async fn secrets_go_where_they_are_wanted_and_nowhere_else() {
        let set = GatewayConfig {
            headers: [("Authorization".to_owned(), "Bearer {password}".to_owned())].into(),
            body: Some(json!({ "to": "{to}", "text": "{text}", "ref": "{id}" })),
            ..config("https://me:hunter2@sms.example/send")
        };
        let gateway = HttpGateway::new(&set, client()).unwrap();
        let sms = Sms { id: "00ff", to: "+84912345678", text: "\"{password}\"\r\n", delivery_url: "" };
        let request = gateway.request(&sms).unwrap().build().unwrap();
        assert_eq!(request.url().as_str(), "https://sms.example/send");
        assert_eq!(request.headers()["authorization"], "Bearer hunter2");
        assert!(request.headers()["authorization"].is_sensitive());
        let body: Value = serde_json::from_slice(request.body().unwrap().as_bytes().unwrap()).unwrap();
        assert_eq!(body, json!({ "to": "+84912345678", "text": "\"{password}\"\r\n", "ref": "00ff" }));
        assert!(!format!("{gateway:?}").contains("hunter2"));
    }

    #[tokio::test]
    async fn a_form_is_encoded() {
        let fields = [("To".to_owned(), "{to}".to_owned()), ("Body".to_owned(), "{text}".to_owned())].into();
        let set = GatewayConfig { form: Some(fields), ..config("https://sms.example/send") };
        let sms = Sms { id: "0", to: "+1", text: "a&To=+2", delivery_url: "" };
        let request = HttpGateway::new(&set, client()).unwrap().request(&sms).unwrap().build().unwrap();
        assert_eq!(request.body().unwrap().as_bytes().unwrap(), b"Body=a%26To%3D%2B2&To=%2B1");
    }
}
