//! Who else knocks: other names, other origins, other pages, other programs of the same user.

use reqwest::{Client, Response, StatusCode};

use super::office::Office;

/// A client that can say anything of itself, and finds the name as browsers do.
pub(crate) fn client() -> Client {
    // The first caller's choice holds for all of them.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let loopback = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    let builder = Client::builder().resolve("claviger.localhost", loopback);
    builder.redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

async fn get(address: &str, headers: &[(&str, &str)]) -> Response {
    headers
        .iter()
        .fold(client().get(address), |request, (name, value)| request.header(*name, *value))
        .send()
        .await
        .unwrap()
}

async fn post(address: &str, headers: &[(&str, &str)], body: &str) -> Response {
    let request = client().post(address).header("content-type", "application/json").body(body.to_owned());
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).send().await.unwrap()
}

#[tokio::test]
async fn nobody_gets_past_the_door_without_the_name_the_origin_the_session_and_the_token() {
    let office = Office::new();
    let (_chromium, tab) = office.with_person().await;
    let call = office.call();
    let link = call.link(1).await;
    let (page, ticket) = link.split_once('#').unwrap();
    let origin = office.origin();

    // Without a session there is nothing to see, of any page.
    let stranger = get(page, &[]).await;
    assert_eq!(stranger.status(), StatusCode::UNAUTHORIZED);
    for (name, value) in
        [("x-frame-options", "DENY"), ("referrer-policy", "no-referrer"), ("cache-control", "no-store")]
    {
        assert_eq!(stranger.headers()[name], value);
    }
    let policy = stranger.headers()["content-security-policy"].to_str().unwrap().to_owned();
    for rule in
        ["default-src 'none'", "frame-ancestors 'none'", "form-action 'none'", "base-uri 'none'", "script-src 'self'"]
    {
        assert!(policy.contains(rule), "{policy}");
    }
    assert!(stranger.headers().get("access-control-allow-origin").is_none());
    let seen = stranger.text().await.unwrap();
    assert!(!seen.contains("psa") && !seen.contains("op://"), "{seen}");
    assert_eq!(get(&format!("{origin}/events"), &[]).await.status(), StatusCode::UNAUTHORIZED);

    // Other names for the same address: what a rebound name of somebody else's would say.
    for host in
        ["evil.example", "localhost", &format!("127.0.0.1:{}", office.port), &format!("localhost:{}", office.port)]
    {
        assert_eq!(get(page, &[("host", host)]).await.status(), StatusCode::MISDIRECTED_REQUEST, "{host}");
    }
    // Other origins, and forms.
    let enter = format!("{origin}/enter");
    let body = format!("{{\"ticket\":\"{ticket}\"}}");
    for headers in [
        &[][..],
        &[("origin", "http://evil.example")],
        &[("origin", "null")],
        &[("origin", &origin), ("sec-fetch-site", "cross-site")],
    ] {
        assert_eq!(post(&enter, headers, &body).await.status(), StatusCode::FORBIDDEN, "{headers:?}");
    }
    assert_eq!(get(page, &[("sec-fetch-dest", "iframe")]).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(post(&enter, &[("origin", &origin)], &"x".repeat(70_000)).await.status(), StatusCode::BAD_REQUEST);

    // The ticket opens one session.
    let entered = post(&enter, &[("origin", &origin)], &body).await;
    assert_eq!(entered.status(), StatusCode::OK);
    let cookie = entered.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    assert_eq!(post(&enter, &[("origin", &origin)], &body).await.status(), StatusCode::UNAUTHORIZED);
    let cookie = cookie.split(';').next().unwrap();
    let signed_in = get(page, &[("cookie", cookie)]).await;
    assert_eq!(signed_in.status(), StatusCode::OK);

    // A session without the page's token changes nothing; with it, it may deny and cannot approve.
    let html = signed_in.text().await.unwrap();
    let token = html.split("data-token=\"").nth(1).unwrap().split('"').next().unwrap();
    let act = |action: &str, body: &'static str, token: Option<&str>| {
        let address = format!("{page}/{action}");
        let token = token.unwrap_or("x").to_owned();
        let (origin, cookie) = (origin.clone(), cookie.to_owned());
        async move { post(&address, &[("origin", &origin), ("cookie", &cookie), ("x-claviger-token", &token)], body).await }
    };
    for action in ["begin", "finish", "deny"] {
        assert_eq!(act(action, "{}", None).await.status(), StatusCode::UNAUTHORIZED, "{action}");
    }
    let forged =
        "{\"credentialId\":\"AA\",\"authenticatorData\":\"AA\",\"clientDataJson\":\"AA\",\"signature\":\"AA\"}";
    assert_eq!(act("finish", forged, Some(token)).await.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let unknown = format!("{origin}/approve/AAAAAAAAAAAAAAAAAAAAAA/deny");
    assert_eq!(
        post(&unknown, &[("origin", &origin), ("cookie", cookie), ("x-claviger-token", token)], "{}").await.status(),
        StatusCode::UNAUTHORIZED
    );

    // All of that ended nothing: the person still answers.
    tab.open(office.lab.must(&["console", "--json"]).unwrap().json()["console"].as_str().unwrap()).await;
    tab.says("waits for an answer").await;
    tab.open(page).await;
    tab.ready().await;
    tab.click("#once").await;
    tab.says("Approved").await;
    assert_eq!(call.ended().await.code, 0);
}

#[tokio::test]
async fn a_page_of_another_port_cannot_ask_for_this_ones_signature() {
    let office = Office::new();
    let (_chromium, tab) = office.with_person().await;
    let call = office.call();
    tab.open(&call.link(1).await).await;
    tab.ready().await;
    let asked: serde_json::Value = tab
        .eval("fetch(`${document.body.dataset.path}/begin`, {method: 'POST', headers: {'content-type': 'application/json', 'x-claviger-token': document.body.dataset.token}, body: JSON.stringify({choice: 'once'})}).then((answer) => answer.json())")
        .await;
    // Another program of this machine, under the same name: its signature says where it was made.
    let other = Office::new();
    let imitation = super::program::Program::start(&other.lab, &["approver", "add"]);
    let there = imitation.link(1).await;
    let back = call.link(1).await.split('#').next().unwrap().to_owned();
    tab.open(&there).await;
    tab.ready().await;
    let signed: serde_json::Value = tab
        .eval(&format!(
            "(async () => {{ const {{ bytes, text }} = await import('/passkey.js'); const asked = {asked}; const given = await navigator.credentials.get({{ publicKey: {{ challenge: bytes(asked.challenge), \
             rpId: asked.rpId, userVerification: 'required', allowCredentials: asked.allowCredentials.map((id) => ({{ type: 'public-key', id: bytes(id) }})) }} }}); \
             return {{ credentialId: text(given.rawId), authenticatorData: text(given.response.authenticatorData), \
             clientDataJson: text(given.response.clientDataJSON), signature: text(given.response.signature) }}; }})()"
        ))
        .await;
    tab.open(&back).await;
    tab.ready().await;
    let told: serde_json::Value = tab
        .eval(&format!("fetch(`${{document.body.dataset.path}}/finish`, {{method: 'POST', headers: {{'content-type': 'application/json', 'x-claviger-token': document.body.dataset.token}}, body: JSON.stringify({signed})}}).then(async (answer) => ({{status: answer.status, ...await answer.json()}}))"))
        .await;
    assert_eq!(told["status"], 422, "{told}");
    assert!(told["error"].as_str().unwrap().contains("origin"), "{told}");
    tab.click("#deny").await;
    assert_eq!(call.ended().await.code, 4);
    assert_eq!(office.psa.running.connections(), 0);
}
