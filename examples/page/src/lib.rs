//! Forms in HTML pages: a reader for well-formed pages of our own kind, not for the web at large.

/// One `<form>`.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct PageForm {
    /// Where it is sent to; empty means the page itself.
    pub action: String,
    /// Hidden inputs, in order.
    pub hidden: Vec<(String, String)>,
    /// Visible inputs and buttons.
    pub controls: Vec<Control>,
}

/// Something that a person types into or presses.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Control {
    /// The `id` attribute.
    pub id: String,
    /// The `name` attribute.
    pub name: String,
    /// The `value` attribute.
    pub value: String,
}

/// What the driver looks at in a page.
#[derive(Debug, Default)]
pub struct Page {
    /// Its forms.
    pub forms: Vec<PageForm>,
    /// The bare digits of the challenge, if the page shows one.
    pub challenge: Option<String>,
}

impl Page {
    /// Reads a page.
    pub fn read(html: &str) -> Self {
        let mut page = Self::default();
        let mut inside = false;
        for tag in tags(html) {
            if let Some(digits) = attribute(tag, "data-challenge") {
                page.challenge = Some(digits);
            }
            match tag.split([' ', '\n', '\t', '/']).next().unwrap_or_default() {
                "form" => {
                    inside = true;
                    page.forms.push(PageForm { action: text(tag, "action"), ..PageForm::default() });
                }
                "" if tag.starts_with("/form") => inside = false,
                "input" | "button" if inside => {
                    if let Some(form) = page.forms.last_mut() {
                        form.add(tag);
                    }
                }
                _ => {}
            }
        }
        page
    }

    /// The form that holds the control with this id, and the control.
    pub fn control(&self, id: &str) -> Option<(&PageForm, &Control)> {
        self.forms.iter().find_map(|form| Some((form, form.controls.iter().find(|control| control.id == id)?)))
    }
}

impl PageForm {
    fn add(&mut self, tag: &str) {
        let name = text(tag, "name");
        let value = text(tag, "value");
        if attribute(tag, "type").as_deref() == Some("hidden") {
            self.hidden.push((name, value));
        } else {
            self.controls.push(Control { id: text(tag, "id"), name, value });
        }
    }
}

/// The inside of each tag, without the angle brackets. A `>` inside a quoted value does not end a tag.
fn tags(html: &str) -> impl Iterator<Item = &str> {
    let mut rest = html;
    std::iter::from_fn(move || {
        let start = rest.find('<')? + 1;
        let mut quote = None;
        let length = rest[start..].char_indices().find_map(|(at, c)| match (quote, c) {
            (None, '>') => Some(at),
            (None, '"' | '\'') => {
                quote = Some(c);
                None
            }
            (Some(open), _) if c == open => {
                quote = None;
                None
            }
            _ => None,
        })?;
        let tag = &rest[start..start + length];
        rest = &rest[start + length + 1..];
        Some(tag)
    })
}

fn text(tag: &str, name: &str) -> String {
    attribute(tag, name).unwrap_or_default()
}

/// Value of a quoted attribute, with character references resolved.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let mut from = 0;
    while let Some(found) = tag[from..].find(name) {
        let start = from + found;
        from = start + name.len();
        let stands_alone = tag[..start].ends_with(|c: char| c.is_ascii_whitespace());
        if let (true, Some(rest)) = (stands_alone, tag[from..].strip_prefix('=')) {
            let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
            let value = &rest[1..];
            return Some(unescape(&value[..value.find(quote)?]));
        }
    }
    None
}

fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        let resolved = rest.find(';').and_then(|end| Some((character(&rest[1..end])?, end + 1)));
        let (c, used) = resolved.unwrap_or(('&', 1));
        plain.push(c);
        rest = &rest[used..];
    }
    plain.push_str(rest);
    plain
}

fn character(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    const HTML: &str = "<!doctype html><html><body><p id=\"challenge\" data-challenge=\"58715204\">5871 5204</p>
        <input id=\"stray\" name=\"stray\">
        <form method='post' action='/login/1?a=1&amp;b=2'>
          <input type=\"hidden\" name=\"csrf\" value=\"a&#x2F;b&#43;&quot;&gt;\"/>
          <input id=\"answer\" name=\"answer\" title=\"5 > 4\" inputmode=\"numeric\">
          <button id=\"continue\" name=\"do\" value=\"go\">Continue</button>
        </form>
        <form action=\"/cancel\"><button id=\"deny\">No</button></form></body></html>";

    #[test]
    fn finds_forms_controls_and_the_challenge() {
        let page = Page::read(HTML);
        assert_eq!(page.challenge.as_deref(), Some("58715204"));
        let (form, answer) = page.control("answer").unwrap();
        assert_eq!(form.action, "/login/1?a=1&b=2");
        assert_eq!(form.hidden, [("csrf".to_owned(), "a/b+\">".to_owned())]);
        assert_eq!(answer.name, "answer");
        let (_, go) = page.control("continue").unwrap();
        assert_eq!((go.name.as_str(), go.value.as_str()), ("do", "go"));
        assert_eq!(page.control("deny").unwrap().0.action, "/cancel");
    }

    #[test]
    fn a_control_outside_any_form_is_not_found() {
        assert!(Page::read(HTML).control("stray").is_none());
    }

    #[test]
    fn an_attribute_name_inside_another_is_not_taken_for_it() {
        assert_eq!(attribute("input data-name=\"x\" name=\"y\"", "name").as_deref(), Some("y"));
        assert_eq!(unescape("a & b &unknown; &#65;"), "a & b &unknown; A");
    }
}
