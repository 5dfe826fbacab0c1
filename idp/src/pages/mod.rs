//! Pages: templates, texts in three languages, and the headers that keep a page from being framed, cached or scripted.
//!
//! This room knows nothing of accounts or of the protocol: it is given a template's name and what to show. Everything is
//! built into the binary. A plugin's templates live in an engine of their own, so that one plugin can neither replace
//! nor include the host's pages or another plugin's.

use std::{collections::BTreeMap, sync::Arc};

use arc_swap::ArcSwap;
use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use plugin_api::message::Description;
use serde_json::Value;
use tera::{Context, Tera};

use crate::error::Internal;

pub mod assets;
mod headers;
pub mod language;
mod lookalike;
mod qr;
mod templates;
pub mod texts;
mod transaction;

pub use headers::{Options, Scripts};
pub use language::{LOCALES, locale_of, locale_or_default, switch};
use texts::Texts;

/// What a plugin shows.
struct PluginPages {
    engine: Tera,
    /// By locale; `en` stands in for a locale that the plugin does not speak.
    texts: BTreeMap<String, tera::Value>,
    modules: assets::Modules,
}

/// Everything that turns a template and its data into a page. One lives in `App`.
pub struct Pages {
    engine: Tera,
    texts: Texts,
    plugins: ArcSwap<BTreeMap<String, Arc<PluginPages>>>,
}

impl std::fmt::Debug for Pages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pages").field("plugins", &self.plugins.load().keys()).finish_non_exhaustive()
    }
}

