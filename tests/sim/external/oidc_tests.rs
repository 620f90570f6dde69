use super::*;
use crate::{Minting, Pax8, Pax8Config};

fn canary() -> String {
    let mut bytes = [0; 24];
    getrandom::fill(&mut bytes).unwrap();
    hex::encode(bytes)
}

fn client(id: &str) -> OidcClient {
    OidcClient { id: id.to_owned(), secret: canary() }
}

async fn post(oidc: &Oidc, body: &str, basic: Option<(&str, &str)>) -> (u16, Value) {
    let mut request = Request::post(Oidc::TOKEN_PATH).header("content-type", "application/x-www-form-urlencoded");
    if let Some((id, secret)) = basic {
        request =
            request.header("authorization", format!("Basic {}", BASE64_STANDARD.encode(format!("{id}:{secret}"))));
    }
    let request = request.body(Full::new(Bytes::copy_from_slice(body.as_bytes()))).unwrap();
    let answer = crate::client::send(oidc.addr(), Some(&oidc.tls), request).await.unwrap();
    (answer.status().as_u16(), serde_json::from_slice(answer.body()).unwrap())
}

/// Asks until a token's end has come. A busy machine may take long to ask, so no moment is named before which it is late.
async fn refused(asked: impl AsyncFn() -> bool) {
    for _ in 0..240 {
        if !asked().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    panic!("the token has no end");
}

#[tokio::test]
async fn right_and_wrong_secrets_both_ways_and_expiry() {
    let ca = TestCa::new().unwrap();
    let one = client("a");
    // Characters that the two encodings of RFC 6749 treat differently.
    let odd = OidcClient { id: "b".to_owned(), secret: format!("{}%41+ /:", canary()) };
    let clients = vec![one.clone(), odd.clone()];
    let config = OidcConfig { clients, lifetime: Duration::from_secs(5), audience: None, jwt: false, delegated: false };
    let oidc = Oidc::start(&ca, config).unwrap();
    let grant = "grant_type=client_credentials";
    let (status, minted) = post(&oidc, grant, Some(("a", &one.secret))).await;
    assert_eq!((status, &minted["expires_in"], &minted["token_type"]), (200, &json!(5), &json!("Bearer")));
    let encoded: String = form_urlencoded::byte_serialize(odd.secret.as_bytes()).collect();
    let with = |id: &str, secret: &str| format!("{grant}&client_id={id}&client_secret={secret}");
    assert_eq!(post(&oidc, grant, Some(("b", &encoded))).await.0, 200);
    assert_eq!(post(&oidc, &with("b", &encoded), None).await.0, 200);
    for (status, answer) in [
        post(&oidc, grant, Some(("a", "wrong"))).await,
        post(&oidc, &with("a", "wrong"), None).await,
        post(&oidc, grant, Some(("b", &odd.secret))).await,
        post(&oidc, grant, Some(("nobody", &one.secret))).await,
        post(&oidc, grant, None).await,
    ] {
        assert!(matches!(status, 400 | 401) && answer["error"].is_string() && answer["access_token"].is_null());
    }
    let (status, both) = post(&oidc, &with("a", &one.secret), Some(("a", &one.secret))).await;
    assert_eq!((status, &both["error"]), (400, &json!("invalid_request")));
    let (status, other) = post(&oidc, "grant_type=password", Some(("a", &one.secret))).await;
    assert_eq!((status, &other["error"]), (400, &json!("unsupported_grant_type")));
    let issuer = oidc.issuer();
    let minted = post(&oidc, grant, Some(("a", &one.secret))).await.1;
    let token = minted["access_token"].as_str().unwrap();
    assert!(issuer.accepts(token).await && !issuer.accepts("none").await);
    refused(async || issuer.accepts(token).await).await;
}

#[tokio::test]
async fn tokens_for_an_audience_can_be_signed() {
    let ca = TestCa::new().unwrap();
    let one = client("a");
    let audience = "https://api.pax8.com".to_owned();
    let config = OidcConfig {
        clients: vec![one.clone()],
        lifetime: Duration::from_secs(60),
        audience: Some(audience.clone()),
        jwt: true,
        delegated: false,
    };
    let oidc = Oidc::start(&ca, config).unwrap();
    let body = |resource: &str| {
        format!("grant_type=client_credentials&client_id=a&client_secret={}&resource={resource}", one.secret)
    };
    let (status, minted) = post(&oidc, &body("https%3A%2F%2Fapi.pax8.com"), None).await;
    assert_eq!(status, 200);
    let claims = minted["access_token"].as_str().unwrap().split('.').nth(1).unwrap();
    let claims = base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(claims).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!((&claims["aud"], &claims["iss"]), (&json!(audience), &json!(oidc.origin())));
    let (status, refused) = post(&oidc, &body("https%3A%2F%2Felsewhere.test"), None).await;
    assert_eq!((status, &refused["error"]), (400, &json!("invalid_target")));
}

#[tokio::test]
async fn another_upstream_takes_its_tokens() {
    let ca = TestCa::new().unwrap();
    let one = client("partner");
    let config = OidcConfig {
        clients: vec![one.clone()],
        lifetime: Duration::from_secs(5),
        audience: None,
        jwt: false,
        delegated: false,
    };
    let oidc = Oidc::start(&ca, config).unwrap();
    let pax8 = Pax8Config {
        client_id: one.id.clone(),
        client_secret: one.secret.clone(),
        minting: Minting::By(oidc.issuer()),
        throttle: 0,
        names: Vec::new(),
    };
    let market = Pax8::start(&ca, pax8).unwrap();
    let tls = ca.client().unwrap();
    let mint = async |secret: &str| {
        let wish = json!({"client_id": "partner", "client_secret": secret, "audience": "https://api.pax8.com",
            "grant_type": "client_credentials"});
        let request = Request::post("/v1/token").header("content-type", "application/json");
        let request = request.body(Full::new(Bytes::from(wish.to_string()))).unwrap();
        let answer = crate::client::send(market.addr, Some(&tls), request).await.unwrap();
        (answer.status().as_u16(), serde_json::from_slice::<Value>(answer.body()).unwrap())
    };
    assert_eq!(mint("wrong").await.0, 401);
    let (status, minted) = mint(&one.secret).await;
    assert_eq!((status, &minted["expires_in"]), (200, &json!(5)));
    let get = async || {
        let bearer = format!("Bearer {}", minted["access_token"].as_str().unwrap());
        let request = Request::get("/v1/companies").header("authorization", bearer).body(Full::default()).unwrap();
        crate::client::send(market.addr, Some(&tls), request).await.unwrap().status().as_u16()
    };
    assert_eq!(get().await, 200);
    refused(async || get().await == 200).await;
    assert_eq!(get().await, 401);
}
