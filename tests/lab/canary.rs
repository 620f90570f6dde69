//! Secrets that are recognised wherever they turn up.

use std::collections::BTreeSet;

use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE};

use crate::LabError;
use crate::sweep::register;

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
        let canary = Self::expected_to_leak(name)?;
        register(&canary)?;
        Ok(canary)
    }

    /// A new secret that is expected to get out, for the ledger of what is not stopped: nobody looks for it.
    ///
    /// # Errors
    /// [`LabError`] when the operating system gives no randomness.
    pub fn expected_to_leak(name: &str) -> Result<Self, LabError> {
        let mut bytes = [0_u8; 20];
        getrandom::fill(&mut bytes).map_err(|error| LabError::new(format!("no randomness: {error}")))?;
        Ok(Self { name: name.to_owned(), value: hex::encode(bytes) })
    }

    /// A new secret with every character in it that some encoding spells differently. Both of its halves are canaries of
    /// their own, so that a spelling of the middle hides nothing.
    ///
    /// # Errors
    /// [`LabError`] when the operating system gives no randomness.
    pub fn awkward(name: &str) -> Result<[Self; 3], LabError> {
        let (first, second) = (Self::new(&format!("{name}, first half"))?, Self::new(&format!("{name}, second half"))?);
        let whole = format!("{}/+ &=\"<'{}", first.value, second.value);
        Ok([Self::given(name, &whole)?, first, second])
    }

    /// A secret that somebody else chose.
    ///
    /// # Errors
    /// [`LabError`] when it cannot be registered for the sweep.
    pub fn given(name: &str, value: &str) -> Result<Self, LabError> {
        let canary = Self { name: name.to_owned(), value: value.to_owned() };
        register(&canary)?;
        Ok(canary)
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

/// Every form of every canary, looked for in one pass.
pub(crate) struct Matcher {
    automaton: AhoCorasick,
    /// What each pattern is, in words.
    names: Vec<String>,
}

impl Matcher {
    /// A matcher of these canaries.
    ///
    /// # Errors
    /// [`LabError`] when there are far too many.
    pub(crate) fn new(canaries: &[Canary]) -> Result<Self, LabError> {
        let all = canaries.iter().flat_map(|canary| {
            let named = move |(name, form)| (format!("{} as {name}", canary.name), form);
            canary.forms().into_iter().filter(|(_, form): &(_, Vec<u8>)| !form.is_empty()).map(named)
        });
        let (names, forms): (Vec<String>, Vec<Vec<u8>>) = all.unzip();
        let automaton = AhoCorasick::new(forms).map_err(|error| LabError::new(error.to_string()))?;
        Ok(Self { automaton, names })
    }

    /// The canaries that stand in the bytes, and in which form; each once.
    pub(crate) fn found_in(&self, bytes: &[u8]) -> impl Iterator<Item = &str> {
        let found: BTreeSet<usize> =
            self.automaton.find_overlapping_iter(bytes).map(|found| found.pattern().as_usize()).collect();
        found.into_iter().filter_map(|pattern| self.names.get(pattern)).map(String::as_str)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;

    use super::{Canary, Matcher};

    fn found(canary: &Canary, text: &[u8]) -> Vec<String> {
        let matcher = Matcher::new(std::slice::from_ref(canary)).unwrap();
        matcher.found_in(text).map(str::to_owned).collect()
    }

    #[test]
    fn it_is_found_in_every_form_and_nowhere_else() {
        let canary = Canary::new("it").unwrap();
        assert!(found(&canary, b"nothing here").is_empty());
        for prefix in ["", "a", "ab", "abc"] {
            let text = format!("{prefix}{}tail", canary.value);
            assert!(found(&canary, text.as_bytes()).contains(&"it as raw".to_owned()));
            let encoded = BASE64_STANDARD.encode(&text);
            assert!(found(&canary, encoded.as_bytes()).contains(&"it as base64".to_owned()), "{prefix}");
        }
        for (name, form) in canary.forms() {
            let text = [b"before".as_slice(), &form, b"after"].concat();
            assert!(found(&canary, &text).contains(&format!("it as {name}")), "{name}");
        }
        let other = Canary::new("other").unwrap();
        assert!(found(&other, canary.value.as_bytes()).is_empty());
    }
}
