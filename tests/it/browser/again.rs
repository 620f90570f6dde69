//! What is different from the last approval, when another process asks.

use super::office::Office;
use super::program::Program;

#[tokio::test]
async fn what_was_approved_last_is_known_after_a_restart() {
    let office = Office::new();
    let (_chromium, tab) = office.with_person().await;
    let shown = async |arguments: &str, approve: bool| {
        let call = Program::start(&office.lab, &["call", "psa.search_tickets", "--args", arguments]);
        tab.open(&call.link(1).await).await;
        tab.ready().await;
        let text = tab.text().await;
        tab.click(if approve { "#once" } else { "#deny" }).await;
        assert_eq!(call.ended().await.code, if approve { 0 } else { 4 });
        text
    };
    let first = shown("{}", true).await;
    assert!(first.contains("No earlier approval of this operation is known."), "{first}");
    // Each of these is a process of its own. One that was refused is no last time.
    let other = shown(r#"{"page":2}"#, false).await;
    assert!(other.contains("\"2\" instead of \"1\""), "{other}");
    let same = shown("{}", true).await;
    assert!(same.contains("The same was approved before."), "{same}");

    // A receipt counts while its key may approve: the next person has seen nothing of this.
    office.lab.must(&["approver", "revoke", "alex"]).unwrap();
    office.enrol(&tab, "ben").await;
    let after = shown("{}", false).await;
    assert!(after.contains("No earlier approval of this operation is known."), "{after}");
}
