//! `claviger reference`.

use claviger_manifest::SecretReference;
use serde_json::json;

use crate::error::{Code, Failure};
use crate::output::Output;

/// Checks references one by one. The text of a bad one is not repeated: it may be a secret pasted in the wrong place.
pub(crate) fn check(references: &[String]) -> Result<Output, Failure> {
    let checked: Vec<_> = references.iter().map(|text| text.parse::<SecretReference>()).collect();
    let mut text = String::new();
    let mut json = Vec::new();
    for (index, result) in checked.iter().enumerate() {
        let number = index + 1;
        match result {
            Ok(reference) => {
                let section = reference.section().map(|section| format!(", section {section:?}")).unwrap_or_default();
                text.push_str(&format!(
                    "{number}: vault {:?}, item {:?}{section}, field {:?}\n",
                    reference.vault(),
                    reference.item(),
                    reference.field()
                ));
                json.push(json!({ "valid": true, "vault": reference.vault(), "item": reference.item(),
                    "section": reference.section(), "field": reference.field() }));
            }
            Err(error) => {
                text.push_str(&format!("{number}: {error}\n"));
                json.push(json!({ "valid": false, "error": error.to_string() }));
            }
        }
    }
    if checked.iter().any(Result::is_err) {
        return Err(Failure::new(Code::Usage, text.trim_end()));
    }
    Output::new(text, &json)
}
