//! One login and one payment, request by request, through whatever pages the server shows.

use hyper::{Method, StatusCode};
use serde_json::json;
use url::Url;

use super::person::WRONG_ANSWER;
use super::relying_party::{REDIRECT_URI, Request, SHOP, Tokens, WEBSITE};
use super::{Person, Target};
use crate::Error;
use crate::client::{Browser, Control, Page, PageForm, Reply, read_page};

/// Whom the driver pays.
pub(crate) const PAYMENT_PURSE: &str = "Z123456789012";
/// How much, in minor units; 12.34 in the request.
pub(crate) const PAYMENT_MINOR: u64 = 1234;
/// Pages and redirects after which a login has lost its way.
const MOST_STEPS: u32 = 12;

/// How the challenge is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Correctly.
    Right,
    /// Wrong once, then correctly.
    WrongFirst,
    /// Correctly, in the pad's payment mode.
    Payment,
}

/// W1.
pub(crate) async fn log_in(browser: &mut Browser, target: &Target, person: &mut Person) -> Result<Tokens, Error> {
    let request = Request::new()?;
    let first = browser.get(login_address(browser, target, &request)?).await?;
    let code = walk(browser, target, first, person, Manner::Right).await?;
    let tokens = target.client.exchange(browser, &target.endpoints, &code, &request).await?;
    let bearer = format!("Bearer {}", tokens.access);
    let reply = browser.back_channel(Method::GET, &target.endpoints.userinfo, Some(&bearer), &[]).await?;
    reply.expect(StatusCode::OK)?;
    Ok(tokens)
}

/// The start of W1 up to the first page, which is returned.
pub(crate) async fn open_page(browser: &mut Browser, target: &Target) -> Result<Reply, Error> {
    let request = Request::new()?;
    let first = browser.get(login_address(browser, target, &request)?).await?;
    let location = first.location().ok_or_else(|| first.unexpected("expected a redirect to the page"))?;
    let page = browser.get(browser.resolve(location)?).await?;
    if page.status == StatusCode::OK { Ok(page) } else { Err(page.unexpected("expected the login page")) }
}

fn login_address(browser: &Browser, target: &Target, request: &Request) -> Result<Url, Error> {
    let mut address = browser.resolve(&target.endpoints.authorize)?;
    address.query_pairs_mut().extend_pairs([
        ("response_type", "code"),
        ("client_id", WEBSITE),
        ("redirect_uri", REDIRECT_URI),
        ("scope", "openid email offline_access"),
        ("state", &request.state),
        ("nonce", &request.nonce),
        ("code_challenge", &request.challenge),
        ("code_challenge_method", "S256"),
    ]);
    Ok(address)
}

/// W2.
pub(crate) async fn pay(browser: &mut Browser, target: &Target, person: &mut Person) -> Result<Tokens, Error> {
    let request = Request::new()?;
    let details = json!([{
        "type": "payment_initiation",
        "instructedAmount": { "currency": "WMZ", "amount": "12.34" },
        "creditorName": "Load shop",
        "creditorAccount": { "purse": PAYMENT_PURSE },
        "reference": "1",
        "remittanceInformation": "Order 1",
    }])
    .to_string();
    let fields = [
        ("response_type", "code"),
        ("redirect_uri", REDIRECT_URI),
        ("scope", "openid offline_access"),
        ("state", &request.state),
        ("nonce", &request.nonce),
        ("code_challenge", &request.challenge),
        ("code_challenge_method", "S256"),
        ("login_hint", &person.email),
        ("authorization_details", &details),
    ];
    let request_uri = target.client.push(browser, &target.endpoints, &fields).await?;
    let mut address = browser.resolve(&target.endpoints.authorize)?;
    address.query_pairs_mut().extend_pairs([("client_id", SHOP), ("request_uri", &request_uri)]);
    let first = browser.get(address).await?;
    let code = walk(browser, target, first, person, Manner::Payment).await?;
    target.client.exchange_payment(browser, &target.endpoints, &code, &request).await
}

/// Follows redirects and fills in pages until the server sends the browser back; returns the code.
pub(crate) async fn walk(
    browser: &mut Browser,
    target: &Target,
    from: Reply,
    person: &mut Person,
    manner: Manner,
) -> Result<String, Error> {
    let mut reply = from;
    let mut wrong_left = u32::from(manner == Manner::WrongFirst);
    for _ in 0..MOST_STEPS {
        if let Some(location) = reply.location() {
            let address = browser.resolve(location)?;
            if address.as_str().starts_with(REDIRECT_URI) {
                return code_in(&address);
            }
            reply = browser.get(address).await?;
            continue;
        }
        if reply.status != StatusCode::OK {
            return Err(reply.unexpected(&format!("expected a page of {}", target.name)));
        }
        let page = read_page(&reply);
        reply = if let Some((form, answer)) = page.control("answer") {
            let challenge = page.challenge.as_deref().ok_or("a page asks for an answer without a challenge")?;
            let text = if wrong_left > 0 {
                wrong_left -= 1;
                WRONG_ANSWER.to_owned()
            } else {
                person.pad.answer(challenge, manner == Manner::Payment)?
            };
            fill_in(browser, form, answer, &text).await?
        } else if let Some((form, email)) = page.control("email") {
            fill_in(browser, form, email, &person.email).await?
        } else {
            press(browser, &page).await?.ok_or_else(|| reply.unexpected("expected something to fill in or press"))?
        };
    }
    Err(format!("{} did not send the browser back after {MOST_STEPS} steps", target.name).into())
}

/// Types into one control and presses its form's button.
async fn fill_in(browser: &mut Browser, form: &PageForm, control: &Control, text: &str) -> Result<Reply, Error> {
    let mut fields = vec![(control.name.as_str(), text)];
    let button = form.controls.iter().find(|button| button.id == "continue" && !button.name.is_empty());
    fields.extend(button.map(|button| (button.name.as_str(), button.value.as_str())));
    browser.submit(form, &fields).await
}

/// Presses the first of the buttons that lead on.
async fn press(browser: &mut Browser, page: &Page) -> Result<Option<Reply>, Error> {
    let known = ["allow", "factor-cipherpad", "continue"];
    let Some((form, button)) = known.iter().find_map(|id| page.control(id)) else { return Ok(None) };
    let named = !button.name.is_empty();
    let fields = [(button.name.as_str(), button.value.as_str())];
    Ok(Some(browser.submit(form, if named { &fields } else { &[] }).await?))
}

fn code_in(address: &Url) -> Result<String, Error> {
    let code = address.query_pairs().find(|(name, _)| name == "code").map(|(_, value)| value.into_owned());
    code.ok_or_else(|| format!("sent back without a code: {address}").into())
}
