//! What the person is shown before the finger, and on the way.

use std::{fmt, process::Stdio, time::Duration};

use thiserror::Error;
use tokio::process::Command;

use crate::{finger::Finger, reader::Hint, screen};

/// How long a program that shows a notice may take to show it.
const SHOWN_WITHIN: Duration = Duration::from_secs(5);

/// What the finger is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// A new key for the site.
    Register,
    /// Proof to the site that its owner is here.
    Prove,
}

/// One thing to show.
#[derive(Clone, Debug)]
pub(crate) enum Notice {
    /// A site, by its origin, wants this finger.
    Asking { site: String, wish: Wish, finger: Finger },
    /// The reader could not use what it saw.
    Again(Hint),
    /// Somebody else's finger, or another one.
    NotRecognised,
    /// Done.
    Accepted,
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asking { site, wish: Wish::Register, finger } => {
                write!(
                    f,
                    "{site} wants to be opened by your {finger} from now on. Touch the reader only if you asked for it."
                )
            }
            Self::Asking { site, wish: Wish::Prove, finger } => {
                write!(
                    f,
                    "{site} wants to know that it is you. Touch the reader with your {finger} only if you asked for it."
                )
            }
            Self::Again(hint) => hint.fmt(f),
            Self::NotRecognised => f.write_str("The finger was not recognised."),
            Self::Accepted => f.write_str("Thank you."),
        }
    }
}

/// Why nothing could be shown.
#[derive(Debug, Error)]
pub(crate) enum PromptError {
    #[error("cannot write to the terminal: {0}")]
    Terminal(#[source] std::io::Error),
    #[error("{0} cannot be run: {1}")]
    Command(String, #[source] std::io::Error),
    #[error("{0} did not show the site's name: {1}")]
    NotShown(String, String),
}

/// Shows notices to the person at this computer.
#[async_trait::async_trait]
pub(crate) trait Prompt: Send + Sync {
    /// Back when it is shown.
    async fn show(&self, notice: &Notice) -> Result<(), PromptError>;
}

/// On the terminal that the bridge was started in.
pub(crate) struct Terminal;

#[async_trait::async_trait]
impl Prompt for Terminal {
    async fn show(&self, notice: &Notice) -> Result<(), PromptError> {
        screen::say(&notice.to_string()).map_err(PromptError::Terminal)
    }
}

/// By a program of the desktop, such as `notify-send`, which is given a title and a text as its last two arguments and must
/// end with 0 once it shows them.
pub(crate) struct Desktop {
    program: String,
    arguments: Vec<String>,
}

impl Desktop {
    /// `None` for an empty command.
    pub(crate) fn new(command: &[String]) -> Option<Self> {
        let (program, arguments) = command.split_first()?;
        Some(Self { program: program.clone(), arguments: arguments.to_vec() })
    }
}

#[async_trait::async_trait]
impl Prompt for Desktop {
    async fn show(&self, notice: &Notice) -> Result<(), PromptError> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).args(["Fingerprint", &notice.to_string()]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
        let mut running = command.spawn().map_err(|error| PromptError::Command(self.program.clone(), error))?;
        let not_shown = |why: String| PromptError::NotShown(self.program.clone(), why);
        match tokio::time::timeout(SHOWN_WITHIN, running.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(not_shown(status.to_string())),
            Ok(Err(error)) => Err(not_shown(error.to_string())),
            Err(_) => Err(not_shown(format!("it took longer than {} s", SHOWN_WITHIN.as_secs()))),
        }
    }
}
