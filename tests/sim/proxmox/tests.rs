use std::time::Instant;

use http::{Request, Response};
use http_body_util::Full;

use super::*;

struct Cluster {
    running: Running,
    ca: TestCa,
    full: String,
    blind: String,
}

fn cluster() -> Cluster {
    let ca = TestCa::new().unwrap();
    let secret = || {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).unwrap();
        hex::encode(bytes)
    };
    let token = |id: &str, privsep| ApiToken {
        user: "claviger@pve".to_owned(),
        id: id.to_owned(),
        secret: secret(),
        privsep,
        acl: false,
    };
    let (full, blind) = (token("full", false), token("blind", true));
    let header = |token: &ApiToken| format!("PVEAPIToken={}!{}={}", token.user, token.id, token.secret);
    let (full_header, blind_header) = (header(&full), header(&blind));
    let config = ProxmoxConfig { tokens: vec![full, blind], ..ProxmoxConfig::default() };
    Cluster { running: Proxmox::start(&ca, config).unwrap(), ca, full: full_header, blind: blind_header }
}

fn get(target: &str, authorization: &str) -> http::request::Builder {
    Request::get(format!("/api2/json{target}")).header("authorization", authorization)
}

impl Cluster {
    async fn send(&self, request: http::request::Builder, body: &str) -> (Response<Bytes>, Value) {
        let request = request.body(Full::new(Bytes::copy_from_slice(body.as_bytes()))).unwrap();
        let client = self.ca.client().unwrap();
        let answer = crate::client::send(self.running.addr, Some(&client), request).await.unwrap();
        let value = serde_json::from_slice(answer.body()).unwrap_or(Value::Null);
        (answer, value)
    }

    async fn get(&self, target: &str) -> (Response<Bytes>, Value) {
        self.send(get(target, &self.full), "").await
    }

    async fn form(&self, method: &str, target: &str, body: &str) -> (Response<Bytes>, Value) {
        let request = get(target, &self.full).method(method);
        self.send(request.header("content-type", "application/x-www-form-urlencoded"), body).await
    }
}

fn reason(answer: &Response<Bytes>) -> String {
    let phrase = answer.extensions().get::<ReasonPhrase>().unwrap();
    String::from_utf8(phrase.as_bytes().to_vec()).unwrap()
}

#[tokio::test]
async fn a_failed_authentication_says_why_in_the_status_line_and_late() {
    let cluster = cluster();
    let wrong = format!("{}0", cluster.full);
    for (authorization, why) in [
        (wrong.as_str(), "invalid token value!"),
        ("PVEAPIToken=claviger@pve!other=1", "no such token 'other' for user 'claviger@pve'"),
        ("PVEAPIToken=nobody@pve!full=1", "no such user ('nobody@pve')"),
        ("PVEAPIToken=full", "no tokenid specified"),
        ("Bearer x", "No ticket"),
    ] {
        let started = Instant::now();
        let (answer, _) = cluster.send(get("/version", authorization), "").await;
        assert_eq!((answer.status().as_u16(), reason(&answer).as_str()), (401, why));
        assert!(started.elapsed() >= Duration::from_millis(100) && answer.body().is_empty());
    }
}

#[tokio::test]
async fn a_cookie_wins_over_a_good_token() {
    let cluster = cluster();
    assert_eq!(cluster.get("/version").await.1["data"]["release"], "8.4");
    let with_space = cluster.full.replacen('=', " ", 1);
    assert_eq!(cluster.send(get("/version", &with_space), "").await.0.status(), 200);
    let request = get("/version", &cluster.full).header("cookie", "theme=dark; PVEAuthCookie=PVE:x");
    let (answer, _) = cluster.send(request, "").await;
    assert_eq!((answer.status().as_u16(), reason(&answer).as_str()), (401, "permission denied - invalid PVE ticket"));
}

#[tokio::test]
async fn a_token_without_rights_sees_empty_lists() {
    let cluster = cluster();
    for (target, count) in [("/nodes", 3), ("/cluster/resources?type=vm", 9), ("/nodes/pve2/qemu", 4)] {
        assert_eq!(cluster.get(target).await.1["data"].as_array().unwrap().len(), count, "{target}");
        let (answer, body) = cluster.send(get(target, &cluster.blind), "").await;
        assert_eq!((answer.status().as_u16(), &body), (200, &json!({"data": []})), "{target}");
    }
    let (answer, _) = cluster.send(get("/nodes/pve1/qemu/100/config", &cluster.blind), "").await;
    assert_eq!(
        (answer.status().as_u16(), reason(&answer).as_str()),
        (403, "Permission check failed (/vms/100, VM.Audit)")
    );
}

