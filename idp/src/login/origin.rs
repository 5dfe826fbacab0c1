//! Where the browser says that a form was sent from.

use axum::http::{HeaderMap, header};

/// Whether the headers say that the form was sent from a page of ours, or say nothing. Our pages send no referrer, for
/// which browsers write `null` as the origin (Fetch §3.2), so that the other header has to tell.
pub fn is_from_here(issuer: &str, headers: &HeaderMap) -> bool {
    let said = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("unreadable"));
    let origin = said(header::ORIGIN.as_str()).is_none_or(|origin| origin == issuer || origin == "null");
    let site = said("sec-fetch-site").is_none_or(|site| matches!(site, "same-origin" | "none"));
    origin && site
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn the_browsers_word_on_where_a_form_came_from_is_heard() {
        let heard = |pairs: &[(&'static str, &str)]| {
            let headers = pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
            is_from_here("https://id.example", &headers)
        };
        assert!(heard(&[]));
        assert!(heard(&[("origin", "https://id.example"), ("sec-fetch-site", "same-origin")]));
        assert!(heard(&[("origin", "null"), ("sec-fetch-site", "same-origin")]));
        assert!(!heard(&[("origin", "https://evil.example")]));
        assert!(!heard(&[("origin", "https://id.example.evil.example")]));
        assert!(!heard(&[("origin", "null"), ("sec-fetch-site", "cross-site")]));
        assert!(!heard(&[("sec-fetch-site", "same-site")]));
    }
}
