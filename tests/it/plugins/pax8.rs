//! Pax8.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use claviger_lab::Upstream;
use serde_json::{Value, json};

use super::{members, refused, secret, spoil};
use crate::laboratory::{lab, swept};

/// The first company of the simulated market, Acme Corporation.
const ACME: &str = "00000001-0000-4c1a-8c1a-000000000000";
const DAY: Duration = Duration::from_secs(86_400);
/// The market's products; Acme's subscription number n is for product n modulo seven, in the status n modulo six.
const PRODUCTS: [&str; 7] = [
    "Microsoft 365 Business Premium",
    "Microsoft 365 Business Basic",
    "Exchange Online (Plan 1)",
    "Endpoint Detection and Response",
    "Cloud Backup for Microsoft 365",
    "Security Awareness Training",
    "Password Manager Business",
];
const STATUSES: [&str; 6] = ["Active", "Active", "Cancelled", "Active", "Trial", "PendingManual"];
const OF_ACME: u64 = 26;

fn status(number: u64) -> &'static str {
    STATUSES.iter().cycle().nth(usize::try_from(number).unwrap()).unwrap()
}

fn seats(number: u64) -> u64 {
    3 + (number * 7) % 40
}

#[test]
fn every_tool_tells_what_the_market_holds() {
    let lab = lab();
    let pax8 = lab.pax8(DAY, 0).unwrap();

    let companies = |arguments: &Value| lab.result("pax8.list_companies", arguments).unwrap()["companies"].clone();
    assert_eq!(
        companies(&json!({ "name": "acme" })),
        json!([{ "id": ACME, "name": "Acme Corporation", "status": "Active" }])
    );
    assert_eq!(members(&companies(&json!({ "status": "Inactive" })), "name"), ["Harbour Street Bakery"]);
    assert_eq!(members(&companies(&json!({ "name": "\"Sons\"" })), "name"), ["O'Hara & \"Sons\" Logistics"]);
    let all = companies(&json!({}));
    let names: Vec<&str> = members(&all, "name").into_iter().filter_map(Value::as_str).collect();
    assert!(names.len() == 12 && names.is_sorted(), "{names:?}");
    assert_eq!(companies(&json!({ "page": 1 })), json!([]));

    let listed = lab.result("pax8.list_subscriptions", &json!({ "company": ACME })).unwrap();
    let subscriptions = listed["subscriptions"].as_array().unwrap();
    assert_eq!((subscriptions.len(), &listed["truncated"]), (26, &json!(false)));
    let trials = lab.result("pax8.list_subscriptions", &json!({ "company": ACME, "status": "Trial" })).unwrap();
    let expected: Vec<u64> = (0..OF_ACME).filter(|number| status(*number) == "Trial").map(seats).collect();
    assert_eq!(members(&trials["subscriptions"], "seats"), expected);

    assert_eq!(lab.result("pax8.license_summary", &json!({ "company": ACME })).unwrap(), summary());
    authenticated_as_documented(&pax8);
    swept(&lab);
}

/// Seats by product over subscriptions that are held, counted here from the simulator's rule.
fn summary() -> Value {
    let mut products: BTreeMap<&str, (u64, u64, u64)> = BTreeMap::new();
    for number in (0..OF_ACME).filter(|number| matches!(status(*number), "Active" | "Trial")) {
        let product = number % 7;
        let line = products.entry(PRODUCTS[usize::try_from(product).unwrap()]).or_insert((product, 0, 0));
        *line = (product, line.1 + seats(number), line.2 + 1);
    }
    let total: u64 = products.values().map(|(_, seats, _)| seats).sum();
    let line = |(name, (product, seats, subscriptions)): (&&str, &(u64, u64, u64))| {
        json!({ "product": name, "product_id": format!("00000002-0000-4c1a-8c1a-{product:012x}"), "seats": seats,
            "subscriptions": subscriptions })
    };
    let lines: Vec<Value> = products.iter().map(line).collect();
    json!({ "company": ACME, "products": lines, "total_seats": total, "truncated": false })
}

/// The token's request has the client's two secrets in a JSON body; everything else has the token and never those.
fn authenticated_as_documented(pax8: &Upstream) {
    let (id, key) = (secret(pax8, "client-id"), secret(pax8, "client-secret"));
    for request in pax8.running.seen() {
        let authorization = request.header("authorization");
        if request.path == "/v1/token" {
            let body: Value = serde_json::from_slice(&request.body).unwrap();
            let expected = json!({ "grant_type": "client_credentials", "client_id": id, "client_secret": key,
                "audience": "https://api.pax8.com" });
            assert_eq!((&body, authorization), (&expected, None));
        } else {
            assert!(authorization.unwrap().starts_with("Bearer ") && request.body.is_empty());
            let text = format!("{request:?}");
            assert!(!text.contains(id) && !text.contains(key), "{}", request.path);
        }
    }
}

#[test]
fn a_market_that_throttles_without_a_time_is_asked_again() {
    let lab = lab();
    let pax8 = lab.pax8(DAY, 1).unwrap();
    let started = Instant::now();
    let found = lab.result("pax8.list_companies", &json!({ "name": "Globex" })).unwrap();
    assert!(started.elapsed() >= Duration::from_secs(1), "it did not wait");
    assert_eq!(members(&found["companies"], "name"), ["Globex Manufacturing"]);
    // A token, a refusal, an answer: the token is kept while the upstream throttles.
    let seen: Vec<String> = pax8.running.seen().into_iter().map(|request| request.path).collect();
    assert_eq!(seen, ["/v1/token", "/v1/companies", "/v1/companies"]);
    swept(&lab);
}

#[test]
fn the_vendors_errors_say_what_to_do() {
    let lab = lab();
    let _pax8 = lab.pax8(DAY, 0).unwrap();
    let told = refused(&lab, "pax8.list_subscriptions", &json!({ "company": "acme" }), 1);
    assert!(told.contains("Pax8 does not accept the request: companyId is no UUID"), "{told}");
    let nobody = json!({ "company": "00000001-0000-4c1a-8c1a-0000000000ff" });
    assert_eq!(lab.result("pax8.license_summary", &nobody).unwrap()["total_seats"], 0);

    spoil(&lab, "op://MSP/Pax8/client-secret");
    let told = refused(&lab, "pax8.list_companies", &json!({}), 1);
    assert!(
        told.contains("the token endpoint answered 401; check the client id and secret of credential partner"),
        "{told}"
    );
    swept(&lab);
}
