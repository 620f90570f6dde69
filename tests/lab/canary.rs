//! Secrets that are recognised wherever they turn up.

use claviger_vault::Scanner;

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
}

/// What a careless sink makes of a value, and how.
type Change = (&'static str, fn(&str) -> String);

/// What is looked for besides the value in its encodings.
const CHANGED: [Change; 2] =
    [("in upper case", str::to_uppercase), ("reversed", |value| value.chars().rev().collect())];

/// Every canary, looked for in one pass in every spelling that the host's own scan knows.
pub(crate) struct Matcher {
    scanner: Scanner,
    /// What each value is, in words.
    names: Vec<String>,
}

impl Matcher {
    /// A matcher of these canaries.
    pub(crate) fn new(canaries: &[Canary]) -> Self {
        let all = canaries.iter().flat_map(|canary| {
            let changed = CHANGED.iter().map(|(how, change)| (format!("{} {how}", canary.name), change(&canary.value)));
            std::iter::once((canary.name.clone(), canary.value.clone())).chain(changed)
        });
        let (names, values): (Vec<String>, Vec<String>) = all.unzip();
        let values: Vec<&[u8]> = values.iter().map(String::as_bytes).collect();
        Self { scanner: Scanner::new(&values), names }
    }

    /// The canaries that stand in the bytes, each once.
    pub(crate) fn found_in(&mut self, bytes: &[u8]) -> Vec<&str> {
        self.scanner.clear();
        self.scanner.text(bytes);
        self.scanner.found().filter_map(|value| self.names.get(value)).map(String::as_str).collect()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;

    use super::{Canary, Matcher};

    fn found(canary: &Canary, text: &[u8]) -> Vec<String> {
        let mut matcher = Matcher::new(std::slice::from_ref(canary));
        matcher.found_in(text).into_iter().map(str::to_owned).collect()
    }

    #[test]
    fn it_is_found_in_every_form_and_nowhere_else() {
        let canary = Canary::new("it").unwrap();
        let value = &canary.value;
        assert!(found(&canary, b"nothing here").is_empty());
        for prefix in ["", "a", "ab", "abc"] {
            let text = format!("{prefix}{value}tail");
            assert_eq!(found(&canary, text.as_bytes()), ["it"]);
            assert_eq!(found(&canary, BASE64_STANDARD.encode(&text).as_bytes()), ["it"], "{prefix}");
        }
        let wide: Vec<u8> = value.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(found(&canary, &wide), ["it"]);
        assert_eq!(found(&canary, hex::encode_upper(value).as_bytes()), ["it"]);
        // Hex digits are found in either case, and so is a canary that consists of them.
        assert_eq!(found(&canary, value.to_uppercase().as_bytes()), ["it", "it in upper case"]);
        assert_eq!(found(&canary, value.chars().rev().collect::<String>().as_bytes()), ["it reversed"]);
        let other = Canary::new("other").unwrap();
        assert!(found(&other, value.as_bytes()).is_empty());
    }
}
