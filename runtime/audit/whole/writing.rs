//! What the other rooms rely on: durable before it returns, one writer, nothing lost silently.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::io::ErrorKind;
use std::sync::Arc;

use claviger_approval::SimulatedAnswer;
use serde_json::json;

use crate::fixtures::{Answer, House, at, caller, key, lines};
use crate::{
    CHECKPOINT_FILE, Durability, Event, HASHES_FILE, Kind, LOG_FILE, LeafHashes, Log, LogError, OperatorAction,
    Options, Recovery, Torn, Unrecorded, Why, entries, export, export_keys, verify_export,
};

fn house() -> House {
    House::new(SimulatedAnswer::Approve)
}

#[tokio::test]
async fn a_call_is_an_intent_and_an_outcome_and_verifies() {
    let house = house();
    let (log, recovery) = house.open();
    assert_eq!(recovery, Recovery::default());
    house.call(&log, 1).await;
    let denied = house.request("destroy", "1").unwrap_err();
    assert_eq!(log.note(Event::denied(&caller(), &denied), at(2)).await, Ok(2));
    log.note(Event::operator(OperatorAction::SecretPut, "op://MSP/Demo/key", None), at(3)).await.unwrap();
    log.shutdown().unwrap();

    let read: Vec<_> = entries(&house.audit()).unwrap().map(Result::unwrap).collect();
    assert_eq!(
        read.iter().map(|e| e.kind).collect::<Vec<_>>(),
        [Kind::Intent, Kind::Outcome, Kind::Denied, Kind::Event]
    );
    let [intent, outcome, denied, event] = read.try_into().unwrap();
    assert_eq!(intent.value.pointer("/request/principal"), Some(&json!("robin@msp.example")));
    assert_eq!(intent.value.pointer("/proof/receipts/0/kind"), Some(&json!("simulated")));
    assert_eq!(outcome.value.pointer("/intent"), Some(&json!(0)));
    assert_eq!(outcome.value.pointer("/outcome/status"), Some(&json!(200)));
    assert_eq!(denied.value.pointer("/refusal/code"), Some(&json!("undeclared")));
    assert_eq!(event.value.pointer("/note/action"), Some(&json!("secret-put")));

    let summary = house.verify().unwrap();
    assert_eq!((summary.entries, summary.covered, summary.uncovered, summary.open_intents), (4, 4, 0, 0));
    assert_eq!((summary.leaf_hashes, summary.approvals.simulated, summary.torn), (LeafHashes::Authentic, 1, false));
    assert_eq!(summary.last_at, "2026-11-23T21:30:03.000Z");
}

#[tokio::test]
async fn what_was_refused_cannot_be_guessed_from_its_digest() {
    let house = house();
    let (log, _) = house.open();
    let asked = house.rename("1").await;
    log.note(Event::refused(asked.facts(), &claviger_approval::Refused::Denied), at(1)).await.unwrap();
    log.shutdown().unwrap();
    let entry = entries(&house.audit()).unwrap().next().unwrap().unwrap();
    let digest = entry.value.pointer("/refusal/request").unwrap().as_str().unwrap();
    let guessed = claviger_manifest::Digest::of(crate::canonical::canonicalise(asked.facts()).unwrap().as_bytes());
    assert_eq!(digest, key().digest_key().digest(&guessed.to_string()), "who has the key can confirm a guess");
    assert!(!lines(&house.audit()).concat().contains(guessed.to_string().trim_start_matches("sha256:")));
}

#[tokio::test]
async fn a_log_goes_on_where_it_ended() {
    let house = house();
    for round in 0..3 {
        let (log, recovery) = house.open();
        assert_eq!(recovery, Recovery { entries: round * 2, ..Recovery::default() });
        house.call(&log, i64::try_from(round).unwrap()).await;
    }
    assert_eq!(house.verify().unwrap().covered, 6);
}

#[tokio::test]
async fn one_process_has_it() {
    let house = house();
    let (log, _) = house.open();
    assert!(matches!(Log::open(&house.audit(), key()), Err(LogError::Locked)));
    drop(log);
    house.open();
}

#[tokio::test]
async fn a_dropped_intent_is_logged_as_unknown_at_once() {
    let house = house();
    let (log, _) = house.open();
    drop(log.open_intent(house.rename("1").await, at(1)).await.unwrap());
    let (_approved, intent) = log.open_intent(house.rename("2").await, at(2)).await.unwrap().begin();
    drop(intent);
    drop(log.open_intent(house.rename("3").await, at(3)).await.unwrap().begin().1.seal(Answer(500)));
    log.shutdown().unwrap();
    let summary = house.verify().unwrap();
    assert_eq!((summary.kinds.intents, summary.kinds.unknown, summary.open_intents), (3, 3, 0));
    let last = entries(&house.audit()).unwrap().last().unwrap().unwrap();
    assert_eq!(last.value.pointer("/reason"), Some(&json!("abandoned")));
}

