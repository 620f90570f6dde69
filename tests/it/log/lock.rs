//! One process writes the log; another one is told who has it.

use claviger_lab::Agent;

use crate::laboratory::{lab, swept};

#[test]
fn a_second_process_is_told_who_has_the_log() {
    let lab = lab();
    let _psa = lab.psa(0).unwrap();
    let agent = Agent::start(&lab).unwrap();
    for arguments in [&["call", "psa.search_tickets"][..], &["mcp"]] {
        let ran = lab.run(arguments).unwrap();
        assert_eq!(ran.code, 5, "{}", ran.stderr);
        assert!(ran.stdout.is_empty(), "standard output is the protocol's");
        assert!(
            ran.stderr.contains("(claviger) has the audit log") && ran.stderr.contains("--state"),
            "{}",
            ran.stderr
        );
    }
    // Reading needs nobody's leave.
    lab.must(&["audit", "log"]).unwrap();
    lab.must(&["audit", "verify"]).unwrap();
    drop(agent);
    lab.must(&["call", "psa.search_tickets"]).unwrap();
    swept(&lab);
}
