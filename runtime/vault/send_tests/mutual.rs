//! Clients that say who they are by a certificate.

use claviger_grant::SendRequest;

use super::house::{House, Place, put, request};
use super::site::{Clients, Site, VERSIONS};
use super::upstream::{Reply, Upstream};
use crate::failure::{Failure, FailureKind};

const HOST: &str = "incus.example.com";

const MORE: &str = r#"
[secrets.certificate]
reference = "op://MSP/Site/certificate"
[secrets.client-key]
reference = "op://MSP/Site/client key"

[credentials.mutual]
scheme = "client-certificate"
client-certificate = { certificate = "certificate", key = "client-key" }
[credentials.mutual-bearer]
scheme = "bearer"
token = "key"
client-certificate = { certificate = "certificate", key = "client-key" }
[credentials.mutual-partner]
scheme = "oauth2-client-credentials"
token-endpoint = { endpoint = "mint", path = "/v1/token" }
client-id = "client-id"
client-secret = "client-secret"
client-certificate = { certificate = "certificate", key = "client-key" }

[operations.instances]
endpoint = "api"
credentials = ["mutual", "mutual-bearer", "mutual-partner", "bearer"]
method = "GET"
path = "/1.0/instances"
effect = "read"

[tools.more]
description = "More things"
operations = ["instances"]
effect = "read"
input = "schemas/things.json"
"#;

fn place(upstream: &Upstream, site: &Site) -> Place {
    Place {
        scheme: "https",
        host: HOST.to_owned(),
        authority: Some(site.authority.clone()),
        connect: Some(format!("127.0.0.1:{}", upstream.port)),
        more: MORE,
        more_operations: &["instances"],
        ..Place::here(upstream.port)
    }
}

/// A house whose vault holds a client's certificate and key.
fn house(upstream: &Upstream, site: &Site, (certificate, key): &(String, String)) -> House {
    let house = House::at(&place(upstream, site));
    put(&house.store, "certificate", certificate);
    put(&house.store, "client key", key);
    house
}

/// A site that asks for clients of this authority.
fn asking(clients: &Clients) -> Site {
    Site { clients: Some(clients.authority()), ..Site::new(&[HOST]) }
}

fn instances(credential: &str) -> SendRequest {
    request("instances", Some(credential))
}

async fn once(house: &House, credential: &str) -> Result<u16, Failure> {
    house.more(instances(credential), &mut house.begin()).await.map(|answer| answer.status)
}

#[tokio::test]
async fn the_certificate_opens_what_asks_for_it_with_every_version_of_tls() {
    let clients = Clients::new();
    for versions in VERSIONS {
        let site = Site { versions, ..asking(&clients) };
        let upstream = Upstream::tls(&site, |_| Reply::json(200, "{}")).await;
        let house = house(&upstream, &site, &clients.client());
        assert_eq!(once(&house, "mutual").await.unwrap(), 200);
        assert_eq!(once(&house, "mutual-bearer").await.unwrap(), 200);
        assert_eq!(upstream.presented(), 2);
        let seen = upstream.seen();
        assert!(seen[0].header("authorization").is_empty() && seen[1].header("authorization").len() == 1);
    }
}

#[tokio::test]
async fn a_client_that_is_not_let_in_is_told_why() {
    let (clients, strangers) = (Clients::new(), Clients::new());
    for versions in VERSIONS {
        let site = Site { versions, ..asking(&clients) };
        for (credential, pair, why) in [
            ("bearer", clients.client(), "asks for a client certificate"),
            ("mutual", strangers.client(), "refused the client's certificate"),
            ("mutual", clients.expired(), "refused the client's certificate"),
        ] {
            let upstream = Upstream::tls(&site, |_| Reply::json(200, "{}")).await;
            let failure = once(&house(&upstream, &site, &pair), credential).await.unwrap_err();
            assert!(matches!(failure.kind, FailureKind::Tls(reason) if reason.contains(why)), "{why}: {failure:?}");
            assert!(upstream.seen().is_empty() && upstream.presented() == 0);
        }
    }
}

#[tokio::test]
async fn a_pair_that_is_none_is_not_dialled_for() {
    let clients = Clients::new();
    let site = asking(&clients);
    let upstream = Upstream::tls(&site, |_| Reply::json(200, "{}")).await;
    let ((certificate, key), (_, other)) = (clients.client(), clients.client());
    for (pair, secret) in [
        ((certificate.clone(), other), "client-key"),
        ((certificate.clone(), "kR7vQ2pXw9LmZt4Yb8Nc".to_owned()), "client-key"),
        (("kR7vQ2pXw9LmZt4Yb8Nc".to_owned(), key), "certificate"),
    ] {
        let failure = once(&house(&upstream, &site, &pair), "mutual").await.unwrap_err();
        let named = |name: &claviger_manifest::Name| name.as_str() == secret;
        assert!(matches!(&failure.kind, FailureKind::ClientCertificate { secret, .. } if named(secret)), "{failure:?}");
        assert!(!failure.left_host && !failure.to_string().contains("kR7v"));
    }
    assert_eq!(upstream.connections(), 0);
}

