//! Where requests go, and where they never go.

use super::house::{House, Place};
use super::site::Site;
use super::upstream::{Reply, Upstream};
use crate::address::AddressDenied;
use crate::failure::{Failure, FailureKind};

fn kind(failure: Failure) -> FailureKind {
    assert!(!failure.left_host, "nothing may have been sent: {failure:?}");
    failure.kind
}

#[tokio::test]
async fn private_addresses_need_the_grant_however_they_are_named() {
    let upstream = Upstream::start(|_| Reply::json(200, "{}")).await;
    for (host, networks) in [
        ("127.0.0.1", vec![]),
        ("127.0.0.1", vec!["10.0.0.0/8"]),
        ("localhost", vec![]),
        ("::1", vec!["127.0.0.0/8"]),
        ("::ffff:127.0.0.1", vec![]),
    ] {
        let place = Place { host: host.to_owned(), networks, ..Place::here(upstream.port) };
        let failure = kind(House::at(&place).show("bearer").await.unwrap_err());
        assert!(matches!(failure, FailureKind::Address(AddressDenied::Private(_))), "{host}: {failure:?}");
    }
    assert_eq!(upstream.connections(), 0);
}

#[tokio::test]
async fn metadata_addresses_are_never_dialled() {
    for host in ["169.254.169.254", "fd00:ec2::254", "::ffff:169.254.169.254", "100.100.100.200"] {
        let place = Place { host: host.to_owned(), networks: vec!["0.0.0.0/0", "::/0"], ..Place::here(80) };
        let failure = kind(House::at(&place).show("bearer").await.unwrap_err());
        assert!(matches!(failure, FailureKind::Address(AddressDenied::Metadata)), "{host}: {failure:?}");
    }
    let connect = Some("169.254.169.254:80".to_owned());
    let place = Place { connect, networks: vec!["0.0.0.0/0"], ..Place::here(80) };
    let failure = kind(House::at(&place).show("bearer").await.unwrap_err());
    assert!(matches!(failure, FailureKind::Address(AddressDenied::Metadata)), "{failure:?}");
}

#[tokio::test]
async fn an_address_set_by_the_operator_is_held_against_the_grant_too() {
    let upstream = Upstream::start(|_| Reply::json(200, "{}")).await;
    let connect = Some(format!("127.0.0.1:{}", upstream.port));
    let host = "api.example.com".to_owned();
    let place = Place { host, connect, networks: vec![], ..Place::here(80) };
    assert!(matches!(kind(House::at(&place).show("bearer").await.unwrap_err()), FailureKind::Address(_)));
    let place = Place { networks: vec!["127.0.0.0/8"], ..place };
    House::at(&place).show("bearer").await.unwrap();
    assert_eq!(upstream.seen().first().unwrap().header("host"), ["api.example.com"]);
}

#[tokio::test]
async fn nothing_goes_over_a_network_in_the_clear() {
    let place = Place { host: "10.99.1.2".to_owned(), networks: vec!["10.0.0.0/8"], ..Place::here(80) };
    assert!(matches!(kind(House::at(&place).show("bearer").await.unwrap_err()), FailureKind::Plaintext));
}

#[tokio::test]
async fn a_port_that_nobody_listens_on_and_a_name_that_nobody_has() {
    let upstream = Upstream::start(|_| Reply::json(200, "{}")).await;
    let port = upstream.port;
    drop(upstream);
    tokio::task::yield_now().await;
    let failure = kind(House::at(&Place::here(port)).show("bearer").await.unwrap_err());
    assert!(matches!(failure, FailureKind::Connect(std::io::ErrorKind::ConnectionRefused)), "{failure:?}");
    let place = Place { host: "nobody.invalid".to_owned(), ..Place::here(port) };
    assert!(matches!(kind(House::at(&place).show("bearer").await.unwrap_err()), FailureKind::Unresolved));
}

#[tokio::test]
async fn nothing_in_an_answer_moves_the_next_request() {
    let elsewhere = Upstream::start(|_| Reply::json(200, "{}")).await;
    let there = format!("http://127.0.0.1:{}/", elsewhere.port);
    let headers = format!(
        "refresh: 0; url={there}\r\nlink: <{there}>; rel=canonical\r\nlocation: {there}\r\ncontent-location: {there}\r\nalt-svc: http/1.1=\":{}\"\r\nset-cookie: a=b\r\n",
        elsewhere.port
    );
    let upstream = Upstream::start(move |_| Reply::with(200, &headers, b"{}")).await;
    let house = House::at(&Place::here(upstream.port));
    let mut scope = house.begin();
    for _ in 0..2 {
        house.send(super::house::show("bearer"), &mut scope).await.unwrap();
    }
    house.show("bearer").await.unwrap();
    assert_eq!((upstream.seen().len(), elsewhere.connections()), (3, 0));
    assert!(upstream.seen().iter().all(|seen| seen.header("cookie").is_empty()), "there is no cookie jar");
}

async fn over_tls(site: &Site, authority: Option<&str>, host: &str) -> (Result<(), Failure>, usize) {
    let upstream = Upstream::tls(site, |_| Reply::json(200, "{}")).await;
    let place = Place {
        scheme: "https",
        host: host.to_owned(),
        authority: authority.map(str::to_owned),
        connect: Some(format!("127.0.0.1:{}", upstream.port)),
        ..Place::here(upstream.port)
    };
    let answer = House::at(&place).show("bearer").await.map(|_| ());
    (answer, upstream.seen().len())
}

#[tokio::test]
async fn tls_with_the_right_private_authority() {
    let site = Site::new(&["pve.example.com", "127.0.0.1"]);
    for host in ["pve.example.com", "127.0.0.1"] {
        let (answer, seen) = over_tls(&site, Some(&site.authority), host).await;
        answer.unwrap();
        assert_eq!(seen, 1);
    }
}

#[tokio::test]
async fn tls_that_cannot_be_trusted_gets_no_request() {
    let site = Site::new(&["pve.example.com"]);
    let other = Site::new(&["pve.example.com"]);
    let expired = Site::expired(&["pve.example.com"]);
    for (site, authority, host, why) in [
        (&site, Some(other.authority.as_str()), "pve.example.com", "authority"),
        (&site, None, "pve.example.com", "authority"),
        (&site, Some(site.authority.as_str()), "other.example.com", "another host"),
        (&site, Some(site.authority.as_str()), "127.0.0.1", "another host"),
        (&expired, Some(expired.authority.as_str()), "pve.example.com", "expired"),
    ] {
        let (answer, seen) = over_tls(site, authority, host).await;
        let failure = kind(answer.unwrap_err());
        assert!(matches!(failure, FailureKind::Tls(reason) if reason.contains(why)), "{failure:?}");
        assert_eq!(seen, 0);
    }
}

#[tokio::test]
async fn an_authority_that_is_none_is_the_operators_error() {
    let site = Site::new(&["pve.example.com"]);
    let (answer, _) = over_tls(&site, Some("not a certificate\n"), "pve.example.com").await;
    assert!(matches!(kind(answer.unwrap_err()), FailureKind::Authority));
}

#[tokio::test]
async fn a_server_that_does_not_speak_tls_gets_no_request() {
    let upstream = Upstream::start(|_| Reply::json(200, "{}")).await;
    let place = Place { scheme: "https", ..Place::here(upstream.port) };
    let house = House::patient(&place, std::time::Duration::from_secs(2));
    let failure = kind(house.show("bearer").await.unwrap_err());
    assert!(matches!(failure, FailureKind::Tls(_) | FailureKind::Slow(_)), "{failure:?}");
    assert!(upstream.seen().is_empty());
}
