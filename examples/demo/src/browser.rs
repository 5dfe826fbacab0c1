//! A person's browser: cookies, links, forms. No JavaScript, as none is needed.

use example_page::Page;
use url::Url;

use crate::Failure;

const MOST_REDIRECTS: usize = 12;

/// One browser and the page it shows.
pub(crate) struct Browser {
    agent: ureq::Agent,
    at: Url,
    html: String,
}

impl Browser {
    pub(crate) fn open(address: &str) -> Result<Self, Failure> {
        let agent = ureq::Agent::config_builder().max_redirects(0).http_status_as_error(false).build().into();
        let mut browser = Self { agent, at: Url::parse(address)?, html: String::new() };
        browser.go(address)?;
        Ok(browser)
    }

    /// Follows a link.
    pub(crate) fn go(&mut self, address: &str) -> Result<(), Failure> {
        let url = self.at.join(address)?;
        let reply = self.agent.get(url.as_str()).call()?;
        self.follow(url, reply)
    }

    /// Types `fields` into the form around the button with this id, and presses it.
    pub(crate) fn press(&mut self, button: &str, fields: &[(&str, &str)]) -> Result<(), Failure> {
        let page = Page::read(&self.html);
        let (form, control) =
            page.control(button).ok_or_else(|| format!("{} has no button {button:?}: {}", self.at, self.text()))?;
        let url = if form.action.is_empty() { self.at.clone() } else { self.at.join(&form.action)? };
        let mut values = form.hidden.clone();
        values.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        if !control.name.is_empty() {
            values.push((control.name.clone(), control.value.clone()));
        }
        let reply = self.agent.post(url.as_str()).send_form(values)?;
        self.follow(url, reply)
    }

    fn follow(&mut self, mut url: Url, mut reply: ureq::http::Response<ureq::Body>) -> Result<(), Failure> {
        for _ in 0..MOST_REDIRECTS {
            if !reply.status().is_redirection() {
                let status = reply.status();
                self.html = reply.body_mut().read_to_string()?;
                self.at = url;
                if status.is_success() {
                    return Ok(());
                }
                return Err(format!("{} answered {status}: {}", self.at, self.text()).into());
            }
            let location = reply.headers().get("location").ok_or("a redirect without a location")?.to_str()?;
            url = url.join(location)?;
            reply = self.agent.get(url.as_str()).call()?;
        }
        Err("too many redirects".into())
    }

    /// Address of the page.
    pub(crate) fn address(&self) -> &Url {
        &self.at
    }

    /// The number-question that the page shows.
    pub(crate) fn challenge(&self) -> Result<String, Failure> {
        Page::read(&self.html)
            .challenge
            .ok_or_else(|| format!("{} shows no challenge: {}", self.at, self.text()).into())
    }

    /// Text inside the element with this id.
    pub(crate) fn element(&self, id: &str) -> Result<String, Failure> {
        let mark = format!("id=\"{id}\"");
        let from = self.html.find(&mark).ok_or_else(|| format!("{} has no #{id}: {}", self.at, self.text()))?;
        let inside = self.html[from..].split_once('>').map_or("", |(_, rest)| rest);
        let end = inside.find("</").unwrap_or(inside.len());
        Ok(words(&inside[..end]))
    }

    /// Text of the label of the field with this id.
    pub(crate) fn label(&self, field: &str) -> Result<String, Failure> {
        let mark = format!("for=\"{field}\"");
        let from = self.html.find(&mark).ok_or_else(|| format!("no label for {field}"))?;
        let inside = self.html[from..].split_once('>').map_or("", |(_, rest)| rest);
        Ok(words(inside.split('<').next().unwrap_or_default()))
    }

    /// The page without its tags.
    pub(crate) fn text(&self) -> String {
        let body = self
            .html
            .split_once("<main")
            .map_or(self.html.as_str(), |(_, main)| main.split_once('>').map_or(main, |(_, inside)| inside));
        words(body).chars().take(600).collect()
    }
}

fn words(html: &str) -> String {
    let mut text = String::new();
    let mut inside_tag = false;
    for c in html.chars() {
        match c {
            '<' => inside_tag = true,
            '>' if inside_tag => {
                inside_tag = false;
                text.push(' ');
            }
            c if !inside_tag => text.push(c),
            _ => {}
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
