//! Pages that belong to one browser: what they are about travels sealed in their address.

use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{app::App, clock::Millis, error::Internal, login::session, seal::SealError};

/// A kind of such pages.
pub(super) struct Place {
    /// What nothing else is sealed for.
    pub(super) slot: &'static str,
    /// Its addresses begin so and end with what is sealed.
    pub(super) path: &'static str,
    /// How long a page can be come back to.
    pub(super) life: Millis,
}

impl Place {
    /// Leads the browser to the page about `about`, and binds the page to it.
    ///
    /// # Errors
    /// When sealing or the generator fails.
    pub(super) fn lead_to<T: Serialize>(
        &self,
        app: &App,
        headers: &HeaderMap,
        about: &T,
    ) -> Result<Response, Internal> {
        let (browser, cookie) = match session::browser(app, headers) {
            Some(browser) => (browser.to_owned(), None),
            None => session::name_browser(app).map(|(browser, cookie)| (browser, Some(cookie)))?,
        };
        let sealed = app.seal.travel(self.slot, &browser, app.clock.now() + self.life, about)?;
        let mut response = see_other(&format!("{}{sealed}", self.path))?;
        if let Some(cookie) = cookie {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        Ok(response)
    }

    /// What a page is about; otherwise the key of the problem.
    pub(super) fn open<T: DeserializeOwned>(
        &self,
        app: &App,
        headers: &HeaderMap,
        sealed: &str,
    ) -> Result<T, &'static str> {
        let browser = session::browser(app, headers).ok_or("foreign_browser")?;
        app.seal.open_travel(self.slot, browser, app.clock.now(), sealed).map_err(|error| match error {
            SealError::Expired => "expired",
            _ => "foreign_browser",
        })
    }
}

/// On to another page.
///
/// # Errors
/// When `location` does not fit into a header.
pub(super) fn see_other(location: &str) -> Result<Response, Internal> {
    let location = HeaderValue::from_str(location).map_err(|error| Internal::Other(format!("location: {error}")))?;
    let headers = [(header::LOCATION, location), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((StatusCode::SEE_OTHER, headers).into_response())
}
