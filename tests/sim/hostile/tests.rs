use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tokio::io::AsyncReadExt as _;

use super::*;
use crate::{Recorded, Recorder};

struct Lair {
    running: Running,
    elsewhere: Recorded,
    ca: TestCa,
    secret: String,
}

fn lair() -> Lair {
    let ca = TestCa::new().unwrap();
    let elsewhere = Recorder::start().unwrap();
    let mut bytes = [0; 20];
    getrandom::fill(&mut bytes).unwrap();
    let config =
        HostileConfig { echoed: "authorization".to_owned(), elsewhere: elsewhere.running.addr, names: Vec::new() };
    Lair { running: Hostile::start(&ca, config).unwrap(), elsewhere, ca, secret: hex::encode(bytes) }
}

impl Lair {
    /// The raw bytes of an answer, until the upstream closes or pauses.
    async fn raw(&self, path: &str) -> (Vec<u8>, io::Result<usize>) {
        let client = self.ca.client().unwrap();
        let mut stream = crate::client::connect(self.running.addr, Some(&client)).await.unwrap();
        let headers = format!("Host: lair\r\nConnection: close\r\nAuthorization: Bearer {}", self.secret);
        let request = format!("GET {path} HTTP/1.1\r\n{headers}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut got = Vec::new();
        let mut limited = (&mut stream).take(400_000);
        let read = limited.read_to_end(&mut got);
        let ended = tokio::time::timeout(std::time::Duration::from_millis(300), read).await;
        (got, ended.unwrap_or(Ok(0)))
    }

    async fn text(&self, path: &str) -> String {
        String::from_utf8_lossy(&self.raw(path).await.0).into_owned()
    }
}

#[tokio::test]
async fn a_token_comes_back_in_every_form() {
    let lair = lair();
    let secret = &lair.secret;
    let escaped: String = secret.chars().map(|letter| format!("\\u{:04x}", u32::from(letter))).collect();
    for (form, wanted) in [
        ("raw", secret.clone()),
        ("hex", hex::encode(secret)),
        ("hex-upper", hex::encode_upper(secret)),
        ("base64", base64::prelude::Engine::encode(&base64::prelude::BASE64_STANDARD, secret)),
        ("json", escaped),
        ("percent", secret.bytes().map(|byte| format!("%{byte:02X}")).collect()),
        ("percent-some", secret.clone()),
        ("html", secret.chars().map(|letter| format!("&#{};", u32::from(letter))).collect()),
        ("reason", format!("HTTP/1.1 200 {secret}")),
        ("header", format!("X-Echo: {secret}")),
        ("cookie", format!("session={secret}")),
        ("location", format!("key={secret}")),
        ("trailer", format!("\r\n0\r\nX-Echo: {secret}")),
        ("split", secret.chars().map(|letter| format!("1\r\n{letter}\r\n")).collect()),
    ] {
        let text = lair.text(&format!("/echo/header/{form}/token")).await;
        assert!(text.contains(&wanted), "{form}: {text}");
    }
    let zipped = lair.raw("/echo/header/gzip").await.0;
    assert!(!zipped.windows(secret.len()).any(|window| window == secret.as_bytes()));
    assert!(lair.text("/echo/all/raw").await.contains(&format!("authorization: Bearer {secret}")));
    assert!(lair.text("/echo/target/raw?key=k1").await.contains("/echo/target/raw?key=k1"));
    assert!(lair.text("/echo/header/raw").await.contains(&format!("Bearer {secret}")));
    for path in ["/echo/header/none", "/echo/none/raw", "/echo/header/raw/none"] {
        assert!(lair.text(path).await.starts_with("HTTP/1.1 400"), "{path}");
    }
}

#[tokio::test]
async fn redirects_lead_elsewhere_and_nobody_goes() {
    let lair = lair();
    let elsewhere = lair.elsewhere.running.addr;
    for (kind, wanted) in [
        ("relative", "Location: /redirected".to_owned()),
        ("absolute", "Location: https://lair/redirected".to_owned()),
        ("protocol-relative", format!("Location: //{elsewhere}/")),
        ("port", format!("Location: https://{elsewhere}/")),
        ("plain", format!("Location: http://{elsewhere}/")),
    ] {
        let text = lair.text(&format!("/redirect/307/{kind}")).await;
        assert!(text.starts_with("HTTP/1.1 307") && text.contains(&wanted), "{text}");
    }
    assert!(!lair.text("/redirect/302/none").await.contains("Location"));
    assert_eq!(lair.elsewhere.running.connections(), 0);
}

#[tokio::test]
async fn lengths_lie_and_endings_are_missing() {
    let lair = lair();
    assert!(lair.text("/length/twice").await.matches("Content-Length").count() == 2);
    assert!(lair.text("/length/both").await.contains("chunked"));
    let (got, ended) = lair.raw("/length/long").await;
    assert!(ended.is_ok() && got.len() < 200);
    let (got, ended) = lair.raw("/truncated").await;
    assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    assert!(got.ends_with(b"{\"ok\":"));
    assert!(lair.raw("/garbage").await.0.starts_with(&[0x16, 3, 1]));
    assert!(lair.raw("/close").await.0.is_empty());
}

#[tokio::test]
async fn answers_are_slow_large_or_odd() {
    let lair = lair();
    assert!(lair.text("/slow").await.len() < 100);
    assert!(lair.text("/slow-head").await.contains("X-Slow: s"));
    assert!(lair.raw("/hang").await.0.is_empty());
    assert!(lair.raw("/endless").await.0.len() >= 300_000);
    assert!(lair.text("/huge/100000").await.ends_with('"'));
    assert_eq!(lair.text("/headers/500").await.matches("X-Flood-").count(), 500);
    assert!(lair.text("/header-size/9000").await.len() > 9_000);
    assert!(lair.text("/no-content").await.starts_with("HTTP/1.1 204"));
    assert!(lair.text("/status/418").await.starts_with("HTTP/1.1 418"));
    assert!(lair.text("/hints").await.contains("103 Early Hints"));
    assert!(lair.text("/encoding/br").await.contains("Content-Encoding: br"));
    assert!(lair.text("/deep-json/2000").await.contains(&"[".repeat(2_000)));
}

#[tokio::test]
async fn what_else_it_answers_is_a_plain_answer_on_a_kept_connection() {
    let lair = lair();
    let client = lair.ca.client().unwrap();
    let request = Request::post("/anything").body(Full::new(Bytes::from_static(b"abc"))).unwrap();
    let answer = crate::client::send(lair.running.addr, Some(&client), request).await.unwrap();
    assert_eq!(answer.body(), "{\"ok\":true}");
    assert_eq!(lair.running.seen()[0].body, b"abc");
}

#[tokio::test]
async fn a_certificate_for_another_name_is_not_trusted() {
    let lair = lair();
    let config = HostileConfig { echoed: String::new(), elsewhere: lair.running.addr, names: Vec::new() };
    let other = Hostile::start_as_another(&lair.ca, config, &["other.test".to_owned()]).unwrap();
    let client = lair.ca.client().unwrap();
    assert!(crate::client::connect(other.addr, Some(&client)).await.is_err());
}

#[tokio::test]
async fn a_recorder_counts_and_keeps_what_came() {
    let recorder = Recorder::start().unwrap();
    let mut stream = crate::client::connect(recorder.running.addr, None).await.unwrap();
    stream.write_all(b"hello").await.unwrap();
    stream.shutdown().await.unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    assert_eq!((recorder.running.connections(), recorder.received()), (1, vec![b"hello".to_vec()]));
}
