//! polkit's dialog behind the whole program: enrolled, set up as the command says, asked, refused, and found in the log by
//! both verifiers.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use claviger_desktop::{NOBODY, Person, Polkit};
use claviger_lab::Lab;
use tokio::runtime::Runtime;

use super::real::{Real, Terminal};
use crate::browser::batch::second_opinion;
use crate::laboratory::lab;

/// A state directory of an ordinary user's, and the program where that user can run it: root is never asked.
struct Ordinary<'a> {
    lab: &'a Lab,
    real: Real<'a>,
    program: PathBuf,
}

impl<'a> Ordinary<'a> {
    fn new(lab: &'a Lab) -> Self {
        let real = Real::with_identity(lab);
        let built = Path::new(env!("CARGO_BIN_EXE_claviger"));
        let program = lab.beside("claviger");
        fs::copy(built, &program).unwrap();
        fs::copy(built.with_file_name("claviger-compile"), lab.beside("claviger-compile")).unwrap();
        Self { lab, real, program }
    }

    /// Everything here is theirs from now on.
    fn hand_over(&self) {
        let root = self.lab.state().parent().unwrap().to_owned();
        let owner = format!("{NOBODY}:{NOBODY}");
        assert!(
            Command::new("chown").args(["-R", &owner]).arg(&root).status().unwrap().success(),
            "this test is root's"
        );
        fs::set_permissions(&self.program, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// The program on a terminal, as that user, and its process.
    fn run(&self, words: &str) -> (Terminal<'_>, u32) {
        let line = format!(
            "echo process $$; exec setpriv --reuid {NOBODY} --regid {NOBODY} --clear-groups -- '{}' --state '{}' --identity '{}' {words}",
            self.program.display(),
            self.real.state.display(),
            self.lab.state().join("identity.age").display(),
        );
        let mut terminal =
            Terminal::start(self.lab, &format!("sh -c \"{}\"", line.replace('$', "\\$").replace('"', "\\\"")));
        let screen = terminal.expect("\n");
        let process = screen.trim().rsplit(' ').next().unwrap().parse().unwrap();
        (terminal, process)
    }

    fn must(&self, words: &str) -> String {
        let (code, screen) = self.run(words).0.end();
        assert_eq!(code, 0, "{screen}");
        screen
    }
}

#[test]
fn a_request_waits_for_the_dialog_and_both_verifiers_accept_what_comes_of_it() {
    let (lab, runtime) = (lab(), Runtime::new().unwrap());
    let psa = lab.psa(0).unwrap();
    let there = Ordinary::new(&lab);
    there.real.take_psa(&psa.canaries);
    there.hand_over();
    let told = there.must("approver add --polkit");
    assert!(told.contains("sudo install -m 644") && told.contains("approver = \"polkit\""), "{told}");
    // What root would install is what the command has written.
    let policy = fs::read_to_string(there.real.state.join("org.claviger.approve.policy")).unwrap();
    let polkit = runtime.block_on(Polkit::start(Some(&policy), None));
    let config = there.real.state.join("claviger.toml");
    let text = fs::read_to_string(&config).unwrap();
    let chosen = format!("approver = \"polkit\"\nsystem-bus = \"{}\"", polkit.bus.address());
    assert!(text.contains("approver = \"terminal\""), "{text}");
    fs::write(&config, text.replace("approver = \"terminal\"", &chosen)).unwrap();
    for (person, says, code) in
        [(Person::Authenticates, "Approved, once.", 0), (Person::Fails, "Not confirmed, so this was denied.", 4)]
    {
        let before = psa.running.seen().len();
        let (mut terminal, process) = there.run("call psa.search_tickets --args '{\"company\":\"Acme\"}'");
        terminal.expect("anything else denies: ");
        let agent = runtime.block_on(polkit.agent(process, person));
        assert!(agent.messages().is_empty(), "the dialog came before the word");
        terminal.answer("yes", says);
        let (ended, screen) = terminal.end();
        assert_eq!(ended, code, "{screen}");
        assert_eq!(psa.running.seen().len() > before, code == 0);
        let message = agent.messages().pop().unwrap();
        let challenge = screen.split("challenge   ").nth(1).unwrap().get(..16).unwrap();
        assert!(message.contains(challenge) && message.contains("operation "), "{message}\n{screen}");
        runtime.block_on(agent.leave());
    }
    assert!(there.must("audit log").contains("(host-asserted by polkit)"));
    there.must("audit verify");
    let bundle = lab.beside("bundle");
    there.must(&format!("audit export '{}'", bundle.display()));
    let second = second_opinion(&bundle);
    assert_eq!(second["ok"], true, "{second}");
    there.real.swept();
}
