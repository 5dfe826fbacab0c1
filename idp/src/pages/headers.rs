//! Headers of every page.

use std::num::NonZeroU16;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};

/// Status and policy of one page.
#[derive(Clone, Debug)]
pub struct Options {
    /// HTTP status.
    pub status: StatusCode,
    /// Leaves `form-action` out of the policy. Chromium applies `form-action` to every redirect that follows a POST, also
    /// to those that the website itself makes after it got its code; a login page cannot know them.
    pub form_anywhere: bool,
    /// `sha256-…` of the one inline script that may run. Pages work without any.
    pub script: Option<&'static str>,
    /// What the page of a plugin that stands on it may run.
    pub plugin: Option<Scripts>,
}

/// What a page may run, and whom that may talk to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scripts {
    /// Addresses, in full: a policy cannot name a path of the page's own origin otherwise.
    pub addresses: Vec<String>,
    /// Port of the one program of the person's computer that may be talked to.
    pub loopback: Option<NonZeroU16>,
}

impl Default for Options {
    fn default() -> Self {
        Self { status: StatusCode::OK, form_anywhere: false, script: None, plugin: None }
    }
}

impl Options {
    /// What a page usually has: those named `login_…` and `logout…` may lead to a website.
    pub fn for_template(template: &str) -> Self {
        let leads_away = template.starts_with("login_") || template.starts_with("logout");
        Self { form_anywhere: leads_away, ..Self::default() }
    }

    /// The same where a plugin's page stands on it.
    #[must_use]
    pub fn running(self, scripts: Option<Scripts>) -> Self {
        Self { plugin: scripts, ..self }
    }

    /// The same with another status.
    #[must_use]
    pub fn status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    pub(super) fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let fixed = [
            (header::CONTENT_TYPE, "text/html; charset=utf-8"),
            (header::CACHE_CONTROL, "no-store"),
            (header::REFERRER_POLICY, "no-referrer"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::X_FRAME_OPTIONS, "DENY"),
        ];
        for (name, value) in fixed {
            headers.insert(name, HeaderValue::from_static(value));
        }
        // Made of our own constants only; a value that is no header is left out rather than failing the page.
        if let Ok(policy) = HeaderValue::from_str(&self.policy()) {
            headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        }
        headers
    }

    fn policy(&self) -> String {
        let mut policy = String::from(
            "default-src 'none'; style-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'",
        );
        if !self.form_anywhere {
            policy.push_str("; form-action 'self'");
        }
        let inline = self.script.map(|hash| format!("'{hash}'"));
        let files = self.plugin.iter().flat_map(|scripts| scripts.addresses.iter().cloned());
        let scripts: Vec<String> = inline.into_iter().chain(files).collect();
        if !scripts.is_empty() {
            policy.push_str("; script-src ");
            policy.push_str(&scripts.join(" "));
        }
        if let Some(port) = self.plugin.as_ref().and_then(|scripts| scripts.loopback) {
            policy.push_str("; connect-src http://127.0.0.1:");
            policy.push_str(&port.to_string());
        }
        policy
    }
}
