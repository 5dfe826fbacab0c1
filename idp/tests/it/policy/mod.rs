//! Which factors may be used for what, as an administrator says, without a restart.

mod asking;
mod commanding;
mod paying;
mod sessions;
mod strangers;

use std::{sync::Arc, time::Duration};

use enum_idp::{
    app::App,
    login::policy::{Policy, kept},
};
use serde_json::Value;

use crate::support::{
    provider::{Provider, text},
    sites::{Site, Visit, payload},
};

const ANN: &str = "ann@example.com";
/// Within which every node follows.
const SECONDS: Duration = Duration::from_secs(5);

/// Puts a policy in force, and waits until the provider goes by it.
pub(crate) async fn says(provider: &Provider, document: &Value) {
    let app = &provider.app;
    kept::set(&app.db, &document.to_string(), None, app.clock.now()).await.unwrap();
    follows(app, document).await;
}

/// Waits until a node goes by this policy.
async fn follows(app: &Arc<App>, document: &Value) {
    let expected = Policy::parse(&document.to_string()).unwrap();
    let followed = async {
        while *app.policy.now() != expected {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(SECONDS, followed).await.expect("the node follows the policy");
}

/// What a site is told of somebody whose browser brings this code.
async fn told(site: &Site, visit: &Visit, code: &str) -> Value {
    payload(&text(&site.redeems(visit, code).await.expect(200), "id_token"))
}