#[tokio::test]
async fn a_cancelled_intent_is_logged_as_unknown() {
    let house = house();
    let (log, _) = house.open();
    let approved = house.rename("1").await;
    {
        let mut opening = Box::pin(log.open_intent(approved, at(1)));
        // One poll appends the entry; then the caller goes away.
        let polled = std::future::poll_fn(|context| {
            std::task::Poll::Ready(std::future::Future::poll(opening.as_mut(), context).is_pending())
        });
        assert!(polled.await, "it was durable within one poll");
    }
    log.shutdown().unwrap();
    assert_eq!(house.verify().unwrap().kinds.unknown, 1);
}

#[tokio::test]
async fn an_answer_stays_in_when_its_outcome_is_not_durable() {
    let house = house();
    let (log, _) = house.open();
    let recorded = log.open_intent(house.rename("1").await, at(1)).await.unwrap();
    let (_approved, intent) = recorded.begin();
    // The state that a failed write leaves behind.
    log.queue.fail(&Unrecorded::Failed(ErrorKind::StorageFull));
    let closed = log.close(intent.seal(Answer(200)), at(2)).await;
    assert_eq!(closed, Err(Unrecorded::Failed(ErrorKind::StorageFull)));
    let refused = log.open_intent(house.rename("2").await, at(3)).await;
    assert_eq!(refused.unwrap_err(), Unrecorded::Failed(ErrorKind::StorageFull));
    assert_eq!(log.shutdown(), Err(Unrecorded::Failed(ErrorKind::StorageFull)));

    let (log, recovery) = house.open();
    assert_eq!((recovery.entries, recovery.unknown), (1, vec![0]));
    drop(log);
    assert_eq!(house.verify().unwrap().kinds.unknown, 1);
}

#[tokio::test]
async fn an_intent_closes_on_its_own_log_only() {
    let (house, other) = (house(), house());
    let ((log, _), (stranger, _)) = (house.open(), other.open());
    let (_approved, intent) = log.open_intent(house.rename("1").await, at(1)).await.unwrap().begin();
    assert_eq!(stranger.close(intent.seal(Answer(200)), at(2)).await, Err(Unrecorded::Foreign));
    drop(stranger);
    assert_eq!(lines(&other.audit()).len(), 0);
}

