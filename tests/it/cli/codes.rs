//! Every documented exit code, reached through the whole program.

use std::fs;

use claviger_lab::{Lab, Ran};

use super::variant::{answer, configure};
use crate::laboratory::{lab, swept};

const SEARCH: [&str; 4] = ["call", "psa.search_tickets", "--args", "{}"];

fn ends_with(lab: &Lab, code: i32, arguments: &[&str], says: &str) -> Ran {
    let ran = lab.run(arguments).unwrap();
    assert_eq!(ran.code, code, "{arguments:?}: {}{}", ran.stdout, ran.stderr);
    let said = if code == 0 { &ran.stdout } else { &ran.stderr };
    assert!(said.contains(says), "{arguments:?} does not say {says:?}: {said}");
    assert!(code == 0 || ran.stdout.is_empty(), "a failure leaves standard output empty: {}", ran.stdout);
    ran
}

#[test]
fn each_exit_code_means_what_the_help_says() {
    let lab = lab();
    let psa = lab.psa(0).unwrap();
    ends_with(&lab, 0, &SEARCH, "tickets");
    ends_with(&lab, 2, &["call", "psa"], "connection.tool");
    ends_with(&lab, 2, &["call", "psa.search_tickets", "--args", "{"], "not JSON (line 1, column 1)");
    ends_with(&lab, 2, &["call", "psa.search_tickets", "--args", r#"{"nonsense":1}"#], "input schema");
    ends_with(&lab, 2, &["call"], "--help");
    ends_with(&lab, 3, &["call", "psa.delete_everything"], "plugin inspect");
    ends_with(&lab, 3, &["call", "nobody.search_tickets"], "connection list");
    ends_with(&lab, 3, &["call", "psa.search_tickets", "--as", "mallory"], "principals");
    ends_with(&lab, 3, &["grant", "show", "nobody"], "connection list");
    answer(&lab, "deny");
    ends_with(&lab, 4, &SEARCH, "denied this request");
    answer(&lab, "approve");
    let seen = psa.running.seen().len();
    drop(psa);
    ends_with(&lab, 1, &SEARCH, "connect");
    assert!(seen > 0);
    swept(&lab);
}

#[test]
fn a_log_that_was_edited_and_a_state_that_is_not_usable_have_codes_of_their_own() {
    let lab = lab();
    let log = lab.state().join("audit/log.jsonl");
    let text = fs::read_to_string(&log).unwrap();
    fs::write(&log, text.replacen("alex", "eve!", 1)).unwrap();
    ends_with(&lab, 5, &["audit", "verify"], "entry 1: ");
    let mut put = lab.command();
    let output = put.args(["secret", "put", "op://a/b/c"]).stdin(fs::File::open(lab.package("publisher.pub")).unwrap());
    let output = output.output().unwrap();
    assert_eq!(output.status.code(), Some(5), "nothing is done on a log that is not what was signed");
    assert_eq!(lab.must(&["secret", "list"]).unwrap().stdout.lines().count(), 1);
    fs::write(lab.state().join("claviger.toml"), "principal = \"alex\"\napprover = \"simulated\"\nsurprise = 1\n")
        .unwrap();
    ends_with(&lab, 6, &["secret", "list"], "claviger.toml: line 3");
    fs::remove_file(lab.state().join("claviger.toml")).unwrap();
    ends_with(&lab, 6, &["secret", "list"], "claviger init");
    swept(&lab);
}

#[test]
fn another_systems_approver_is_refused_and_nobody_is_asked_instead() {
    let lab = lab();
    let psa = lab.psa(0).unwrap();
    for (named, system) in [("touch-id", "macOS"), ("windows-hello", "Windows")] {
        configure(&lab.state(), |text| {
            text.replacen("approver = \"simulated\"", &format!("approver = \"{named}\""), 1)
        });
        ends_with(&lab, 6, &SEARCH, &format!("{named} is of {system}, and this is another system"));
        ends_with(&lab, 6, &["approver", "add", &format!("--{named}")], &format!("{named} is of {system}"));
        configure(&lab.state(), |text| {
            text.replacen(&format!("approver = \"{named}\""), "approver = \"simulated\"", 1)
        });
    }
    ends_with(&lab, 2, &["approver", "add", "--polkit", "--fprintd"], "cannot be used with");
    assert_eq!(psa.running.connections(), 0);
    swept(&lab);
}

#[test]
fn a_directory_that_others_can_write_is_not_used() {
    use std::os::unix::fs::PermissionsExt as _;
    let lab = lab();
    fs::set_permissions(lab.state(), fs::Permissions::from_mode(0o770)).unwrap();
    ends_with(&lab, 6, &["secret", "list"], "chmod go=");
    fs::set_permissions(lab.state(), fs::Permissions::from_mode(0o700)).unwrap();
    ends_with(&lab, 0, &["secret", "list"], "vault is empty");
}
