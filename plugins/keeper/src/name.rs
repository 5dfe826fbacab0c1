//! Names of files.

/// Longest name, in bytes.
const LONGEST: usize = 100;

/// Whether a file may bear this name: something that a person can read on one line, and that no program takes for a path.
pub fn is_legal(name: &str) -> bool {
    let odd = |c: char| {
        c.is_control()
            || matches!(c, '/' | '\\' | '"' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    (1..=LONGEST).contains(&name.len()) && name.trim() == name && name != "." && name != ".." && !name.contains(odd)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_line_and_no_path() {
        for good in ["a", "my keys.kwm", "ключи-2.pwm", "..a", &"x".repeat(100)] {
            assert!(is_legal(good), "{good}");
        }
        for bad in ["", ".", "..", "a/b", "a\\b", "a\nb", " a", "a\u{202e}b", "a\"b", &"x".repeat(101)] {
            assert!(!is_legal(bad), "{bad}");
        }
    }
}
