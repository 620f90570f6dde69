//! Answers that lie, flood, dawdle, compress or point elsewhere.

use std::time::{Duration, Instant};

use super::house::{House, KEY, Place, show};
use super::upstream::{Reply, Seen, Upstream};
use crate::decode::tests::gzip;
use crate::failure::{Failure, FailureKind};
use crate::response::HttpAnswer;

async fn answered(reply: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Result<HttpAnswer, Failure> {
    let upstream = Upstream::start(reply).await;
    House::at(&Place::here(upstream.port)).show("bearer").await
}

async fn refused(reply: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> FailureKind {
    let failure = answered(reply).await.unwrap_err();
    assert!(failure.left_host, "the request was sent: {failure:?}");
    failure.kind
}

#[tokio::test]
async fn a_usual_answer_comes_through_with_the_headers_that_are_listed() {
    let headers = "Link: <x>; rel=next\r\nRetry-After: 7\r\nSet-Cookie: a=b\r\nX-Other: y\r\n";
    let answer = answered(move |_| Reply::with(429, headers, br#"{"n":1}"#)).await.unwrap();
    assert_eq!((answer.status, answer.body.as_ref()), (429, br#"{"n":1}"#.as_slice()));
    let expected = [("link", "<x>; rel=next"), ("retry-after", "7")].map(|(n, v)| (n.to_owned(), v.to_owned()));
    assert_eq!(answer.headers, expected);
}

#[tokio::test]
async fn no_redirect_is_followed_wherever_it_points() {
    let elsewhere = Upstream::start(|_| Reply::json(200, "{}")).await;
    let port = elsewhere.port;
    for status in [300, 301, 302, 303, 305, 307, 308, 399] {
        for target in [format!("http://127.0.0.1:{port}/"), "/v1/other".to_owned(), "file:///etc/passwd".to_owned()] {
            let location = format!("location: {target}\r\n");
            let kind = refused(move |_| Reply::with(status, &location, b"moved")).await;
            assert!(matches!(kind, FailureKind::Redirected(same) if same == status), "{kind:?}");
        }
    }
    assert_eq!(elsewhere.connections(), 0);
    let kept = answered(|_| Reply::raw("HTTP/1.1 304 Not Modified\r\n\r\n")).await.unwrap();
    assert_eq!(kept.status, 304);
    let refresh = format!("refresh: 0; url=http://127.0.0.1:{port}/\r\nalt-svc: h2=\":{port}\"\r\n");
    answered(move |_| Reply::with(200, &refresh, b"{}")).await.unwrap();
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn an_encoded_answer_is_unpacked_or_dropped_unread() {
    for headers in
        ["content-encoding: gzip\r\n", "content-encoding: compress\r\n", "content-encoding: identity, zstd\r\n"]
    {
        assert!(matches!(refused(move |_| Reply::with(200, headers, b"opaque")).await, FailureKind::Encoded));
    }
    // Without saying so.
    for magic in [b"\x1f\x8b\x08\0rest".as_slice(), b"\x28\xb5\x2f\xfdrest", b"PK\x03\x04rest"] {
        assert!(matches!(refused(move |_| Reply::with(200, "", magic)).await, FailureKind::Encoded));
    }
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    assert!(matches!(refused(move |_| Reply::raw(chunked)).await, FailureKind::Encoded));
    for headers in ["content-encoding: gzip\r\n", ""] {
        let answer = answered(move |_| Reply::with(200, headers, &gzip(br#"{"n":1}"#))).await.unwrap();
        assert_eq!(answer.body, br#"{"n":1}"#.as_slice());
    }
    let bomb = gzip(&vec![b'a'; 10_000_000]);
    let kind = refused(move |_| Reply::with(200, "content-encoding: gzip\r\n", &bomb)).await;
    assert!(matches!(kind, FailureKind::TooLong(65_536)), "{kind:?}");
}

#[tokio::test]
async fn an_answer_over_the_limit_is_dropped_announced_or_not() {
    let kind = refused(|_| Reply::raw("HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n")).await;
    assert!(matches!(kind, FailureKind::TooLong(65_536)), "{kind:?}");
    let long = format!("HTTP/1.1 200 OK\r\n\r\n{}", "a".repeat(70_000));
    assert!(matches!(refused(move |_| Reply::raw(&long)).await, FailureKind::TooLong(65_536)));
    let chunk = format!("{:x}\r\n{}\r\n", 40_000, "a".repeat(40_000));
    let long = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{chunk}{chunk}0\r\n\r\n");
    assert!(matches!(refused(move |_| Reply::raw(&long)).await, FailureKind::TooLong(65_536)));
    let full = "b".repeat(65_536);
    let sent = full.clone();
    assert_eq!(answered(move |_| Reply::json(200, &sent)).await.unwrap().body, full);
}

#[tokio::test]
async fn a_length_that_lies_is_a_failure_or_is_held_to() {
    let early = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort";
    assert!(matches!(refused(move |_| Reply::raw(early)).await, FailureKind::Http(_)));
    let broken = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab";
    assert!(matches!(refused(move |_| Reply::raw(broken)).await, FailureKind::Http(_)));
    let contradictory = "HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd";
    assert!(matches!(refused(move |_| Reply::raw(contradictory)).await, FailureKind::Http(_)));
    let more = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nother";
    assert_eq!(answered(move |_| Reply::raw(more)).await.unwrap().body, "{}");
}

#[tokio::test]
async fn bytes_behind_an_answer_are_never_the_next_answer() {
    let smuggled = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nother";
    let upstream = Upstream::start(move |_| Reply::raw(smuggled)).await;
    let house = House::at(&Place::here(upstream.port));
    let mut scope = house.begin();
    for _ in 0..2 {
        assert_eq!(house.send(show("bearer"), &mut scope).await.unwrap().body, "{}");
    }
    assert_eq!(upstream.connections(), 2);
}

#[tokio::test]
async fn a_slow_upstream_costs_no_more_than_the_time_of_an_exchange() {
    let drip = |start: &str| (0..100).fold(Reply::raw(start), |reply, _| reply.then(Duration::from_millis(200), "a"));
    let begun = Instant::now();
    for start in ["HTTP/1.1 200", "HTTP/1.1 200 OK\r\nx-slow: ", "HTTP/1.1 200 OK\r\n\r\n"] {
        let upstream = Upstream::start(move |_| drip(start)).await;
        let house = House::patient(&Place::here(upstream.port), Duration::from_secs(1));
        let failure = house.show("bearer").await.unwrap_err();
        assert!(matches!(failure.kind, FailureKind::Slow(1)) && failure.left_host, "{failure:?}");
    }
    assert!(begun.elapsed() < Duration::from_secs(15), "each of them drips for 20 seconds");
}

#[tokio::test]
async fn a_flood_of_headers_and_other_rubbish_is_not_http() {
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(500));
    let long = format!("HTTP/1.1 200 OK\r\na: {}\r\n\r\n", "b".repeat(200_000));
    let interim =
        format!("{}HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", "HTTP/1.1 103 Early\r\nx: y\r\n\r\n".repeat(3));
    for rubbish in [many.as_str(), &long, "SSH-2.0-OpenSSH_9.9\r\n", "HTTP/1.1 99 X\r\n\r\n", "\0\0\x12\x04", ""] {
        let rubbish = rubbish.to_owned();
        assert!(matches!(refused(move |_| Reply::raw(&rubbish)).await, FailureKind::Http(_)));
    }
    let switch = "HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
    assert!(matches!(refused(move |_| Reply::raw(switch)).await, FailureKind::Http(_)));
    assert_eq!(answered(move |_| Reply::raw(&interim)).await.unwrap().status, 200);
}

#[tokio::test]
async fn connections_are_used_again_in_a_call_and_closed_with_it() {
    let upstream = Upstream::start(|_| Reply::json(200, "{}")).await;
    let house = House::at(&Place::here(upstream.port));
    let mut scope = house.begin();
    for _ in 0..3 {
        house.send(show("bearer"), &mut scope).await.unwrap();
    }
    assert_eq!((upstream.seen().len(), upstream.connections()), (3, 1));
    house.show("bearer").await.unwrap();
    assert_eq!((upstream.seen().len(), upstream.connections()), (4, 2));
}

#[tokio::test]
async fn a_connection_that_died_in_between_is_replaced() {
    let upstream = Upstream::start(|_| Reply::json(200, "{}").closing()).await;
    let house = House::at(&Place::here(upstream.port));
    let mut scope = house.begin();
    for _ in 0..3 {
        house.send(show("bearer"), &mut scope).await.unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    assert_eq!((upstream.seen().len(), upstream.connections()), (3, 3));
}

#[tokio::test]
async fn failures_and_the_log_never_quote_what_was_sent_or_received() {
    let upstream = Upstream::start(|seen| Reply::raw(format!("HTTP/1.1 {}\r\n\r\n", seen.head))).await;
    let house = House::at(&Place::here(upstream.port));
    let failure = house.show("query").await.unwrap_err();
    let said = format!("{failure} {failure:?} {}", house.audit());
    assert!(!said.contains(KEY) && !said.contains("claviger/"), "{said}");
}
