//! Calls go down only: `oidc → login → plugins → store`; `account` may call the lower three, `admin` all; nobody calls up.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

/// Each room and the rooms that it may use.
const ROOMS: [(&str, &[&str]); 6] = [
    ("admin", &["account", "oidc", "login", "plugins", "store"]),
    ("oidc", &["login", "plugins", "store"]),
    ("login", &["plugins", "store"]),
    ("account", &["login", "plugins", "store"]),
    ("plugins", &["store"]),
    ("store", &[]),
];

/// Where all is put together, and the services that stand below every room but data and plugins.
const ABOVE_ALL: [&str; 5] = ["app", "cli", "serve", "lib", "main"];

#[test]
fn calls_go_down_only() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut looked_at, mut uses) = (0, 0);
    for file in rust_files(&source) {
        let module = file.strip_prefix(&source).unwrap().components().next().unwrap().as_os_str().to_str().unwrap();
        let module = module.trim_end_matches(".rs");
        if ABOVE_ALL.contains(&module) {
            continue;
        }
        let allowed =
            ROOMS.iter().find(|(room, _)| *room == module).map_or(&["plugins", "store"][..], |(_, below)| *below);
        let text = std::fs::read_to_string(&file).unwrap();
        for used in used_modules(&text) {
            let is_room = ROOMS.iter().any(|(room, _)| *room == used);
            let fits = !is_room || used == module || allowed.contains(&used.as_str());
            assert!(fits, "{}: {module} calls up, or across, to {used}", file.display());
            uses += 1;
        }
        looked_at += 1;
    }
    assert!(looked_at > 40 && uses > 150, "too little was looked at: {looked_at} files, {uses} uses");
}

fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// First names after `crate::`, in code; `App` is named in signatures everywhere and is no call.
fn used_modules(text: &str) -> BTreeSet<String> {
    let code: String = text.lines().map(|line| line.split("//").next().unwrap()).collect::<Vec<_>>().join("\n");
    let mut used = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(list) => used.extend(first_names(list)),
            None => used.extend(name(rest)),
        }
    }
    used
}

/// The first name of each item of `a, b::{c, d}, e::f}`.
fn first_names(list: &str) -> Vec<String> {
    let (mut depth, mut start, mut names) = (0, 0, Vec::new());
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                names.extend(name(list[start..at].trim()));
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                names.extend(name(list[start..at].trim()));
                start = at + 1;
            }
            _ => {}
        }
    }
    names
}

fn name(text: &str) -> Option<String> {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len());
    (end > 0).then(|| text[..end].to_owned())
}

#[test]
fn uses_are_read_as_the_compiler_reads_them() {
    let text = "use crate::{\n    a,\n    b::{c, d::e},\n    f::G,\n};\n// crate::not\nuse crate::h::i; fn x() { crate::j::k() }";
    let used: Vec<String> = used_modules(text).into_iter().collect();
    assert_eq!(used, ["a", "b", "f", "h", "j"]);
}
