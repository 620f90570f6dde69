//! Every way to be denied, with the whole text: the line that would allow it is part of the promise.

use crate::testkit::{
    caller, check_send, check_store, get_vm, lent, make_token, policy, send, set_password, store, value,
};
use crate::{Action, Denied, Policy, Request, SendRequest};

fn refusal(policy: &Policy, request: SendRequest) -> Denied {
    check_send(policy, request).unwrap_err()
}

fn as_caller(change: impl FnOnce(&mut crate::Caller)) -> Denied {
    let mut caller = caller("everything");
    change(&mut caller);
    policy(&[]).check(Request { caller, action: Action::Send(get_vm("n", "1")) }).unwrap_err()
}

#[test]
fn an_empty_policy_denies() {
    let denied = refusal(&Policy::default(), get_vm("n", "1"));
    assert!(matches!(denied, Denied::UnknownConnection));
    assert_eq!(denied.to_string(), "no connection has this name; `claviger connection list` shows them");
}

#[test]
fn a_connection_without_a_grant_denies_everything() {
    let closed = policy(&[
        ("[grant]", "[grant]\n#"),
        ("operations = [", "#["),
        ("write-back = [", "#["),
        ("networks", "#"),
        ("principals", "#"),
    ]);
    assert!(matches!(refusal(&closed, get_vm("n", "1")), Denied::Principal { .. }));
    let open_to_nobody = policy(&[
        ("principals = [\"ada\"]", "principals = [\"ada\"]\n#"),
        ("operations = [", "#["),
        ("write-back = [", "#["),
    ]);
    for operation in ["get-vm", "whoami", "list-orders", "ping", "set-password", "make-token", "drop-token"] {
        let denied = refusal(&open_to_nobody, send(operation, None));
        assert!(matches!(denied, Denied::OperationNotGranted { .. }), "{operation}: {denied}");
    }
    let denied = check_store(&open_to_nobody, store("token", Vec::new())).unwrap_err();
    assert!(matches!(denied, Denied::WriteBackNotGranted { .. }), "{denied}");
}

#[test]
fn another_connection_tool_or_principal() {
    assert!(matches!(as_caller(|caller| caller.connection = "pve".parse().unwrap()), Denied::UnknownConnection));
    let tool = as_caller(|caller| caller.tool = "other".parse().unwrap());
    assert!(matches!(tool, Denied::UnknownTool) && tool.is_undeclared() && !tool.is_invalid_request());
    assert_eq!(
        tool.to_string(),
        "the plugin's manifest declares no such tool; `claviger plugin inspect` lists its tools"
    );
    let principal = as_caller(|caller| caller.principal = "eve".to_owned());
    assert!(!principal.is_undeclared() && !principal.is_invalid_request());
    assert_eq!(
        principal.to_string(),
        "eve may not use connection pve-acme; to allow it, connections/pve-acme.toml needs\n  [grant]\n  principals = [\"eve\"]"
    );
}

#[test]
fn a_tool_uses_what_it_declares() {
    let look = |action| policy(&[]).check(Request { caller: caller("look"), action }).unwrap_err();
    let denied = look(Action::Send(send("drop-token", Some("token"))));
    assert!(matches!(denied, Denied::UndeclaredOperation { .. }) && denied.is_undeclared());
    assert_eq!(
        denied.to_string(),
        "tool look does not declare this operation; the manifest's [tools.look] operations would have to list it"
    );
    let denied = look(Action::Store(store("token", Vec::new())));
    assert!(matches!(denied, Denied::UndeclaredWriteBack { .. }) && denied.is_undeclared());
    assert_eq!(
        denied.to_string(),
        "tool look does not declare this write-back; the manifest's [tools.look] write-back would have to list it"
    );
    assert!(matches!(refusal(&policy(&[]), send("no such", None)), Denied::UndeclaredOperation { .. }));
}

#[test]
fn what_is_declared_must_be_granted() {
    let denied = refusal(&policy(&[("\"get-vm\", ", "")]), get_vm("n", "1"));
    assert!(!denied.is_undeclared() && !denied.is_invalid_request());
    assert_eq!(
        denied.to_string(),
        "operation get-vm is declared but not granted; to allow it, connections/pve-acme.toml needs\n  [grant]\n  operations = [\"get-vm\"]"
    );
    let denied = check_store(&policy(&[("write-back = [\"token\"]", "")]), store("token", Vec::new())).unwrap_err();
    assert_eq!(
        denied.to_string(),
        "write-back token is declared but not granted; to allow it, connections/pve-acme.toml needs\n  [grant]\n  write-back = [\"token\"]"
    );
    let denied = check_store(&policy(&[("token = \"Acme\"", "")]), store("token", Vec::new())).unwrap_err();
    assert_eq!(
        denied.to_string(),
        "write-back token has no destination; connections/pve-acme.toml needs\n  [write-back]\n  token = \"<vault>\""
    );
}

