//! What the owner of an account wants to be told about attempts, and where. Pure.

use serde::{Deserialize, Serialize};

use crate::{config::Notices, store::log::Event};

/// Kinds of attempts that somebody may be told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A sign-in.
    Login,
    /// A sign-in that failed or was declined.
    LoginFailed,
    /// A payment that was approved.
    Payment,
    /// A payment that failed or was declined.
    PaymentFailed,
}

impl Kind {
    /// All of them, in the order of the page.
    pub const ALL: [Self; 4] = [Self::Login, Self::LoginFailed, Self::Payment, Self::PaymentFailed];

    /// As texts, settings and counts name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::LoginFailed => "login_failed",
            Self::Payment => "payment",
            Self::PaymentFailed => "payment_failed",
        }
    }

    /// The kind of an entry of the log; `None` if it tells of no attempt.
    pub fn of(event: &Event) -> Option<Self> {
        match (event.what.as_str(), event.result.as_str()) {
            ("login", "ok") => Some(Self::Login),
            ("login", _) => Some(Self::LoginFailed),
            ("payment", "ok") => Some(Self::Payment),
            ("payment", _) => Some(Self::PaymentFailed),
            _ => None,
        }
    }

    /// Whether anybody can cause it who knows an address of the account.
    pub fn is_failure(self) -> bool {
        matches!(self, Self::LoginFailed | Self::PaymentFailed)
    }
}

/// Which addresses are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mail {
    /// None.
    #[default]
    Off,
    /// The main one.
    Main,
    /// All of the account.
    All,
}

impl Mail {
    /// All of them, with their names, in the order of the page.
    pub const ALL: [(&'static str, Self); 3] = [("off", Self::Off), ("main", Self::Main), ("all", Self::All)];

    /// By its name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find_map(|(known, mail)| (known == name).then_some(mail))
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::ALL.into_iter().find_map(|(name, mail)| (mail == self).then_some(name)).unwrap_or_default()
    }
}

/// Where one kind is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Means {
    /// By e-mail.
    pub mail: Mail,
    /// By text message, while the administrator allows that.
    pub sms: bool,
}

/// Where each kind is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    login: Means,
    login_failed: Means,
    payment: Means,
    payment_failed: Means,
}

impl Choice {
    /// What an account has `chosen`, as its row holds it; what the settings say when that is nothing, or nothing that can
    /// be read.
    pub fn read(chosen: &str, settings: &Notices) -> Self {
        let by = |mail| Means { mail, sms: false };
        let usual = Self {
            login: by(settings.login),
            login_failed: by(settings.login_failed),
            payment: by(settings.payment),
            payment_failed: by(settings.payment_failed),
        };
        if chosen.is_empty() {
            return usual;
        }
        let mut choice = serde_json::from_str(chosen).unwrap_or(usual);
        if !settings.sms {
            for kind in Kind::ALL {
                choice.set(kind, choice.of(kind).without_sms());
            }
        }
        choice
    }

    /// Where a kind is told.
    pub fn of(&self, kind: Kind) -> Means {
        match kind {
            Kind::Login => self.login,
            Kind::LoginFailed => self.login_failed,
            Kind::Payment => self.payment,
            Kind::PaymentFailed => self.payment_failed,
        }
    }

    /// Chooses where a kind is told.
    pub fn set(&mut self, kind: Kind, means: Means) {
        *match kind {
            Kind::Login => &mut self.login,
            Kind::LoginFailed => &mut self.login_failed,
            Kind::Payment => &mut self.payment,
            Kind::PaymentFailed => &mut self.payment_failed,
        } = means;
    }
}

impl Means {
    /// Whether it is told at all.
    pub fn is_off(self) -> bool {
        self.mail == Mail::Off && !self.sms
    }

    /// Somebody who chose text messages alone is told by mail when there are none.
    fn without_sms(self) -> Self {
        let mail = if self.sms && self.mail == Mail::Off { Mail::Main } else { self.mail };
        Self { mail, sms: false }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn entries_of_the_log_have_their_kind() {
        for (what, result, kind) in [
            ("login", "ok", Some(Kind::Login)),
            ("login", "wrong", Some(Kind::LoginFailed)),
            ("login", "declined", Some(Kind::LoginFailed)),
            ("payment", "ok", Some(Kind::Payment)),
            ("payment", "blocked", Some(Kind::PaymentFailed)),
            ("consent", "ok", None),
            ("method_off", "ok", None),
        ] {
            assert_eq!(Kind::of(&Event::new(what, result)), kind, "{what} {result}");
        }
    }

    #[test]
    fn what_was_chosen_is_read_again_and_nothing_means_the_settings() {
        let settings = Notices { sms: true, payment: Mail::All, ..Notices::default() };
        let usual = Choice::read("", &settings);
        assert_eq!(usual.of(Kind::Payment), Means { mail: Mail::All, sms: false });
        assert!(usual.of(Kind::Login).is_off() && usual.of(Kind::LoginFailed).is_off());
        let mut choice = usual;
        for (kind, mail) in Kind::ALL.into_iter().zip([Mail::All, Mail::Off, Mail::Main, Mail::Off]) {
            choice.set(kind, Means { mail, sms: kind == Kind::Login || kind == Kind::LoginFailed });
        }
        let text = serde_json::to_string(&choice).unwrap();
        assert_eq!(Choice::read(&text, &settings), choice);
        for unreadable in ["{", "null", "{\"login\":{\"mail\":\"loud\",\"sms\":false}}"] {
            assert_eq!(Choice::read(unreadable, &settings), usual, "{unreadable}");
        }
    }

    #[test]
    fn without_text_messages_nobody_is_left_untold() {
        let mut choice = Choice::default();
        choice.set(Kind::Login, Means { mail: Mail::Off, sms: true });
        choice.set(Kind::Payment, Means { mail: Mail::All, sms: true });
        let read = Choice::read(&serde_json::to_string(&choice).unwrap(), &Notices::default());
        assert_eq!(read.of(Kind::Login), Means { mail: Mail::Main, sms: false });
        assert_eq!(read.of(Kind::Payment), Means { mail: Mail::All, sms: false });
        assert!(read.of(Kind::LoginFailed).is_off());
    }

    #[test]
    fn names_are_those_of_the_settings() {
        for (name, mail) in Mail::ALL {
            assert_eq!((Mail::named(name), mail.name()), (Some(mail), name));
            assert_eq!(serde_json::to_string(&mail).unwrap(), format!("\"{name}\""));
        }
        assert_eq!(Mail::named("loud"), None);
    }
}
