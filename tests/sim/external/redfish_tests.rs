use base64::prelude::{BASE64_STANDARD, Engine as _};
use http::Request;
use http_body_util::Full;

use super::*;

#[tokio::test]
async fn systems_and_their_power_behind_basic_and_tls() {
    let ca = TestCa::new().unwrap();
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).unwrap();
    let password = hex::encode(bytes);
    let redfish = Redfish::start(&ca, "operator", &password).unwrap();
    let tls = ca.client().unwrap();
    let get = async |path: &str, pair: Option<String>| {
        let mut request = Request::get(path);
        if let Some(pair) = pair {
            request = request.header("authorization", format!("Basic {}", BASE64_STANDARD.encode(pair)));
        }
        let request = request.body(Full::default()).unwrap();
        let answer = crate::client::send(redfish.addr(), Some(&tls), request).await.unwrap();
        (answer.status().as_u16(), serde_json::from_slice::<Value>(answer.body()).unwrap())
    };
    let right = || Some(format!("operator:{password}"));
    let (status, list) = get("/redfish/v1/Systems", right()).await;
    assert_eq!((status, &list["Members@odata.count"]), (200, &json!(3)));
    for system in Redfish::SYSTEMS {
        let (_, one) = get(&format!("/redfish/v1/Systems/{}", system.uuid), right()).await;
        assert_eq!((&one["Name"], &one["PowerState"]), (&json!(system.name), &system.told()["power_state"]));
    }
    for wrong in [None, Some("operator:wrong".to_owned()), Some(format!("nobody:{password}"))] {
        let (status, answer) = get("/redfish/v1/Systems", wrong).await;
        assert!(status == 401 && answer["error"]["message"].is_string());
    }
}

#[test]
fn a_server_ends_with_its_handle() {
    let ca = TestCa::new().unwrap();
    let redfish = Redfish::start(&ca, "operator", "").unwrap();
    let addr = redfish.addr();
    drop(redfish);
    assert!(std::net::TcpStream::connect(addr).is_err());
}
