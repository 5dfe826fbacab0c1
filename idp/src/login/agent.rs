//! Which browser somebody uses, in words that a person recognises. Nothing is decided by it: whoever sends the header
//! chooses what it says. Only these words are kept, not the header.

use axum::http::{HeaderMap, header::USER_AGENT};

/// Marks in the header, the telling ones first: every browser also names those that it wants to be taken for.
const BROWSERS: [(&str, &str); 9] = [
    ("YaBrowser/", "Yandex Browser"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("OPR/", "Opera"),
    ("Edg", "Edge"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];
const SYSTEMS: [(&str, &str); 7] = [
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
];

/// `Firefox · Linux`, or as much of it as can be told; empty when nothing can.
pub(super) fn of(headers: &HeaderMap) -> String {
    let text = headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let found =
        |marks: &[(&str, &'static str)]| marks.iter().find_map(|(mark, name)| text.contains(mark).then_some(*name));
    let parts: Vec<&str> = [found(&BROWSERS), found(&SYSTEMS)].into_iter().flatten().collect();
    parts.join(" · ")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn named(text: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, text.parse().unwrap());
        of(&headers)
    }

    #[test]
    fn browsers_are_told_apart_although_each_names_the_others() {
        let chrome =
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";
        assert_eq!(named(chrome), "Chrome · Linux");
        assert_eq!(
            named(&format!("{chrome} Edg/140.0.0.0").replace("X11; Linux", "Windows NT 10.0")),
            "Edge · Windows"
        );
        let phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1";
        assert_eq!(named(phone), "Safari · iPhone");
        assert_eq!(named("Mozilla/5.0 (Android 15; Mobile; rv:130.0) Gecko/130.0 Firefox/130.0"), "Firefox · Android");
    }

    #[test]
    fn what_nobody_knows_is_left_out() {
        assert_eq!(of(&HeaderMap::new()), "");
        assert_eq!(named("curl/8.0"), "");
        assert_eq!(named("<script>alert(1)</script> Linux"), "Linux");
    }
}
