//! `enum-idp plugin new`: a factor to begin with, complete and tested.
//!
//! What is written is `examples/plugin-hello-rust` under another name, so that the template is the very code that our
//! own tests build and run; only its manifest and its readme are templates of their own, in `plugin-api/template`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::Failure;

/// Longest name: that of a plugin's id.
const LONGEST: usize = 32;

/// The files of a crate, and what they begin as.
const FILES: [(&str, &str); 9] = [
    ("Cargo.toml", include_str!("../../../plugin-api/template/Cargo.toml.in")),
    ("README.md", include_str!("../../../plugin-api/template/README.md.in")),
    ("src/lib.rs", include_str!("../../../examples/plugin-hello-rust/src/lib.rs")),
    ("pages/ask.html", include_str!("../../../examples/plugin-hello-rust/pages/ask.html")),
    ("pages/set.html", include_str!("../../../examples/plugin-hello-rust/pages/set.html")),
    ("locales/en.json", include_str!("../../../examples/plugin-hello-rust/locales/en.json")),
    ("locales/ru.json", include_str!("../../../examples/plugin-hello-rust/locales/ru.json")),
    ("locales/vi.json", include_str!("../../../examples/plugin-hello-rust/locales/vi.json")),
    ("tests/conformance.rs", include_str!("../../../examples/plugin-hello-rust/tests/conformance.rs")),
];

/// What `enum-idp plugin new` is told.
#[derive(clap::Args)]
pub(super) struct New {
    /// Name of the crate and id of the factor: lower-case letters, digits and hyphens.
    name: String,
    /// Where to put its directory.
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// Directory of the crate `plugin-api`; found by itself inside a checkout of E-num.
    #[arg(long)]
    plugin_api: Option<PathBuf>,
}

impl New {
    /// Writes the crate. An existing directory is left as it is.
    pub(super) fn run(&self) -> Result<(), Failure> {
        let crate_dir = self.write()?;
        super::print(false, &(), |()| {
            format!("{} is ready: cd there, `cargo test`, and read its README.md", crate_dir.display())
        })
    }

    fn write(&self) -> Result<PathBuf, Failure> {
        let New { name, dir, plugin_api } = self;
        if !is_name(name) {
            let rule = "begins with a lower-case letter, goes on with lower-case letters, digits and single hyphens";
            return Err(format!("`{name}` cannot be its name: a name {rule}, and has at most {LONGEST} of them").into());
        }
        let plugin_api = match plugin_api {
            Some(given) => library(given)?,
            None => found(dir)?,
        };
        let crate_dir = dir.join(name);
        // Not `create_dir_all`: what exists is somebody's work.
        fs::create_dir(&crate_dir).map_err(|error| format!("{}: {error}", crate_dir.display()))?;
        for (file, text) in FILES {
            let path = crate_dir.join(file);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::write(&path, filled(file, text, name, &plugin_api))?;
        }
        Ok(crate_dir)
    }
}

fn is_name(name: &str) -> bool {
    let words = name
        .split('-')
        .all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()));
    words && name.len() <= LONGEST && name.starts_with(|first: char| first.is_ascii_lowercase())
}

/// The absolute path of a directory that holds the crate `plugin-api`.
fn library(dir: &Path) -> Result<String, Failure> {
    let manifest = dir.join("Cargo.toml");
    let text = fs::read_to_string(&manifest).map_err(|error| format!("{}: {error}", manifest.display()))?;
    if !text.contains("name = \"plugin-api\"") {
        return Err(format!("{} is not the crate plugin-api", dir.display()).into());
    }
    let whole = dir.canonicalize()?;
    whole.to_str().map(str::to_owned).ok_or_else(|| format!("{} is not UTF-8", whole.display()).into())
}

/// The same, in `dir` or a directory above it.
fn found(dir: &Path) -> Result<String, Failure> {
    let start = dir.canonicalize().map_err(|error| format!("{}: {error}", dir.display()))?;
    let beside = start.ancestors().map(|above| above.join("plugin-api"));
    beside.filter(|place| place.join("Cargo.toml").is_file()).find_map(|place| library(&place).ok()).ok_or_else(|| {
        let advice = "go into a checkout of E-num, or say where its crate is with --plugin-api DIR";
        format!("there is no plugin-api in or above {}: {advice}", start.display()).into()
    })
}

fn filled(file: &str, text: &str, name: &str, plugin_api: &str) -> String {
    let library = format!("{}_factor", name.replace('-', "_"));
    match file {
        "Cargo.toml" | "README.md" => text
            .replace("@NAME@", name)
            .replace("@IDENT@", &library)
            .replace("@PLUGIN_API@", &toml::Value::from(plugin_api).to_string()),
        _ => text.replace("factor(\"hello\"", &format!("factor(\"{name}\"")).replace("plugin_hello_rust", &library),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn new(name: &str, dir: &Path) -> Result<PathBuf, Failure> {
        let plugin_api = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugin-api");
        New { name: name.to_owned(), dir: dir.to_owned(), plugin_api: Some(plugin_api) }.write()
    }

    #[test]
    fn a_name_that_could_not_be_an_id_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let long = "a".repeat(33);
        for bad in ["", "Word", "1word", "-word", "word-", "wo--rd", "wo_rd", "../word", "wo rd", "слово", &long] {
            let refused = new(bad, dir.path()).unwrap_err().to_string();
            assert!(refused.contains("cannot be its name"), "{bad}: {refused}");
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_exists_stays_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let made = new("word", dir.path()).unwrap();
        fs::write(made.join("src/lib.rs"), "mine").unwrap();
        new("word", dir.path()).unwrap_err();
        assert_eq!(fs::read_to_string(made.join("src/lib.rs")).unwrap(), "mine");
    }

    #[test]
    fn nothing_of_the_template_s_own_name_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let made = new("my-word2", dir.path()).unwrap();
        for (file, _) in FILES {
            let text = fs::read_to_string(made.join(file)).unwrap();
            assert!(!text.contains("hello") && !text.contains("@NAME@") && !text.contains("@IDENT@"), "{file}");
        }
        assert!(fs::read_to_string(made.join("src/lib.rs")).unwrap().contains("Manifest::factor(\"my-word2\""));
        assert!(fs::read_to_string(made.join("tests/conformance.rs")).unwrap().contains("use my_word2_factor::"));
    }

    #[test]
    fn another_crate_is_not_taken_for_the_library() {
        let dir = tempfile::tempdir().unwrap();
        let idp = Path::new(env!("CARGO_MANIFEST_DIR")).to_owned();
        let refused = New { name: "word".to_owned(), dir: dir.path().to_owned(), plugin_api: Some(idp) }.write();
        assert!(refused.unwrap_err().to_string().contains("is not the crate plugin-api"));
        let refused = New { name: "word".to_owned(), dir: dir.path().to_owned(), plugin_api: None }.write();
        assert!(refused.unwrap_err().to_string().contains("--plugin-api"));
    }
}
