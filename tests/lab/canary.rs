//! Secrets that are recognised wherever they turn up.

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE};

use crate::LabError;

/// A secret of 160 random bits, and how to recognise it.
#[derive(Clone, Debug)]
pub struct Canary {
    /// What it stands for, to name it in a finding.
    pub name: String,
    /// The secret.
    pub value: String,
}

impl Canary {
    /// A new secret.
    ///
    /// # Errors
    /// [`LabError`] when the operating system gives no randomness.
    pub fn new(name: &str) -> Result<Self, LabError> {
        let mut bytes = [0_u8; 20];
        getrandom::fill(&mut bytes).map_err(|error| LabError::new(format!("no randomness: {error}")))?;
        Ok(Self { name: name.to_owned(), value: hex::encode(bytes) })
    }

    /// A secret that an upstream chose.
    #[must_use]
    pub fn given(name: &str, value: &str) -> Self {
        Self { name: name.to_owned(), value: value.to_owned() }
    }

    /// The encodings in which it stands in `text`.
    #[must_use]
    pub fn found_in(&self, text: &[u8]) -> Vec<&'static str> {
        self.forms().into_iter().filter(|(_, form)| contains(text, form)).map(|(name, _)| name).collect()
    }

    fn forms(&self) -> Vec<(&'static str, Vec<u8>)> {
        let value = self.value.as_bytes();
        let mut forms = vec![
            ("raw", value.to_vec()),
            ("upper case", self.value.to_uppercase().into_bytes()),
            ("hex", hex::encode(value).into_bytes()),
            ("upper hex", hex::encode_upper(value).into_bytes()),
            ("every byte percent-encoded", value.iter().flat_map(|byte| format!("%{byte:02X}").into_bytes()).collect()),
            ("JSON \\u escapes", value.iter().flat_map(|byte| format!("\\u{byte:04x}").into_bytes()).collect()),
            ("UTF-16", value.iter().flat_map(|byte| [*byte, 0]).collect()),
            ("reversed", value.iter().rev().copied().collect()),
        ];
        for shift in 0..3_usize {
            let mut shifted = vec![0_u8; shift];
            shifted.extend_from_slice(value);
            // Characters at the edges also depend on the neighbours: what is left depends on the secret alone.
            let inner = |text: String| text.into_bytes().get(4..52).unwrap_or_default().to_vec();
            forms.push(("base64", inner(BASE64_STANDARD.encode(&shifted))));
            forms.push(("base64url", inner(BASE64_URL_SAFE.encode(&shifted))));
        }
        forms
    }
}

fn contains(text: &[u8], form: &[u8]) -> bool {
    !form.is_empty() && text.windows(form.len()).any(|window| window == form)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;

    use super::Canary;

    #[test]
    fn it_is_found_in_every_form_and_nowhere_else() {
        let canary = Canary::new("test").unwrap();
        assert!(canary.found_in(b"nothing here").is_empty());
        for prefix in ["", "a", "ab", "abc"] {
            let text = format!("{prefix}{}tail", canary.value);
            assert!(canary.found_in(text.as_bytes()).contains(&"raw"));
            let encoded = BASE64_STANDARD.encode(&text);
            assert!(canary.found_in(encoded.as_bytes()).contains(&"base64"), "{prefix}");
        }
        let other = Canary::new("other").unwrap();
        assert!(other.found_in(canary.value.as_bytes()).is_empty());
    }
}
