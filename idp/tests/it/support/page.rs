//! Pages as a browser sees them: forms, the fields in them, and the challenge. A reader for well-formed pages of our own
//! kind, not for the web at large.

/// One `<form>`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Form {
    /// Where it is sent; empty means the page's own address.
    pub(crate) action: String,
    /// `get` or `post`.
    pub(crate) method: String,
    /// In the order of the page.
    pub(crate) controls: Vec<Control>,
}

/// An input, a choice or a button.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Control {
    pub(crate) id: String,
    pub(crate) name: String,
    /// `hidden`, `text`, `radio`, `submit`, `select` …
    pub(crate) kind: String,
    pub(crate) value: String,
    pub(crate) checked: bool,
}

/// A page.
#[derive(Clone, Debug, Default)]
pub(crate) struct Page {
    pub(crate) html: String,
    pub(crate) forms: Vec<Form>,
    /// The bare digits of the challenge, if the page shows one.
    pub(crate) challenge: Option<String>,
}

impl Page {
    pub(crate) fn read(html: &str) -> Self {
        let mut page = Self { html: html.to_owned(), ..Self::default() };
        let mut inside = false;
        for tag in tags(html) {
            if let Some(digits) = attribute(tag, "data-challenge") {
                page.challenge = Some(digits);
            }
            let name = tag.split(|c: char| c.is_ascii_whitespace()).next().unwrap_or_default();
            match (name, page.forms.last_mut()) {
                ("form", _) => {
                    inside = true;
                    let method = attribute(tag, "method").unwrap_or_else(|| "get".to_owned()).to_lowercase();
                    let action = attribute(tag, "action").unwrap_or_default();
                    page.forms.push(Form { action, method, controls: Vec::new() });
                }
                ("/form", _) => inside = false,
                ("input" | "button" | "select" | "textarea", Some(form)) if inside => {
                    form.controls.push(control(name, tag));
                }
                ("option", Some(form)) if inside => form.offer(tag),
                _ => {}
            }
        }
        page
    }

    /// The form that holds the control with this id, and the control.
    pub(crate) fn control(&self, id: &str) -> Option<(&Form, &Control)> {
        self.forms.iter().find_map(|form| Some((form, form.controls.iter().find(|control| control.id == id)?)))
    }

    /// The answer to the sum that keeps simple programs out.
    #[track_caller]
    pub(crate) fn sum_asked(&self) -> String {
        const WORDS: [&str; 13] =
            ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];
        let Some((_, question)) = self.html.split_once("What is ") else { panic!("no sum: {}", self.html) };
        let (a, b) = question.split('?').next().unwrap().split_once(" plus ").unwrap();
        let number = |word: &str| WORDS.iter().position(|known| *known == word.trim()).unwrap();
        (number(a) + number(b)).to_string()
    }

    pub(crate) fn has(&self, id: &str) -> bool {
        self.html.contains(&format!("id=\"{id}\""))
    }

    /// Where the link with this id leads.
    pub(crate) fn link(&self, id: &str) -> Option<String> {
        let is_it = |tag: &&str| tag.starts_with("a ") && attribute(tag, "id").as_deref() == Some(id);
        tags(&self.html).find(is_it).and_then(|tag| attribute(tag, "href"))
    }

    /// Where the link to this language leads.
    pub(crate) fn language(&self, language: &str) -> Option<String> {
        let is_it = |tag: &&str| tag.starts_with("a ") && attribute(tag, "hreflang").as_deref() == Some(language);
        tags(&self.html).find(is_it).and_then(|tag| attribute(tag, "href"))
    }

    /// Plain text of the element with this id, up to its first inner end tag.
    pub(crate) fn text_of(&self, id: &str) -> Option<String> {
        let at = self.html.find(&format!("id=\"{id}\""))?;
        let rest = &self.html[at..];
        let start = rest.find('>')? + 1;
        let end = start + rest[start..].find("</")?;
        Some(unescape(strip(&rest[start..end]).trim()))
    }
}

impl Form {
    /// A choice's value is that of the option chosen, else of the first.
    fn offer(&mut self, tag: &str) {
        let Some(select) = self.controls.last_mut().filter(|control| control.kind == "select") else { return };
        let chosen = has_attribute(tag, "selected");
        if chosen || (select.value.is_empty() && !select.checked) {
            select.value = attribute(tag, "value").unwrap_or_default();
            select.checked |= chosen;
        }
    }
}

fn control(name: &str, tag: &str) -> Control {
    let text = |attr: &str| attribute(tag, attr).unwrap_or_default();
    let default = match name {
        "button" => "submit",
        "select" => "select",
        _ => "text",
    };
    Control {
        id: text("id"),
        name: text("name"),
        kind: attribute(tag, "type").unwrap_or_else(|| default.to_owned()),
        value: text("value"),
        checked: has_attribute(tag, "checked"),
    }
}

/// The inside of each tag. A `>` inside a quoted value does not end a tag.
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
        Some(tag.trim_end_matches('/'))
    })
}

fn has_attribute(tag: &str, name: &str) -> bool {
    tag.split_ascii_whitespace().any(|word| word == name || word.starts_with(&format!("{name}=")))
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

fn strip(html: &str) -> String {
    let mut plain = String::new();
    let mut inside = false;
    for c in html.chars() {
        match c {
            '<' => inside = true,
            '>' => inside = false,
            _ if !inside => plain.push(c),
            _ => {}
        }
    }
    plain
}

/// Resolves the character references that our templates write.
pub(crate) fn unescape(text: &str) -> String {
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

#[test]
fn a_page_is_read_as_a_browser_reads_it() {
    let page = Page::read(
        "<p>x <b id=\"c\" data-challenge=\"58715204\">5871 5204</b></p><input id=\"stray\" name=\"stray\">
        <form method='post' action='/a?x=1&amp;y=2'><input type=\"hidden\" name=\"h\" value=\"a&#x2F;b&quot;>\"/>
        <select name=\"q\"><option value=\"1\">1</option><option value=\"2\" selected>2</option></select>
        <input type=\"radio\" id=\"r\" name=\"r\" value=\"x\" checked><button id=\"go\">Go</button></form>",
    );
    assert_eq!(page.challenge.as_deref(), Some("58715204"));
    assert_eq!(page.text_of("c").as_deref(), Some("5871 5204"));
    let (form, button) = page.control("go").unwrap();
    assert_eq!((form.action.as_str(), form.method.as_str(), button.kind.as_str()), ("/a?x=1&y=2", "post", "submit"));
    let values: Vec<_> = form.controls.iter().map(|control| control.value.as_str()).collect();
    assert_eq!(values, ["a/b\">", "2", "x", ""]);
    assert!(form.controls[2].checked && page.control("stray").is_none());
}
