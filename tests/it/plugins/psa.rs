//! ConnectWise PSA.

use claviger_lab::{Lab, Upstream, basic, pairs};
use claviger_sim::SeenRequest;
use serde_json::{Value, json};

use super::{members, refused, secret, spoil};
use crate::laboratory::{lab, swept};

/// The conditions of each request so far.
fn conditions(psa: &Upstream) -> Vec<String> {
    let of = |request: &SeenRequest| {
        let query = pairs(request.query.as_deref().unwrap_or_default());
        query.into_iter().find(|(name, _)| name == "conditions").map(|(_, value)| value).unwrap_or_default()
    };
    psa.running.seen().iter().map(of).collect()
}

/// An expression without what stands in its strings: its structure, as every reader of it sees it.
fn skeleton(conditions: &str) -> String {
    let parts: Vec<&str> = conditions.split('"').collect();
    assert_eq!(parts.len() % 2, 1, "a string is not closed: {conditions}");
    assert!(!conditions.contains('\\'), "{conditions}");
    parts.into_iter().step_by(2).collect::<Vec<_>>().join("\"\"")
}

fn search(lab: &Lab, arguments: &Value) -> Value {
    lab.result("psa.search_tickets", arguments).unwrap()
}

#[test]
fn every_tool_tells_what_the_psa_holds() {
    let lab = lab();
    let psa = lab.psa(0).unwrap();

    let found = search(&lab, &json!({ "company": "Acme", "open_only": true }));
    let tickets = found["tickets"].as_array().unwrap();
    assert_eq!((tickets.len(), &found["truncated"]), (23, &json!(false)));
    assert!(tickets.iter().all(|ticket| ticket["open"] == json!(true) && ticket["company"] == "Acme Corporation"));
    let assigned = search(&lab, &json!({ "assignee": "jkowal", "status": "New", "summary": "mailbox" }));
    assert_eq!(members(&assigned["tickets"], "id"), [1042, 1032]);
    assert_eq!(members(&assigned["tickets"], "assignee"), ["Jan Kowal", "Jan Kowal"]);

    let ticket = lab.result("psa.get_ticket", &json!({ "id": 1001 })).unwrap();
    let line = json!({ "id": 1001, "summary": "VPN drops every hour for remote staff", "open": true, "status": "New",
        "company": "Acme Corporation", "assignee": "Marta Reyes", "priority": "Priority 1 - Critical",
        "board": "Help Desk", "entered": "2026-01-01T08:15:00Z", "updated": "2026-01-01T16:15:00Z" });
    assert_eq!((&ticket["ticket"], &ticket["notes_truncated"]), (&line, &json!(false)));
    assert_eq!(members(&ticket["notes"], "kind"), ["internal", "discussion"]);
    let closed = lab.result("psa.get_ticket", &json!({ "id": 1007 })).unwrap();
    assert_eq!(members(&closed["notes"], "kind"), ["resolution", "internal", "discussion"]);

    let projects = |arguments: &Value| lab.result("psa.list_projects", arguments).unwrap();
    assert_eq!(members(&projects(&json!({}))["projects"], "id"), [304, 303, 302, 300]);
    assert_eq!(members(&projects(&json!({ "company": "AcmeCorp" }))["projects"], "id"), [300]);
    let all = projects(&json!({ "company": "Acme Corporation", "open_only": false }));
    assert_eq!(members(&all["projects"], "name"), ["Office move to Harbour Street", "Microsoft 365 migration"]);

    status_of_a_project(&lab);
    authenticated_as_documented(&psa);
    swept(&lab);
}

fn status_of_a_project(lab: &Lab) {
    let status = lab.result("psa.get_project_status", &json!({ "id": 300 })).unwrap();
    assert_eq!(
        (&status["tickets"], &status["open_tickets"], &status["closed_tickets"], &status["percent_complete"]),
        (&json!(32), &json!(12), &json!(20), &json!(62))
    );
    // The simulated tickets are due on fixed days of 2026, so how many are late depends on today.
    let now = jiff::Timestamp::now();
    let late = |number: usize| {
        let due = format!("2026-{:02}-{:02}T00:15:00Z", 1 + number % 9, 1 + number % 28);
        due.parse::<jiff::Timestamp>().unwrap() < now
    };
    assert_eq!(status["overdue_tickets"], json!((20..32).filter(|number| late(*number)).count()));
    let end: jiff::Timestamp = "2026-10-30T00:00:00Z".parse().unwrap();
    assert_eq!((&status["overdue"], &status["truncated"]), (&json!(end < now), &json!(false)));
    assert_eq!(status["project"]["manager"], "Marta Reyes");
}

/// Basic composed of three secrets, the fourth in a header, the version pinned, and nothing of the host's own world.
fn authenticated_as_documented(psa: &Upstream) {
    let of = |name| secret(psa, name);
    let expected = format!("{}+{}:{}", of("company"), of("public-key"), of("private-key"));
    for request in psa.running.seen() {
        assert_eq!(basic(&request).as_deref(), Some(expected.as_str()));
        assert_eq!(request.header("clientid"), Some(of("client-id")));
        assert_eq!(request.header("accept"), Some("application/vnd.connectwise.com+json; version=2025.1"));
        assert_eq!(request.header("accept-encoding"), Some("identity"));
        assert_eq!(request.header("host"), Some("api-na.myconnectwise.net"));
        assert!(request.header("cookie").is_none() && request.method == "GET" && request.body.is_empty());
    }
}

