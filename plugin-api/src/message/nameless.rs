//! Answers of people who have not said who they are: the answer itself says it. For factors with
//! [`super::permission::NAMELESS`].

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Context, Input};

/// Request of [`super::method::BEGIN_NAMELESS`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BeginNameless {
    /// Surroundings of a login. Nothing is known of the account: its fields are empty. `random` is derived by the host from
    /// the visit and a slice of time, never from an enrolment.
    pub cx: Context,
}

/// Request of [`super::method::CLAIM`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    /// Surroundings, as when it was asked.
    pub cx: Context,
    /// State of the step that asked.
    pub state: Value,
    /// What the person or the device sent, by field name.
    pub input: Input,
}

/// Reply to [`super::method::CLAIM`]: whose the answer says that it is. Nothing of it is believed: the host looks up what that
/// account has of this factor, and has the answer judged ([`super::method::ANSWER`]) with the same randomness and state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claimed {
    /// [`super::AccountView::id`] of the account, as the plugin had it while enrolling; none if the answer names nobody.
    #[serde(default)]
    pub account: Option<String>,
}
