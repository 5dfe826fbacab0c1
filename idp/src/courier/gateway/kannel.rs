//! `sendsms` as Kannel has it, which many gateways imitate, and a status that says what became of it.

use reqwest::{Client, RequestBuilder, header};
use url::Url;

use super::{
    Refusal, Sms,
    http::{self, Who},
    parts::{Coding, coding},
    settings::GatewayConfig,
};

/// Reports that are asked for: delivered (1), undeliverable (2), taken (8) and refused (16) by the SMSC.
const MASK: &str = "27";

/// One such gateway.
#[derive(Debug)]
pub(super) struct Kannel {
    client: Client,
    url: Url,
    who: Who,
    by_query: bool,
}

impl Kannel {
    /// # Errors
    /// What cannot be used.
    pub(super) fn new(config: &GatewayConfig, client: Client) -> Result<Self, String> {
        let mut url = config.url()?;
        let who = Who::of(config)?;
        http::without_user(&mut url);
        if matches!(url.path(), "" | "/") {
            url.set_path("/cgi-bin/sendsms");
        }
        let by_query = match config.method.as_deref() {
            None | Some("POST") => false,
            Some("GET") => true,
            Some(other) => return Err(format!("`method`: {other} is not GET or POST")),
        };
        Ok(Self { client, url, who, by_query })
    }

    /// Hands a message over.
    pub(super) async fn send(&self, sms: &Sms<'_>) -> Result<(), Refusal> {
        let request = if self.by_query { self.query(sms) } else { self.post(sms) };
        let status = http::exchange(request).await?.status().as_u16();
        let told = format!("the gateway answered {status}");
        match status {
            200..300 => Ok(()),
            400 => Err(Refusal::Refused(told)),
            // 503: `Temporal failure, try again later.`
            503 | 0..500 => Err(Refusal::Unavailable(told)),
            _ => Err(Refusal::Unanswered(told)),
        }
    }

    /// Kannel's own way, with name, password, number and text in header fields and body: servers and proxies log URLs.
    fn post(&self, sms: &Sms<'_>) -> RequestBuilder {
        let mut request = self.client.post(self.url.clone()).header(header::CONTENT_TYPE, "text/plain; charset=UTF-8");
        for (name, value) in self.fields(sms) {
            request = request.header(format!("X-Kannel-{name}"), value);
        }
        request.body(sms.text.to_owned())
    }

    /// The way of those that imitate it.
    fn query(&self, sms: &Sms<'_>) -> RequestBuilder {
        let mut url = self.url.clone();
        {
            let mut query = url.query_pairs_mut();
            for (name, value) in self.fields(sms) {
                query.append_pair(&name.to_lowercase(), &value);
            }
            query.append_pair("text", sms.text).append_pair("charset", "UTF-8");
        }
        self.client.get(url)
    }

    fn fields(&self, sms: &Sms<'_>) -> Vec<(&'static str, String)> {
        let coding = match coding(sms.text) {
            Coding::Gsm7 => "0",
            Coding::Ucs2 => "2",
        };
        let mut fields = vec![
            ("Username", self.who.user.clone()),
            ("Password", self.who.password.clone()),
            ("To", sms.to.to_owned()),
            ("Coding", coding.to_owned()),
            ("DLR-Mask", MASK.to_owned()),
            // Kannel puts the kind of report in the place of `%d`.
            ("DLR-Url", format!("{}?dlr=%d", sms.delivery_url)),
        ];
        if !self.who.from.is_empty() {
            fields.push(("From", self.who.from.clone()));
        }
        fields
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const SMS: Sms<'static> =
        Sms { id: "0", to: "+1", text: "mã & b=c", delivery_url: "https://id.example/sms/delivery/x" };

    fn kannel(config: &GatewayConfig) -> Kannel {
        Kannel::new(config, super::super::client(None).unwrap()).unwrap()
    }

    #[tokio::test]
    async fn neither_password_nor_text_is_in_the_url() {
        let kannel = kannel(&GatewayConfig::of("http://me:hunter2@localhost:13013"));
        let request = kannel.post(&SMS).build().unwrap();
        assert_eq!(request.url().as_str(), "http://localhost:13013/cgi-bin/sendsms");
        assert_eq!(request.headers()["x-kannel-password"], "hunter2");
        assert_eq!(request.headers()["x-kannel-coding"], "2");
        assert_eq!(request.headers()["x-kannel-dlr-url"], "https://id.example/sms/delivery/x?dlr=%d");
        assert_eq!(request.body().unwrap().as_bytes().unwrap(), SMS.text.as_bytes());
        assert!(!format!("{kannel:?}").contains("hunter2"));
    }

    #[tokio::test]
    async fn what_is_asked_by_query_is_escaped() {
        let config =
            GatewayConfig { method: Some("GET".into()), ..GatewayConfig::of("http://me:pw@localhost/sendsms") };
        let request = kannel(&config).query(&SMS).build().unwrap();
        let pairs: Vec<(String, String)> = request.url().query_pairs().into_owned().collect();
        let of = |name: &str| {
            pairs.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect::<Vec<_>>()
        };
        assert_eq!((of("text"), of("to"), of("b")), (vec![SMS.text], vec!["+1"], vec![]));
        assert_eq!((of("dlr-mask"), of("coding"), of("charset")), (vec![MASK], vec!["2"], vec!["UTF-8"]));
    }
}
