//! Parameters of a request: the query of a GET or DELETE, form or JSON of a POST.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Failure;
use crate::asked::Asked;

/// Parameters by name; every value as the text that the vendor sees.
#[derive(Debug, Default)]
pub(super) struct Parameters(BTreeMap<String, String>);

/// Whether a body of this type is read at all. None counts as a form.
pub(super) fn takes(content_type: Option<&str>) -> bool {
    let plain = content_type.map(|text| text.split(';').next().unwrap_or_default().trim());
    matches!(plain, None | Some("application/x-www-form-urlencoded" | "application/json"))
}

/// Reads them.
pub(super) fn read(asked: &Asked) -> Result<Parameters, Failure> {
    let mut all: BTreeMap<String, String> = asked.query.iter().cloned().collect();
    let is_json = asked.header("content-type").is_some_and(|text| text.starts_with("application/json"));
    if is_json && !asked.body.is_empty() {
        let body: Value = serde_json::from_slice(&asked.body)
            .map_err(|_| Failure::Failed("malformed JSON string in the request body".to_owned()))?;
        let object =
            body.as_object().ok_or_else(|| Failure::Failed("the request body is no JSON object".to_owned()))?;
        all.extend(object.iter().map(|(name, value)| (name.clone(), as_text(value))));
    } else {
        all.extend(form_urlencoded::parse(&asked.body).into_owned());
    }
    Ok(Parameters(all))
}

fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(truth) => if *truth { "1" } else { "0" }.to_owned(),
        other => other.to_string(),
    }
}

impl Parameters {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Refuses every parameter.
    pub(super) fn none(&self) -> Result<(), Failure> {
        self.only(&[])
    }

    /// Refuses every parameter that the method's schema does not have.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), Failure> {
        const WHY: &str = "property is not defined in schema and the schema does not allow additional properties";
        let unknown = self.0.keys().filter(|name| !known.contains(&name.as_str()));
        let errors: Vec<_> = unknown.map(|name| (name.clone(), WHY.to_owned())).collect();
        if errors.is_empty() { Ok(()) } else { Err(Failure::Parameters(errors)) }
    }

    /// A truth value, in every spelling that the vendor takes.
    pub(super) fn truth(&self, name: &str, default: bool) -> Result<bool, Failure> {
        match self.get(name).map(str::to_ascii_lowercase).as_deref() {
            None => Ok(default),
            Some("1" | "on" | "yes" | "true") => Ok(true),
            Some("0" | "off" | "no" | "false") => Ok(false),
            Some(other) => Err(refused(name, &format!("type check ('boolean') failed - got '{other}'"))),
        }
    }

    /// A whole number.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, Failure> {
        let parse = |text: &str| {
            text.parse().map_err(|_| refused(name, &format!("type check ('integer') failed - got '{text}'")))
        };
        self.get(name).map(parse).transpose()
    }
}

/// One parameter refused.
pub(super) fn refused(name: &str, why: &str) -> Failure {
    Failure::Parameters(vec![(name.to_owned(), why.to_owned())])
}
