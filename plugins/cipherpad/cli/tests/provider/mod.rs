//! The provider's side of `POST /enrol/cipherpad`: HTTP by hand, every decision by the factor plugin.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::{SystemTime, UNIX_EPOCH},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use plugin_api::{
    message::{Context, Effect, Input, Purpose, Step, SubjectKind},
    testing::{Loaded, context, context_of},
};
use serde_json::{Value, json};

/// What the person sees on the page, and what the host keeps of it.
pub(crate) struct Asked {
    cx: Context,
    data: Value,
    state: Value,
}

impl Asked {
    pub(crate) fn text(&self, field: &str) -> String {
        self.data[field].as_str().unwrap().to_owned()
    }
}

#[derive(Default)]
struct Account {
    /// State of the activation that was ordered.
    ordered: Option<Value>,
    /// States that were handed out sealed, by number.
    sealed: Vec<Value>,
    enrolment: Option<Value>,
    requests: usize,
    /// Raised for every ceremony, as the host's derivation of randomness does.
    ceremonies: u8,
    /// Tells this provider's randomness from that of another.
    port: u16,
}

struct Inner {
    plugin: Loaded,
    account: Mutex<Account>,
}

pub(crate) struct Provider {
    url: String,
    inner: Arc<Inner>,
}

impl Provider {
    /// Serves on a free loopback port until the test ends.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let account = Mutex::new(Account { port: address.port(), ..Account::default() });
        let plugin = Loaded::new(cipherpad::enum_plugin_v1(), &json!({})).unwrap();
        let inner = Arc::new(Inner { plugin, account });
        let served = Arc::clone(&inner);
        thread::spawn(move || {
            for stream in listener.incoming() {
                served.serve(stream.unwrap());
            }
        });
        Self { url: format!("http://{address}"), inner }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Orders an activation and reads the SMS.
    pub(crate) fn order_code(&self) -> String {
        let mut account = self.inner.account.lock().unwrap();
        let cx = account.context(Purpose::Authorize);
        let step = self.inner.plugin.enrol_begin(&cx, account.enrolment.as_ref()).unwrap();
        let Step::Ask { state, effects, .. } = step else { panic!("{step:?}") };
        account.ordered = Some(state);
        let Some(Effect::Sms { args, .. }) = effects.first() else { panic!("{effects:?}") };
        args["code"].clone()
    }

    pub(crate) fn requests(&self) -> usize {
        self.inner.account.lock().unwrap().requests
    }

    /// Shows a page.
    pub(crate) fn ask(&self, purpose: Purpose) -> Asked {
        self.ask_about(purpose, |cx| cx)
    }

    /// Shows a page about something that is no payment to one purse.
    pub(crate) fn ask_of(&self, kind: SubjectKind) -> Asked {
        let Context { transaction, summary, .. } = context_of(kind);
        self.ask_about(Purpose::Payment, |cx| Context { transaction, summary, ..cx })
    }

    fn ask_about(&self, purpose: Purpose, changed: impl FnOnce(Context) -> Context) -> Asked {
        let mut account = self.inner.account.lock().unwrap();
        let cx = changed(account.context(purpose));
        let step = self.inner.plugin.begin(&cx, account.enrolment.as_ref().unwrap()).unwrap();
        let Step::Ask { data, state, .. } = step else { panic!("{step:?}") };
        Asked { cx, data, state }
    }

    /// Takes what was typed on the page.
    pub(crate) fn answer(&self, asked: &Asked, text: &str) -> Step {
        let mut account = self.inner.account.lock().unwrap();
        let input: Input = [("answer", text)].into_iter().collect();
        let enrolment = account.enrolment.clone().unwrap();
        let step = self.inner.plugin.answer(&asked.cx, &enrolment, &asked.state, &input).unwrap();
        if let Step::Pass { enrolment: Some(moved), .. } = &step {
            account.enrolment = Some(moved.clone());
        }
        step
    }
}

impl Account {
    /// The pad reads the real clock, so the provider does as well.
    #[expect(clippy::disallowed_methods, reason = "the program under test runs on the real clock")]
    fn context(&mut self, purpose: Purpose) -> Context {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let now = i64::try_from(since.as_millis()).unwrap();
        self.ceremonies += 1;
        let mut random = [self.ceremonies; 32];
        random[..2].copy_from_slice(&self.port.to_be_bytes());
        let random = URL_SAFE_NO_PAD.encode(random);
        Context { now, expires_at: now + 180_000, random, ..context(purpose) }
    }
}

impl Inner {
    /// One request, one reply, and the connection is closed.
    fn serve(&self, stream: TcpStream) {
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(reader.read_line(&mut head).unwrap() > 0, "the request ended in its head: {head}");
        }
        let length = head
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .map_or(0, |(_, value)| value.trim().parse().unwrap());
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let (status, reply) = if head.starts_with("POST /enrol/cipherpad HTTP/1.1\r\n") {
            self.enrol(&serde_json::from_slice(&body).unwrap())
        } else {
            ("404 Not Found", json!({ "error": "not_found" }))
        };
        let reply = reply.to_string();
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            reply.len()
        );
        reader.get_mut().write_all(format!("{head}{reply}").as_bytes()).unwrap();
    }

    fn enrol(&self, request: &Value) -> (&'static str, Value) {
        let mut account = self.account.lock().unwrap();
        account.requests += 1;
        let state = match request["state"].as_str() {
            Some(number) => account.sealed.get(number.parse::<usize>().unwrap()).cloned(),
            None if request["email"] == "ann@example.org" => account.ordered.clone(),
            None => None,
        };
        let Some(state) = state else {
            return refusal("nothing is being activated for this address");
        };
        let cx = account.context(Purpose::Authorize);
        let input: Input = serde_json::from_value(request["input"].clone()).unwrap();
        match self.plugin.enrol_answer(&cx, &state, &input).unwrap() {
            Step::Ask { data, state, .. } => {
                account.sealed.push(state);
                ("200 OK", json!({ "step": "ask", "data": data, "state": (account.sealed.len() - 1).to_string() }))
            }
            Step::Pass { enrolment, .. } => {
                account.enrolment = enrolment;
                account.ordered = None;
                ("200 OK", json!({ "step": "pass" }))
            }
            Step::Wrong { .. } => refusal("the activation did not succeed"),
            other => panic!("{other:?}"),
        }
    }
}

fn refusal(description: &str) -> (&'static str, Value) {
    ("400 Bad Request", json!({ "error": "access_denied", "error_description": description }))
}
