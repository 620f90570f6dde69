//! An answer that holds a secret does not get out, and the secret is not used again.

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE};

use super::house::{COMPANY, House, KEY, PRIVATE, PUBLIC, Place, name};
use super::upstream::{Reply, Upstream};
use crate::decode::tests::{brotli, gzip, zstd};
use crate::failure::FailureKind;

/// Calls once against an upstream that answers with this, and expects the leak to be stopped.
async fn blocked(reply: impl Fn() -> Reply + Send + Sync + 'static, credential: &str, quarantined: &[&str]) {
    let upstream = Upstream::start(move |_| reply()).await;
    let house = House::at(&Place::here(upstream.port));
    let failure = house.show(credential).await.unwrap_err();
    assert!(matches!(failure.kind, FailureKind::Leak), "{failure:?}");
    assert!(failure.left_host);
    let listed: Vec<String> =
        house.vault.quarantine().list().into_iter().map(|(_, secret)| secret.to_string()).collect();
    assert_eq!(listed, quarantined);
    let again = house.show(credential).await.unwrap_err();
    assert!(matches!(again.kind, FailureKind::Quarantined { .. }), "{again:?}");
    assert!(!again.left_host);
    assert_eq!(upstream.seen().len(), 1, "a quarantined secret is not sent");
    assert!(house.audit().contains(r#""verdict":"leak""#));
    assert!(!house.audit().contains(KEY) && !format!("{failure} {failure:?}").contains(KEY));
}

#[tokio::test]
async fn an_echo_in_any_encoding_is_stopped() {
    let wide: String = KEY.chars().map(|character| format!("\\u{:04x}", u32::from(character))).collect();
    let percent: String = KEY.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let entities: String = KEY.chars().map(|character| format!("&#{};", u32::from(character))).collect();
    for echo in [
        KEY.to_owned(),
        wide,
        percent.clone(),
        percent.replace('%', "%25"),
        entities,
        BASE64_STANDARD.encode(KEY),
        BASE64_STANDARD.encode(format!("x{KEY}")),
        BASE64_URL_SAFE.encode(format!("xy{KEY}z")),
        hex::encode(KEY),
        hex::encode_upper(KEY),
    ] {
        let body = format!(r#"{{"headers":{{"authorization":"Bearer {echo}"}}}}"#);
        blocked(move || Reply::json(200, &body), "bearer", &["key"]).await;
    }
}

/// For the operator who looks for what the upstream did. The plugin is told no more than that there was a leak: from where
/// and how it could tell its guesses apart.
#[tokio::test]
async fn the_log_says_where_a_secret_was_and_how_it_was_spelled_and_nobody_else_does() {
    let base64 = BASE64_STANDARD.encode(format!("x{KEY}"));
    let lower = KEY.to_lowercase();
    let chunked =
        format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\nx-sum: {base64}\r\n\r\n");
    for (reply, told) in [
        (Reply::json(200, &format!(r#"{{"a":"{base64}"}}"#)), "in the body, as base64"),
        (Reply::json(200, &format!(r#"{{"a":"{}"}}"#, hex::encode_upper(KEY))), "in the body, as hexadecimal digits"),
        (Reply::with(200, &format!("x-echo: {KEY}\r\n"), b"{}"), "in a header, as it is"),
        (Reply::with(200, &format!("x-{lower}: 1\r\n"), b"{}"), "in the name of a header, in lower case"),
        (Reply::raw(chunked), "in a trailer, as base64"),
        (
            Reply::raw(format!("HTTP/1.1 200 {KEY}\r\ncontent-length: 2\r\n\r\n{{}}")),
            "in the words behind the status, as it is",
        ),
    ] {
        let upstream = Upstream::start(move |_| reply.clone()).await;
        let house = House::at(&Place::here(upstream.port));
        let failure = house.show("bearer").await.unwrap_err();
        assert!(matches!(failure.kind, FailureKind::Leak), "{failure:?}");
        assert!(house.audit().contains(&format!("; it was first found {told}\"")), "{told}: {}", house.audit());
        assert!(!failure.to_string().contains("found") && !failure.to_string().contains(told), "{failure}");
    }
}

#[tokio::test]
async fn wide_text_is_stopped() {
    let body: Vec<u8> = KEY.encode_utf16().flat_map(u16::to_le_bytes).collect();
    blocked(move || Reply::with(200, "", &body), "bearer", &["key"]).await;
}

#[tokio::test]
async fn headers_and_error_answers_are_looked_at_too() {
    blocked(|| Reply::with(200, &format!("x-echo: Bearer {KEY}\r\n"), b"{}"), "bearer", &["key"]).await;
    blocked(|| Reply::with(200, &format!("link: <https://h/?k={KEY}>\r\n"), b"{}"), "bearer", &["key"]).await;
    for status in [401, 404, 500] {
        blocked(move || Reply::json(status, &format!(r#"{{"message":"bad key {KEY}"}}"#)), "bearer", &["key"]).await;
    }
}

#[tokio::test]
async fn header_names_trailers_and_reason_phrases_are_looked_at_too() {
    blocked(|| Reply::with(200, &format!("x-{KEY}: 1\r\n"), b"{}"), "bearer", &["key"]).await;
    blocked(|| Reply::raw(format!("HTTP/1.1 401 bad key {KEY}\r\ncontent-length: 2\r\n\r\n{{}}")), "bearer", &["key"])
        .await;
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-echo\r\n\r\n2\r\n{}\r\n0\r\n";
    blocked(move || Reply::raw(format!("{head}x-echo: {KEY}\r\n\r\n")), "bearer", &["key"]).await;
    blocked(move || Reply::raw(format!("{head}x-{KEY}: 1\r\n\r\n")), "bearer", &["key"]).await;
}

#[tokio::test]
async fn interim_answers_and_chunk_extensions_go_nowhere() {
    let interim = format!("HTTP/1.1 103 Early {KEY}\r\nlink: <{KEY}>\r\n\r\n");
    let chunk = format!("2;echo={KEY}\r\n{{}}\r\n0\r\n\r\n");
    let reply = format!("{interim}HTTP/1.1 200 OK\r\nlink: <x>\r\ntransfer-encoding: chunked\r\n\r\n{chunk}");
    let upstream = Upstream::start(move |_| Reply::raw(&reply)).await;
    let answer = House::at(&Place::here(upstream.port)).show("bearer").await.unwrap();
    assert_eq!((answer.body.as_ref(), answer.headers.len()), (b"{}".as_slice(), 1));
    assert!(!format!("{:?}", answer.headers).contains(KEY));
}

#[tokio::test]
async fn compressed_echoes_are_stopped() {
    let echo = format!(r#"{{"authorization":"Bearer {KEY}"}}"#).into_bytes();
    let cases = [
        ("content-encoding: gzip\r\n", gzip(&echo)),
        ("content-encoding: br\r\n", brotli(&echo)),
        ("content-encoding: zstd\r\n", zstd(&echo)),
        ("content-encoding: gzip\r\n", gzip(&gzip(&echo))),
        ("", gzip(&echo)),
        ("", zstd(&gzip(&echo))),
    ];
    for (headers, body) in cases {
        blocked(move || Reply::with(200, headers, &body), "bearer", &["key"]).await;
    }
    // In what is around the packed text, which readers skip.
    let body = [&zstd(b"{}"), b"\x50\x2a\x4d\x18\x30\0\0\0".as_slice(), format!("{KEY:>48}").as_bytes()].concat();
    blocked(move || Reply::with(200, "content-encoding: zstd\r\n", &body), "bearer", &["key"]).await;
}

#[tokio::test]
async fn a_secret_of_the_session_is_stopped_in_a_later_call_and_not_in_another_session() {
    let upstream =
        Upstream::start(|seen| Reply::json(200, if seen.line().contains("/open") { KEY } else { "{}" })).await;
    let house = House::at(&Place::here(upstream.port));
    let open = || super::house::request("open", None);
    let mut elsewhere = house.vault.begin(&name("acme"), "s2");
    house.show("bearer").await.unwrap();
    assert_eq!(house.send(open(), &mut elsewhere).await.unwrap().body, KEY);
    let later = house.send(open(), &mut house.begin()).await.unwrap_err();
    assert!(matches!(later.kind, FailureKind::Leak), "{later:?}");
    assert_eq!(house.vault.quarantine().list(), [(name("acme"), name("key"))]);
}

#[tokio::test]
async fn a_secret_split_over_chunks_is_stopped() {
    let (first, second) = KEY.split_at(11);
    let body = format!("{:x};x=y\r\n{first}\r\n{:x}\r\n{second}\r\n0\r\n\r\n", first.len(), second.len());
    let reply = move || Reply::raw(format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{body}"));
    blocked(reply, "bearer", &["key"]).await;
}

#[tokio::test]
async fn what_is_made_of_secrets_is_a_secret() {
    let pair = BASE64_STANDARD.encode(format!("{COMPANY}+{PUBLIC}:{PRIVATE}"));
    let echo = move || Reply::json(200, &format!(r#"{{"authorization":"Basic {pair}"}}"#));
    blocked(echo, "basic", &["company", "private", "public"]).await;
    let part = || Reply::json(200, &format!(r#"{{"password":"{PRIVATE}"}}"#));
    blocked(part, "basic", &["private"]).await;
    let all = || Reply::json(200, &format!(r#"["PVEAPIToken={PUBLIC}={KEY}"]"#));
    blocked(all, "template", &["key", "public"]).await;
}

#[tokio::test]
async fn an_operator_can_lift_a_quarantine() {
    let upstream = Upstream::start(|_| Reply::json(200, KEY)).await;
    let house = House::at(&Place::here(upstream.port));
    for _ in 0..2 {
        assert!(matches!(house.show("bearer").await.unwrap_err().kind, FailureKind::Leak));
        assert!(house.vault.quarantine().lift(&name("acme"), &name("key")).unwrap());
    }
    assert_eq!(upstream.seen().len(), 2);
}

#[tokio::test]
async fn every_secret_of_the_call_is_looked_for_not_only_the_last() {
    let upstream =
        Upstream::start(|seen| Reply::json(200, if seen.line().contains("/open") { KEY } else { "{}" })).await;
    let house = House::at(&Place::here(upstream.port));
    let mut scope = house.begin();
    house.send(super::house::show("bearer"), &mut scope).await.unwrap();
    let later = house.send(super::house::request("open", None), &mut scope).await.unwrap_err();
    assert!(matches!(later.kind, FailureKind::Leak));
}

#[tokio::test]
async fn text_that_holds_no_secret_passes_untouched() {
    let body =
        format!(r#"{{"near":"{}","esc":"a\n\u0041 100%25 &amp; \\","pre":"{}"}}"#, KEY.to_lowercase(), &KEY[..20]);
    let sent = body.clone();
    let upstream = Upstream::start(move |_| Reply::json(200, &sent)).await;
    let house = House::at(&Place::here(upstream.port));
    assert_eq!(house.show("bearer").await.unwrap().body, body);
}
