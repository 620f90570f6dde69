//! The fingerprint daemon itself, with libfprint's virtual reader, on a bus of its own.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use claviger_desktop::{PATIENCE, PrivateBus, started};
use futures_util::StreamExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use zbus::{OwnedObjectPath, OwnedVariant, Proxy};

use super::{DEVICE, Fprintd, MANAGER, SERVICE, unverified};
use crate::fixtures::{self, SEED, moment};
use crate::presence::Presence as _;
use crate::terminal::tests::Screen;
use crate::{Approver as _, Ask, HostMethod, Receipt, Refused, SystemBus, TerminalPrompt, verify};

/// Where Debian's fprintd has its daemon.
const DAEMON: &str = "/usr/libexec/fprintd";

/// The policy of a desktop's active session, on which fprintd's actions need no further question.
struct Polkit;

#[zbus::interface(name = "org.freedesktop.PolicyKit1.Authority")]
impl Polkit {
    fn check_authorization(
        &self,
        _subject: (String, HashMap<String, OwnedVariant>),
        _action: String,
        _details: HashMap<String, String>,
        _flags: u32,
        _cancellation: String,
    ) -> ((bool, bool, HashMap<String, String>),) {
        ((true, false, HashMap::new()),)
    }
}

/// A bus with a fingerprint daemon on it.
struct Machine {
    bus: PrivateBus,
    polkit: zbus::Connection,
    _daemon: Child,
}

impl Machine {
    async fn start() -> Self {
        let bus = PrivateBus::start().await;
        let polkit = zbus::connection::Builder::address(bus.address());
        let polkit = polkit.name("org.freedesktop.PolicyKit1");
        let polkit = polkit.serve_at("/org/freedesktop/PolicyKit1/Authority", Polkit).build().await.unwrap();
        fs::create_dir(bus.at("prints")).unwrap();
        let mut daemon = Command::new(DAEMON);
        daemon.arg("--no-timeout").env("DBUS_SYSTEM_BUS_ADDRESS", bus.address());
        daemon.env("FP_VIRTUAL_DEVICE", bus.at("reader")).env("STATE_DIRECTORY", bus.at("prints"));
        let daemon = started(&mut daemon);
        let machine = Self { bus, polkit, _daemon: daemon };
        machine.device().await;
        machine
    }

