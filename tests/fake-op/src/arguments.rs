//! The command line, as far as these commands have one.

use std::collections::BTreeMap;

use crate::failure::Failure;

/// Flags that take a value, behind `=` or as the next argument.
const WITH_VALUE: [&str; 4] = ["account", "vault", "format", "category"];
/// Flags that stand alone, or have their value behind `=`.
const ALONE: [&str; 4] = ["no-newline", "cache", "include-archive", "reveal"];

/// Words and flags.
pub(crate) struct Arguments {
    pub(crate) words: Vec<String>,
    flags: BTreeMap<String, String>,
}

impl Arguments {
    pub(crate) fn parse(given: &[String]) -> Result<Self, Failure> {
        let (mut words, mut flags) = (Vec::new(), BTreeMap::new());
        let mut given = given.iter();
        while let Some(argument) = given.next() {
            let flag = if argument == "-n" { Some("no-newline") } else { argument.strip_prefix("--") };
            let Some(flag) = flag else {
                words.push(argument.clone());
                continue;
            };
            let (name, value) = match flag.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None if WITH_VALUE.contains(&flag) => (flag, given.next().cloned()),
                None => (flag, Some(String::new())),
            };
            if !WITH_VALUE.contains(&name) && !ALONE.contains(&name) {
                return Err(Failure::error(&format!("unknown flag: --{name}")));
            }
            let value = value.ok_or_else(|| Failure::error(&format!("flag needs an argument: --{name}")))?;
            flags.insert(name.to_owned(), value);
        }
        Ok(Self { words, flags })
    }

    pub(crate) fn value(&self, flag: &str) -> Option<&str> {
        self.flags.get(flag).map(String::as_str)
    }

    pub(crate) fn has(&self, flag: &str) -> bool {
        self.flags.contains_key(flag)
    }

    /// Whether output is JSON: by flag, or by `OP_FORMAT`.
    pub(crate) fn json(&self) -> bool {
        self.value("format") == Some("json") || std::env::var("OP_FORMAT").is_ok_and(|format| format == "json")
    }
}
