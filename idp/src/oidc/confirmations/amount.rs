//! Amounts as relying parties write them: exact decimals, never floating point.

/// Minor units of `10.50` (1050), `10.5` (1050) or `10` (1000), where the currency has two digits behind the point. `None` for
/// zero, and for whatever could be read in two ways.
pub(super) fn minor_units(text: &str, digits: u8) -> Option<u64> {
    let (whole, fraction) = match text.split_once('.') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (text, ""),
    };
    let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let missing = usize::from(digits).checked_sub(fraction.len())?;
    if whole.is_empty() || whole.len() > 18 || (whole.len() > 1 && whole.starts_with('0')) {
        return None;
    }
    if !is_plain(whole) || !is_plain(fraction) {
        return None;
    }
    format!("{whole}{fraction}{}", "0".repeat(missing)).parse().ok().filter(|minor| *minor > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact() {
        for (text, digits, minor) in
            [("10.50", 2, 1050), ("10.5", 2, 1050), ("10", 2, 1000), ("0.01", 2, 1), ("7", 0, 7)]
        {
            assert_eq!(minor_units(text, digits), Some(minor), "{text}");
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_none() {
        for text in [
            "",
            ".",
            "0",
            "0.00",
            "1.",
            ".5",
            "01",
            "-1",
            "+1",
            "1e3",
            "1,5",
            "1.005",
            "1 0",
            "١",
            "9999999999999999999999",
        ] {
            assert_eq!(minor_units(text, 2), None, "{text}");
        }
    }
}
