//! The keeper's storage (`plugins/keeper`): what a wallet program keeps at an account, and what nobody else gets of it.

use hyper::{
    Method,
    header::{self, HeaderName},
};
use serde_json::Value;

use crate::support::{
    database::Database,
    http::{Reply, send},
    proof::{Key, posts},
    provider::{GENEROUS, Member, Provider, text},
    sites::Site,
};

mod keeping;
mod linking;
mod opening;

/// A provider with the keeper's plugin; `entry` may have settings behind a space.
async fn starts(database: Database, entry: &'static str) -> Provider {
    use crate::support::provider::Written;
    let written =
        Written { pins: vec!["cipherpad", "merchant", entry], settings: GENEROUS.to_owned(), ..Written::default() };
    Provider::starts_as(database, written).await
}

/// A program that somebody has signed in: its key, its tokens and where it asks.
struct Program<'p> {
    site: &'p Site,
    key: Key,
    token: String,
    refresh: String,
}

impl<'p> Program<'p> {
    async fn of(provider: &'p Provider, member: &mut Member) -> Self {
        Self::with_scope(provider, member, "openid email offline_access enum:keeper").await
    }

    async fn with_scope(provider: &'p Provider, member: &mut Member, scope: &str) -> Self {
        let (site, key) = (&provider.sites.keeper, Key::new(&provider.clock));
        let visit = site.sends(&[("scope", scope)]);
        let code = member.logs_in(&visit).await;
        let proof = key.proves_at(site, "/token");
        let tokens = posts(site, "/token", &site.code_fields(&visit, &code), &[&proof]).await.expect(200);
        Self { site, key, token: text(&tokens, "access_token"), refresh: text(&tokens, "refresh_token") }
    }

    /// Asks below `/services/keeper/`.
    async fn asks(&self, method: &str, path: &str, body: &str) -> Reply {
        let path = format!("/services/keeper/{path}");
        let proof = self.key.proves(method, &format!("{}{path}", self.site.issuer), Some(&self.token));
        self.shows("DPoP", method, &path, body, Some(&proof)).await
    }

    async fn shows(&self, scheme: &str, method: &str, path: &str, body: &str, proof: Option<&str>) -> Reply {
        let authorization = format!("{scheme} {}", self.token);
        let mut headers = vec![(header::AUTHORIZATION, authorization.as_str())];
        headers.extend(proof.map(|proof| (HeaderName::from_static("dpop"), proof)));
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        send(method, &self.site.at(path), &headers, body.to_owned()).await
    }

    /// Names and newest versions of its files.
    async fn files(&self) -> Vec<(String, u64)> {
        let listed = self.asks("GET", "files", "").await.expect(200);
        let files = listed["files"].as_array().unwrap().iter();
        files.map(|file: &Value| (text(file, "name"), file["version"].as_u64().unwrap())).collect()
    }
}
