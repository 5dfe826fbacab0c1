//! What methods, services and permissions are called.

/// Names of the methods that a host calls. A plugin answers [`crate::Status::Unknown`] to any other.
pub mod method {
    /// `()` → [`super::super::Description`].
    pub const DESCRIBE: &str = "describe";
    /// The plugin's settings → `()`, or an error that says what is wrong with them.
    pub const CHECK_SETTINGS: &str = "settings.check";
    /// [`super::super::Begin`] → [`super::super::Step`]: issue a challenge for one enrolment.
    pub const BEGIN: &str = "factor.begin";
    /// [`super::super::Answer`] → [`super::super::Step`]: judge an answer.
    pub const ANSWER: &str = "factor.answer";
    /// [`super::super::BeginNameless`] → [`super::super::Step`], which asks: a challenge for whoever is there. Only for a plugin
    /// that asks for [`super::permission::NAMELESS`]; unknown to one whose settings do not want it.
    pub const BEGIN_NAMELESS: &str = "factor.begin_nameless";
    /// [`super::super::Claim`] → [`super::super::Claimed`]: whose account an answer to that is for.
    pub const CLAIM: &str = "factor.claim";
    /// [`super::super::EnrolBegin`] → [`super::super::Step`]: start to enrol something new.
    pub const ENROL_BEGIN: &str = "factor.enrol_begin";
    /// [`super::super::EnrolAnswer`] → [`super::super::Step`]: go on enrolling.
    pub const ENROL_ANSWER: &str = "factor.enrol_answer";
    /// [`super::super::Decoy`] → [`super::super::DecoyReply`]: a plausible enrolment for an account that does not exist.
    pub const DECOY: &str = "factor.decoy";
    /// [`super::super::PriceQuery`] → [`super::super::Price`]: what sending a challenge costs. Unknown to a plugin that sends
    /// nothing, or for nothing.
    pub const PRICE: &str = "factor.price";
    /// [`super::super::Migrate`] → [`super::super::Migrated`]: data from one version to another. Unknown to a plugin whose data version
    /// never changed.
    pub const MIGRATE: &str = "data.migrate";
    /// [`super::super::MapDetails`] → [`super::super::MappedDetails`]: from one `authorization_details` object to a transaction.
    pub const MAP_DETAILS: &str = "service.map_details";
    /// [`super::super::Approved`] → [`super::super::ApprovedReply`]: what the token response says of an approved object.
    pub const APPROVED: &str = "service.approved";
    /// [`super::super::Serve`] → [`super::super::Served`]: a request for one of the resources that the manifest names. Unknown to
    /// a service without any.
    pub const SERVE: &str = "service.serve";
}

/// Names of the services that a plugin may call on its host.
pub mod host_method {
    /// [`super::super::LogLine`] → `()`.
    pub const LOG: &str = "log";
    /// [`super::super::TextQuery`] → [`super::super::TextReply`]: one of the plugin's own texts.
    pub const TEXT: &str = "text";
    /// [`super::super::StoreKey`] → [`super::super::StoreGot`]. Permission `store`, as for the others of the store.
    pub const STORE_GET: &str = "store.get";
    /// [`super::super::StorePut`] → `null`.
    pub const STORE_PUT: &str = "store.put";
    /// [`super::super::StoreSwap`] → [`super::super::StoreSwapped`].
    pub const STORE_SWAP: &str = "store.cas";
    /// [`super::super::StoreKey`] → `null`, whether or not there was anything.
    pub const STORE_DELETE: &str = "store.delete";
    /// [`super::super::StoreQuery`] → [`super::super::StoreListed`].
    pub const STORE_LIST: &str = "store.list";
    /// [`super::super::HttpRequest`] → [`super::super::HttpResponse`]. Permission `http`, see [`super::permission`].
    pub const HTTP_SEND: &str = "http.send";
    /// [`super::super::SecretHmac`] → [`super::super::HmacReply`]. Permission `secret`.
    pub const SECRET_HMAC: &str = "secret.hmac";
    /// [`super::super::SecretRef`] → [`super::super::Revealed`]. Permission `secret.reveal`.
    pub const SECRET_REVEAL: &str = "secret.reveal";
}

/// Permissions that a manifest can ask for.
pub mod permission {
    /// To write lines into the server's log, and to look up its own texts. Needs no grant; may be listed all the same.
    pub const LOG: &str = "log";
    /// To keep data of its own.
    pub const STORE: &str = "store";
    /// To have secrets of its settings used by the host: in header fields, and as keys of an HMAC.
    pub const SECRET: &str = "secret";
    /// To read secrets of its settings.
    pub const SECRET_REVEAL: &str = "secret.reveal";
    /// To talk to the origins that the administrator names in grants: `http:https://api.example` for one that is public
    /// and speaks TLS, `http-private:http://10.0.0.5:8080` for one that need be neither. A manifest may also ask for a
    /// fixed origin in the form of a grant.
    pub const HTTP: &str = "http";
    /// To run JavaScript of its own on its pages: see [`super::super::Description::assets`].
    pub const SCRIPT: &str = "script";
    /// To have that JavaScript talk to a program of the person's computer: at `http://127.0.0.1` and the port that the
    /// page's data names as `loopback_port`.
    pub const SCRIPT_LOOPBACK: &str = "script.loopback";
    /// For a service: to be told all e-mail addresses of the account whose resource is asked for, not only the main one.
    pub const ADDRESSES: &str = "addresses";
    /// For a factor: to be shown, with its scripts if it has [`SCRIPT`], on the page that asks people who they are, whatever
    /// methods they have, so that somebody signs in without saying it: see [`super::method::BEGIN_NAMELESS`].
    pub const NAMELESS: &str = "nameless";
}
