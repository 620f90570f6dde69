//! What becomes of a call when the approver says no, says nothing, or is not one that counts.

use claviger_lab::Lab;
use serde_json::Value;

use super::real::Real;
use super::variant::{answer, configure, with_approval};
use crate::laboratory::{lab, swept};

fn last_entry(lab: &Lab) -> Value {
    lab.must(&["audit", "log", "--json", "--last", "1"]).unwrap().json()[0].clone()
}

#[test]
fn a_no_and_a_silence_are_refusals_that_the_log_holds() {
    let lab = lab();
    let psa = lab.psa(0).unwrap();
    with_approval(&lab, "psa", "1s");
    for (said, code, text) in
        [("deny", "denied", "denied this request"), ("never", "no-human", "nobody answered within 1")]
    {
        answer(&lab, said);
        let ran = lab.run(&["call", "psa.search_tickets"]).unwrap();
        assert_eq!(ran.code, 4, "{}", ran.stderr);
        assert!(ran.stderr.contains(text), "{}", ran.stderr);
        let entry = last_entry(&lab);
        assert_eq!((&entry["kind"], &entry["refusal"]["code"]), (&"refused".into(), &code.into()));
        let row = lab.must(&["audit", "log", "--last", "1"]).unwrap().stdout;
        assert!(row.contains("alex psa.search_tickets") && row.contains(text), "{row}");
    }
    assert_eq!(psa.running.connections(), 0, "a request went out that nobody approved");
    swept(&lab);
}

#[test]
fn simulated_approvals_are_refused_where_secrets_are_real() {
    let lab = lab();
    let psa = lab.psa(0).unwrap();
    let real = Real::with_identity(&lab);
    real.take_psa(&psa.canaries);
    configure(&real.state, |text| text.replace("approver = \"terminal\"", "approver = \"simulated\""));
    let ran = real.run(&["call", "psa.search_tickets"], b"");
    assert_eq!(ran.code, 6, "{}", ran.stderr);
    assert!(ran.stderr.contains("simulated approvals are refused"), "{}", ran.stderr);
    // Nor does a marker of one's own make it a throw-away one.
    std::fs::write(real.state.join("THROWAWAY"), "claviger throw-away state directory\n").unwrap();
    assert_eq!(real.run(&["call", "psa.search_tickets"], b"").code, 6);
    assert_eq!(psa.running.connections(), 0);
    real.swept();
}
