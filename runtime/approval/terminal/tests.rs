//! The prompt, answered over a real pseudo terminal.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::ffi::OsString;
use std::fs::File;
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use claviger_grant::Facts;
use claviger_manifest::Effect;
use rustix::fs::OFlags;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use tokio::time::timeout;

use super::TerminalPrompt;
use crate::fixtures::{self, SEED, moment};
use crate::{Approver as _, ApproverKind, Ask, Receipt, Refused, Scope, VerifiedReceipt, verify};

/// The person's side of a terminal.
pub(crate) struct Screen {
    file: File,
    pub(crate) path: PathBuf,
    /// Keeps the other side open, as a session's shell does.
    session: File,
}

impl Screen {
    pub(crate) fn new() -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let path = PathBuf::from(OsString::from_vec(ptsname(&master, Vec::new()).unwrap().into_bytes()));
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let session = File::from(rustix::fs::open(&path, flags, rustix::fs::Mode::empty()).unwrap());
        rustix::fs::fcntl_setfl(&master, OFlags::NONBLOCK).unwrap();
        Self { file: File::from(master), path, session }
    }

    fn prompt(&self) -> TerminalPrompt {
        TerminalPrompt::on(self.path.clone(), &SEED, None).unwrap()
    }

    pub(crate) fn type_in(&mut self, keys: &str) {
        self.file.write_all(keys.as_bytes()).unwrap();
    }

    /// Reads until this text has appeared.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        let mut seen = Vec::new();
        let started = Instant::now();
        while !String::from_utf8_lossy(&seen).contains(text) {
            assert!(started.elapsed() < Duration::from_secs(10), "{text:?} never appeared");
            let mut buffer = [0; 4_096];
            match self.file.read(&mut buffer) {
                Ok(length) => seen.extend(buffer.iter().take(length)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(Duration::from_millis(2)),
                Err(error) => unreachable!("{error}"),
            }
        }
        String::from_utf8(seen).unwrap()
    }

    /// Waits until the question stands, and for what was typed before it to be forgotten, then types.
    pub(crate) fn answer(mut self, keys: &'static str) -> thread::JoinHandle<(Self, String)> {
        thread::spawn(move || {
            let mut seen = self.wait_for("anything else denies: ");
            thread::sleep(Duration::from_millis(50));
            self.type_in(keys);
            seen.push_str(&self.wait_for("  Approved, once."));
            (self, seen)
        })
    }
}

fn ask(facts: &Facts) -> Ask {
    fixtures::ask(facts, &moment(1_700_000_000, 7)).unwrap()
}

/// Types at the question and returns the decision.
async fn typed(facts: &Facts, keys: &'static str) -> Result<VerifiedReceipt, Refused> {
    let mut screen = Screen::new();
    let prompt = screen.prompt();
    let person = thread::spawn(move || {
        screen.wait_for("anything else denies: ");
        thread::sleep(Duration::from_millis(50));
        screen.type_in(keys);
        screen
    });
    let ask = ask(facts);
    let assertion = timeout(Duration::from_secs(10), prompt.decide(&ask)).await.unwrap();
    let _screen = person.join().unwrap();
    let key = prompt.enrolment("anna").unwrap();
    let assertion = assertion?;
    let signed = ask.as_lease().filter(|lease| assertion.names(lease)).unwrap_or(&ask);
    Ok(verify(&Receipt::new(signed, assertion, &key), &key)?)
}

#[tokio::test]
async fn yes_is_signed_by_the_host_and_says_that_only_the_host_says_so() {
    let verified = typed(&fixtures::facts(), "yes\n").await.unwrap();
    assert_eq!(verified.receipt().kind, ApproverKind::HostAsserted);
    assert_eq!(verified.scope(), &Scope::Once);
    assert!(!verified.user_verified());
}

#[tokio::test]
async fn lease_is_signed_where_one_is_offered() {
    let verified = typed(&fixtures::facts(), " lease \n").await.unwrap();
    assert!(matches!(verified.scope(), Scope::Lease { .. }));
}

#[tokio::test]
async fn lease_denies_where_none_is_offered() {
    let write = Facts { effect: Effect::Write, ..fixtures::facts() };
    assert_eq!(typed(&write, "lease\n").await.unwrap_err(), Refused::Denied);
    assert!(typed(&write, "yes\n").await.is_ok());
}

