//! Clients that take their time, and more of them than there are places.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::office::Office;

/// More than the page's server holds at once, by some.
const CROWD: usize = 80;
/// What it holds.
const PLACES: usize = 64;
/// How long it waits for the head of a request, and some.
const HEAD_TIME: Duration = Duration::from_secs(14);

/// Whether the other end has closed this connection within a time.
async fn is_closed(stream: &mut TcpStream, within: Duration) -> bool {
    let mut byte = [0; 1];
    matches!(timeout(within, stream.read(&mut byte)).await, Ok(Ok(0) | Err(_)))
}

#[tokio::test]
async fn slow_clients_are_let_go_and_too_many_are_not_let_in() {
    let office = Office::new();
    let (chromium, tab) = office.with_person().await;
    let call = office.call();
    let page = call.link(1).await;
    // A browser's own connections would be counted too.
    drop((tab, chromium));
    let mut slow = Vec::new();
    for _ in 0..CROWD {
        #[expect(clippy::disallowed_methods, reason = "the test is the crowd")]
        let mut stream = TcpStream::connect(("127.0.0.1", office.port)).await.unwrap();
        // One too many is closed before it has said anything; then there is nobody to write to.
        let _begun = stream.write_all(b"GET / HTTP/1.1\r\nhost: ").await;
        slow.push(stream);
    }
    let begin = Instant::now();
    let mut turned_away = 0;
    for stream in &mut slow {
        turned_away += usize::from(is_closed(stream, Duration::from_millis(20)).await);
    }
    assert!(begin.elapsed() < Duration::from_secs(8), "the heads have timed out already");
    assert!((CROWD - PLACES..CROWD - PLACES + 8).contains(&turned_away), "{turned_away} of {CROWD}");
    for stream in &mut slow {
        assert!(is_closed(stream, HEAD_TIME).await, "a slow head is waited for without an end");
    }
    // The page is there again for who asks properly.
    let answer = super::door::client().get(page.split('#').next().unwrap()).send().await.unwrap();
    assert_eq!(answer.status(), 401);
    drop(call);
}