#[test]
fn a_long_list_comes_page_by_page() {
    let lab = lab();
    let psa = lab.psa(0).unwrap();
    let (mut page, mut ids, mut sizes) = (json!(1), Vec::new(), Vec::new());
    while !page.is_null() {
        let found = search(&lab, &json!({ "page": page }));
        assert_eq!(found["truncated"], json!(!found["next_page"].is_null()));
        let numbers = members(&found["tickets"], "id").into_iter().filter_map(Value::as_u64);
        let before = ids.len();
        ids.extend(numbers);
        sizes.push(ids.len() - before);
        page = found["next_page"].clone();
    }
    assert_eq!(sizes, [50, 46]);
    assert_eq!(ids, (1001..=1096).rev().collect::<Vec<u64>>());
    assert_eq!(psa.running.seen().len(), 2);
    swept(&lab);
}

#[test]
fn a_psa_that_throttles_is_asked_again_after_the_time_it_names() {
    let lab = lab();
    let psa = lab.psa(4).unwrap();
    // Three tries are one call's patience; then the model is told for how long.
    let told = refused(&lab, "psa.get_ticket", &json!({ "id": 1001 }), 1);
    assert!(told.contains("come back in 1 seconds"), "{told}");
    assert_eq!(psa.running.seen().len(), 3);
    let started = std::time::Instant::now();
    let ticket = lab.result("psa.get_ticket", &json!({ "id": 1001 })).unwrap();
    assert!(started.elapsed() >= std::time::Duration::from_secs(1), "it did not wait");
    assert_eq!(ticket["ticket"]["id"], 1001);
    let paths: Vec<String> = psa.running.seen().split_off(3).into_iter().map(|request| request.path).collect();
    let base = "/v4_6_release/apis/3.0/service/tickets/1001";
    assert_eq!(paths, [base.to_owned(), base.to_owned(), format!("{base}/notes")]);
    swept(&lab);
}

#[test]
fn an_argument_can_only_ever_be_a_value_in_a_condition() {
    let lab = lab();
    let psa = lab.psa(0).unwrap();
    let contains = |pieces: usize| format!("({})", vec!["summary contains \"\""; pieces].join(" and "));
    for (summary, pieces, hits) in [
        ("x\" or id > 0 or summary contains \"x", 3, 0),
        ("VPN\\\" or closedFlag = true or summary contains \\\"", 2, 0),
        ("nothing\" or (id > 0) or \"\" = \"", 3, 0),
        ("Phishing report: \"invoice overdue\"", 2, 8),
    ] {
        let found = search(&lab, &json!({ "summary": summary }));
        assert_eq!(members(&found["tickets"], "id").len(), hits, "{summary}");
        assert_eq!(skeleton(conditions(&psa).last().unwrap()), contains(pieces), "{summary}");
    }
    // A name with quotes of its own still finds its owner, and one that carries an operator finds nobody.
    let logistics = search(&lab, &json!({ "company": "O'Hara & \"Sons\" Logistics" }));
    assert_eq!(logistics["tickets"].as_array().unwrap().len(), 12);
    assert!(members(&logistics["tickets"], "company").iter().all(|name| name.as_str().unwrap().starts_with("O'Hara")));
    let nobody = search(&lab, &json!({ "company": "Acme\" or company/name contains \"" }));
    assert_eq!(nobody["tickets"], json!([]));
    let by_name = "company/name contains \"\"";
    assert_eq!(skeleton(conditions(&psa).last().unwrap()), format!("({by_name} and {by_name})"));
    // Percent signs and ampersands end neither the value nor the query.
    let full = search(&lab, &json!({ "summary": "100% full" }));
    assert_eq!(members(&full["tickets"], "summary").first().copied(), Some(&json!("Shared drive shows 100% full")));
    assert_eq!(search(&lab, &json!({ "summary": "a&pageSize=1000#b" }))["tickets"], json!([]));
    let last = psa.running.seen().pop().unwrap();
    let sizes: Vec<_> = pairs(&last.query.unwrap()).into_iter().filter(|(name, _)| name == "pageSize").collect();
    assert_eq!(sizes, [("pageSize".to_owned(), "50".to_owned())]);

    // An exact name cannot be cut into pieces: it is refused before anything is sent.
    let before = psa.running.seen().len();
    for status in ["New\" or status/name = \"Closed", "New\\", "New\"\""] {
        let told = refused(&lab, "psa.search_tickets", &json!({ "status": status }), 1);
        assert!(told.contains("an exact name may not"), "{told}");
    }
    assert_eq!(psa.running.seen().len(), before);
    swept(&lab);
}

#[test]
fn the_vendors_errors_say_what_to_do() {
    let lab = lab();
    let psa = lab.psa(0).unwrap();
    let told = refused(&lab, "psa.get_ticket", &json!({ "id": 999_999 }), 1);
    assert!(told.contains("not found: Ticket 999999 not found"), "{told}");
    let told = refused(&lab, "psa.get_project_status", &json!({ "id": 7 }), 1);
    assert!(told.contains("not found: Project 7 not found"), "{told}");

    spoil(&lab, "op://MSP/ConnectWise/private-key");
    let told = refused(&lab, "psa.list_projects", &json!({}), 1);
    assert!(told.contains("refuses the credential (401): check company, public-key, private-key"), "{told}");
    assert!(told.contains("UserNotAuthenticated"), "{told}");
    spoil(&lab, "op://MSP/ConnectWise/client-id");
    let told = refused(&lab, "psa.list_projects", &json!({}), 1);
    assert!(told.contains("clientId header is missing or invalid"), "{told}");
    assert_eq!(psa.running.seen().len(), 4);
    swept(&lab);
}
