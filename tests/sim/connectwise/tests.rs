use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use serde_json::Value;

use super::*;

const BASE: &str = "/v4_6_release/apis/3.0";

struct Desk {
    running: Running,
    ca: TestCa,
    config: ConnectwiseConfig,
}

fn canary() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).unwrap();
    hex::encode(bytes)
}

fn desk(throttle: u32) -> Desk {
    let ca = TestCa::new().unwrap();
    let config = ConnectwiseConfig {
        company: "msp".to_owned(),
        public_key: canary(),
        private_key: canary(),
        client_id: canary(),
        throttle,
        names: vec!["psa.test".to_owned()],
    };
    Desk { running: Connectwise::start(&ca, config.clone()).unwrap(), ca, config }
}

impl Desk {
    fn request(&self, target: &str) -> http::request::Builder {
        let ConnectwiseConfig { company, public_key, private_key, client_id, .. } = &self.config;
        let basic = BASE64_STANDARD.encode(format!("{company}+{public_key}:{private_key}"));
        Request::get(format!("{BASE}{target}"))
            .header("authorization", format!("Basic {basic}"))
            .header("clientId", client_id)
            .header("accept", "application/vnd.connectwise.com+json; version=2025.16")
    }

    async fn send(&self, request: http::request::Builder) -> (Response<Bytes>, Value) {
        let request = request.body(Full::new(Bytes::new())).unwrap();
        let client = self.ca.client().unwrap();
        let answer = crate::client::send(self.running.addr, Some(&client), request).await.unwrap();
        let value = serde_json::from_slice(answer.body()).unwrap();
        (answer, value)
    }

    async fn get(&self, target: &str) -> (Response<Bytes>, Value) {
        self.send(self.request(target)).await
    }

    async fn conditions(&self, text: &str) -> (Response<Bytes>, Value) {
        let query: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
        self.get(&format!("/service/tickets?pageSize=1000&conditions={query}")).await
    }
}

#[tokio::test]
async fn each_part_of_the_credential_is_checked() {
    let desk = desk(0);
    let (answer, _) = desk.get("/service/tickets").await;
    assert_eq!(answer.status(), 200);
    for (name, value) in
        [("authorization", "Basic Zm9vOmJhcg=="), ("clientid", "another"), ("accept", "application/json")]
    {
        let mut request = desk.request("/service/tickets");
        request.headers_mut().unwrap().insert(name, value.parse().unwrap());
        let (answer, body) = desk.send(request).await;
        assert_eq!(answer.status(), if name == "accept" { 406 } else { 401 }, "{name}");
        assert!(body["code"].is_string() && body["message"].is_string() && body["errors"].is_null());
        let mut request = desk.request("/service/tickets");
        request.headers_mut().unwrap().remove(name);
        assert_ne!(desk.send(request).await.0.status(), 200, "{name}");
    }
    assert_eq!(desk.running.seen().len(), 7);
    assert_eq!(desk.running.seen()[0].header("ClientID"), Some(desk.config.client_id.as_str()));
}

#[tokio::test]
async fn lists_come_in_pages_that_link_to_the_next() {
    let desk = desk(0);
    let (answer, first) = desk.get("/service/tickets?orderBy=id%20asc").await;
    assert_eq!(first.as_array().unwrap().len(), 25);
    let link = answer.headers()["link"].to_str().unwrap().to_owned();
    let next = link.split('>').next().unwrap().strip_prefix("<https://").unwrap();
    assert!(link.contains("rel=\"next\""), "{link}");
    let (_, target) = next.split_once(BASE).unwrap();
    let (_, second) = desk.get(target).await;
    assert_eq!(second[0]["id"], 1026);
    let (last, items) = desk.get("/service/tickets?pageSize=1000").await;
    assert_eq!(items.as_array().unwrap().len(), 96);
    assert!(!last.headers().contains_key("link"));
    let (_, beyond) = desk.get("/service/tickets?page=99").await;
    assert_eq!(beyond, serde_json::json!([]));
}

#[tokio::test]
async fn what_the_list_does_not_take_is_refused() {
    let desk = desk(0);
    for query in
        ["pageSize=1001", "pageSize=0", "page=0", "page=x", "orderBy=secret", "page=1&page=2", "orderBy=id%20up"]
    {
        let (answer, body) = desk.get(&format!("/service/tickets?{query}")).await;
        assert_eq!(answer.status(), 400, "{query}");
        assert!(body["code"].is_string());
    }
}

#[tokio::test]
async fn conditions_filter_and_an_injected_one_is_refused() {
    let desk = desk(0);
    let (_, acme) = desk.conditions(r#"company/name like "acme%" and closedFlag=false"#).await;
    assert!(!acme.as_array().unwrap().is_empty());
    assert!(acme.as_array().unwrap().iter().all(|ticket| ticket["company"]["identifier"] == "AcmeCorp"));
    let (_, quoted) = desk.conditions(r#"company/name="O'Hara & \"Sons\" Logistics""#).await;
    assert_eq!(quoted.as_array().unwrap().len(), 12);
    let (answer, body) = desk.conditions(r#"company/name="O'Hara & "Sons" Logistics""#).await;
    assert_eq!((answer.status().as_u16(), &body["code"]), (400, &Value::from("ApiFindCondition")));
    let (answer, _) = desk.conditions(r#"company/name="x" or 1=1"#).await;
    assert_eq!(answer.status(), 400);
}

#[tokio::test]
async fn tickets_notes_and_projects_are_found_or_not() {
    let desk = desk(0);
    assert_eq!(desk.get("/service/tickets/1001").await.1["company"]["name"], "Acme Corporation");
    assert_eq!(desk.get("/service/tickets/1001/notes").await.1.as_array().unwrap().len(), 2);
    assert_eq!(desk.get("/project/projects/300").await.1["percentComplete"], 0.62);
    let (_, steps) = desk.get("/project/tickets?conditions=project%2Fid%3D300&pageSize=50").await;
    assert_eq!(steps.as_array().unwrap().len(), 32);
    let (_, short) = desk.get("/project/projects?fields=id,company/name&pageSize=1").await;
    assert_eq!(short, serde_json::json!([{"id": 300, "company": {"name": "Acme Corporation"}}]));
    for (target, status) in [
        ("/service/tickets/9", 404),
        ("/service/tickets/9/notes", 404),
        ("/service/tickets/x", 400),
        ("/service/tickets/1001%2Fnotes", 400),
        ("/finance/invoices", 404),
    ] {
        let (answer, body) = desk.get(target).await;
        assert_eq!(answer.status(), status, "{target}");
        assert!(body["message"].is_string());
    }
    let (answer, _) = desk.send(desk.request("/service/tickets/1001").method("DELETE")).await;
    assert_eq!(answer.status(), 405);
}

#[tokio::test]
async fn the_first_requests_are_throttled() {
    let desk = desk(2);
    for _ in 0..2 {
        let (answer, body) = desk.get("/service/tickets/1001").await;
        assert_eq!(answer.status(), 429);
        assert_eq!(answer.headers()["retry-after"], "1");
        assert!(body["code"].is_string());
    }
    assert_eq!(desk.get("/service/tickets/1001").await.0.status(), 200);
}

#[tokio::test]
async fn a_client_that_does_not_trust_the_authority_gets_no_further() {
    let desk = desk(0);
    let stranger = TestCa::new().unwrap().client().unwrap();
    assert!(crate::client::connect(desk.running.addr, Some(&stranger)).await.is_err());
    for _ in 0..100 {
        if desk.running.refused_handshakes() == 1 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!((desk.running.refused_handshakes(), desk.running.seen().len()), (1, 0));
}
