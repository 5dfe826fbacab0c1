//! Everything that a request can reach, built once, and every route on one page.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, StatusCode},
    response::Response,
    routing::{get, post},
};
use serde_json::json;
use tower_http::timeout::TimeoutLayer;

use crate::{
    account, admin,
    clock::Clock,
    config::Config,
    courier::{self, Courier},
    entropy::Entropy,
    error::Internal,
    health,
    keys::Keys,
    limits::Limits,
    login::{Decoys, Sets, policy::kept::InForce},
    oidc,
    oidc::{client::Clients, discovery::Documents},
    pages,
    pages::Pages,
    places::Places,
    plugins::{Means, Plugins},
    seal::Seal,
    store::{self, Db},
};

/// Largest body of any request, in bytes.
const BODY_LIMIT: usize = 64 * 1024;

/// How long a request may take in all, its body and every plugin included.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// The services that handlers work with.
#[derive(Debug)]
pub struct App {
    /// What the administrator set.
    pub config: Config,
    /// Time.
    pub clock: Clock,
    /// Randomness.
    pub entropy: Entropy,
    /// Sealing and keyed hashes.
    pub seal: Arc<Seal>,
    /// The database.
    pub db: Db,
    /// What the services of plugins work with.
    pub means: Means,
    /// Running factors and services.
    pub plugins: Plugins,
    /// Which factors may be used for what.
    pub policy: InForce,
    /// Keys that sign tokens and receipts.
    pub keys: Keys,
    /// Relying parties.
    pub clients: Clients,
    /// What discovery answers.
    pub discovery: Documents,
    /// Pages and texts.
    pub pages: Pages,
    /// Mail and SMS.
    pub courier: Courier,
    /// Where network addresses are.
    pub places: Places,
    /// Rates.
    pub limits: Limits,
    /// What operators count.
    pub metrics: health::Metrics,
    /// Budgets of addresses that belong to nobody.
    pub decoys: Decoys,
    /// Methods that people have, for the same.
    pub sets: Sets,
    /// Security questions that people have, for the same.
    pub questions: account::recovery::Questions,
}

/// Every route.
pub fn routes(app: Arc<App>) -> Router {
    Router::new()
        // Protocol.
        .route("/.well-known/openid-configuration", get(oidc::discovery::openid).options(oidc::cors::preflight))
        .route("/.well-known/oauth-authorization-server", get(oidc::discovery::oauth).options(oidc::cors::preflight))
        .route("/jwks", get(oidc::discovery::jwks).options(oidc::cors::preflight))
        .route("/authorize", get(oidc::authorize::get).post(oidc::authorize::post))
        .route("/par", post(oidc::par::post))
        .route("/backchannel-authentication", post(oidc::backchannel::post))
        .route("/token", post(oidc::token::post).options(oidc::cors::preflight))
        .route("/device_authorization", post(oidc::device::post).options(oidc::cors::preflight))
        .route("/userinfo", get(oidc::userinfo::get).post(oidc::userinfo::post).options(oidc::cors::preflight))
        .route("/logout", get(oidc::logout::get).post(oidc::logout::post))
        .route("/payments/confirmations", post(oidc::confirmations::list::post))
        .route("/payments/refunds", post(oidc::confirmations::refund::post))
        .route("/receipts/log", get(oidc::receipt_log::head).options(oidc::cors::preflight))
        .route("/receipts/log/proof", get(oidc::receipt_log::proof).options(oidc::cors::preflight))
        .route("/receipts/log/consistency", get(oidc::receipt_log::consistency).options(oidc::cors::preflight))
        .route("/receipts/log/entries", get(oidc::receipt_log::entries).options(oidc::cors::preflight))
        .merge(services())
        // The person.
        .route("/login/{visit}", get(oidc::interact::show).post(oidc::interact::answer))
        .route("/login/request/{id}", get(oidc::interact::request))
        .route("/device", get(oidc::device::page::form).post(oidc::device::page::look_up))
        .route("/device/confirm", get(oidc::device::page::form).post(oidc::device::page::confirm))
        .route(oidc::device::page::ALLOWED, get(oidc::device::page::allowed))
        .route(oidc::device::page::DENIED, get(oidc::device::page::nothing_allowed))
        // The person's own things.
        .route("/", get(account::home))
        .route("/register", get(account::registration::form).post(account::registration::submit))
        .route(
            "/register/confirm/{token}",
            get(account::registration::confirm_page).post(account::registration::confirm),
        )
        .route("/activate/{state}", get(account::activation::page).post(account::activation::resend))
        .route("/activate/{state}/answer", post(account::activation::answer))
        .route("/enrol/{factor}/{link}", get(account::activation::from_link))
        .route("/pad", get(account::activation::pad))
        .route("/enrol/{factor}", post(account::enrol::post))
        .merge(lost_access())
        .merge(personal_area())
        // Administrators.
        .route("/admin/api/support", get(admin::support::list))
        .route("/admin/api/support/{id}", get(admin::support::show))
        .route("/admin/api/support/{id}/approve", post(admin::support::approve))
        .route("/admin/api/support/{id}/reject", post(admin::support::reject))
        // Machinery.
        .route("/sms/delivery/{token}", get(courier::gateway::delivery::take).post(courier::gateway::delivery::take))
        .route("/assets/{hash}/{name}", get(pages::assets::get))
        .route("/assets/{hash}/{plugin}/{name}", get(pages::assets::of_plugin))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, ANSWER_WITHIN))
        .layer(axum::middleware::from_fn(pages::switch))
        .with_state(app)
}

