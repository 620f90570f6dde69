//! Does an answer hold a secret, in any spelling?
//!
//! Every secret that the call has touched is looked for in every answer that the call gets: resolved values, pairs and
//! tokens made of them, captured and generated values. A hit drops the whole answer. Nothing is ever cut out of a text:
//! what is missing from an answer would tell a guest which of its guesses was right.

mod forms;
mod matcher;
mod views;

use std::collections::BTreeSet;
use std::sync::Arc;

use claviger_manifest::Name;
use subtle::ConstantTimeEq as _;

use crate::reveal::Secret;
use forms::Forms;
use matcher::Matcher;

/// The shortest value that answers are scanned for, in bytes. Shorter ones occur in ordinary text by chance, and would
/// block answers that hold nothing; that they are not looked for is a published non-goal.
pub(crate) const MIN_SCANNED: usize = 8;

/// Every secret that is live in one tool call, with the names in the manifest that each was made of.
#[derive(Default)]
pub(crate) struct Live {
    entries: Vec<Entry>,
    /// Made when an answer comes, dropped when another secret joins. It lives no longer than the call: it holds every
    /// secret in every form.
    matcher: Option<Matcher>,
}

struct Entry {
    value: Arc<Secret>,
    names: BTreeSet<Name>,
}

impl Live {
    /// Adds a value under the names that it was made of: its own, or those of the secrets it is derived from.
    pub(crate) fn add<'a>(&mut self, value: &Arc<Secret>, names: impl IntoIterator<Item = &'a Name>) {
        if value.len() < MIN_SCANNED {
            return;
        }
        let known = self.entries.iter_mut().find(|entry| same(&entry.value, value));
        match known {
            Some(entry) => {
                for name in names {
                    if !entry.names.contains(name) {
                        entry.names.insert(name.clone());
                    }
                }
            }
            None => {
                self.matcher = None;
                let names = names.into_iter().cloned().collect();
                self.entries.push(Entry { value: Arc::clone(value), names });
            }
        }
    }

    /// The names of all secrets that the text holds, in any spelling.
    pub(crate) fn leaks(&mut self, text: &[u8]) -> BTreeSet<Name> {
        let mut names = BTreeSet::new();
        if self.entries.is_empty() || text.len() < MIN_SCANNED {
            return names;
        }
        let entries = &self.entries;
        let matcher = self.matcher.get_or_insert_with(|| build(entries));
        views::each(text, &mut |view| {
            matcher.find(view, &mut |owner| {
                names.extend(entries.get(owner).into_iter().flat_map(|entry| entry.names.iter().cloned()));
            });
        });
        names
    }
}

fn build(entries: &[Entry]) -> Matcher {
    // EXPOSE: the matcher needs the bytes to look for; it wipes its forms when it is dropped, at the end of the call.
    let values: Vec<&[u8]> = entries.iter().map(|entry| entry.value.expose()).collect();
    Matcher::new(Forms::of(&values))
}