    /// The reader, as another program sees it.
    async fn device(&self) -> Proxy<'static> {
        let begin = Instant::now();
        loop {
            let manager = Proxy::new(&self.polkit, SERVICE, MANAGER.0, MANAGER.1).await.unwrap();
            let path: zbus::Result<OwnedObjectPath> = manager.call("GetDefaultDevice", &()).await;
            if let Ok(path) = path {
                return Proxy::new(&self.polkit, SERVICE, path, DEVICE).await.unwrap();
            }
            assert!(begin.elapsed() < PATIENCE, "fprintd never answered: {path:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Tells the virtual reader what happens to it.
    async fn reader(&self, words: &str) {
        let path: PathBuf = self.bus.at("reader");
        let begin = Instant::now();
        let mut stream = loop {
            match UnixStream::connect(&path).await {
                Ok(stream) => break stream,
                Err(error) => assert!(begin.elapsed() < PATIENCE, "the virtual reader is not there: {error}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        stream.write_all(words.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    /// Enrols a finger, as `fprintd-enroll` does.
    async fn enrol(&self, finger: &str) {
        let device = self.device().await;
        let mut statuses = device.receive_signal("EnrollStatus").await.unwrap();
        let _: () = device.call("Claim", &("",)).await.unwrap();
        let _: () = device.call("EnrollStart", &("right-index-finger",)).await.unwrap();
        loop {
            self.reader(&format!("SCAN {finger}")).await;
            let signal = tokio::time::timeout(PATIENCE, statuses.next()).await.unwrap().unwrap();
            let (result, done): (String, bool) = signal.body().deserialize().unwrap();
            if done {
                assert_eq!(result, "enroll-completed");
                break;
            }
        }
        let _: () = device.call("EnrollStop", &()).await.unwrap();
        let _: () = device.call("Release", &()).await.unwrap();
    }

    fn presence(&self) -> Fprintd {
        Fprintd::new(SystemBus::at(self.bus.address()))
    }

    /// Whether nobody holds the reader.
    async fn is_free(&self) -> bool {
        let device = self.device().await;
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(5) {
            let claimed: zbus::Result<()> = device.call("Claim", &("",)).await;
            if claimed.is_ok() {
                let _: () = device.call("Release", &()).await.unwrap();
                return true;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        false
    }
}

fn ask() -> Ask {
    fixtures::ask(&fixtures::facts(), &moment(1_700_000_000, 7)).unwrap()
}

/// Asks while these things happen to the reader.
async fn asked(machine: &Machine, happens: &[&str]) -> Result<(), Refused> {
    let (presence, ask) = (machine.presence(), ask());
    let events = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        for words in happens {
            machine.reader(words).await;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    let both = async { tokio::join!(presence.confirm(&ask, &ask), events).0 };
    tokio::time::timeout(PATIENCE, both).await.expect("the daemon never answered")
}

#[tokio::test]
async fn the_enrolled_finger_is_a_yes_and_no_other_is() {
    let machine = Machine::start().await;
    let nobody = asked(&machine, &[]).await;
    assert_eq!(nobody, Err(unverified("no finger of this user is enrolled; fprintd-enroll does that")));
    machine.enrol("alex").await;
    assert_eq!(asked(&machine, &["SCAN alex"]).await, Ok(()));
    assert!(machine.is_free().await);
    let other = asked(&machine, &["SCAN kim", "SCAN kim", "SCAN kim"]).await;
    assert_eq!(other, Err(unverified("the finger was not recognised")));
    assert!(machine.is_free().await);
    // Read badly, taken for another, and then recognised.
    assert_eq!(asked(&machine, &["RETRY 1", "SCAN kim", "SCAN alex"]).await, Ok(()));
    assert!(machine.is_free().await);
}

#[tokio::test]
async fn a_question_that_is_taken_back_gives_the_reader_back() {
    let machine = Machine::start().await;
    machine.enrol("alex").await;
    let (presence, ask) = (machine.presence(), ask());
    assert!(tokio::time::timeout(Duration::from_millis(500), presence.confirm(&ask, &ask)).await.is_err());
    assert!(machine.is_free().await, "the reader is still claimed");
}

#[tokio::test]
async fn a_reader_that_is_in_use_fails_or_is_not_there_says_so() {
    let machine = Machine::start().await;
    machine.enrol("alex").await;
    let device = machine.device().await;
    let _: () = device.call("Claim", &("",)).await.unwrap();
    let busy = asked(&machine, &[]).await;
    assert_eq!(busy, Err(unverified("another program uses the fingerprint reader; call again")));
    let _: () = device.call("Release", &()).await.unwrap();
    let failed = asked(&machine, &["ERROR 1"]).await;
    assert_eq!(failed, Err(unverified("the fingerprint reader failed; call again")));
    assert!(machine.is_free().await);
    drop(machine);
    let nowhere = Fprintd::new(SystemBus::at("unix:path=/nonexistent/bus"));
    assert!(matches!(nowhere.confirm(&ask(), &ask()).await, Err(Refused::Unverified { .. })));
}

#[tokio::test]
async fn a_word_and_a_finger_make_a_receipt_that_says_so() {
    let machine = Machine::start().await;
    machine.enrol("alex").await;
    let (screen, ask) = (Screen::new(), ask());
    let prompt = TerminalPrompt::on(screen.path.clone(), &SEED, Some(Box::new(machine.presence()))).unwrap();
    let person = screen.answer("yes\n");
    // The reader is not there for others before somebody typed a yes: this waits until it is claimed.
    let (decision, ()) = tokio::join!(prompt.decide(&ask), machine.reader("SCAN alex"));
    let (_screen, seen) = person.join().unwrap();
    let (touch, approved) =
        (seen.find("Now touch the fingerprint reader.").unwrap(), seen.find("Approved, once.").unwrap());
    assert!(touch < approved, "{seen}");
    let key = prompt.enrolment("alex").unwrap();
    let receipt = Receipt::new(&ask, decision.unwrap(), &key);
    assert_eq!((receipt.kind.as_str(), receipt.method()), ("host-asserted", Some(HostMethod::Fprintd)));
    assert!(!verify(&receipt, &key).unwrap().user_verified());
    // Enrolled for the terminal alone, the host's word after a finger does not count, nor the other way round.
    let typed = TerminalPrompt::new(&SEED).unwrap().enrolment("alex").unwrap();
    assert!(verify(&receipt, &typed).is_err());
}
