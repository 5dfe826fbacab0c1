//! `file:DIR`: one JSON file a message, for the demo, for tests, and for programs that pick messages up.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::{Channel, Parcel, transport::SendError};

/// Writes into one directory.
#[derive(Debug)]
pub(super) struct FileTransport {
    dir: PathBuf,
}

/// What stands in a file.
#[derive(Serialize)]
struct Written<'m> {
    id: &'m str,
    channel: Channel,
    to: &'m str,
    subject: &'m str,
    text: &'m str,
    html: &'m str,
}

impl FileTransport {
    /// `file:DIR`, `file:/DIR` or `file:///DIR`; a relative one is relative to the working directory. The directory is
    /// made if it is missing, readable by its owner only, since messages carry codes.
    pub(super) fn new(url: &str) -> Result<Self, String> {
        let rest = url.strip_prefix("file:").unwrap_or(url);
        let dir = PathBuf::from(rest.strip_prefix("//").unwrap_or(rest));
        if dir.as_os_str().is_empty() {
            return Err("`file:` needs a directory, such as file:outbox".to_owned());
        }
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&dir)
            .map_err(|error| format!("cannot make the directory {}: {error}", dir.display()))?;
        Ok(Self { dir })
    }

    pub(super) async fn send(&self, parcel: &Parcel) -> Result<(), SendError> {
        let message = &parcel.message;
        let written = Written {
            id: &parcel.id,
            channel: message.channel,
            to: &message.to,
            subject: &message.subject,
            text: &message.text,
            html: message.html.as_deref().unwrap_or_default(),
        };
        let json =
            serde_json::to_vec_pretty(&written).map_err(|error| SendError::Permanent(format!("JSON: {error}")))?;
        // Sorted by time; the identifier makes a repeated delivery land on the first one.
        let name = format!("{:013}-{}-{}.json", parcel.created_at, message.channel.name(), parcel.id);
        let dir = self.dir.clone();
        tokio::task::spawn_blocking(move || write_durably(&dir, &name, &json))
            .await
            .map_err(|error| SendError::Temporary(format!("writing was interrupted: {error}")))?
            .map_err(|error| SendError::Temporary(format!("writing failed: {error}")))
    }
}

/// Whoever watches the directory sees the whole file or none.
fn write_durably(dir: &Path, name: &str, content: &[u8]) -> std::io::Result<()> {
    let unfinished = dir.join(format!(".{name}.tmp"));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    file.write_all(content)?;
    file.sync_all()?;
    std::fs::rename(&unfinished, dir.join(name))?;
    File::open(dir)?.sync_all()
}
