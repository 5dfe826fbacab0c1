//! The contract from the other side: plugins that share no line with this crate.
#![expect(clippy::unwrap_used, reason = "tests")]

mod c;

use std::path::Path;
use std::process::Command;

use plugin_api::message::{Context, Effect, Input, Purpose, Step};
use plugin_api::testing::conformance::{self, Asked, Person};
use plugin_api::testing::{Loaded, context};
use serde_json::json;

/// Where the test under the sanitizers finds its library.
const LIBRARY: &str = "ENUM_TEST_C_PLUGIN";

fn hello(name: &str, flags: &[&str]) -> std::path::PathBuf {
    c::compiled(name, "../examples/plugin-hello-c/hello.c", "include", flags)
}

/// With a PIN.
struct Ann;

impl Person for Ann {
    fn enrol(&mut self, _: &Context, _: &Asked) -> Input {
        Input::from_iter([("answer", "271828"), ("again", "271828")])
    }

    fn answer(&mut self, _: &Context, _: &Asked) -> Input {
        Input::from_iter([("answer", "271828")])
    }

    fn wrong(&mut self, _: &Context, _: &Asked) -> Input {
        Input::from_iter([("answer", "271829")])
    }
}

#[test]
fn the_example_in_c_conforms() {
    conformance::factor(c::table(&hello("hello", &["-O2"])), &mut Ann).unwrap();
}

#[test]
fn the_example_in_c_tells_what_is_no_pin() {
    let loaded = Loaded::new(c::table(&hello("hello_told", &["-O2"])), &json!({})).unwrap();
    let cx = context(Purpose::Authorize);
    let told = |answer: &str, again: &str| {
        let input = Input::from_iter([("answer", answer), ("again", again)]);
        match loaded.enrol_answer(&cx, &json!(null), &input).unwrap() {
            Step::Ask { data, .. } => data["problem"].as_str().unwrap().to_owned(),
            step => format!("{step:?}"),
        }
    };
    for none in ["", "27182", "2718281828459", "27182x", "27182 ", "27182\u{661}", "27182\"", "27182\0"] {
        assert_eq!(told(none, none), "problem_form", "{none:?}");
    }
    assert_eq!(told("271828", "271829"), "problem_again");
    assert!(told("271828182845", "271828182845").starts_with("Pass"));
}

#[test]
fn the_hash_of_the_example_in_c_is_sha_256() {
    // The program prints what FIPS 180-4's authors computed, whichever length the message has.
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sha256");
    std::fs::create_dir_all(&dir).unwrap();
    let (source, program) = (dir.join("main.c"), dir.join("main"));
    std::fs::write(
        &source,
        r#"
#include "sha256.h"
#include <stdio.h>
int main(void) {
  static const char *const TEXTS[] = {"", "abc", "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
    "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu"};
  for (int i = 0; i < 4; i++) {
    uint8_t hash[SHA256_SIZE];
    sha256((const uint8_t *)TEXTS[i], strlen(TEXTS[i]), hash);
    for (int j = 0; j < SHA256_SIZE; j++) printf("%02x", hash[j]);
    putchar('\n');
  }
}
"#,
    )
    .unwrap();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/plugin-hello-c");
    let done =
        Command::new("cc").args(["-std=c11", "-O2", "-I"]).arg(example).arg("-o").args([&program, &source]).output();
    let done = done.unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let said = String::from_utf8(Command::new(&program).output().unwrap().stdout).unwrap();
    assert_eq!(
        said.lines().collect::<Vec<_>>(),
        [
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
            "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1",
        ]
    );
}

/// A sanitizer must be there before anything else is loaded: this very test program is started again with it.
#[test]
fn the_example_in_c_conforms_under_address_and_undefined_behaviour_sanitizers() {
    let flags = ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
    let library = hello("hello_sanitized", &flags);
    let asan = Command::new("cc").arg("-print-file-name=libasan.so").output().unwrap();
    let asan = String::from_utf8(asan.stdout).unwrap().trim().to_owned();
    assert!(Path::new(&asan).is_absolute(), "the C compiler has no AddressSanitizer");
    let run = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--ignored", "the_library_that_is_named_conforms"])
        .env(LIBRARY, &library)
        .env("LD_PRELOAD", asan)
        // The host table is leaked on purpose: see `Instance::create`.
        .env("ASAN_OPTIONS", "detect_leaks=0")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout).into_owned() + &String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
#[ignore = "started by the test above, with a sanitizer"]
fn the_library_that_is_named_conforms() {
    let library = std::env::var_os(LIBRARY).unwrap();
    conformance::factor(c::table(Path::new(&library)), &mut Ann).unwrap();
}

/// With a word, for the frozen plugin.
struct Bo;

impl Person for Bo {
    fn enrol(&mut self, _: &Context, asked: &Asked) -> Input {
        let [Effect::Sms { args, .. }] = asked.effects.as_slice() else { unreachable!() };
        Input::from_iter([("code", args["code"].as_str()), ("word", "kettle")])
    }

    fn answer(&mut self, _: &Context, asked: &Asked) -> Input {
        Input::from_iter([("answer", format!("kettle-{}", asked.data["challenge"].as_str().unwrap()))])
    }

    fn wrong(&mut self, _: &Context, _: &Asked) -> Input {
        Input::from_iter([("answer", "kettle-AAAAAAAA")])
    }
}

/// If this fails, change whatever made it fail, and never the plugin: others have built theirs like it.
#[test]
fn a_plugin_of_v1_as_it_was_published_loads_and_conforms() {
    let library = c::compiled("frozen_v1", "tests/frozen-v1/plugin.c", "tests/frozen-v1", &["-O2"]);
    let table = c::table(&library);
    assert_eq!(table.minor(), 0);
    conformance::factor(table, &mut Bo).unwrap();
    let loaded = Loaded::new(table, &json!({ "shout": true })).unwrap();
    let (cx, enrolment) = (context(Purpose::Payment), json!({ "word": "kettle" }));
    let Step::Ask { state, data, .. } = loaded.begin(&cx, &enrolment).unwrap() else { unreachable!() };
    let input = Input::from_iter([("answer", format!("kettle-{}", data["challenge"].as_str().unwrap()))]);
    let Step::Pass { facts, enrolment: kept, .. } = loaded.answer(&cx, &enrolment, &state, &input).unwrap() else {
        unreachable!()
    };
    assert_eq!((facts.device.as_deref(), kept), (Some("a head"), Some(enrolment)));
    assert_eq!(facts.evidence["challenge"], data["challenge"]);
    assert_eq!(loaded.host().lines()[0].message, "right word");
}