#[tokio::test]
async fn who_does_not_ask_is_shown_no_certificate() {
    let site = Site::new(&[HOST]);
    let upstream = Upstream::tls(&site, |_| Reply::json(200, "{}")).await;
    let house = house(&upstream, &site, &Clients::new().client());
    assert_eq!(once(&house, "mutual").await.unwrap(), 200);
    assert_eq!((upstream.connections(), upstream.presented()), (1, 0));
}

#[tokio::test]
async fn a_connection_in_one_clients_name_carries_no_other_request() {
    let clients = Clients::new();
    let site = Site { lets_others_in: true, ..asking(&clients) };
    let upstream = Upstream::tls(&site, |_| Reply::json(200, "{}")).await;
    let house = house(&upstream, &site, &clients.client());
    let mut scope = house.begin();
    for (credential, connections, presented) in
        [("mutual", 1, 1), ("bearer", 2, 1), ("mutual", 2, 1), ("bearer", 2, 1), ("mutual-bearer", 3, 2)]
    {
        house.more(instances(credential), &mut scope).await.unwrap();
        assert_eq!((upstream.connections(), upstream.presented()), (connections, presented), "{credential}");
    }
    assert_eq!(upstream.resumed(), 0);
}

#[tokio::test]
async fn the_sessions_of_a_client_end_with_the_call() {
    let clients = Clients::new();
    let site = Site { lets_others_in: true, ..asking(&clients) };
    let upstream = Upstream::tls(&site, |_| Reply::json(200, "{}").closing()).await;
    let house = house(&upstream, &site, &clients.client());
    let mut scope = house.begin();
    for _ in 0..2 {
        house.more(instances("mutual"), &mut scope).await.unwrap();
    }
    assert_eq!((upstream.connections(), upstream.resumed()), (2, 1), "within a call");
    drop(scope);
    once(&house, "mutual").await.unwrap();
    once(&house, "bearer").await.unwrap();
    assert_eq!((upstream.connections(), upstream.resumed()), (4, 1), "in another call, or without the certificate");
    once(&house, "bearer").await.unwrap();
    assert_eq!(upstream.resumed(), 2, "without a certificate as ever");
}

#[tokio::test]
async fn the_key_of_a_client_ends_with_the_call() {
    let clients = Clients::new();
    let site = asking(&clients);
    let upstream = Upstream::tls(&site, |_| Reply::json(200, "{}")).await;
    let house = house(&upstream, &site, &clients.client());
    let mut scope = house.begin();
    house.more(instances("mutual"), &mut scope).await.unwrap();
    let keys: Vec<_> = scope.identities().map(crate::client_certificate::Identity::key).collect();
    assert!(keys.len() == 1 && keys.iter().all(|key| key.upgrade().is_some()));
    drop(scope);
    // The connection's task lets go of it when the runtime comes by.
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    assert!(keys.iter().all(|key| key.upgrade().is_none()), "somebody keeps the private key");
}

#[tokio::test]
async fn tokens_are_minted_in_the_clients_name() {
    let clients = Clients::new();
    let site = asking(&clients);
    let upstream = Upstream::tls(&site, |seen| {
        let token = r#"{"access_token":"tk-0001-Hq7Xw2Lm9Rt4Vb6Nc1Zp"}"#;
        Reply::json(200, if seen.line().contains("/v1/token") { token } else { "{}" })
    })
    .await;
    let house = house(&upstream, &site, &clients.client());
    assert_eq!(once(&house, "mutual-partner").await.unwrap(), 200);
    assert_eq!((upstream.seen().len(), upstream.connections(), upstream.presented()), (2, 1, 1));
}

#[tokio::test]
async fn the_key_is_a_secret_and_the_certificate_is_none() {
    let clients = Clients::new();
    let site = asking(&clients);
    let (certificate, key) = clients.client();
    let listed = serde_json::json!({ "certificates": [certificate] }).to_string();
    let upstream = Upstream::tls(&site, move |_| Reply::json(200, &listed)).await;
    let pair = (certificate.clone(), key.clone());
    assert_eq!(once(&house(&upstream, &site, &pair), "mutual").await.unwrap(), 200);
    let body: String = key.lines().filter(|line| !line.starts_with('-')).collect();
    for echo in [serde_json::json!({ "key": key }).to_string(), format!("<{body}>")] {
        let upstream = Upstream::tls(&site, move |_| Reply::json(200, &echo)).await;
        let house = house(&upstream, &site, &pair);
        assert!(matches!(once(&house, "mutual").await.unwrap_err().kind, FailureKind::Leak));
        let listed: Vec<String> =
            house.vault.quarantine().list().into_iter().map(|(_, name)| name.to_string()).collect();
        assert_eq!(listed, ["client-key"]);
        assert!(!house.audit().contains(&body));
    }
}
