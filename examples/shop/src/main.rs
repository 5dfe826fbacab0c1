//! A small shop that has its payments confirmed by E-num. `payment.rs`, `key.rs` and `receipt.rs` are the part to copy;
//! this is the shop around them.

mod asking;
mod key;
mod orders;
mod pages;
mod payment;
mod receipt;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Form, Router,
    extract::{Path, Query, State},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use axum_extra::extract::{
    CookieJar,
    cookie::{Cookie, SameSite},
};
use clap::Parser;
use openidconnect::{CsrfToken, IssuerUrl, RedirectUrl, url::Url};
use serde::Deserialize;

use key::ClientKey;
use orders::{ARTICLES, Order, Status};
use payment::{Callback, Payments, Trouble};

/// A small shop that has its payments confirmed by E-num.
#[derive(Parser)]
struct Settings {
    /// Address of the OpenID provider
    #[arg(long, env = "SHOP_ISSUER", default_value = "http://localhost:8080")]
    issuer: String,
    /// Where to listen
    #[arg(long, env = "SHOP_LISTEN", default_value = "127.0.0.1:8082")]
    listen: SocketAddr,
    /// Address of this shop as browsers see it; `/callback` below it is registered with the provider
    #[arg(long, env = "SHOP_BASE_URL", default_value = "http://localhost:8082")]
    base_url: Url,
    /// Client identifier that the provider knows this shop by
    #[arg(long, env = "SHOP_CLIENT_ID", default_value = "shop")]
    client_id: String,
    /// Private key of the shop: PEM, PKCS#8, P-256
    #[arg(long, env = "SHOP_KEY_FILE", default_value = "shop-key.pem")]
    key_file: PathBuf,
    /// Make the key if there is none yet, print its public half (a JWK, to register with the provider), and exit
    #[arg(long)]
    make_key: bool,
}

struct Shop {
    payments: Payments,
    secure: bool,
    /// By order number.
    orders: Mutex<HashMap<String, Order>>,
}

const COOKIE: &str = "shop-basket";
/// Baskets that nobody pays for must not fill the memory.
const MOST_ORDERS: usize = 10_000;

#[tokio::main]
async fn main() -> Result<(), String> {
    let settings = Settings::parse();
    if settings.make_key && !settings.key_file.exists() {
        ClientKey::make(&settings.key_file)?;
    }
    let key = ClientKey::read(&settings.key_file)?;
    if settings.make_key {
        return say(&serde_json::to_string(&key.public).map_err(|e| e.to_string())?);
    }
    let shop = Shop::new(&settings, key)?;
    let listener = tokio::net::TcpListener::bind(settings.listen)
        .await
        .map_err(|e| format!("cannot listen on {}: {e}", settings.listen))?;
    say(&format!("shop: {} (listens on {})", settings.base_url, settings.listen))?;
    axum::serve(listener, shop.routes()).await.map_err(|e| e.to_string())
}

fn say(line: &str) -> Result<(), String> {
    use std::io::Write;
    writeln!(std::io::stdout(), "{line}").map_err(|e| format!("cannot write: {e}"))
}

impl Shop {
    fn new(settings: &Settings, key: ClientKey) -> Result<Self, String> {
        let issuer =
            IssuerUrl::new(settings.issuer.clone()).map_err(|e| format!("--issuer {}: {e}", settings.issuer))?;
        let redirect = settings.base_url.join("/callback").map_err(|e| format!("--base-url: {e}"))?;
        let payments = Payments::new(issuer, settings.client_id.clone(), key, RedirectUrl::from_url(redirect))
            .map_err(|e| format!("{e:?}"))?;
        Ok(Self { payments, secure: settings.base_url.scheme() == "https", orders: Mutex::default() })
    }

    fn routes(self) -> Router {
        Router::new()
            .route("/", get(|| async { pages::home() }))
            .route("/order", post(order))
            .route("/order/{id}", get(show))
            .route("/order/{id}/pay", post(pay))
            .route("/order/{id}/ask", post(ask))
            .route("/callback", get(callback))
            .route("/style.css", get(pages::style))
            .with_state(Arc::new(self))
    }

    fn orders(&self) -> MutexGuard<'_, HashMap<String, Order>> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `f` on the order if this browser owns it.
    fn with<T>(&self, id: &str, jar: &CookieJar, f: impl FnOnce(&mut Order) -> T) -> Option<T> {
        self.orders().get_mut(id).filter(|order| owner(jar).is_some_and(|owner| owner == order.owner)).map(f)
    }
}

fn owner(jar: &CookieJar) -> Option<&str> {
    jar.get(COOKIE).map(Cookie::value)
}

#[derive(Deserialize)]
struct OrderForm {
    article: String,
}