#[tokio::test]
async fn sixty_four_at_once_share_their_syncs() {
    const TASKS: u64 = 64;
    const EACH: u64 = 20;
    let house = house();
    let log = Arc::new(house.open().0);
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..TASKS {
        let log = Arc::clone(&log);
        tasks.spawn(async move {
            for _ in 0..EACH {
                let event = Event::operator(OperatorAction::SecretPut, &format!("op://MSP/{task}/key"), None);
                log.note(event, at(1)).await.unwrap();
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    let counts = log.counters();
    assert_eq!(counts.entries, TASKS * EACH);
    assert!(counts.syncs * 10 <= counts.entries, "{} entries took {} syncs", counts.entries, counts.syncs);
    drop(log);
    assert_eq!(house.verify().unwrap().covered, TASKS * EACH);
}

#[tokio::test]
async fn a_torn_tail_is_set_aside_and_said() {
    for torn in [&b"{\"at\":\"2026-11-"[..], b"\0\0\0\0", b"\0\0\0\0\nmore\n", b"{}x\n"] {
        let house = house();
        let (log, _) = house.open();
        house.call(&log, 1).await;
        drop(log);
        append(&house, LOG_FILE, torn);
        assert!(house.verify().unwrap().torn);

        let (log, recovery) = house.open();
        let bytes = u64::try_from(torn.len()).unwrap();
        assert_eq!(recovery.torn, Some(Torn { index: 2, bytes, file: "torn-1".to_owned() }));
        drop(log);
        assert_eq!(std::fs::read(house.audit().join("torn-1")).unwrap(), torn);
        let said = entries(&house.audit()).unwrap().last().unwrap().unwrap();
        assert_eq!(said.value.pointer("/note/action"), Some(&json!("log-recovered")));
        assert_eq!(said.value.pointer("/note/subject"), Some(&json!("torn-1")));
        assert_eq!(house.verify().unwrap().covered, 3);
    }
}

#[tokio::test]
async fn whole_entries_after_the_checkpoint_are_kept_and_signed() {
    let house = house();
    let (log, _) = house.open();
    house.call(&log, 1).await;
    drop(log);
    let older = std::fs::read(house.audit().join(CHECKPOINT_FILE)).unwrap();
    let (log, _) = house.open();
    house.call(&log, 2).await;
    drop(log);
    std::fs::write(house.audit().join(CHECKPOINT_FILE), older).unwrap();
    assert_eq!(house.verify().unwrap().uncovered, 2);
    let (_log, recovery) = house.open();
    assert_eq!((recovery.entries, recovery.uncovered), (4, 2));
    assert_eq!(house.verify().unwrap().covered, 4);
}

#[tokio::test]
async fn lost_leaf_hashes_are_made_again() {
    for damage in [None, Some(&b""[..]), Some(&[7; 64]), Some(&[7; 33])] {
        let house = house();
        let (log, _) = house.open();
        house.call(&log, 1).await;
        drop(log);
        let file = house.audit().join(HASHES_FILE);
        let good = std::fs::read(&file).unwrap();
        match damage {
            None => std::fs::remove_file(&file).unwrap(),
            Some(bytes) => std::fs::write(&file, bytes).unwrap(),
        }
        assert_ne!(house.verify().unwrap().leaf_hashes, LeafHashes::Authentic);
        let (log, recovery) = house.open();
        assert!(recovery.leaf_hashes_rebuilt);
        drop(log);
        assert_eq!(std::fs::read(&file).unwrap(), good);
        assert_eq!(house.verify().unwrap().leaf_hashes, LeafHashes::Authentic);
    }
}

#[tokio::test]
async fn opening_refuses_what_verifying_refuses() {
    let house = house();
    let (log, _) = house.open();
    house.call(&log, 1).await;
    drop(log);
    let good = std::fs::read(house.audit().join(LOG_FILE)).unwrap();
    let text = String::from_utf8(good.clone()).unwrap();
    std::fs::write(house.audit().join(LOG_FILE), text.replacen("robin@", "rabin@", 1)).unwrap();
    let Err(LogError::Broken(broken)) = Log::open(&house.audit(), key()) else {
        unreachable!("an edited log was opened")
    };
    assert_eq!((broken.index, broken.why), (0, Why::Altered));
    std::fs::write(house.audit().join(LOG_FILE), good).unwrap();
    std::fs::remove_file(house.audit().join(CHECKPOINT_FILE)).unwrap();
    assert!(matches!(Log::open(&house.audit(), key()), Err(LogError::Broken(_))), "entries without a checkpoint");
}

#[tokio::test]
async fn an_export_stands_alone() {
    let house = house();
    let (log, _) = house.open();
    house.call(&log, 1).await;
    log.shutdown().unwrap();
    append(&house, LOG_FILE, b"{\"at\":");
    let out = house.path("export");
    assert_eq!(export(&house.audit(), &out, &house.keys).unwrap().size(), 2);
    assert!(matches!(export(&house.audit(), &out, &house.keys), Err(LogError::Exists)));
    let keys = export_keys(&out).unwrap();
    assert_eq!((keys.log.vkey(), &keys.approvers), (house.keys.log.vkey(), &house.keys.approvers));
    let summary = verify_export(&out, &house.keys, &[]).unwrap();
    assert_eq!((summary.entries, summary.uncovered, summary.torn), (2, 0, false));
    for file in [HASHES_FILE, "keys.json"] {
        let good = std::fs::read(out.join(file)).unwrap();
        std::fs::write(out.join(file), [&good[..], b" "].concat()).unwrap();
        assert!(
            matches!(verify_export(&out, &house.keys, &[]), Err(LogError::Digest { file: named }) if named == file)
        );
        std::fs::write(out.join(file), good).unwrap();
    }
    let text = std::fs::read_to_string(out.join(LOG_FILE)).unwrap();
    std::fs::write(out.join(LOG_FILE), text.replacen("200", "201", 1)).unwrap();
    let Err(LogError::Broken(broken)) = verify_export(&out, &house.keys, &[]) else { unreachable!("an edit passed") };
    assert_eq!(broken.index, 1);
}

#[tokio::test]
async fn hostile_text_stays_on_one_visible_line() {
    let house = house();
    let (log, _) = house.open();
    let text = "a\n{\"at\":1}\r\u{1b}[31m\u{202e}\u{2028}\u{0}\"\\";
    log.note(Event::operator(OperatorAction::PluginInstalled, text, Some(&text.repeat(1000))), at(1)).await.unwrap();
    drop(log);
    let raw = std::fs::read_to_string(house.audit().join(LOG_FILE)).unwrap();
    assert_eq!(raw.lines().count(), 1);
    assert!(raw.len() < 4 * crate::MAX_TEXT && raw.trim_end().chars().all(|c| !c.is_control() && c != '\u{202e}'));
    house.verify().unwrap();
}

#[cfg(unix)]
#[test]
fn only_its_owner_reads_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let house = house();
    drop(house.open());
    let mode = |name: &str| std::fs::metadata(house.audit().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!([mode("."), mode(LOG_FILE), mode(HASHES_FILE), mode(CHECKPOINT_FILE)], [0o700, 0o600, 0o600, 0o600]);
}

#[tokio::test]
async fn unsynced_writes_the_same_log() {
    let house = house();
    let options = Options { durability: Durability::UnsyncedForBenchesOnly, ..Options::default() };
    let (log, _) = Log::open_with(&house.audit(), key(), options).unwrap();
    house.call(&log, 1).await;
    log.shutdown().unwrap();
    assert_eq!(house.verify().unwrap().covered, 2);
}

fn append(house: &House, file: &str, bytes: &[u8]) {
    use std::io::Write as _;
    let mut file = std::fs::File::options().append(true).open(house.audit().join(file)).unwrap();
    file.write_all(bytes).unwrap();
}
