//! `claviger reference`.

use claviger_manifest::{ReferenceError, SecretReference};
use serde_json::{Value, json};

use crate::error::Failure;
use crate::output::Output;

/// Checks references one by one. The text of a bad one is not repeated: it may be a secret pasted in the wrong place.
pub(crate) fn check(references: &[String]) -> Result<Output, Failure> {
    let checked: Vec<_> = references.iter().map(|text| text.parse::<SecretReference>()).collect();
    let lines: Vec<String> =
        (1..).zip(&checked).map(|(number, result)| format!("{number}: {}", line(result))).collect();
    let json: Value = checked.iter().map(document).collect();
    if checked.iter().any(Result::is_err) {
        return Err(Failure::usage(format!("not every reference is valid\n{}", lines.join("\n"))).with(json));
    }
    Output::new(lines.join("\n"), &json)
}

fn line(result: &Result<SecretReference, ReferenceError>) -> String {
    let reference = match result {
        Ok(reference) => reference,
        Err(error) => return error.to_string(),
    };
    let mut parts = vec![format!("vault {:?}", reference.vault()), format!("item {:?}", reference.item())];
    parts.extend(reference.section().map(|section| format!("section {section:?}")));
    parts.push(format!("field {:?}", reference.field()));
    parts.extend(reference.attribute().map(|attribute| format!("attribute {}", attribute.as_str())));
    parts.extend(reference.ssh_format().map(|format| format!("as {}", format.as_str())));
    parts.join(", ")
}

fn document(result: &Result<SecretReference, ReferenceError>) -> Value {
    match result {
        Ok(reference) => json!({ "valid": true, "vault": reference.vault(), "item": reference.item(),
            "section": reference.section(), "field": reference.field(),
            "attribute": reference.attribute().map(|attribute| attribute.as_str()),
            "ssh-format": reference.ssh_format().map(|format| format.as_str()) }),
        Err(error) => json!({ "valid": false, "error": error.to_string() }),
    }
}