/// Resources of service plugins.
fn services() -> Router<Arc<App>> {
    use oidc::resources::serve;
    let resource = get(serve).put(serve).post(serve).delete(serve).options(oidc::cors::preflight);
    Router::new().route("/services/{plugin}/{*path}", resource)
}

/// For somebody who cannot get in any more.
fn lost_access() -> Router<Arc<App>> {
    use account::recovery::{link, pad, question, stop, support, visit};
    Router::new()
        .route("/recover", get(visit::form).post(visit::submit))
        .route("/recover/pad", get(pad::form).post(pad::submit))
        .route("/recover/support", get(support::form).post(support::submit))
        .route("/recover/question/{state}", get(question::page).post(question::answer))
        .route("/recover/link/{token}", get(link::page).post(link::press))
        .route("/recover/stop/{token}", get(stop::page).post(stop::press))
}

/// What somebody sees and changes of their own account, once they have proven that it is theirs.
fn personal_area() -> Router<Arc<App>> {
    use account::area::{
        access, codes, data, deleting, emails, entry, fees, log, methods, notices, overview, phone, profile, requests,
        sessions,
    };
    Router::new()
        .route("/account", get(overview::page))
        .route("/account/return", get(entry::back))
        .route("/account/prove/{page}", get(entry::prove))
        .route("/account/requests", get(requests::page))
        .route("/account/requests/decline", post(requests::decline))
        .route("/account/requests/mute", post(requests::mute))
        .route("/account/requests/unmute", post(requests::unmute))
        .route("/account/log", get(log::page))
        .route("/account/log/export.csv", get(log::export::csv))
        .route("/account/log/export.json", get(log::export::json))
        .route("/account/methods", get(methods::page))
        .route("/account/methods/rename", post(methods::rename))
        .route("/account/methods/off", post(methods::off))
        .route("/account/methods/on", post(methods::on))
        .route("/account/methods/remove", post(methods::remove))
        .route("/account/methods/add", post(methods::add))
        .route("/account/emails", get(emails::page))
        .route("/account/emails/add", post(emails::adding::add))
        .route("/account/emails/remove", post(emails::remove))
        .route("/account/emails/main", post(emails::main))
        .route("/account/emails/confirm/{token}", get(emails::adding::confirm_page).post(emails::adding::confirm))
        .route("/account/restore/{token}", get(emails::restoring::page).post(emails::restoring::restore))
        .route("/account/phone", get(phone::page))
        .route("/account/phone/send", post(phone::send))
        .route("/account/phone/again", post(phone::again))
        .route("/account/phone/cancel", post(phone::cancel))
        .route("/account/phone/confirm", post(phone::confirm))
        .route("/account/phone/restore/{token}", get(phone::restoring::page).post(phone::restoring::restore))
        .route("/account/codes", get(codes::page))
        .route("/account/codes/make", post(codes::make))
        .route("/account/notices", get(notices::page).post(notices::save))
        .route("/account/access", get(access::page))
        .route("/account/access/end", post(access::end))
        .route("/account/fees", get(fees::page))
        .route("/account/fees/export.csv", get(fees::export::csv))
        .route("/account/fees/export.json", get(fees::export::json))
        .route("/account/profile", get(profile::page).post(profile::save))
        .route("/account/data", get(data::page))
        .route("/account/data/export", post(data::export))
        .route("/account/data/delete", post(deleting::delete))
        .route("/account/data/keep", post(deleting::keep))
        .route("/account/keep/{token}", get(account::deletion::stop::page).post(account::deletion::stop::press))
        .route("/account/sessions", get(sessions::page))
        .route("/account/sessions/end", post(sessions::end))
        .route("/account/sessions/end-others", post(sessions::end_others))
        .route("/account/sessions/forget", post(sessions::forget))
}

impl App {
    /// The name under which people know a relying party; `None` when it is gone.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn name_of_site(&self, client_id: &str) -> Result<Option<String>, Internal> {
        Ok(self.clients.find(client_id).await?.map(|client| client.client_name.clone()))
    }

    /// What relying parties ask an account without a browser, the oldest first, worded in this language.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn requests_waiting(
        &self,
        account_id: &str,
        locale: &str,
    ) -> Result<Vec<oidc::backchannel::Waiting>, Internal> {
        oidc::backchannel::waiting(self, account_id, locale).await
    }

    /// Answers such a request, named by its id, with no, for one of the reasons that pages offer; `address` is where that came
    /// from. `Ok(false)` when it waits no more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn decline_request(
        &self,
        account: &store::account::Model,
        (id, reason): (&str, &str),
        address: String,
    ) -> Result<bool, Internal> {
        let declined = oidc::backchannel::Declined { id, reason, address };
        let done = oidc::backchannel::decline(self, account, declined).await?;
        self.courier.wake();
        Ok(done)
    }

    /// Ends the tokens that were given for a session only.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_tokens_of(&self, session: &store::session::Model) -> Result<(), Internal> {
        oidc::logout::end_grants(self, session).await
    }
}

async fn not_found(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    app.pages.problem(StatusCode::NOT_FOUND, pages::locale_of(&headers, &[]), "not_found", &json!({}))
}

async fn method_not_allowed(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let locale = pages::locale_of(&headers, &[]);
    app.pages.problem(StatusCode::METHOD_NOT_ALLOWED, locale, "method_not_allowed", &json!({}))
}

/// Network address of whoever connects, or of whom a trusted proxy speaks for ([`crate::proxies`]); the only one that is believed.
pub type Peer = axum::extract::ConnectInfo<SocketAddr>;
