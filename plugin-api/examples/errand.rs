//! A factor that does what it is told: it calls every service of its host. The tests of the server load it, and two more
//! builds of it: `errand_v2.rs` (data version 2) and `errand_bare.rs` (asks for no permission).
//!
//! **Enrolling** is on its page `set`: the field `answer` is the word; `keep` takes the one that `data.offered` shows;
//! nothing, and what begins with `decoy-`, is wrong. The enrolment, and the state while enrolling, is `{"word": …}`.
//!
//! **Answering**: `begin` shows the page `told`. In `answer` the field `do` says what to do:
//!
//! | `do` | fields | what `data.reply` then is |
//! | --- | --- | --- |
//! | `pass` | | passes with the `amr` value `pin`, unless the enrolment is a decoy's |
//! | `get` | `scope`, `key` | `{"value", "version"}` or `null` |
//! | `put` | `scope`, `key`, `value`, `expires_at` | `null` |
//! | `swap` | `scope`, `key`, `value` (empty: forget), `version` (empty: there is nothing), `expires_at` | whether it did |
//! | `delete` | `scope`, `key` | `null` |
//! | `list` | `scope`, `key` (the prefix), `after` | `{"keys", "more"}` |
//! | `http` | `method`, `url`, `data` (the body), `header_secret` (pointer, sent as `authorization: Bearer …`) | `{"status", "headers", "body"}`, the body as text |
//! | `hmac` | `pointer`, `data` | the MAC in lower-case hexadecimal |
//! | `reveal` | `pointer` | the secret |
//! | `text` | `locale`, `text_key` (such as `greeting`, with `{name}`), `data` (the name) | the text |
//! | `log` | `data` | `null` |
//! | `settings` | | the settings, as the plugin got them |
//! | `fail` | `data` | an error with that text |
//!
//! Each but `pass` answers with the page `told` again, where `data` is `{"reply", "json"}`: what came back, and the same as
//! a text. An error is the reply `{"error": TEXT, "status": "denied" | "unsupported" | "failed"}`. Any other `do` is wrong.
//! `scope` is `account` or `plugin` (also if empty); `value` is JSON, or else a text; times are Unix milliseconds.
//!
//! **Settings**: the secrets `/token` (may be left out) and `/gateway/password` (beside `/gateway/url`), the secret of the
//! old style `/word`, and `on_start` and `on_check`: objects of such fields, run when the plugin starts and when its
//! settings are checked, which fail if that does.
#![forbid(unsafe_code)]

#[path = "errand/run.rs"]
mod run;
#[path = "errand/word.rs"]
mod word;

use plugin_api::prelude::*;

struct First;

impl run::Build for First {
    const VERSION: &'static str = "1.0.0";
    const DATA_VERSION: u32 = 1;
    const PERMISSIONS: &'static [&'static str] = &["store", "secret", "secret.reveal", "http"];
    type Kept = word::Word;
}

export_factor!(run::Errand<First>);
