//! The ends of a program that has sessions open: asked by a signal, asked twice, and with a server that does not let go.

use std::io::Read as _;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use claviger_lab::{Agent, Draft};
use claviger_sim::SessionVendor;
use serde_json::json;

use super::Site;

/// How long the program may take to end at most, and room for a busy machine.
const END: Duration = Duration::from_secs(9 + 3);

fn ask(process: u32, signal: &str) {
    let kill = Command::new("kill").arg(format!("-{signal}")).arg(process.to_string()).status().unwrap();
    assert!(kill.success());
}

fn until(what: &str, done: impl Fn() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn deletes(site: &Site) -> usize {
    site.asked(0).iter().filter(|line| line.starts_with("DELETE ")).count()
}

/// One call in a program of its own, which asks to be let in first.
fn calling(site: &Site) -> Child {
    let arguments = json!({ "steps": site.steps("read") }).to_string();
    let mut command = site.lab.command();
    command.args(["call", "site.run", "--args", &arguments]).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// What a program said and how it ended, once it has been asked to.
fn interrupted(site: &Site, child: Child) -> Output {
    ask(child.id(), "INT");
    let output = child.wait_with_output().unwrap();
    [&output.stdout, &output.stderr].into_iter().for_each(|said| site.lab.heard(said));
    output
}

#[test]
fn a_program_that_a_signal_asks_to_end_logs_out_first() {
    for signal in ["TERM", "INT"] {
        let site = Site::redfish();
        let mut agent = Agent::start(&site.lab).unwrap();
        assert_eq!(site.call(&mut agent, "read"), 200);
        // Its client has not closed standard input, and the server takes a moment.
        site.book.slow(Duration::from_millis(300));
        ask(agent.process(), signal);
        assert_eq!(agent.ended().unwrap().code(), Some(0), "{signal}");
        drop(agent);
        assert_eq!((site.book.counts(), site.noted()), ((1, 1, 0), 1), "{signal}");
        site.swept();
    }
}

#[test]
fn a_second_signal_ends_the_program_at_once() {
    let site = Site::redfish();
    let mut agent = Agent::start(&site.lab).unwrap();
    assert_eq!(site.call(&mut agent, "read"), 200);
    site.book.slow(Duration::from_secs(60));
    ask(agent.process(), "INT");
    until("no log-out", || deletes(&site) == 1);
    ask(agent.process(), "TERM");
    // With this status it ends only at once: one that gave up waiting ends with 0.
    assert_eq!(agent.ended().unwrap().code(), Some(128 + 15));
    drop(agent);
    assert_eq!((site.book.counts(), site.noted()), ((1, 0, 1), 1), "noted before it was tried");
}

#[test]
fn a_server_that_does_not_let_go_is_left_behind() {
    let site = Site::redfish();
    let mut agent = Agent::start(&site.lab).unwrap();
    assert_eq!(site.call(&mut agent, "read"), 200);
    site.book.slow(Duration::from_secs(60));
    let begun = Instant::now();
    ask(agent.process(), "TERM");
    assert_eq!(agent.ended().unwrap().code(), Some(0));
    assert!(begun.elapsed() < END, "{:?}", begun.elapsed());
    let told = agent.complaints();
    assert!(told.contains("the session redfish of site was not ended"), "{told}");
}

/// A session whose life is over is ended without a call, and whoever needs the next one logs in beside that.
#[test]
fn no_call_waits_for_a_log_out() {
    let short =
        |draft: Draft| draft.with("login = \"redfish-in\"", "login = \"redfish-in\"\nlifetime = \"2s\"").unwrap();
    let site = Site::with(SessionVendor::Redfish, "redfish", short);
    let mut agent = Agent::start(&site.lab).unwrap();
    assert_eq!(site.call(&mut agent, "read"), 200);
    let slow = Duration::from_secs(4);
    site.book.slow(slow);
    until("no log-out", || deletes(&site) == 1);
    assert_eq!(site.call(&mut agent, "read"), 200);
    assert_eq!(site.book.counts().1, 0, "the log-out is answered after the call");
    site.book.slow(Duration::ZERO);
    drop(agent);
    assert_eq!((site.book.counts(), site.noted()), ((2, 2, 0), 2));
}

#[test]
fn a_result_is_printed_before_the_log_out() {
    let site = Site::redfish();
    let slow = Duration::from_secs(2);
    site.book.slow(slow);
    let arguments = json!({ "steps": site.steps("read") }).to_string();
    let mut command = site.lab.command();
    command.args(["call", "site.run", "--args", &arguments]).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdout.as_mut().unwrap().read_exact(&mut [0; 1]).unwrap();
    assert_eq!(site.book.counts(), (1, 0, 1), "the result is there while the session is open");
    assert!(child.wait().unwrap().success());
    assert_eq!(site.book.counts(), (1, 1, 0));
}

/// The server has opened the session, and the program does not know its name yet.
#[test]
fn a_call_that_a_signal_ends_logs_out_of_the_session_that_it_was_opening() {
    let site = Site::redfish();
    site.book.slow_log_in(Duration::from_secs(1));
    let child = calling(&site);
    until("no log-in", || site.book.counts().0 == 1);
    let ended = interrupted(&site, child);
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.stdout.is_empty(), "there is no result");
    let told = String::from_utf8(ended.stderr).unwrap();
    assert!(told.contains("interrupted") && !told.contains("not ended"), "{told}");
    assert_eq!((site.book.counts(), site.noted()), ((1, 1, 0), 1));
    site.swept();
}

#[test]
fn a_log_in_that_hangs_does_not_keep_the_program() {
    let site = Site::redfish();
    site.book.slow_log_in(Duration::from_secs(600));
    let child = calling(&site);
    until("no log-in", || site.book.counts().0 == 1);
    let begun = Instant::now();
    let ended = interrupted(&site, child);
    assert!(begun.elapsed() < END, "{:?}", begun.elapsed());
    assert_eq!(ended.status.code(), Some(1));
    let told = String::from_utf8(ended.stderr).unwrap();
    assert!(told.contains("sessions were not ended within 9 seconds"), "{told}");
    // Nobody knows how to log out of it.
    assert_eq!((site.book.counts(), site.noted()), ((1, 0, 1), 0));
    site.swept();
}