#[test]
fn write_back_takes_one_value_for_each_slot() {
    let wrong = [
        vec![],
        vec![value("new-token", 0)],
        vec![value("new-token", 0), value("new-token", 1)],
        vec![value("new-token", 0), value("password", 1), value("password", 2)],
        vec![value("new-token", 0), value("other", 1)],
    ];
    for values in wrong {
        let denied = check_store(&policy(&[]), store("token", values)).unwrap_err();
        assert!(denied.is_invalid_request());
        assert_eq!(denied.to_string(), "write-back token needs one value for each of its slots: new-token, password");
    }
}

#[test]
fn credentials_are_the_declared_ones_and_never_left_out() {
    for credential in [None, Some("fresh"), Some("partner"), Some("no such")] {
        let denied =
            refusal(&policy(&[]), SendRequest { credential: credential.map(str::to_owned), ..get_vm("n", "1") });
        assert!(matches!(denied, Denied::Credential { .. }) && denied.is_invalid_request(), "{denied}");
        let text = "operation get-vm does not take the credential it was given; the manifest allows: token";
        assert_eq!(denied.to_string(), text);
    }
    assert!(matches!(refusal(&policy(&[]), send("ping", Some("token"))), Denied::Credential { .. }));
    assert!(check_send(&policy(&[]), send("ping", None)).is_ok());
}

#[test]
fn secrets_and_origins_must_be_set_up() {
    let unbound = refusal(&policy(&[("token-secret = \"op://Acme/Cluster/token secret\"", "")]), get_vm("n", "1"));
    assert!(!unbound.is_undeclared() && !unbound.is_invalid_request());
    assert_eq!(
        unbound.to_string(),
        "secret token-secret is bound to no reference; connections/pve-acme.toml needs\n  [secrets]\n  token-secret = \"op://<vault>/<item>/<field>\""
    );
    let missing = refusal(&policy(&[("host = \"pve.example.org\"", "")]), get_vm("n", "1"));
    assert_eq!(
        missing.to_string(),
        "endpoint api needs settings that are missing or malformed: setting host has no value; see [settings] in connections/pve-acme.toml"
    );
    let escaping = refusal(&policy(&[("pve.example.org", "evil.example/#")]), get_vm("n", "1"));
    assert!(matches!(escaping, Denied::Origin { .. }), "{escaping}");
    assert!(!escaping.to_string().contains("evil"), "{escaping}");
}

#[test]
fn lent_values_go_to_free_declared_sites() {
    let with = |body: &str, lent| SendRequest { lent, ..set_password(body) };
    let wrong = [
        with("{}", vec![lent("other", "password")]),
        with("{}", vec![lent("/password", "password")]),
        with("{}", vec![lent("password", "password"), lent("password", "new-token")]),
        SendRequest { lent: vec![lent("password", "password")], ..get_vm("n", "1") },
    ];
    for request in wrong {
        let denied = refusal(&policy(&[]), request);
        assert!(matches!(denied, Denied::Lent { .. }) && denied.is_invalid_request(), "{denied}");
    }
    let denied = refusal(&policy(&[]), with("{}", vec![lent("other", "password")]));
    assert_eq!(
        denied.to_string(),
        "operation set-password has no free site for a lent secret; its sites are: password"
    );
    // The plugin cannot fill the site itself, so that a lent value could only be placed beside it.
    let filled = refusal(&policy(&[]), with("{\"password\":\"mine\"}", vec![lent("password", "password")]));
    assert!(matches!(filled, Denied::Body { .. }), "{filled}");
}

#[test]
fn parameters_and_bodies_name_the_operation() {
    let denied = refusal(&policy(&[]), get_vm("..", "1"));
    assert!(matches!(denied, Denied::Parameter { .. }) && denied.is_invalid_request());
    assert!(denied.to_string().starts_with("operation get-vm: path parameter node would leave"), "{denied}");
    let denied = refusal(&policy(&[]), set_password("{\"shell\":1}"));
    assert!(matches!(denied, Denied::Body { .. }) && denied.is_invalid_request());
    assert_eq!(
        denied.to_string(),
        "operation set-password: the body sets a field that the manifest's `body` does not list; it lists: /userid, /groups/*/name, /note"
    );
    let denied = refusal(&policy(&[]), make_token(Some("{\"expire\":1}")));
    assert_eq!(denied.to_string(), "operation make-token: a form body must be a JSON object whose values are strings");
}
