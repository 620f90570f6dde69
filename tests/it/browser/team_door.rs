//! Who knocks at a team's page: without TLS, under another name, too slowly, with what a proxy would say.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use reqwest::{Certificate, Client, RequestBuilder, StatusCode};

use super::office::{TEAM, Team};

/// A browser without a person, which takes the team's certificate.
pub(super) fn client(team: &Team) -> Client {
    let loopback = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    let authority = Certificate::from_pem(team.ca.pem().as_bytes()).unwrap();
    Client::builder().resolve(TEAM, loopback).tls_certs_only([authority]).build().unwrap()
}

fn post(client: &Client, team: &Team, path: &str, body: &str) -> RequestBuilder {
    let request = client.post(format!("{}{path}", team.origin())).header("content-type", "application/json");
    request.header("origin", team.origin()).body(body.to_owned())
}

#[expect(clippy::disallowed_methods, reason = "a stranger who speaks no TLS")]
fn knock(here: (&str, u16)) -> TcpStream {
    TcpStream::connect(here).unwrap()
}

/// An answer of nobody's.
const FORGED: &str = "{\"invitation\":\"AA\",\"given\":{\"credentialId\":\"AA\",\"authenticatorData\":\"AA\",\"clientDataJson\":\"AA\",\"signature\":\"AA\"}}";

#[tokio::test]
async fn strangers_get_a_sign_in_and_nothing_else_and_only_over_tls() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let team = Team::new();
    let (_chromium, tab) = team.person("anna").await;
    let call = team.office.call();
    let link = call.link(1).await;
    let here = ("127.0.0.1", team.office.port);
    // It says nothing; the end of this test sees that it was not waited for.
    let silent = tokio::task::spawn_blocking(move || {
        let mut stream = knock(here);
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let begin = Instant::now();
        let read = stream.read(&mut [0; 16]).unwrap_or_default();
        (read, begin.elapsed())
    });

    let client = client(&team);
    let stranger = client.get(&link).send().await.unwrap();
    assert_eq!(stranger.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(stranger.headers()["strict-transport-security"], "max-age=31536000");
    let seen = stranger.text().await.unwrap();
    assert!(!seen.contains("psa") && !seen.contains("op://") && !seen.contains("anna"), "{seen}");
    // What a proxy would add is believed of nobody.
    let forwarded =
        [("x-forwarded-host", TEAM), ("x-forwarded-proto", "https"), ("forwarded", "host=approve.acme.example")];
    for host in ["evil.example", "localhost", TEAM] {
        let request = forwarded
            .iter()
            .fold(client.get(&link).header("host", host), |all, (name, value)| all.header(*name, *value));
        assert_eq!(request.send().await.unwrap().status(), StatusCode::MISDIRECTED_REQUEST, "{host}");
    }
    let foreign = client.post(format!("{}/sign-in/begin", team.origin())).header("origin", "https://evil.example");
    assert_eq!(foreign.send().await.unwrap().status(), StatusCode::FORBIDDEN);
    // A ticket of a terminal is worth nothing here, and a console has none.
    assert_eq!(
        post(&client, &team, "/enter", "{\"ticket\":\"AA\"}").send().await.unwrap().status(),
        StatusCode::UNAUTHORIZED
    );
    let console = team.office.lab.must(&["console", "--json"]).unwrap().json();
    assert_eq!(console["console"], format!("{}/", team.origin()));
    for path in ["/", "/events", "/enrol/AAAA", "/approve/AAAA"] {
        let seen = client.get(format!("{}{path}", team.origin())).send().await.unwrap();
        assert_eq!(seen.status(), StatusCode::UNAUTHORIZED, "{path}");
    }

    // Who asks for another name, or for none, gets no certificate; who speaks plainly gets no answer.
    assert!(
        Client::builder()
            .tls_danger_accept_invalid_certs(true)
            .build()
            .unwrap()
            .get(format!("https://127.0.0.1:{}/", team.office.port))
            .send()
            .await
            .is_err()
    );
    let plain = tokio::task::spawn_blocking(move || {
        let mut stream = knock(here);
        // It may be closed before all of it is said.
        let _closed = write!(stream, "GET / HTTP/1.1\r\nhost: {TEAM}:{}\r\n\r\n", here.1);
        let mut answer = Vec::new();
        let _ended = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).contains("HTTP/1.1")
    });
    assert!(!plain.await.unwrap(), "plain HTTP was answered");

    // So many wrong sign-ins, and no more from this address.
    let mut statuses = Vec::new();
    for _ in 0..11 {
        statuses.push(post(&client, &team, "/sign-in/finish", FORGED).send().await.unwrap().status());
    }
    assert!(statuses.iter().take(10).all(|status| *status == StatusCode::UNPROCESSABLE_ENTITY), "{statuses:?}");
    assert_eq!(statuses.last(), Some(&StatusCode::TOO_MANY_REQUESTS));

    // None of it ended the question.
    let (read, waited) = silent.await.unwrap();
    assert!(read == 0 && waited < Duration::from_secs(20), "a silent client was waited for: {waited:?}");
    tab.open(&link).await;
    tab.says("Sign in with a passkey").await;
    drop(call);
}

