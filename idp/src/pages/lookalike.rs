//! Names that may not be what they look like (UTS #39). They are shown with a warning and not refused: people and shops have
//! odd names, and only the person knows whom they meant to pay.

use plugin_api::message::{Subject, Transaction};
use unicode_security::{MixedScript, skeleton};

/// What is odd about a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    /// Letters of several alphabets in one word, as in `Dеmo` with a Cyrillic letter.
    Mixed,
    /// A word without Latin letters of which every one looks like one, as in `Сосо` in Cyrillic, alone or among Latin words.
    LooksLatin,
}

impl Doubt {
    /// Key of the text that says so.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Mixed => "payment_warning_mixed",
            Self::LooksLatin => "payment_warning_latin",
        }
    }
}

/// What is odd about the names in a transaction, in its order.
pub(super) fn doubts(transaction: &Transaction) -> Vec<(&str, Doubt)> {
    names(transaction).into_iter().filter_map(|name| Some((name, doubt(name)?))).collect()
}

/// Whatever the relying party has written that says who somebody is.
fn names(transaction: &Transaction) -> Vec<&str> {
    let mut names = vec![transaction.payee_name.as_str()];
    match &transaction.subject {
        Some(Subject::Batch { payees }) => names.extend(payees.iter().map(|payee| payee.name.as_str())),
        Some(Subject::Operation { fields, .. }) => names.extend(fields.values().map(String::as_str)),
        Some(Subject::Card { .. }) | None => {}
    }
    names
}

fn doubt(name: &str) -> Option<Doubt> {
    let words = || name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    if words().any(|word| !word.is_single_script()) {
        return Some(Doubt::Mixed);
    }
    let has_latin = name.chars().any(|c| c.is_ascii_alphabetic());
    let is_alike = |word: &str| {
        let is_foreign = !word.is_ascii() && !word.chars().any(|c| c.is_ascii_alphabetic());
        is_foreign && skeleton(word).all(|c| c.is_ascii_alphanumeric())
    };
    // Beside Latin words a single letter is a word of its own language, such as the Russian `с`.
    let deceives = words().any(|word| is_alike(word) && (!has_latin || word.chars().nth(1).is_some()));
    // Where another word shows which alphabet it is, there is nothing to mistake.
    (deceives && words().all(|word| word.is_ascii() || is_alike(word))).then_some(Doubt::LooksLatin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_names_of_any_language_are_not_doubted() {
        for name in [
            "",
            "Demo Shop",
            "Магазин «Ёлка»",
            "Магазин Apple №5",
            "Cửa hàng số 1",
            "東京ストア",
            "お店",
            "متجر",
            "Café Zażółć & Söhne",
            "Ελληνικά",
            "123456789012",
            "한국 가게",
            "Cœur",
            "Apple с 1990",
            "Apple со скидкой",
        ] {
            assert_eq!(doubt(name), None, "{name}");
        }
    }

    #[test]
    fn letters_that_only_look_alike_are_doubted() {
        for (name, expected) in [
            ("Dеmo Shop", Doubt::Mixed),
            ("Pаypal", Doubt::Mixed),
            ("Gооgle", Doubt::Mixed),
            ("Αpple", Doubt::Mixed),
            ("Сосо", Doubt::LooksLatin),
            ("Ѕсоре", Doubt::LooksLatin),
            ("Сосо Ltd", Doubt::LooksLatin),
            ("Ѕсоре Shop 24", Doubt::LooksLatin),
        ] {
            assert_eq!(doubt(name), Some(expected), "{name}");
        }
    }
}
