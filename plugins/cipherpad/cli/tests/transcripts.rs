//! The real program against a real provider's side on loopback: the factor plugin behind a small HTTP server.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod provider;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Command, Output, Stdio},
    thread,
};

use plugin_api::message::{Purpose, Signal, Step, SubjectKind};
use provider::Provider;
use serde_json::Value;
use tempfile::TempDir;

const PIN: &str = "826491";

/// Somebody at a shell, with an empty folder.
struct Shell {
    folder: TempDir,
}

impl Shell {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn store(&self) -> PathBuf {
        self.folder.path().join("pad.json")
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_enum-pad"));
        command.env_remove("ENUM_PAD_PIN").stdin(Stdio::null()).arg("--store").arg(self.store()).args(args);
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Standard output of a run that must succeed.
    fn says(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {}", stderr(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Standard error of a run that must fail and must not have shown an answer.
    fn fails(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(!output.status.success(), "{args:?} succeeded");
        assert!(output.stdout.is_empty(), "{args:?} wrote {:?}", output.stdout);
        stderr(&output)
    }

    fn activate(&self, provider: &Provider, more: &[&str]) -> Output {
        let code = provider.order_code();
        let mut args = vec!["activate", "--url", provider.url(), "--email", "ann@example.org", "--code", &code];
        args.extend(more);
        self.run(&args)
    }

    fn pad(&self) -> Value {
        serde_json::from_slice(&fs::read(self.store()).unwrap()).unwrap()
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A shell with an activated pad.
fn activated(more: &[&str]) -> (Shell, Provider) {
    let (shell, provider) = (Shell::new(), Provider::start());
    let output = shell.activate(&provider, more);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(output.stdout.is_empty());
    (shell, provider)
}

fn one_line(text: &str) -> &str {
    let digits = text.strip_suffix('\n').expect("one line");
    assert!(digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_digit()), "{text:?}");
    digits
}

#[test]
fn activate_with_a_pin_then_log_in_twice() {
    let (shell, provider) = activated(&["--pin", PIN]);
    for _ in 0..2 {
        let asked = provider.ask(Purpose::Authorize);
        // As it stands on the page: two groups, here without quotation marks.
        let shown = asked.text("challenge_grouped");
        let (first, second) = shown.split_once(' ').unwrap();
        let answer = shell.says(&["answer", first, second, "--pin", PIN]);
        assert!(matches!(provider.answer(&asked, one_line(&answer)), Step::Pass { .. }));
    }
}

#[test]
fn activate_without_pin_and_without_terminal_works_and_says_so() {
    let (shell, provider) = (Shell::new(), Provider::start());
    let output = shell.activate(&provider, &[]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stderr(&output).contains("stored without a PIN"), "{}", stderr(&output));
    let asked = provider.ask(Purpose::Authorize);
    let answer = shell.says(&["answer", &asked.text("challenge")]);
    assert!(matches!(provider.answer(&asked, one_line(&answer)), Step::Pass { .. }));
}

#[test]
fn a_wrong_pin_gives_an_answer_that_only_the_server_can_refuse() {
    let (shell, provider) = activated(&["--pin", PIN]);
    let asked = provider.ask(Purpose::Authorize);
    let answer = shell.says(&["answer", &asked.text("challenge"), "--pin", "826492"]);
    assert_eq!(provider.answer(&asked, one_line(&answer)), Step::Wrong { signal: None });
    let answer = shell.says(&["answer", &asked.text("challenge"), "--pin", PIN]);
    assert!(matches!(provider.answer(&asked, one_line(&answer)), Step::Pass { .. }));
}

#[test]
fn the_pin_may_come_from_the_environment_and_is_missed_otherwise() {
    let (shell, provider) = activated(&["--pin", PIN]);
    let asked = provider.ask(Purpose::Authorize);
    let error = shell.fails(&["answer", &asked.text("challenge")]);
    assert!(error.contains("ENUM_PAD_PIN"), "{error}");
    let output = shell.command(&["answer", &asked.text("challenge")]).env("ENUM_PAD_PIN", PIN).output().unwrap();
    let answer = String::from_utf8(output.stdout).unwrap();
    assert!(matches!(provider.answer(&asked, one_line(&answer)), Step::Pass { .. }));
}

#[test]
fn pay_confirms_exactly_this_payee_and_amount() {
    let (shell, provider) = activated(&["--no-pin"]);
    let pay = |challenge: &str, purse: &str, amount: &str| {
        let answer = shell.says(&["pay", challenge, "--purse", purse, "--amount", amount]);
        one_line(&answer).to_owned()
    };
    let asked = provider.ask(Purpose::Payment);
    let challenge = asked.text("challenge");
    for (purse, amount) in [("Z123456789012", "12.51"), ("Z123456789013", "12.50"), ("E123456789012", "12.50")] {
        assert_eq!(provider.answer(&asked, &pay(&challenge, purse, amount)), Step::Wrong { signal: None });
    }
    let login = shell.says(&["answer", &challenge]);
    assert_eq!(provider.answer(&asked, one_line(&login)), Step::Wrong { signal: None });
    assert!(matches!(provider.answer(&asked, &pay(&challenge, "z 1234 5678 9012", "12,5")), Step::Pass { .. }));
}

#[test]
fn scan_answers_what_the_provider_signed_and_shows_it() {
    let (shell, provider) = activated(&["--no-pin"]);
    let asked = provider.ask(Purpose::Payment);
    let output = shell.run(&["scan", &asked.text("qr")]);
    let answer = String::from_utf8(output.stdout.clone()).unwrap();
    for shown in ["Corner Shop (https://shop.example)", "Z123456789012", "12.50 WMZ"] {
        assert!(stderr(&output).contains(shown), "{}", stderr(&output));
    }
    assert!(matches!(provider.answer(&asked, one_line(&answer)), Step::Pass { .. }));

    let asked = provider.ask(Purpose::Authorize);
    let answer = shell.says(&["scan", &asked.text("qr")]);
    assert!(matches!(provider.answer(&asked, one_line(&answer)), Step::Pass { .. }));
}

#[test]
fn an_operation_is_answered_by_its_check_number_and_amount() {
    let (shell, provider) = activated(&["--no-pin"]);
    let asked = provider.ask_of(SubjectKind::Operation);
    let (challenge, check) = (asked.text("challenge"), asked.text("payee"));
    let wrong = Step::Wrong { signal: None };
    let as_payment = shell.says(&["pay", &challenge, "--purse", &check, "--amount", "12.50"]);
    assert_eq!(provider.answer(&asked, one_line(&as_payment)), wrong);
    let without = shell.says(&["operation", &challenge, "--check", &check]);
    assert_eq!(provider.answer(&asked, one_line(&without)), wrong);
    let right = shell.says(&["operation", &challenge, "--check", &check.to_lowercase(), "--amount", "12,5"]);
    assert!(matches!(provider.answer(&asked, one_line(&right)), Step::Pass { .. }));
}

#[test]
fn scan_shows_in_words_what_is_no_payment_to_one_purse() {
    let (shell, provider) = activated(&["--no-pin"]);
    for kind in SubjectKind::ALL {
        let asked = provider.ask_of(kind);
        let output = shell.run(&["scan", &asked.text("qr")]);
        let words = format!("What: What is approved: {kind:?}");
        for shown in [words, format!("Check number: {}", asked.text("payee")), "12.50 WMZ".to_owned()] {
            assert!(stderr(&output).contains(&shown), "{}", stderr(&output));
        }
        assert!(!stderr(&output).contains("Payee:"), "{}", stderr(&output));
        let answer = String::from_utf8(output.stdout.clone()).unwrap();
        assert!(matches!(provider.answer(&asked, one_line(&answer)), Step::Pass { .. }));
    }
}

#[test]
fn scan_answers_classic_codes_and_warns() {
    let (shell, provider) = activated(&["--no-pin"]);
    let asked = provider.ask(Purpose::Payment);
    let text = format!("enum:p?c={}&p=Z123456789012&a=12,50", asked.text("challenge"));
    let output = shell.run(&["scan", &text]);
    assert!(stderr(&output).contains("not signed"), "{}", stderr(&output));
    let answer = String::from_utf8(output.stdout).unwrap();
    assert!(matches!(provider.answer(&asked, one_line(&answer)), Step::Pass { .. }));
    let error = shell.fails(&["scan", &format!("enum:p?c={}&p=123456789012&a=1", asked.text("challenge"))]);
    assert!(error.contains("letter"), "{error}");
}

#[test]
fn scan_refuses_what_another_provider_signed() {
    let (shell, _provider) = activated(&["--no-pin"]);
    let (_other_shell, other) = activated(&["--no-pin"]);
    let error = shell.fails(&["scan", &other.ask(Purpose::Authorize).text("qr")]);
    assert!(error.contains("not signed by your provider"), "{error}");
}

#[test]
fn bad_input_is_refused_without_taking_a_counter() {
    let (shell, _provider) = activated(&["--no-pin"]);
    let before = shell.pad()["counter"].clone();
    for (args, part) in [
        (&["answer", "1234567"][..], "8 digits"),
        (&["answer", "01234567"], "never starts with 0"),
        (&["pay", "12345678", "--purse", "123456789012", "--amount", "1"], "letter"),
        (&["pay", "12345678", "--purse", "Z123456789012", "--amount", "1,000"], "group"),
        (&["scan", "https://shop.example"], "not an E-num code"),
    ] {
        let error = shell.fails(args);
        assert!(error.contains(part), "{args:?}: {error}");
    }
    assert_eq!(shell.pad()["counter"], before);
}

#[test]
fn the_store_is_private_and_every_answer_takes_a_counter() {
    let (shell, _provider) = activated(&["--pin", PIN]);
    assert_eq!(fs::metadata(shell.store()).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(shell.pad()["counter"], 1);
    shell.says(&["answer", "12345678", "--pin", PIN]);
    assert_eq!(shell.pad()["counter"], 2);
    assert_eq!(fs::metadata(shell.store()).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(shell.store()).unwrap();
    assert!(!text.contains(PIN) && !text.contains("plain"), "{text}");
}

#[test]
fn two_programs_at_once_never_share_a_counter() {
    let (shell, _provider) = activated(&["--no-pin"]);
    let answers: Vec<String> = thread::scope(|scope| {
        let runs: Vec<_> = (0..12).map(|_| scope.spawn(|| shell.says(&["answer", "12345678"]))).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    assert_eq!(shell.pad()["counter"], 13);
    let distinct: std::collections::HashSet<&String> = answers.iter().collect();
    assert_eq!(distinct.len(), 12);
}

#[test]
fn a_copied_store_shows_as_a_clone() {
    let (shell, provider) = activated(&["--no-pin"]);
    let copy = Shell::new();
    fs::copy(shell.store(), copy.store()).unwrap();
    let asked = provider.ask(Purpose::Authorize);
    let answer = shell.says(&["answer", &asked.text("challenge")]);
    assert!(matches!(provider.answer(&asked, one_line(&answer)), Step::Pass { .. }));
    let asked = provider.ask(Purpose::Authorize);
    let answer = copy.says(&["answer", &asked.text("challenge")]);
    assert_eq!(provider.answer(&asked, one_line(&answer)), Step::Wrong { signal: Some(Signal::Clone) });
}

#[test]
fn a_mistyped_code_is_noticed_before_the_server_is_asked() {
    let (shell, provider) = (Shell::new(), Provider::start());
    let code = provider.order_code();
    let (start, last) = code.split_at(code.len() - 1);
    let typo = format!("{start}{}", if last == "0" { "1" } else { "0" });
    let args = |code| vec!["activate", "--url", provider.url(), "--email", "ann@example.org", "--code", code];
    let error = shell.fails(&args(&typo));
    assert!(error.contains("typing mistake"), "{error}");
    assert_eq!(provider.requests(), 0);
    assert!(!shell.store().exists());
    let forgiven = code.to_lowercase().replace('-', " ").replace('0', "o");
    shell.says(&args(&forgiven));
}

#[test]
fn the_code_of_another_account_does_not_activate() {
    let (shell, provider) = (Shell::new(), Provider::start());
    provider.order_code();
    let args = ["activate", "--url", provider.url(), "--email", "ann@example.org", "--code", "0000-0000-0000-0000-0"];
    let error = shell.fails(&args);
    assert!(error.contains("could not prove"), "{error}");
    assert!(!shell.store().exists());
}

#[test]
fn what_the_server_refuses_is_told() {
    let (shell, provider) = (Shell::new(), Provider::start());
    let args = ["activate", "--url", provider.url(), "--email", "bob@example.org", "--code", "0000-0000-0000-0000-0"];
    let error = shell.fails(&args);
    assert!(error.contains("nothing is being activated") && error.contains("order a new one"), "{error}");
}

#[test]
fn activation_goes_over_https_or_stays_on_this_computer() {
    let shell = Shell::new();
    let fails =
        |url| shell.fails(&["activate", "--url", url, "--email", "ann@example.org", "--code", "0000-0000-0000-0000-0"]);
    assert!(fails("http://id.example").contains("not encrypted"));
    assert!(fails("id.example").contains("https://"));
    assert!(fails("ftp://127.0.0.1").contains("https://"));
    assert!(!shell.store().exists());
}

#[test]
fn easy_pins_are_refused_before_the_code_is_used() {
    let (shell, provider) = (Shell::new(), Provider::start());
    let output = shell.activate(&provider, &["--pin", "123456"]);
    assert!(!output.status.success() && stderr(&output).contains("thief"), "{}", stderr(&output));
    let output = shell.activate(&provider, &["--pin", "8264"]);
    assert!(!output.status.success() && stderr(&output).contains("6 to 12"), "{}", stderr(&output));
    assert_eq!(provider.requests(), 0);
}

#[test]
fn another_accounts_pad_is_not_given_up_by_accident() {
    let (shell, _provider) = activated(&["--no-pin"]);
    let other = Provider::start();
    let output = shell.activate(&other, &["--no-pin"]);
    assert!(!output.status.success() && stderr(&output).contains("--replace"), "{}", stderr(&output));
    let output = shell.activate(&other, &["--no-pin", "--replace"]);
    assert!(output.status.success(), "{}", stderr(&output));
}

#[test]
fn without_a_store_or_with_a_damaged_one_the_next_step_is_named() {
    let shell = Shell::new();
    let error = shell.fails(&["answer", "12345678"]);
    assert!(error.contains("activate this pad first"), "{error}");
    assert_eq!(fs::read_dir(shell.folder.path()).unwrap().count(), 0);
    for damaged in ["", "{}", "{\"version\": 2}", "not json"] {
        fs::write(shell.store(), damaged).unwrap();
        let error = shell.fails(&["answer", "12345678"]);
        assert!(error.contains("activate this pad anew"), "{error}");
    }
}

#[test]
fn the_picture_goes_with_the_pin_and_not_to_paranoids() {
    let (shell, _provider) = activated(&["--pin", PIN]);
    let picture = |pin: &str| stderr(&shell.run(&["answer", "12345678", "--pin", pin]));
    assert!(picture(PIN).contains("Picture of your PIN: "));
    assert_eq!(picture(PIN), picture(PIN));
    let (shell, _provider) = activated(&["--pin", PIN, "--paranoid"]);
    assert!(!stderr(&shell.run(&["answer", "12345678", "--pin", PIN])).contains("Picture"));
}