#[tokio::test]
async fn behind_a_proxy_the_name_is_exact_and_an_enrolment_link_opens_once() {
    let team = Team::new();
    team.configure(&format!("listen = \"127.0.0.1:{}\"\nbehind-proxy = true\n", team.office.port));
    let adding = super::program::Program::start(&team.office.lab, &["approver", "add", "--name", "anna"]);
    let link = adding.link(1).await;
    let (page, ticket) = link.split_once('#').unwrap();
    assert!(page.starts_with(&format!("{}/enrol/", team.origin())), "{page}");
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (client, behind) = (Client::new(), format!("http://127.0.0.1:{}", team.office.port));
    let host = format!("{TEAM}:{}", team.office.port);
    let enter = |origin: String, host: String| {
        let body = format!("{{\"ticket\":\"{ticket}\"}}");
        let request = client.post(format!("{behind}/enter")).header("content-type", "application/json");
        request.header("host", host).header("origin", origin).body(body).send()
    };
    // What the browser said has to come through as it was.
    assert_eq!(enter(team.origin(), format!("127.0.0.1:{}", team.office.port)).await.unwrap().status(), 421);
    assert_eq!(enter(format!("http://{host}"), host.clone()).await.unwrap().status(), 403);
    let entered = enter(team.origin(), host.clone()).await.unwrap();
    assert_eq!(entered.status(), 200);
    let cookie = entered.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(cookie.starts_with("__Host-claviger-enrolment-") && cookie.ends_with("; Secure"), "{cookie}");
    let again = enter(team.origin(), host.clone()).await.unwrap();
    assert_eq!(again.status(), 401, "a link opened twice");
    // Neither does the console's command help whoever was sent an old link.
    let path = page.strip_prefix(&team.origin()).unwrap();
    let seen = client.get(format!("{behind}{path}")).header("host", host).send().await.unwrap();
    for told in [again.text().await.unwrap(), seen.text().await.unwrap()] {
        assert!(told.contains("claviger approver add --name") && !told.contains("claviger console"), "{told}");
    }
}

#[test]
fn what_would_leave_the_page_open_or_unreachable_is_refused_with_the_line_to_write() {
    let team = Team::new();
    let port = team.office.port;
    let keys = |name: &str| format!("{:?}", team.office.lab.beside(name));
    let (certificate, key) = (keys("page.crt"), keys("page.key"));
    for (lines, said) in [
        (format!("listen = \"0.0.0.0:{port}\"\nbehind-proxy = true\n"), "behind-proxy needs a listen address"),
        (format!("listen = \"127.0.0.1:{port}\"\n"), "needs either `certificate` and `key`"),
        (format!("certificate = {certificate}\n"), "needs either `certificate` and `key`"),
        (format!("certificate = {certificate}\nkey = {key}\nbehind-proxy = true\n"), "needs either `certificate`"),
        (format!("certificate = {key}\nkey = {key}\n"), "holds no certificate in PEM"),
        (
            format!("certificate = {certificate}\nkey = {key}\nrelying-party = \"example\"\n"),
            "relying-party \"example\"",
        ),
        (
            "relying-party = \"acme.example\"\nbehind-proxy = true\nlisten = \"192.0.2.1:7443\"\n".to_owned(),
            "behind-proxy",
        ),
    ] {
        team.configure(&lines);
        let ran = team.office.lab.run(&["approver", "add"]).unwrap();
        assert!(ran.code == 6 && ran.stderr.contains(said), "{lines}: {} {}", ran.code, ran.stderr);
    }
    crate::cli::variant::configure(&team.office.lab.state(), |text| {
        let before = text.split("[web]").next().unwrap().to_owned();
        format!("{before}[web]\nlisten = \"0.0.0.0:{port}\"\n")
    });
    let ran = team.office.lab.run(&["approver", "add"]).unwrap();
    assert!(ran.code == 6 && ran.stderr.contains("name its `origin` too"), "{}", ran.stderr);
}