#[tokio::test]
async fn what_destroys_takes_the_digits_and_no_word() {
    let destroy = Facts { effect: Effect::Destroy, ..fixtures::facts() };
    let code = ask(&destroy).match_code().unwrap().to_owned();
    // Leaked: a test's few bytes, which the other thread types.
    let keys = |text: String| -> &'static str { Box::leak(format!("{text}\n").into_boxed_str()) };
    let verified = typed(&destroy, keys(code.clone())).await.unwrap();
    assert!(verified.receipt().request.contains(&format!(r#""code":"{code}""#)));
    let other = format!("{:02}", (code.parse::<u8>().unwrap() + 1) % 100);
    for wrong in ["yes".to_owned(), "lease".to_owned(), String::new(), other, format!("{code}0")] {
        assert_eq!(typed(&destroy, keys(wrong.clone())).await.unwrap_err(), Refused::Denied, "{wrong:?}");
    }
}

#[tokio::test]
async fn the_screen_does_not_show_the_digits() {
    let destroy = Facts { effect: Effect::Destroy, ..fixtures::facts() };
    let ask = ask(&destroy);
    let shown = crate::render(&ask);
    let code = ask.match_code().unwrap();
    assert!(shown.contains("two digits"));
    let words: Vec<&str> = shown.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| *word == code).collect();
    assert!(words.is_empty(), "{shown}");
}

#[tokio::test]
async fn anything_else_denies() {
    for keys in ["\n", "y\n", "YES\n", "no\n", "yes please\n", "yes\u{200b}\n", "yesyesyesyesyesyesyesyesyesyesyes\n"] {
        assert_eq!(typed(&fixtures::facts(), keys).await.unwrap_err(), Refused::Denied, "{keys:?}");
    }
}

#[tokio::test]
async fn what_was_typed_before_the_question_answers_nothing() {
    let mut screen = Screen::new();
    let prompt = screen.prompt();
    screen.type_in("yes\nyes\n");
    let ask = ask(&fixtures::facts());
    let decision = timeout(Duration::from_millis(400), prompt.decide(&ask)).await;
    assert!(decision.is_err(), "old keys answered: {decision:?}");
}

#[tokio::test]
async fn the_screen_shows_the_question_and_the_outcome() {
    let screen = Screen::new();
    let prompt = screen.prompt();
    let person = screen.answer("yes\n");
    prompt.decide(&ask(&fixtures::facts())).await.unwrap();
    let (_screen, seen) = person.join().unwrap();
    assert!(seen.contains("GET https://api.pax8.com/v1/subscriptions"), "{seen}");
    assert!(seen.contains("Approved, once."), "{seen}");
}

#[tokio::test]
async fn a_withdrawn_question_frees_the_terminal_and_eats_no_later_answer() {
    let mut screen = Screen::new();
    let prompt = screen.prompt();
    let ask = ask(&fixtures::facts());
    assert!(timeout(Duration::from_millis(100), prompt.decide(&ask)).await.is_err());
    screen.wait_for("Nobody answered in time");
    let person = screen.answer("yes\n");
    assert!(timeout(Duration::from_secs(10), prompt.decide(&ask)).await.unwrap().is_ok());
    person.join().unwrap();
}

#[tokio::test]
async fn two_questions_are_asked_one_after_the_other() {
    let mut screen = Screen::new();
    let prompt = screen.prompt();
    let (first, second) = (ask(&fixtures::facts()), ask(&fixtures::store_facts()));
    let person = thread::spawn(move || {
        let seen = screen.wait_for("anything else denies: ");
        thread::sleep(Duration::from_millis(50));
        screen.type_in("yes\n");
        let rest = screen.wait_for("anything else denies: ");
        thread::sleep(Duration::from_millis(50));
        screen.type_in("no\n");
        (screen, seen, rest)
    });
    let (yes, no) = tokio::join!(prompt.decide(&first), prompt.decide(&second));
    let (_screen, seen, rest) = person.join().unwrap();
    assert!(yes.is_ok());
    assert_eq!(no.unwrap_err(), Refused::Denied);
    assert!(seen.contains("list-subscriptions") && !seen.contains("save-token"), "{seen}");
    assert!(rest.contains("save-token"), "{rest}");
}

#[tokio::test]
async fn a_terminal_that_goes_away_is_none() {
    let Screen { file, path, session: _session } = Screen::new();
    let prompt = TerminalPrompt::on(path, &SEED, None).unwrap();
    let hang_up = thread::spawn(move || {
        thread::sleep(Duration::from_millis(100));
        drop(file);
    });
    let refused = prompt.decide(&ask(&fixtures::facts())).await.unwrap_err();
    hang_up.join().unwrap();
    assert!(matches!(refused, Refused::NoTerminal { .. }), "{refused:?}");
}

#[tokio::test]
async fn without_a_terminal_it_refuses_at_once() {
    for (path, why) in
        [("/nonexistent/tty", "no controlling"), ("/dev/null", "is no terminal"), ("/proc/self", "no controlling")]
    {
        let prompt = TerminalPrompt::on(path.into(), &SEED, None).unwrap();
        let refused = prompt.decide(&ask(&fixtures::facts())).await.unwrap_err();
        assert!(matches!(refused, Refused::NoTerminal { why: said } if said.contains(why)), "{path}: {refused:?}");
    }
}

#[tokio::test]
async fn a_terminal_that_another_program_uses_is_refused() {
    let screen = Screen::new();
    let mut state = tcgetattr(&screen.session).unwrap();
    state.make_raw();
    tcsetattr(&screen.session, OptionalActions::Now, &state).unwrap();
    let refused = screen.prompt().decide(&ask(&fixtures::facts())).await.unwrap_err();
    assert!(matches!(refused, Refused::NoTerminal { .. }) && refused.to_string().contains("raw mode"), "{refused:?}");
}

#[tokio::test]
async fn what_cannot_be_shown_whole_is_not_asked() {
    let mut facts = fixtures::facts();
    fixtures::send(&mut facts).query = vec![("page".to_owned(), "x".repeat(10_000_000))];
    let refused = Screen::new().prompt().decide(&ask(&facts)).await.unwrap_err();
    assert!(matches!(refused, Refused::TooLongToShow { .. }), "{refused:?}");
}