fn same(one: &Arc<Secret>, other: &Arc<Secret>) -> bool {
    // EXPOSE: compared in constant time, and only to keep a value from being listed twice.
    Arc::ptr_eq(one, other) || bool::from(one.expose().ct_eq(other.expose()))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::sync::Arc;

    use base64::Engine as _;
    use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
    use claviger_manifest::Name;

    use super::{Live, MIN_SCANNED};
    use crate::reveal::Secret;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    fn live(values: &[(&str, &str)]) -> Live {
        let mut live = Live::default();
        for (label, value) in values {
            live.add(&Arc::new(Secret::new(value.as_bytes().to_vec())), [&name(label)]);
        }
        live
    }

    fn caught(live: &mut Live, text: impl AsRef<[u8]>) -> Vec<String> {
        live.leaks(text.as_ref()).into_iter().map(|name| name.to_string()).collect()
    }

    /// A password with every character that some encoding spells differently.
    const AWKWARD: &str = "p/\"q\\<&+ 7'%41=\u{fc}vQ2";

    fn percent(bytes: &[u8], upper: bool) -> String {
        bytes.iter().map(|byte| if upper { format!("%{byte:02X}") } else { format!("%{byte:02x}") }).collect()
    }

    fn html(text: &str) -> String {
        text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;").replace('\'', "&apos;")
    }

    #[test]
    fn an_echo_is_caught_in_every_spelling() {
        let mut live = live(&[("key", AWKWARD)]);
        let bytes = AWKWARD.as_bytes();
        let json = serde_json::to_string(AWKWARD).unwrap();
        let escaped: String = AWKWARD.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect();
        let entities: String = AWKWARD.chars().map(|character| format!("&#{};", u32::from(character))).collect();
        let hexadecimal: String = AWKWARD.chars().map(|character| format!("&#x{:x};", u32::from(character))).collect();
        let form: String = form_urlencoded::byte_serialize(bytes).collect();
        let spellings = [
            AWKWARD.to_owned(),
            json.clone(),
            serde_json::to_string(&json).unwrap(),
            json.replace('/', "\\/"),
            escaped,
            format!("{AWKWARD:?}"),
            form.clone(),
            percent(bytes, true),
            percent(bytes, false),
            percent(percent(bytes, true).as_bytes(), true),
            percent(form.as_bytes(), false),
            BASE64_STANDARD.encode(bytes),
            BASE64_STANDARD.encode([b"user:", bytes].concat()),
            BASE64_URL_SAFE_NO_PAD.encode([b"x", bytes, b"y"].concat()),
            percent(BASE64_STANDARD.encode(bytes).as_bytes(), true),
            hex::encode(bytes),
            hex::encode_upper(bytes),
            html(AWKWARD),
            serde_json::to_string(&html(AWKWARD)).unwrap(),
            entities,
            hexadecimal,
        ];
        for spelling in spellings {
            assert_eq!(caught(&mut live, format!("{{\"echo\": {spelling}}}")), ["key"], "{spelling}");
        }
        let wide: Vec<u8> = AWKWARD.encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(caught(&mut live, [b"\xff\xfe".as_slice(), &wide].concat()), ["key"]);
        assert_eq!(caught(&mut live, [b"\xff\xc0".as_slice(), bytes, b"\xff"].concat()), ["key"]);
    }

    #[test]
    fn all_names_are_told_and_others_are_not() {
        let mut live = live(&[("one", "kR7vQ2pXw9Lm"), ("two", "Zt4Yb8NcJ6Hf"), ("three", "Qw3Er5Ty7Ui9")]);
        assert_eq!(caught(&mut live, "..Zt4Yb8NcJ6Hf..kR7vQ2pXw9Lm.."), ["one", "two"]);
        assert!(caught(&mut live, "kR7vQ2pXw9L m, Zt4Yb8NcJ6H").is_empty());
    }

    #[test]
    fn a_derived_value_names_what_it_is_made_of() {
        let mut live = Live::default();
        live.add(&Arc::new(Secret::new(b"acme+pub:priv".to_vec())), [&name("public"), &name("private")]);
        assert_eq!(caught(&mut live, BASE64_STANDARD.encode("acme+pub:priv")), ["private", "public"]);
    }

    #[test]
    fn a_secret_that_joins_later_is_looked_for_from_then_on() {
        let mut live = live(&[("one", "kR7vQ2pXw9Lm")]);
        assert!(caught(&mut live, "Zt4Yb8NcJ6Hf").is_empty());
        live.add(&Arc::new(Secret::new(b"Zt4Yb8NcJ6Hf".to_vec())), [&name("two")]);
        assert_eq!(caught(&mut live, "Zt4Yb8NcJ6Hf"), ["two"]);
    }

    #[test]
    fn the_same_value_under_two_names_is_one_entry_with_both() {
        let mut live = live(&[("one", "kR7vQ2pXw9Lm"), ("two", "kR7vQ2pXw9Lm")]);
        assert_eq!(live.entries.len(), 1);
        assert_eq!(caught(&mut live, "kR7vQ2pXw9Lm"), ["one", "two"]);
    }

    #[test]
    fn values_below_the_published_length_are_not_looked_for() {
        let short = "kR7vQ2p";
        assert_eq!(short.len(), MIN_SCANNED - 1);
        assert!(caught(&mut live(&[("pin", short)]), format!("..{short}..")).is_empty());
        assert_eq!(caught(&mut live(&[("pin", "kR7vQ2pX")]), "..kR7vQ2pX.."), ["pin"]);
    }
}
