//! Which language a person reads, and how they change it.

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, header},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};

/// Languages that every page, mail and message exists in; the first is the default.
pub const LOCALES: [&str; 3] = ["en", "ru", "vi"];

const COOKIE: &str = "lang";
const A_YEAR_IN_SECONDS: u32 = 365 * 24 * 3600;

/// The language to answer in: the person's own choice (cookie), else what the website asks for (`ui_locales`, OpenID
/// Connect Core §3.1.2.1), else what the browser accepts (RFC 9110 §12.5.4), else English.
pub fn locale_of(headers: &HeaderMap, ui_locales: &[String]) -> &'static str {
    chosen(headers)
        .or_else(|| ui_locales.iter().find_map(|tag| known(tag)))
        .or_else(|| accepted(headers))
        .unwrap_or(LOCALES[0])
}

/// `locale` if we speak it, English otherwise.
pub fn locale_or_default(locale: &str) -> &'static str {
    known(locale).unwrap_or(LOCALES[0])
}

/// Middleware: `?lang=xx` on any GET remembers the choice in a cookie and leads back to the same address without it.
pub async fn switch(request: Request, next: Next) -> Response {
    match switched(&request) {
        Some((locale, target)) => {
            let cookie = format!("{COOKIE}={locale}; Path=/; Max-Age={A_YEAR_IN_SECONDS}; HttpOnly; SameSite=Lax");
            let mut response = Redirect::to(&target).into_response();
            if let Ok(cookie) = HeaderValue::from_str(&cookie) {
                response.headers_mut().append(header::SET_COOKIE, cookie);
            }
            response
        }
        None => next.run(request).await,
    }
}

fn switched(request: &Request) -> Option<(&'static str, String)> {
    let (path, query) = (request.uri().path(), request.uri().query()?);
    // `//host` would be another origin.
    if request.method() != Method::GET || !path.starts_with('/') || path.starts_with("//") || path.contains('\\') {
        return None;
    }
    let mut locale = None;
    let mut rest = Vec::new();
    for pair in query.split('&') {
        match pair.strip_prefix("lang=") {
            Some(tag) => locale = Some(known(tag)?),
            None => rest.push(pair),
        }
    }
    let locale = locale?;
    let target = if rest.is_empty() { path.to_owned() } else { format!("{path}?{}", rest.join("&")) };
    Some((locale, target))
}

fn chosen(headers: &HeaderMap) -> Option<&'static str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == COOKIE)
        .and_then(|(_, value)| known(value))
}

fn accepted(headers: &HeaderMap) -> Option<&'static str> {
    let line = headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?;
    let mut best: Option<(&'static str, f32)> = None;
    for range in line.split(',') {
        let mut parts = range.split(';');
        let Some(locale) = parts.next().and_then(|tag| known(tag.trim())) else { continue };
        let quality = parts
            .find_map(|parameter| parameter.trim().strip_prefix("q="))
            .map_or(Some(1.0), |quality| quality.trim().parse::<f32>().ok())
            .unwrap_or(0.0);
        if quality > 0.0 && best.is_none_or(|(_, so_far)| quality > so_far) {
            best = Some((locale, quality));
        }
    }
    best.map(|(locale, _)| locale)
}

/// By the primary subtag: `ru-RU` is `ru`.
fn known(tag: &str) -> Option<&'static str> {
    let primary = tag.split(['-', '_']).next().unwrap_or_default();
    LOCALES.into_iter().find(|locale| locale.eq_ignore_ascii_case(primary))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use axum::body::Body;

    use super::*;

    fn headers(pairs: &[(header::HeaderName, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn the_persons_choice_comes_before_the_websites_and_the_browsers() {
        let browser = (header::ACCEPT_LANGUAGE, "de, ru;q=0.5, vi;q=0.8, en;q=0.1");
        assert_eq!(locale_of(&headers(&[]), &[]), "en");
        assert_eq!(locale_of(&headers(std::slice::from_ref(&browser)), &[]), "vi");
        let asked = ["fr".to_owned(), "ru-RU".to_owned()];
        assert_eq!(locale_of(&headers(std::slice::from_ref(&browser)), &asked), "ru");
        assert_eq!(locale_of(&headers(&[browser, (header::COOKIE, "a=b; lang=en")]), &asked), "en");
        assert_eq!(locale_of(&headers(&[(header::COOKIE, "lang=xx")]), &[]), "en");
        assert_eq!(locale_of(&headers(&[(header::ACCEPT_LANGUAGE, "ru;q=0, vi;q=x")]), &[]), "en");
    }

    #[test]
    fn a_switch_leads_back_to_the_same_address_and_nowhere_else() {
        let of = |uri: &str| switched(&Request::builder().uri(uri).body(Body::empty()).unwrap());
        assert_eq!(of("/register?lang=ru"), Some(("ru", "/register".to_owned())));
        assert_eq!(of("/x?a=1&lang=vi&b=2"), Some(("vi", "/x?a=1&b=2".to_owned())));
        assert_eq!(of("/x?lang=xx"), None);
        assert_eq!(of("/x?language=ru"), None);
        assert_eq!(of("//evil.example/?lang=ru"), None, "another origin");
    }
}
