//! What a publisher does: make a key, sign a file.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use serde_json::json;
use zeroize::Zeroizing;

use super::{Failure, print};
use crate::{
    clock::Clock,
    plugins::signature::{self, keygen},
};

#[derive(clap::Args)]
pub(in crate::cli) struct Keygen {
    /// Where to: NAME.key (keep it secret) and NAME.pub.
    #[arg(long)]
    out: PathBuf,
    /// File whose first line is a password that the secret key is encrypted with. Without it the key is not encrypted,
    /// and only the file's mode keeps it secret.
    #[arg(long)]
    password_file: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Keygen {
    pub(super) fn run(self) -> Result<(), Failure> {
        let password = self.password_file.as_deref().map(password).transpose()?;
        let key = keygen(password.as_ref().map(|password| password.as_str()))?;
        let (secret, public) = (with_ending(&self.out, "key"), with_ending(&self.out, "pub"));
        // The secret half first: were its file there already, nothing would be overwritten.
        create(&secret, 0o600, key.secret.as_bytes())?;
        create(&public, 0o644, key.public.as_bytes())?;
        let told = json!({ "id": key.id, "key": key.trusted, "secret_file": secret, "public_file": public });
        print(self.json, &told, |_| {
            format!(
                "key {}\nsecret: {} (keep it)\npublic: {}\nservers trust it with: plugins.trusted_keys = [\"{}\"]",
                key.id,
                secret.display(),
                public.display(),
                key.trusted
            )
        })
    }
}

#[derive(clap::Args)]
pub(in crate::cli) struct Sign {
    /// The plugin file.
    file: PathBuf,
    /// The secret key: NAME.key of `plugin keygen`, or one of minisign's.
    #[arg(long)]
    key: PathBuf,
    /// File whose first line is the password of an encrypted key.
    #[arg(long)]
    password_file: Option<PathBuf>,
    /// One line that the signature covers as well; by default the time and the file's name.
    #[arg(long)]
    comment: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Sign {
    pub(super) fn run(self) -> Result<(), Failure> {
        let bytes = read(&self.file)?;
        let secret = Zeroizing::new(fs::read_to_string(&self.key).map_err(|error| told(&self.key, &error))?);
        let password = self.password_file.as_deref().map(password).transpose()?;
        let comment = self.comment.unwrap_or_else(|| {
            let name = self.file.file_name().unwrap_or_default().to_string_lossy();
            format!("timestamp:{}\tfile:{name}\thashed", Clock::system().seconds())
        });
        let text = signature::sign(&bytes, &secret, password.as_ref().map(|password| password.as_str()), &comment)?;
        let signature = with_ending(&self.file, "minisig");
        fs::write(&signature, text).map_err(|error| told(&signature, &error))?;
        print(self.json, &json!({ "signature": signature, "comment": comment }), |_| {
            format!("signed: {}", signature.display())
        })
    }
}

/// `NAME.ending`, whatever dots the name has.
fn with_ending(name: &Path, ending: &str) -> PathBuf {
    PathBuf::from(format!("{}.{ending}", name.display()))
}

fn password(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let text = Zeroizing::new(fs::read_to_string(path).map_err(|error| told(path, &error))?);
    match text.lines().next() {
        Some(line) if !line.is_empty() => Ok(Zeroizing::new(line.to_owned())),
        _ => Err(format!("{}: its first line should be the password, and is empty", path.display()).into()),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| told(path, &error))
}

fn create(path: &Path, mode: u32, bytes: &[u8]) -> Result<(), Failure> {
    let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    file.and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all())).map_err(|error| told(path, &error))
}

fn told(path: &Path, error: &std::io::Error) -> Failure {
    format!("{}: {error}", path.display()).into()
}