#[tokio::test]
async fn machines_have_a_status_and_a_configuration() {
    let cluster = cluster();
    assert_eq!(cluster.get("/nodes/pve1/qemu/100/status/current").await.1["data"]["status"], "running");
    assert_eq!(cluster.get("/nodes/pve1/qemu/100/config").await.1["data"]["cores"], 4);
    for (target, status) in [
        ("/nodes/pve1/qemu/999/config", 500),
        ("/nodes/pve2/qemu/100/config", 500),
        ("/nodes/pve3/qemu", 500),
        ("/nodes/nowhere/qemu", 500),
        ("/nodes/pve1/qemu/abc/config", 400),
        ("/nodes/pve1/qemu/99/config", 400),
        ("/cluster/resources?type=disk", 400),
        ("/nodes?secret=1", 400),
        ("/nothing", 501),
    ] {
        let (answer, body) = cluster.get(target).await;
        assert_eq!(answer.status(), status, "{target}");
        assert!(body["data"].is_null() && body["message"].is_string(), "{target}");
        assert_eq!(body["errors"].is_object(), status == 400, "{target}");
    }
}

#[tokio::test]
async fn a_body_where_none_belongs_and_other_formats_are_not_implemented() {
    let cluster = cluster();
    for (method, target) in [("GET", "/version"), ("DELETE", "/access/users/claviger@pve/token/full")] {
        let (answer, _) = cluster.form(method, target, "a=b").await;
        assert_eq!(answer.status(), 501, "{method}");
        assert_eq!(reason(&answer), format!("Unexpected content for method '{method}'"));
    }
    let extjs = Request::get("/api2/extjs/version").header("authorization", &cluster.full);
    assert_eq!(cluster.send(extjs, "").await.0.status(), 501);
    assert_eq!(cluster.send(Request::get("/"), "").await.0.status(), 501);
    let mint = "/access/users/claviger@pve/token/xml";
    let xml = get(mint, &cluster.full).method("POST").header("content-type", "text/xml");
    assert_eq!(cluster.send(xml, "<a/>").await.0.status(), 506);
    let chunked = get(mint, &cluster.full).method("POST").header("transfer-encoding", "chunked");
    assert_eq!(cluster.send(chunked, "privsep=0").await.0.status(), 501);
    assert_eq!(cluster.get(mint).await.0.status(), 500);
}

#[tokio::test]
async fn a_token_is_minted_once_used_and_revoked() {
    let cluster = cluster();
    let target = "/access/users/claviger@pve/token/rotated-1";
    let (answer, minted) = cluster.form("POST", target, "privsep=0&comment=by+claviger").await;
    assert_eq!(answer.status(), 200);
    let value = minted["data"]["value"].as_str().unwrap();
    assert_eq!((value.len(), value.matches('-').count()), (36, 4));
    assert_eq!(minted["data"]["full-tokenid"], "claviger@pve!rotated-1");
    assert_eq!(minted["data"]["info"], json!({"privsep": "0", "comment": "by claviger"}));
    let fresh = format!("PVEAPIToken=claviger@pve!rotated-1={value}");
    assert_eq!(cluster.send(get("/nodes", &fresh), "").await.1["data"].as_array().unwrap().len(), 3);
    let (again, body) = cluster.form("POST", target, "privsep=0").await;
    assert_eq!((again.status().as_u16(), &body["errors"]["tokenid"]), (400, &json!("Token already exists.")));
    let (_, list) = cluster.get("/access/users/claviger@pve/token").await;
    assert_eq!(list["data"].as_array().unwrap().len(), 3);
    assert!(!list.to_string().contains(value));
    assert!(!cluster.get(target).await.1.to_string().contains(value));
    let gone = cluster.send(get("/access/users/claviger@pve/token/full", &fresh).method("DELETE"), "").await;
    assert_eq!((gone.0.status().as_u16(), gone.1), (200, json!({"data": null})));
    assert_eq!(cluster.get("/version").await.0.status(), 401);
}

#[tokio::test]
async fn a_token_is_minted_from_json_and_only_with_rights() {
    let cluster = cluster();
    let json_request =
        |target: &str| get(target, &cluster.full).method("POST").header("content-type", "application/json");
    let target = "/access/users/claviger@pve/token/from-json";
    let (answer, minted) = cluster.send(json_request(target), r#"{"privsep":1,"expire":0}"#).await;
    assert_eq!((answer.status().as_u16(), &minted["data"]["info"]["privsep"]), (200, &json!("1")));
    for (target, body, status) in [
        ("/access/users/claviger@pve/token/b2", r#"{"privsep":"maybe"}"#, 400),
        ("/access/users/claviger@pve/token/b3", r#"{"expire":-1}"#, 400),
        ("/access/users/claviger@pve/token/b4", r#"{"rights":"all"}"#, 400),
        ("/access/users/claviger@pve/token/1bad", "{}", 400),
        ("/access/users/nobody@pve/token/b5", "{}", 500),
        ("/access/users/claviger@pve/token/b6", "{", 500),
    ] {
        assert_eq!(cluster.send(json_request(target), body).await.0.status(), status, "{target}");
    }
    let blind = get("/access/users/claviger@pve/token/b7", &cluster.blind).method("POST");
    assert_eq!(cluster.send(blind, "").await.0.status(), 403);
}
