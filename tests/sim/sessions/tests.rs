use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use serde_json::json;

use super::*;

struct Desk {
    ca: TestCa,
    running: Running,
    book: SessionBook,
    password: String,
}

impl Desk {
    fn new(vendor: SessionVendor) -> Self {
        let (ca, password) = (TestCa::new().unwrap(), random());
        let config = SessionConfig { user: "claviger".to_owned(), password: password.clone(), most: 2 };
        let (running, book) = Sessions::start(&ca, vendor, config).unwrap();
        Self { ca, running, book, password }
    }

    async fn send(&self, request: http::request::Builder, body: &str) -> Response<Bytes> {
        let request = request.body(Full::new(Bytes::copy_from_slice(body.as_bytes()))).unwrap();
        let client = self.ca.client().unwrap();
        crate::client::send(self.running.addr, Some(&client), request).await.unwrap()
    }
}

#[tokio::test]
async fn a_controller_counts_its_sessions_and_deletes_who_brings_its_own_token() {
    let desk = Desk::new(SessionVendor::Redfish);
    let place = "/redfish/v1/SessionService/Sessions";
    let right = json!({ "UserName": "claviger", "Password": desk.password }).to_string();
    let wrong = json!({ "UserName": "claviger", "Password": "wrong" }).to_string();
    assert_eq!(desk.send(Request::post(place), &wrong).await.status(), 401);
    let mut tokens = Vec::new();
    for id in ["1", "2"] {
        let made = desk.send(Request::post(place), &right).await;
        assert_eq!(
            (made.status().as_u16(), made.headers()["location"].to_str().unwrap()),
            (201, &*format!("{place}/{id}"))
        );
        tokens.push(made.headers()["x-auth-token"].to_str().unwrap().to_owned());
    }
    assert_eq!(desk.send(Request::post(place), &right).await.status(), 503, "two are open");
    let delete = |id: &str, token: &str| Request::delete(format!("{place}/{id}")).header("x-auth-token", token);
    assert_eq!(desk.send(delete("2", &tokens[0]), "").await.status(), 404);
    assert_eq!(desk.send(delete("1", "nobody"), "").await.status(), 401);
    assert_eq!(desk.send(delete("1", &tokens[0]), "").await.status(), 204);
    assert_eq!((desk.book.counts(), desk.book.refused()), ((2, 1, 1), 2));
    desk.book.forget();
    let asked = Request::get("/redfish/v1/Systems").header("x-auth-token", &tokens[1]);
    assert_eq!(desk.send(asked, "").await.status(), 401);
}

#[tokio::test]
async fn a_ticket_reads_alone_and_writes_with_its_second_token() {
    let desk = Desk::new(SessionVendor::Proxmox);
    let form = format!("username=claviger&password={}", desk.password);
    let twice = format!("{form}&password=wrong");
    assert_eq!(desk.send(Request::post("/api2/json/access/ticket"), &twice).await.status(), 401);
    let made = desk.send(Request::post("/api2/json/access/ticket"), &form).await;
    let data: serde_json::Value = serde_json::from_slice(made.body()).unwrap();
    let text = |name: &str| data["data"][name].as_str().unwrap().to_owned();
    let with = |method: &str| {
        let cookie = format!("PVEAuthCookie={}", text("ticket"));
        Request::builder().method(method).uri("/api2/json/nodes").header("cookie", cookie)
    };
    assert_eq!(desk.send(with("GET"), "").await.status(), 200);
    assert_eq!(desk.send(with("POST"), "").await.status(), 401);
    let csrf = text("CSRFPreventionToken");
    assert_eq!(desk.send(with("POST").header("csrfpreventiontoken", csrf.as_str()), "").await.status(), 200);
    assert_eq!(desk.send(with("GET").header("authorization", "PVEAPIToken=x"), "").await.status(), 401);
}
