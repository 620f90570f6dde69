//! A newcomer follows README from `claviger init` to a first approved call: its own lines, in a shell, on a terminal.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use claviger_lab::Lab;

use super::chromium::{Chromium, PATIENCE, Tab};
use super::office::free_port;
use crate::cli::real::Terminal;
use crate::cli::variant::configure;
use crate::laboratory::{lab, packages, swept};

/// The desk of `cargo xtask try`, which ends with its handle.
struct Desk(Child);

impl Desk {
    fn open(directory: &Path) -> Self {
        // Built for the workspace's tests, beside the program.
        let program = Path::new(env!("CARGO_BIN_EXE_claviger")).with_file_name("claviger-demo");
        let mut desk = Command::new(program);
        let desk = Self(desk.arg("desk").arg(directory).stdout(Stdio::null()).spawn().unwrap());
        let begun = Instant::now();
        while !directory.join("credentials").exists() {
            assert!(begun.elapsed() < PATIENCE, "the desk does not open");
            std::thread::sleep(Duration::from_millis(20));
        }
        desk
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        // One that is gone needs no end.
        let _gone = self.0.kill().and_then(|()| self.0.wait());
    }
}

/// The lines that README asks a newcomer to type, after `cargo xtask try`.
fn lines() -> Vec<String> {
    let readme = include_str!("../../../README.md");
    let section = readme.split("\n## Your first approval\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let blocks: Vec<&str> = section.split("```\n").skip(1).step_by(2).collect();
    let [first, second] = blocks.as_slice() else { panic!("two blocks: {blocks:?}") };
    assert_eq!(*first, "cargo xtask try\n");
    second.lines().map(str::to_owned).collect()
}

/// A shell line on a terminal whose directory looks like the workspace's.
fn typed<'a>(lab: &'a Lab, line: &str, state: &str) -> Terminal<'a> {
    let (at, own) = (lab.beside("workspace"), env!("CARGO_BIN_EXE_claviger"));
    let path = Path::new(own).parent().unwrap().display();
    let shell = format!("cd '{}' && PATH='{path}':$PATH && {line}", at.display());
    Terminal::with(lab, &shell, &[("CLAVIGER_STATE", state), ("SHELL", "/bin/bash"), ("USER", "alex")])
}

/// The link that the terminal shows next.
fn link(terminal: &mut Terminal<'_>) -> String {
    terminal.expect("http://");
    let screen = terminal.expect("\n");
    screen.split_whitespace().rfind(|word| word.starts_with("http://")).unwrap().to_owned()
}

/// One line, typed, with whatever it asks for.
async fn follow(lab: &Lab, tab: &Tab, line: &str, state: &str, passphrase: &str) -> String {
    let mut terminal = typed(lab, line, state);
    let asked = |words: &str| line.starts_with(&format!("claviger {words}"));
    if asked("init") {
        terminal.expect("New vault passphrase: ");
        terminal.enter(passphrase);
        terminal.expect("Once more: ");
        terminal.enter(passphrase);
    }
    if asked("approver add") || asked("secret put") || asked("call") {
        terminal.expect("Vault passphrase: ");
        terminal.enter(passphrase);
    }
    if asked("approver add") || asked("call") {
        tab.open(&link(&mut terminal)).await;
        tab.ready().await;
        let (button, says) = if asked("call") { ("#once", "Approved") } else { ("#enrol", "Enrolled.") };
        tab.click(button).await;
        tab.says(says).await;
    }
    let (code, screen) = terminal.end();
    assert_eq!(code, 0, "{line}: {screen}");
    screen
}

#[tokio::test(flavor = "multi_thread")]
async fn readme_leads_from_init_to_an_approved_call() {
    let lab = lab();
    let workspace = lab.beside("workspace");
    fs::create_dir_all(workspace.join("target")).unwrap();
    std::os::unix::fs::symlink(packages(), workspace.join("target/packages")).unwrap();
    let desk = Desk::open(&workspace.join("target/try"));
    let state = lab.beside("newcomer");
    let place = state.to_str().unwrap();
    let passphrase = lab.canary("passphrase").unwrap().value;
    let chromium = Chromium::start().await;
    let tab = chromium.tab().await;
    let mut screens = Vec::new();
    for line in lines() {
        if line.starts_with("export PATH") {
            continue;
        }
        screens.push(follow(&lab, &tab, &line, place, &passphrase).await);
        if line == "claviger init" {
            // The page's own port may be another test's, and the browser here is not the system's.
            let port = free_port();
            configure(&state, |text| format!("{text}\n[web]\nport = {port}\nopen-browser = false\n"));
        }
    }
    let [.., call, verified] = screens.as_slice() else { panic!("{screens:?}") };
    assert!(call.contains("\"tickets\""), "{call}");
    assert!(verified.contains("the log is what was signed"), "{verified}");
    drop(desk);
    fs::remove_dir_all(&workspace).unwrap();
    swept(&lab);
}