async fn order(State(shop): State<Arc<Shop>>, jar: CookieJar, Form(form): Form<OrderForm>) -> Response {
    let Some(article) = ARTICLES.iter().find(|article| article.id == form.article) else {
        return pages::not_found();
    };
    let owner = owner(&jar).map_or_else(|| CsrfToken::new_random().into_secret(), ToOwned::to_owned);
    let id = format!("order-{}", CsrfToken::new_random_len(9).secret());
    {
        let mut orders = shop.orders();
        if orders.len() >= MOST_ORDERS {
            orders.retain(|_, order| matches!(order.status, Status::Paid { .. } | Status::Settling));
        }
        orders.insert(id.clone(), Order { id: id.clone(), owner: owner.clone(), article, status: Status::Unpaid });
    }
    let cookie = Cookie::build((COOKIE, owner)).path("/").http_only(true).same_site(SameSite::Lax).secure(shop.secure);
    (jar.add(cookie), Redirect::to(&format!("/order/{id}"))).into_response()
}

async fn show(State(shop): State<Arc<Shop>>, Path(id): Path<String>, jar: CookieJar) -> Response {
    shop.with(&id, &jar, |order| pages::order(order, &shop.payments.issuer)).unwrap_or_else(pages::not_found)
}

async fn pay(State(shop): State<Arc<Shop>>, Path(id): Path<String>, jar: CookieJar) -> Response {
    let Some(details) = shop.with(&id, &jar, |order| order.payable().then(|| order.details())) else {
        return pages::not_found();
    };
    let here = Redirect::to(&format!("/order/{id}"));
    let Some(details) = details else { return here.into_response() };
    match shop.payments.start(&details).await {
        Ok((url, pending)) => {
            // Looked at again: it may have been paid in another tab while the provider answered.
            let waits = shop.with(&id, &jar, |order| {
                let payable = order.payable();
                if payable {
                    order.status = Status::Waiting(pending);
                }
                payable
            });
            if waits == Some(true) { Redirect::to(url.as_str()).into_response() } else { here.into_response() }
        }
        Err(Trouble::Provider(detail)) => pages::unreachable(&detail),
        Err(Trouble::Declined) => pages::refused("access_denied"),
        Err(Trouble::Refused(detail)) => pages::refused(&detail),
    }
}

#[derive(Deserialize)]
struct AskForm {
    email: String,
}

/// Asks the buyer at the provider, and waits for the answer in the background.
async fn ask(
    State(shop): State<Arc<Shop>>,
    Path(id): Path<String>,
    jar: CookieJar,
    Form(form): Form<AskForm>,
) -> Response {
    // Taken before the provider is asked, so that two presses of the button ask once.
    let Some(taken) = shop.with(&id, &jar, |order| {
        order.payable().then(|| {
            order.status = Status::Settling;
            (order.details(), order.transaction())
        })
    }) else {
        return pages::not_found();
    };
    let here = Redirect::to(&format!("/order/{id}"));
    let Some((details, transaction)) = taken else { return here.into_response() };
    let set = |shop: &Shop, id: &str, status: Status| {
        if let Some(order) = shop.orders().get_mut(id) {
            order.status = status;
        }
    };
    // A task of its own: a browser that goes away now must not leave the order half settled.
    tokio::spawn(async move {
        let asked = shop.payments.ask(form.email.trim(), &details).await;
        let answered = match asked {
            Ok(request) => {
                set(&shop, &id, Status::Asked(request.message.clone()));
                shop.payments.wait(request, &details, &transaction).await
            }
            Err(trouble) => Err(trouble),
        };
        let status = match answered {
            Ok(confirmed) => Status::Paid(Box::new(confirmed)),
            Err(Trouble::Declined) => Status::Declined,
            Err(Trouble::Provider(text) | Trouble::Refused(text)) => Status::Failed(text),
        };
        set(&shop, &id, status);
    });
    here.into_response()
}

async fn callback(State(shop): State<Arc<Shop>>, Query(answer): Query<Callback>, jar: CookieJar) -> Response {
    let claimed =
        shop.orders().values_mut().filter(|order| Some(order.owner.as_str()) == owner(&jar)).find_map(|order| {
            order.settle(&answer.state).map(|pending| (order.id.clone(), order.details(), order.transaction(), pending))
        });
    let Some((id, details, transaction, pending)) = claimed else { return pages::unexpected() };
    let here = Redirect::to(&format!("/order/{id}"));
    // A task of its own: a browser that goes away now must not leave the order half settled.
    let settled = tokio::spawn(async move {
        let status = match shop.payments.finish(pending, answer, &details, &transaction).await {
            Ok(confirmed) => Status::Paid(Box::new(confirmed)),
            Err(Trouble::Declined) => Status::Declined,
            Err(Trouble::Provider(text) | Trouble::Refused(text)) => Status::Failed(text),
        };
        if let Some(order) = shop.orders().get_mut(&id) {
            order.status = status;
        }
    });
    match settled.await {
        Ok(()) => here.into_response(),
        Err(e) => pages::unreachable(&e.to_string()),
    }
}
