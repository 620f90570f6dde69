//! Real processes that die, and a real limit on what they may write.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::io::{BufRead as _, BufReader, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use claviger_approval::SimulatedAnswer;

use crate::fixtures::{Answer, House, at, key, start};
use crate::segments::segments;
use crate::{Log, Options, SegmentLimits, Unrecorded};

/// Where the child finds the log.
pub(super) const DIRECTORY: &str = "CLAVIGER_TEST_LOG";

/// Rounds of killing on one log; each starts from what the one before left.
const ROUNDS: u64 = 12;

/// Calls under way in a child, so that it dies with part of a batch written.
const IN_FLIGHT: usize = 8;

/// Says how far it came: what was acknowledged must be there afterwards.
pub(super) fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").unwrap();
    out.flush().unwrap();
}

pub(super) fn directory() -> PathBuf {
    PathBuf::from(std::env::var_os(DIRECTORY).unwrap())
}

/// Small segments and a second place, so that kills fall into beginning a segment and into both copies too.
pub(super) fn small(directory: &Path) -> Options {
    let segments = SegmentLimits { entries: 5, ..SegmentLimits::default() };
    Options { segments, second: Some(directory.with_extension("second")), ..Options::default() }
}

#[tokio::test]
#[ignore = "the body of a process that the test below kills"]
async fn writes_until_it_is_killed() {
    let house = Arc::new(House::new(SimulatedAnswer::Approve));
    let log = Arc::new(Log::open_with(&directory(), key(), small(&directory())).unwrap().0);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..IN_FLIGHT {
        let (house, log) = (Arc::clone(&house), Arc::clone(&log));
        tasks.spawn(async move {
            for second in 0.. {
                let (_approved, intent) = log.open_intent(house.rename("1").await, at(0)).await.unwrap().begin();
                say("intent");
                log.close(intent.seal(Answer(200)), at(second)).await.unwrap();
                say("outcome");
            }
        });
    }
    tasks.join_all().await;
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    let house = House::new(SimulatedAnswer::Approve);
    let (mut unknown, mut said) = (0, (0, 0));
    for round in 0..ROUNDS {
        let child = child(&["--exact", "whole::crash::writes_until_it_is_killed", "--ignored", "--nocapture"], &house);
        let (intents, outcomes) = kill_after(child, Duration::from_millis(40 + 23 * round));
        said = (said.0 + intents, said.1 + outcomes);
        let before = house.verify().unwrap();
        assert!(before.kinds.intents >= said.0 && before.kinds.outcomes >= said.1, "{said:?} in {before:?}");
        let (log, recovery) = house.open();
        assert!(recovery.unknown.len() <= IN_FLIGHT, "{:?}", recovery.unknown);
        unknown += recovery.unknown.len();
        log.shutdown().unwrap();
        let after = house.verify().unwrap();
        assert_eq!((after.open_intents, after.uncovered, after.torn), (0, 0, false));
    }
    assert!(segments(&house.audit()).unwrap().len() > 5, "hardly a segment began");
    let summary = house.verify().unwrap();
    assert_eq!(summary.kinds.unknown, u64::try_from(unknown).unwrap());
    assert!(summary.kinds.outcomes > ROUNDS, "the children hardly wrote: {summary:?}");
}

/// Reads what the child acknowledged until it is killed, `life` after its first entry; counts intents and outcomes.
fn kill_after(mut child: Child, life: Duration) -> (u64, u64) {
    let out = BufReader::new(child.stdout.take().unwrap());
    let (began, begun) = std::sync::mpsc::channel();
    let reader = std::thread::spawn(move || {
        let said = out.lines().map_while(Result::ok);
        said.fold((0, 0), |(intents, outcomes), word| match word.as_str() {
            "intent" => {
                let _ended = began.send(());
                (intents + 1, outcomes)
            }
            "outcome" => (intents, outcomes + 1),
            _ => (intents, outcomes),
        })
    });
    // Ends with an error when the child dies before it writes: then the reader drops its end.
    begun.recv().unwrap();
    std::thread::sleep(life);
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap()
}

fn child(arguments: &[&str], house: &House) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(arguments).env(DIRECTORY, house.audit()).stdout(Stdio::piped()).stderr(Stdio::null());
    start(&mut command)
}

#[tokio::test]
#[ignore = "the body of a process that the test below limits"]
async fn writes_until_the_disk_is_full() {
    let house = House::new(SimulatedAnswer::Approve);
    let (log, _) = Log::open(&directory(), key()).unwrap();
    let mut second = 0;
    let failure = loop {
        let recorded = match log.open_intent(house.rename("1").await, at(0)).await {
            Ok(recorded) => recorded,
            Err(failure) => break failure,
        };
        say("intent");
        if let Err(failure) = log.close(recorded.begin().1.seal(Answer(200)), at(second)).await {
            break failure;
        }
        say("outcome");
        second += 1;
    };
    assert_eq!(failure, Unrecorded::Failed(ErrorKind::FileTooLarge));
    let again = log.open_intent(house.rename("1").await, at(0)).await;
    assert_eq!(again.unwrap_err(), failure, "it took an entry after it had failed");
    assert_eq!(log.shutdown(), Err(failure));
    say("refused");
}

#[cfg(unix)]
#[test]
fn a_full_disk_denies_and_loses_nothing() {
    let house = House::new(SimulatedAnswer::Approve);
    // Ignoring the signal makes the write fail with EFBIG instead of ending the process (setrlimit(2), RLIMIT_FSIZE).
    let script = "trap '' XFSZ; ulimit -f 40; exec \"$0\" --exact whole::crash::writes_until_the_disk_is_full --ignored --nocapture";
    let mut command = Command::new("sh");
    command.arg("-c").arg(script).arg(std::env::current_exe().unwrap()).env(DIRECTORY, house.audit());
    let output = start(command.stdout(Stdio::piped()).stderr(Stdio::piped())).wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && said.contains("refused"), "{said}");
    let count = |word: &str| u64::try_from(said.lines().filter(|line| *line == word).count()).unwrap();
    assert!(count("outcome") > 1);

    let (log, _) = house.open();
    log.shutdown().unwrap();
    let summary = house.verify().unwrap();
    assert!(summary.kinds.intents >= count("intent") && summary.kinds.outcomes >= count("outcome"));
    assert_eq!(summary.open_intents, 0);
}
