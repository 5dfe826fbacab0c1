//! The plugin files that `cargo build --workspace` has made.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// `target/<profile>`: two levels above this test's own file.
pub(crate) fn target_dir() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.ancestors().nth(2).unwrap().to_owned()
}

/// A configuration entry, `PATH@SHA256`, for one of our plugins, or for `examples/NAME`.
pub(crate) fn pinned(name: &str) -> String {
    let (folder, name) = name.rsplit_once('/').unwrap_or(("", name));
    let path = target_dir().join(folder).join(format!("lib{name}.so"));
    let file = std::fs::read(&path)
        .unwrap_or_else(|error| panic!("{}: {error}: run `cargo build --workspace` first", path.display()));
    format!("{}@{}", path.display(), hex::encode(Sha256::digest(file)))
}

/// The configuration of a provider with both of our plugins.
pub(crate) fn configuration(issuer: &str, dir: &Path, database: &str, more: &str) -> String {
    configuration_of(&OURS, issuer, dir, database, more)
}

/// Our plugins.
pub(crate) const OURS: [&str; 2] = ["cipherpad", "merchant"];

/// The configuration of a provider that pins these of our plugins. What stands behind a space goes into the entry, such as
/// `sms_factor settings = { digits = 8 }`.
pub(crate) fn configuration_of(pins: &[&str], issuer: &str, dir: &Path, database: &str, more: &str) -> String {
    let enabled: Vec<String> = pins.iter().map(|pin| entry(pin)).collect();
    let listen = issuer.strip_prefix("http://").unwrap();
    format!(
        "issuer = '{issuer}'\nlisten = '{listen}'\ndata_dir = '{dir}/data'\ndatabase_url = '{database}'\n\
         clients_file = '{dir}/clients.json'\n[mail]\nurl = 'file:{dir}/mail'\n[sms]\nurl = 'file:{dir}/sms'\n\
         [plugins]\nenabled = [{}]\n{more}",
        enabled.join(", "),
        dir = dir.display(),
    )
}

fn entry(pin: &str) -> String {
    let Some((name, more)) = pin.split_once(' ') else { return format!("'{}'", pinned(pin)) };
    let pinned = pinned(name);
    let (path, sha256) = pinned.rsplit_once('@').unwrap();
    format!("{{ path = '{path}', sha256 = '{sha256}', {more} }}")
}

/// The same configuration with further plugins behind ours.
pub(crate) fn enabling(configuration: &str, further: &[String]) -> String {
    let mut text = String::new();
    for line in configuration.lines() {
        match line.strip_suffix(']') {
            Some(list) if line.starts_with("enabled = [") => {
                text.push_str(list);
                for entry in further {
                    text.extend([", '", entry, "'"]);
                }
                text.push_str("]\n");
            }
            _ => text.extend([line, "\n"]),
        }
    }
    text
}