impl Pages {
    /// Sets up the built-in templates and those of `plugins`.
    ///
    /// # Errors
    /// When a template does not parse; the message names it.
    pub fn new<'d>(plugins: impl IntoIterator<Item = &'d Description>) -> Result<Self, Internal> {
        let mut engine = engine();
        engine.add_raw_templates(templates::ALL.iter().copied()).map_err(|error| page("built-in templates", &error))?;
        let pages = Self { engine, texts: Texts::built_in()?, plugins: ArcSwap::default() };
        for description in plugins {
            pages.put_plugin(description)?;
        }
        Ok(pages)
    }

    /// Takes the templates and texts of a plugin, in place of those that it had.
    ///
    /// # Errors
    /// When a template does not parse; the message names it. Then all stays as it was.
    pub fn put_plugin(&self, description: &Description) -> Result<(), Internal> {
        let id = &description.manifest.id;
        let mut engine = engine();
        engine
            .add_raw_templates(description.pages.iter().map(|(name, text)| (name.clone(), text.as_str())))
            .map_err(|error| page(&format!("templates of plugin {id}"), &error))?;
        let texts = description.texts.iter().map(|(locale, texts)| (locale.clone(), texts::as_value(texts))).collect();
        let pages = Arc::new(PluginPages { engine, texts, modules: assets::Modules::of(description) });
        self.plugins.rcu(|all| {
            let mut all = BTreeMap::clone(all);
            all.insert(id.clone(), pages.clone());
            all
        });
        Ok(())
    }

    /// Forgets the templates and texts of a plugin.
    pub fn remove_plugin(&self, id: &str) {
        self.plugins.rcu(|all| {
            let mut all = BTreeMap::clone(all);
            all.remove(id);
            all
        });
    }

    /// Renders `template` as a page with status 200 and the usual headers. `context` must be a JSON object; the template
    /// also sees `t` (texts), `locale` and `css`.
    ///
    /// # Errors
    /// [`Internal::Page`] when the template does not exist or needs something that `context` lacks.
    pub fn render(&self, template: &str, locale: &str, context: Value) -> Result<Response, Internal> {
        self.render_with(template, locale, context, &Options::for_template(template))
    }

    /// As [`Pages::render`], with another status or other headers.
    ///
    /// # Errors
    /// As [`Pages::render`].
    #[expect(clippy::needless_pass_by_value, reason = "callers build it in place")]
    pub fn render_with(
        &self,
        template: &str,
        locale: &str,
        context: Value,
        options: &Options,
    ) -> Result<Response, Internal> {
        let html = self.html(template, locale, &context)?;
        Ok((options.status, options.headers(), html).into_response())
    }

    /// The bare HTML of `template`, for mails and tests.
    ///
    /// # Errors
    /// As [`Pages::render`].
    pub fn html(&self, template: &str, locale: &str, context: &Value) -> Result<String, Internal> {
        let locale = locale_or_default(locale);
        let mut context = Context::from_serialize(context).map_err(|error| page(template, &error))?;
        context.insert_value("t", self.texts.all(locale));
        context.insert("locale", locale);
        context.insert("css", assets::css_path());
        self.engine.render(template, &context).map_err(|error| page(template, &error))
    }

    /// A page that says what went wrong and what to do next: the texts `problem_<key>` and `problem_<key>_next`, with
    /// `{name}` in them replaced by `args.name`. An unknown key shows `problem_internal`.
    ///
    /// Never put a secret, or anything about our inside, into `args`.
    pub fn problem(&self, status: StatusCode, locale: &str, key: &str, args: &Value) -> Response {
        let locale = locale_or_default(locale);
        let (mut what, mut next) = (format!("problem_{key}"), format!("problem_{key}_next"));
        if !(self.texts.has(&what) && self.texts.has(&next)) {
            tracing::error!(key, "a problem page was asked for that has no text");
            (what, next) = ("problem_internal".to_owned(), "problem_internal_next".to_owned());
        }
        let (what, next) = (self.texts.fill(locale, &what, args), self.texts.fill(locale, &next, args));
        let options = Options { status, ..Options::default() };
        let context = serde_json::json!({ "what": what, "next": next });
        self.render_with("problem.html", locale, context, &options).unwrap_or_else(|error| {
            tracing::error!(%error, "the problem page itself failed");
            (status, options.headers(), format!("<!doctype html><title>E-num</title><p>{}</p>", escape(&what)))
                .into_response()
        })
    }

    /// One text, `{name}` in it replaced by `args.name` (strings and numbers). Plain text: escape it before it goes into
    /// HTML. A key that does not exist comes back as itself; a test holds the files complete.
    pub fn text(&self, locale: &str, key: &str, args: &Value) -> String {
        self.texts.fill(locale_or_default(locale), key, args)
    }

    /// What a page that shows one of a plugin's may run, and whom that may talk to. `origin` is the one that the page is
    /// served from, `data` what the plugin's page is shown with.
    pub fn scripts(&self, plugin: &str, origin: &str, data: &Value) -> Option<Scripts> {
        self.plugins.load().get(plugin)?.modules.scripts(origin, data)
    }

    /// A plugin's JavaScript module, if it is at this path.
    fn module(&self, plugin: &str, name: &str, path: &str) -> Option<String> {
        self.plugins.load().get(plugin)?.modules.at(name, path).map(str::to_owned)
    }

    /// Renders a plugin's template as a fragment that goes, as it is, into a page of the host. The template sees `data`'s
    /// members, `data` itself, `t` (the plugin's texts), `locale` and `assets` (paths of its modules by name); where
    /// `data.qr` is a text, `qr_svg` is its QR code.
    ///
    /// # Errors
    /// [`Internal::Page`] when there is no such plugin or page, or the page needs something that `data` lacks.
    pub fn plugin_page(&self, plugin: &str, name: &str, locale: &str, data: &Value) -> Result<String, Internal> {
        let place = format!("plugins/{plugin}/{name}");
        let pages = self.plugins.load().get(plugin).cloned();
        let pages = pages.ok_or_else(|| Internal::Page(format!("{place}: no such plugin")))?;
        let mut context = if data.is_object() {
            Context::from_serialize(data).map_err(|error| page(&place, &error))?
        } else {
            Context::new()
        };
        let seen = tera::Value::try_from_serializable(data).map_err(|error| page(&place, &error))?;
        context.insert_value("data", seen);
        let locale = locale_or_default(locale);
        if let Some(texts) = pages.texts.get(locale).or_else(|| pages.texts.get("en")) {
            context.insert_value("t", texts.clone());
        }
        context.insert("locale", locale);
        context.insert("assets", pages.modules.paths());
        if let Some(text) = data.get("qr").and_then(Value::as_str) {
            context.insert_value("qr_svg", tera::Value::safe_string(&qr::svg(text)?));
        }
        pages.engine.render(name, &context).map_err(|error| page(&place, &error))
    }

    /// A page that posts `fields` to `action` at once (OAuth 2.0 Form Post Response Mode §2), with a button for browsers
    /// without scripts. The one script on it is pinned by its hash.
    ///
    /// # Errors
    /// As [`Pages::render`].
    pub fn form_post(&self, locale: &str, action: &str, fields: &[(&str, &str)]) -> Result<Response, Internal> {
        let fields: Vec<_> =
            fields.iter().map(|(name, value)| serde_json::json!({ "name": name, "value": value })).collect();
        let context = serde_json::json!({ "action": action, "fields": fields, "script": assets::SUBMIT_SCRIPT });
        let options = Options { script: Some(assets::submit_script_hash()), form_anywhere: true, ..Options::default() };
        self.render_with("form_post.html", locale, context, &options)
    }
}

/// Escapes `text` for HTML.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(character),
        }
    }
    out
}

fn engine() -> Tera {
    let mut engine = Tera::default();
    // Every name ends with nothing: whatever a plugin calls its pages, they are escaped.
    engine.autoescape_on([""]);
    engine.register_filter("fill", texts::fill_filter);
    engine
}

fn page(what: &str, error: &tera::Error) -> Internal {
    let mut reason = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        reason = format!("{reason}: {inner}");
        source = inner.source();
    }
    Internal::Page(format!("{what}: {reason}"))
}

#[cfg(test)]
mod tests;
