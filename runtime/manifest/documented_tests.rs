//! The manifest's documentation says what is so: its examples, put together, are one manifest.

use crate::{Manifest, ManifestError, Rule};

const PAGE: &str = include_str!("../../manifests/README.md");

/// What the examples take for granted.
const REST: &str = r#"
[plugin]
name = "documented"
version = "1.0.0"
publisher = "example.org/plugins"
component = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
[settings.company]
description = "The company"
[secrets.password-secret]
[secrets.refresh-token]
[secrets.certificate]
[secrets.certificate-key]
"#;

fn examples() -> Vec<&'static str> {
    PAGE.split("```toml\n").skip(1).map(|block| block.split("```").next().unwrap()).collect()
}

#[test]
fn the_examples_are_one_manifest() {
    let text = format!("{REST}{}", examples().concat());
    let manifest = Manifest::parse(&text).unwrap();
    assert_eq!((examples().len(), manifest.operations.len()), (7, 6));
    assert!(manifest.tools.len() == 2 && manifest.write_back.len() == 1);
}

#[test]
fn every_scheme_and_every_key_is_documented() {
    let source = include_str!("credential.rs");
    let keys = source.split("let present = [").nth(1).unwrap().split("];").next().unwrap();
    let keys: Vec<&str> = keys.split('"').skip(1).step_by(2).collect();
    let schemes = source.split("fn as_str(self)").nth(1).unwrap().split("/// The keys").next().unwrap();
    let schemes: Vec<&str> = schemes.split('"').skip(1).step_by(2).collect();
    assert!(keys.len() > 30 && schemes.len() == 11, "{} keys, {} schemes", keys.len(), schemes.len());
    let documented: String = examples().concat();
    for word in keys.iter().chain(&schemes) {
        assert!(documented.contains(word), "{word} stands in no example");
    }
}

#[test]
fn what_the_host_runs_itself_is_no_tools_operation() {
    // A tool that logged in by itself would read the token that comes back.
    let page = format!("{REST}{}", examples().concat());
    for operation in ["log-in", "log-out"] {
        let tool = format!(
            "{page}\n[tools.itself]\ndescription = \"x\"\noperations = [\"{operation}\"]\neffect = \"mint\"\ninput = \"schemas/x.json\"\n"
        );
        let error = Manifest::parse(&tool).unwrap_err();
        assert!(matches!(error, ManifestError::Rule { rule: Rule::HostOperation, .. }), "{operation}: {error}");
    }
}

#[test]
fn a_session_that_is_logged_out_of_takes_no_slot() {
    let page = format!("{REST}{}", examples().concat());
    let placed = page.replace("x-session = \"{{session}}\"", "x-session = \"{{session}}\", x-made = \"{{password}}\"");
    let presented = page.replace(
        "[credentials.ticket.values]",
        "client-certificate = { certificate = \"password\", key = \"certificate-key\" }\n[credentials.ticket.values]",
    );
    for text in [placed, presented] {
        let error = Manifest::parse(&text).unwrap_err();
        assert!(matches!(error, ManifestError::Rule { rule: Rule::SlotLogout, .. }), "{error}");
        assert!(error.to_string().starts_with("[credentials.ticket] logout: "), "{error}");
        // One that just ends may.
        let ending = "[credentials.ticket.logout]\noperation = \"log-out\"\nparameters = { id = \"{{ticket}}\" }\n";
        let whole = text.replace(ending, "");
        assert!(whole.len() < text.len());
        Manifest::parse(&whole).unwrap();
    }
}
