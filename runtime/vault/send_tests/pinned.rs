//! Which certificate an endpoint may show, and which sessions are resumed.

use super::house::{House, Place};
use super::site::{Site, VERSIONS};
use super::upstream::{Reply, Upstream};
use crate::failure::{Failure, FailureKind};

const HOST: &str = "pve.example.com";

fn place(upstream: &Upstream, authority: Option<&Site>, pins: Vec<String>) -> Place {
    Place {
        scheme: "https",
        host: HOST.to_owned(),
        authority: authority.map(|site| site.authority.clone()),
        connect: Some(format!("127.0.0.1:{}", upstream.port)),
        pins,
        ..Place::here(upstream.port)
    }
}

async fn shown(site: &Site, authority: Option<&Site>, pins: Vec<String>) -> (Result<(), Failure>, usize) {
    let upstream = Upstream::tls(site, |_| Reply::json(200, "{}")).await;
    let answer = House::at(&place(&upstream, authority, pins)).show("bearer").await.map(|_| ());
    (answer, upstream.seen().len())
}

async fn passes(site: &Site, authority: Option<&Site>, pins: Vec<String>) {
    let (answer, seen) = shown(site, authority, pins).await;
    answer.unwrap();
    assert_eq!(seen, 1);
}

async fn fails(site: &Site, authority: Option<&Site>, pins: Vec<String>, why: &str) {
    let (answer, seen) = shown(site, authority, pins).await;
    let failure = answer.unwrap_err();
    assert!(!failure.left_host && seen == 0, "nothing may have been sent: {failure:?}");
    assert!(matches!(failure.kind, FailureKind::Tls(reason) if reason.contains(why)), "{why}: {failure:?}");
}

#[tokio::test]
async fn a_pinned_key_is_asked_for_besides_the_chain() {
    let (site, other) = (Site::new(&[HOST]), Site::new(&[HOST]));
    let elsewhere = Site::new(&["other.example.com"]);
    let expired = Site::expired(&[HOST]);
    passes(&site, Some(&site), vec![site.spki_pin()]).await;
    passes(&site, Some(&site), vec![other.spki_pin(), site.spki_pin()]).await;
    fails(&site, Some(&site), vec![other.spki_pin()], "none that the connection pins").await;
    // The chain still counts: its authority, its name, its dates.
    fails(&site, None, vec![site.spki_pin()], "authority").await;
    fails(&site, Some(&other), vec![site.spki_pin()], "authority").await;
    fails(&elsewhere, Some(&elsewhere), vec![elsewhere.spki_pin()], "another host").await;
    fails(&expired, Some(&expired), vec![expired.spki_pin()], "expired").await;
}

#[tokio::test]
async fn a_pinned_certificate_is_trusted_for_what_it_is_until_it_ends() {
    let (site, other) = (Site::new(&["other.example.com"]), Site::new(&[HOST]));
    let (expired, early) = (Site::expired(&[HOST]), Site::early(&[HOST]));
    // Neither its authority nor its name is asked.
    passes(&site, None, vec![site.certificate_pin()]).await;
    passes(&site, Some(&other), vec![other.certificate_pin(), site.certificate_pin()]).await;
    fails(&site, None, vec![other.certificate_pin()], "none that the connection pins").await;
    // An authority that is trusted does not stand in for the pin.
    fails(&other, Some(&other), vec![site.certificate_pin()], "none that the connection pins").await;
    fails(&expired, Some(&expired), vec![expired.certificate_pin()], "expired").await;
    fails(&early, Some(&early), vec![early.certificate_pin()], "not valid yet").await;
}

#[tokio::test]
async fn either_kind_of_pin_is_enough() {
    let (site, other) = (Site::new(&[HOST]), Site::new(&[HOST]));
    passes(&site, Some(&site), vec![other.certificate_pin(), site.spki_pin()]).await;
    passes(&site, None, vec![other.spki_pin(), site.certificate_pin()]).await;
    fails(&site, Some(&site), vec![other.spki_pin(), other.certificate_pin()], "none that the connection pins").await;
}

/// A copy of the certificate is public; the key to it is not.
#[tokio::test]
async fn a_pinned_certificate_without_its_key_is_nobody() {
    for versions in VERSIONS {
        let site = Site { versions, ..Site::new(&[HOST]) };
        let thief = Site { certificate: site.certificate.clone(), versions, ..Site::new(&[HOST]) };
        passes(&site, None, vec![site.certificate_pin()]).await;
        let upstream = Upstream::tls(&thief, |_| Reply::json(200, "{}")).await;
        let house = House::at(&place(&upstream, None, vec![site.certificate_pin()]));
        let failure = house.show("bearer").await.unwrap_err();
        assert!(matches!(failure.kind, FailureKind::Tls(_)) && !failure.left_host, "{failure:?}");
        assert!(upstream.seen().is_empty());
    }
}

#[tokio::test]
async fn a_second_call_resumes_the_session_of_the_first() {
    for versions in VERSIONS {
        let site = Site { versions, ..Site::new(&[HOST]) };
        let upstream = Upstream::tls(&site, |_| Reply::json(200, "{}")).await;
        for pins in [vec![], vec![site.spki_pin()]] {
            let before = upstream.resumed();
            let house = House::at(&place(&upstream, Some(&site), pins));
            for _ in 0..3 {
                house.show("bearer").await.unwrap();
            }
            assert_eq!(upstream.resumed() - before, 2);
        }
        assert_eq!(upstream.connections(), 6);
    }
}

/// The two endpoints of one connection differ in what they trust, and nothing of one session serves the other.
#[tokio::test]
async fn sessions_and_connections_are_not_shared_between_kinds_of_trust() {
    let site = Site::new(&[HOST]);
    let upstream = Upstream::tls(&site, |seen| {
        let token = r#"{"access_token":"tk-0001-Hq7Xw2Lm9Rt4Vb6Nc1Zp","expires_in":0}"#;
        Reply::json(200, if seen.line().contains("/v1/token") { token } else { "{}" })
    })
    .await;
    let with = |mint_pins| Place { mint_pins, ..place(&upstream, Some(&site), vec![]) };
    // Trusted alike, both requests go over one connection.
    House::at(&with(vec![])).show("partner").await.unwrap();
    assert_eq!((upstream.connections(), upstream.resumed()), (1, 0));
    House::at(&with(vec![site.spki_pin()])).show("partner").await.unwrap();
    assert_eq!((upstream.connections(), upstream.resumed()), (3, 0));
}

#[tokio::test]
async fn an_upstream_that_speaks_http_2_alone_gets_no_request() {
    let site = Site { alpn: vec![b"h2".to_vec()], ..Site::new(&[HOST]) };
    fails(&site, Some(&site), vec![], "does not speak HTTP/1.1").await;
    // One that names no protocol speaks HTTP/1.1.
    let silent = Site { alpn: vec![], ..Site::new(&[HOST]) };
    passes(&silent, Some(&silent), vec![]).await;
}
