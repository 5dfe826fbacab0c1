//! The plugin's own texts, in the language of the person.

use crate::abi::Host;
use crate::error::Result;
use crate::message::{TextQuery, TextReply, host_method};

impl Host {
    /// One of the plugin's texts in `locale`, or in English if it is none of ours; `{name}` in it is replaced by the
    /// argument of that name. Needs no permission. Pages and effects need no look-up: they name the key.
    ///
    /// # Errors
    /// When there is no text of that key.
    pub fn text(&self, locale: &str, key: &str, args: &[(&str, &str)]) -> Result<String> {
        let args = args.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        let request = TextQuery { locale: locale.to_owned(), key: key.to_owned(), args };
        let TextReply { text } = self.ask(host_method::TEXT, &request)?;
        Ok(text)
    }
}
