//! Why a plugin's table does not fit.

use std::fmt;

use crate::abi::{MAGIC, MAJOR, Plugin, SYMBOL};

/// Why a table was refused. Display is for the administrator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// The function returned no table.
    Null,
    /// The first field is not [`MAGIC`].
    Magic(u32),
    /// Built for another major version of the contract.
    Major(u16),
    /// Shorter than the table of version 1.0.
    Size(u32),
    /// A function is missing, by name.
    Function(&'static str),
    /// Built with `panic = "abort"`: a panic would end the server.
    Aborts,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => write!(f, "`{SYMBOL}` returned no table"),
            Self::Magic(found) => write!(f, "its table starts with {found:#010x} instead of {MAGIC:#010x}"),
            Self::Major(found) => write!(
                f,
                "it was built for version {found} of the plugin contract and this server speaks version {MAJOR}; rebuild \
                 it against the plugin-api of this server"
            ),
            Self::Size(found) => {
                write!(f, "its table has {found} bytes and version {MAJOR} has at least {}", size_of::<Plugin>())
            }
            Self::Function(name) => write!(f, "its table has no `{name}` function"),
            Self::Aborts => write!(
                f,
                "it was built with `panic = \"abort\"`, so that a fault in it would end the server; rebuild it with \
                 `panic = \"unwind\"`"
            ),
        }
    }
}

impl std::error::Error for Mismatch {}
