//! What goes into a message beside the code.

use plugin_api::message::Context;

/// One minute in milliseconds.
const MINUTE: i64 = 60_000;

/// A site must not write paragraphs of its own into a message of ours, nor turn around what follows its name (Unicode TR36
/// §2.5).
pub fn one_line(text: &str) -> String {
    let is_odd = |c: char| {
        c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if is_odd(c) { ' ' } else { c }).collect()
}

/// Whole minutes from now until `until` (Unix milliseconds), and at least one.
pub fn minutes_left(cx: &Context, until: i64) -> i64 {
    (until.saturating_sub(cx.now) / MINUTE).max(1)
}

#[cfg(test)]
mod tests {
    use plugin_api::message::Purpose;
    use plugin_api::testing::context;

    use super::*;

    #[test]
    fn a_name_stays_on_its_line() {
        assert_eq!(one_line("Shop\n\nhttps://evil.example\u{202e}\u{2029}"), "Shop  https://evil.example  ");
        assert_eq!(one_line("Магазин «Ёж»"), "Магазин «Ёж»");
    }

    #[test]
    fn the_minutes_are_whole_and_never_none() {
        let cx = context(Purpose::Authorize);
        for (milliseconds, minutes) in [(600_000, 10), (179_999, 2), (59_999, 1), (0, 1), (-1, 1)] {
            assert_eq!(minutes_left(&cx, cx.now + milliseconds), minutes);
        }
    }
}
