use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;

use super::*;

struct Market {
    running: Running,
    ca: TestCa,
    config: Pax8Config,
}

fn market(lifetime: Duration, throttle: u32) -> Market {
    let ca = TestCa::new().unwrap();
    let canary = || {
        let mut bytes = [0; 24];
        getrandom::fill(&mut bytes).unwrap();
        hex::encode(bytes)
    };
    let minting = Minting::Own { lifetime };
    let config = Pax8Config { client_id: canary(), client_secret: canary(), minting, throttle, names: Vec::new() };
    Market { running: Pax8::start(&ca, config.clone()).unwrap(), ca, config }
}

impl Market {
    async fn send(&self, request: http::request::Builder, body: &Value) -> (Response<Bytes>, Value) {
        let request = request.body(Full::new(Bytes::from(body.to_string()))).unwrap();
        let client = self.ca.client().unwrap();
        let answer = crate::client::send(self.running.addr, Some(&client), request).await.unwrap();
        let value = serde_json::from_slice(answer.body()).unwrap();
        (answer, value)
    }

    fn wish(&self) -> Value {
        json!({"client_id": self.config.client_id, "client_secret": self.config.client_secret,
            "audience": AUDIENCE, "grant_type": "client_credentials"})
    }

    async fn mint(&self, wish: &Value) -> (Response<Bytes>, Value) {
        self.send(Request::post("/v1/token").header("content-type", "application/json"), wish).await
    }

    async fn token(&self) -> String {
        self.mint(&self.wish()).await.1["access_token"].as_str().unwrap().to_owned()
    }

    async fn get(&self, target: &str, token: &str) -> (Response<Bytes>, Value) {
        self.send(Request::get(target).header("authorization", format!("Bearer {token}")), &Value::Null).await
    }
}

const DAY: Duration = Duration::from_secs(86_400);

#[tokio::test]
async fn a_token_is_minted_for_the_right_client_only() {
    let market = market(DAY, 0);
    let (answer, minted) = market.mint(&market.wish()).await;
    assert_eq!(
        (answer.status().as_u16(), &minted["expires_in"], &minted["token_type"]),
        (200, &json!(86_400), &json!("Bearer"))
    );
    for (member, value) in [
        ("client_secret", "wrong"),
        ("client_id", "wrong"),
        ("grant_type", "password"),
        ("audience", "https://elsewhere.example"),
        ("audience", ""),
    ] {
        let mut wish = market.wish();
        wish[member] = json!(value);
        let (answer, body) = market.mint(&wish).await;
        let denied = json!({"error": "access_denied", "error_description": "Unauthorized"});
        assert_eq!((answer.status().as_u16(), &body), (401, &denied), "{member}");
    }
    let form = Request::post("/v1/token").header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(market.send(form, &market.wish()).await.0.status(), 415);
    assert_eq!(market.mint(&json!([])).await.0.status(), 401);
    assert_eq!(market.send(Request::get("/v1/token"), &Value::Null).await.0.status(), 405);
}

#[tokio::test]
async fn a_token_for_another_audience_and_a_late_one_are_refused() {
    let market = market(Duration::from_secs(4), 0);
    let mut wish = market.wish();
    wish["audience"] = json!("api://usage");
    let other = market.mint(&wish).await.1["access_token"].as_str().unwrap().to_owned();
    let token = market.token().await;
    assert_eq!(market.get("/v1/companies", &token).await.0.status(), 200);
    for token in [other.as_str(), "", "none"] {
        let (answer, body) = market.get("/v1/companies", token).await;
        assert_eq!(answer.status(), 401);
        assert_eq!(
            (&body["status"], &body["instance"], &body["details"]),
            (&json!(401), &json!("/v1/companies"), &json!([]))
        );
    }
    tokio::time::sleep(Duration::from_millis(4_050)).await;
    assert_eq!(market.get("/v1/companies", &token).await.0.status(), 401);
}

#[tokio::test]
async fn lists_are_filtered_and_come_in_pages_from_zero() {
    let market = market(DAY, 0);
    let token = market.token().await;
    let (_, companies) = market.get("/v1/companies?sort=name&page=1", &token).await;
    assert_eq!(companies["page"], json!({"size": 10, "totalElements": 12, "totalPages": 2, "number": 1}));
    assert_eq!(companies["content"].as_array().unwrap().len(), 2);
    let acme = "00000001-0000-4c1a-8c1a-000000000000";
    let target = format!("/v1/subscriptions?companyId={acme}&status=Active&size=200");
    let (_, subscriptions) = market.get(&target, &token).await;
    assert_eq!(subscriptions["page"]["totalElements"], 14);
    let product = subscriptions["content"][0]["productId"].as_str().unwrap();
    assert_eq!(market.get(&format!("/v1/products/{product}"), &token).await.1["vendorName"], "Microsoft");
    let (_, all) = market.get("/v1/subscriptions?size=200&sort=quantity,desc", &token).await;
    assert_eq!((all["page"]["totalPages"].as_u64(), all["content"].as_array().unwrap().len()), (Some(2), 200));
    assert!(all["content"][0]["quantity"].as_u64() >= all["content"][199]["quantity"].as_u64());
}

#[tokio::test]
async fn what_a_list_does_not_take_is_refused() {
    let market = market(DAY, 0);
    let token = market.token().await;
    for target in [
        "/v1/subscriptions?size=201",
        "/v1/subscriptions?size=0",
        "/v1/subscriptions?page=-1",
        "/v1/subscriptions?page=x",
        "/v1/subscriptions?status=Gone",
        "/v1/subscriptions?companyId=Acme",
        "/v1/subscriptions?sort=quantity",
        "/v1/subscriptions?page=0&page=1",
        "/v1/companies?sort=secret",
    ] {
        let (answer, body) = market.get(target, &token).await;
        assert_eq!(answer.status(), 400, "{target}");
        assert_eq!(body["type"], "Bad Request");
    }
    for (target, status) in [("/v1/companies/none", 404), ("/v1/nothing", 404), ("/v2/companies", 404)] {
        assert_eq!(market.get(target, &token).await.0.status(), status);
    }
    let delete = Request::delete("/v1/subscriptions/x").header("authorization", format!("Bearer {token}"));
    assert_eq!(market.send(delete, &Value::Null).await.0.status(), 405);
}

#[tokio::test]
async fn throttling_names_no_time() {
    let market = market(DAY, 1);
    let token = market.token().await;
    let (answer, body) = market.get("/v1/companies", &token).await;
    assert_eq!((answer.status().as_u16(), &body["message"]), (429, &json!("Too many requests")));
    assert!(!answer.headers().contains_key("retry-after"));
    assert_eq!(market.get("/v1/companies", &token).await.0.status(), 200);
}
