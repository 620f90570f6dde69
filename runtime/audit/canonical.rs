//! Is a text the one canonical form of its JSON value?
//!
//! RFC 8785 (JCS) gives each JSON value one byte string: no white space, members sorted by UTF-16 code units, the shortest
//! escapes. This reader accepts exactly that, for the values that the log holds: its numbers are non-negative integers
//! below 2^53 (RFC 7493 §2.2), so that no two readers can round one differently. Nothing is built: a line is walked once
//! and its top-level members are slices of it, which is what keeps verification in constant memory.

use std::borrow::Cow;
use std::cmp::Ordering;

/// Deeper than any entry nests (request, action, body, fields: 5), and no deeper than a stack can take.
pub(crate) const MAX_DEPTH: usize = 64;

/// The largest integer that every JSON reader keeps whole: 2^53 - 1 (RFC 7493 §2.2).
pub(crate) const MAX_INTEGER: u64 = 9_007_199_254_740_991;

/// Why a text is not canonical.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotCanonical {
    /// Not JSON at all, or a form that canonical JSON does not use.
    #[error("byte {0} is not what canonical JSON (RFC 8785) has there")]
    Byte(usize),
    /// Members out of order, or twice.
    #[error("the member at byte {0} is out of order or a duplicate (RFC 8785 section 3.2.3)")]
    Order(usize),
    /// Nested too deeply.
    #[error("nested deeper than {MAX_DEPTH} levels at byte {0}")]
    Depth(usize),
}

/// Reads a canonical JSON object; gives its members as slices, in order. Names are as written, escapes included.
pub(crate) fn members(text: &str) -> Result<Vec<(&str, &str)>, NotCanonical> {
    let mut cursor = Cursor::new(text);
    let mut found = Vec::with_capacity(8);
    cursor.object(0, &mut |name, value| found.push((name, value)))?;
    cursor.end().map(|()| found)
}

/// The member of this name.
pub(crate) fn member<'a>(members: &[(&str, &'a str)], name: &str) -> Option<&'a str> {
    members.iter().find(|(key, _)| *key == name).map(|(_, value)| *value)
}

/// A canonical integer.
pub(crate) fn integer(text: &str) -> Option<u64> {
    let plain = text == "0" || (!text.starts_with('0') && !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()));
    if !plain {
        return None;
    }
    text.parse().ok().filter(|value| *value <= MAX_INTEGER)
}

/// The value of a canonical string, quotes included in `text`.
pub(crate) fn string(text: &str) -> Option<Cow<'_, str>> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') { serde_json::from_str(text).ok().map(Cow::Owned) } else { Some(Cow::Borrowed(inner)) }
}

/// A place in a text.
pub(crate) struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// Nothing may follow.
    pub(crate) fn end(&self) -> Result<(), NotCanonical> {
        if self.at == self.text.len() { Ok(()) } else { Err(self.wrong()) }
    }

    /// A value that is no object or array, as it is written.
    pub(crate) fn scalar(&mut self) -> Result<&'a str, NotCanonical> {
        let from = self.at;
        match self.peek() {
            Some(b'"') => self.string().map(|_| ()),
            Some(b'0'..=b'9') => self.number(),
            Some(b't') => self.literal("true"),
            Some(b'f') => self.literal("false"),
            Some(b'n') => self.literal("null"),
            _ => Err(self.wrong()),
        }?;
        Ok(self.text.get(from..self.at).unwrap_or_default())
    }

    fn value(&mut self, depth: usize) -> Result<(), NotCanonical> {
        if depth > MAX_DEPTH {
            return Err(NotCanonical::Depth(self.at));
        }
        match self.peek() {
            Some(b'{') => self.object(depth, &mut |_, _| ()),
            Some(b'[') => self.array(depth),
            _ => self.scalar().map(|_| ()),
        }
    }

    fn object(&mut self, depth: usize, found: &mut dyn FnMut(&'a str, &'a str)) -> Result<(), NotCanonical> {
        self.byte(b'{')?;
        if self.takes(b'}') {
            return Ok(());
        }
        let mut previous: Option<&'a str> = None;
        loop {
            let start = self.at;
            let name = self.string()?;
            if previous.is_some_and(|previous| !ascending(previous, name)) {
                return Err(NotCanonical::Order(start));
            }
            self.byte(b':')?;
            let from = self.at;
            self.value(depth + 1)?;
            found(name, self.text.get(from..self.at).unwrap_or_default());
            previous = Some(name);
            if !self.takes(b',') {
                return self.byte(b'}');
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<(), NotCanonical> {
        self.byte(b'[')?;
        if self.takes(b']') {
            return Ok(());
        }
        loop {
            self.value(depth + 1)?;
            if !self.takes(b',') {
                return self.byte(b']');
            }
        }
    }

    /// A string; gives what is between the quotes. RFC 8785 §3.2.2.2: two-character escapes where there is one, lower-case
    /// `\u00xx` for the other control characters, and nothing else escaped.
    pub(crate) fn string(&mut self) -> Result<&'a str, NotCanonical> {
        self.byte(b'"')?;
        let from = self.at;
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => self.escape()?,
                Some(0x20..) => self.at += 1,
                _ => return Err(self.wrong()),
            }
        }
        let inner = self.text.get(from..self.at).unwrap_or_default();
        self.at += 1;
        Ok(inner)
    }

    fn escape(&mut self) -> Result<(), NotCanonical> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let length = match rest {
            [b'\\', b'"' | b'\\' | b'b' | b't' | b'n' | b'f' | b'r', ..] => 2,
            [b'\\', b'u', b'0', b'0', b'0', b'0'..=b'7' | b'b' | b'e' | b'f', ..] => 6,
            [b'\\', b'u', b'0', b'0', b'1', b'0'..=b'9' | b'a'..=b'f', ..] => 6,
            _ => return Err(self.wrong()),
        };
        self.at += length;
        Ok(())
    }

    fn number(&mut self) -> Result<(), NotCanonical> {
        let from = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        let digits = self.text.get(from..self.at).unwrap_or_default();
        integer(digits).map(|_| ()).ok_or(NotCanonical::Byte(from))
    }

    fn literal(&mut self, word: &str) -> Result<(), NotCanonical> {
        let found = self.text.get(self.at..).is_some_and(|rest| rest.starts_with(word));
        if !found {
            return Err(self.wrong());
        }
        self.at += word.len();
        Ok(())
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    pub(crate) fn takes(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    pub(crate) fn byte(&mut self, byte: u8) -> Result<(), NotCanonical> {
        if self.takes(byte) { Ok(()) } else { Err(self.wrong()) }
    }

    fn wrong(&self) -> NotCanonical {
        NotCanonical::Byte(self.at)
    }
}

/// Strictly ascending by UTF-16 code units of the unescaped names (RFC 8785 §3.2.3).
fn ascending(left: &str, right: &str) -> bool {
    order(left, right).is_lt()
}

/// The order of two member names, as they are written.
pub(crate) fn order(left: &str, right: &str) -> Ordering {
    unescaped(left).encode_utf16().cmp(unescaped(right).encode_utf16())
}

fn unescaped(name: &str) -> Cow<'_, str> {
    if !name.contains('\\') {
        return Cow::Borrowed(name);
    }
    serde_json::from_str(&format!("\"{name}\"")).map_or(Cow::Borrowed(name), Cow::Owned)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
pub(crate) mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value};

    use super::{MAX_INTEGER, NotCanonical, integer, member, members, string};

    pub(crate) fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            (0..=MAX_INTEGER).prop_map(Value::from),
            any::<String>().prop_map(Value::String),
            "[\\x00-\\x24\\\\\u{e000}\u{10000}]{0,6}".prop_map(Value::String),
        ];
        leaf.prop_recursive(4, 24, 5, |inner| {
            let name = prop_oneof![any::<String>(), "[\u{e000}\u{10000}\\x00-\\x24\\\\]{0,3}"];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
                prop::collection::vec((name, inner), 0..5).prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_the_canonicaliser_writes_is_accepted(value in values()) {
            let object = Value::Object(Map::from_iter([("value".to_owned(), value)]));
            let text = serde_json_canonicalizer::to_string(&object).unwrap();
            let found = members(&text).unwrap();
            let raw = member(&found, "value").unwrap();
            prop_assert_eq!(serde_json::from_str::<Value>(raw).unwrap(), object.get("value").unwrap().clone());
        }

        #[test]
        fn what_is_accepted_is_what_the_canonicaliser_writes(text in "\\{(\"[ab\\\\nu0]{0,3}\":(1|01|-1|1.0|1e3|\"[\\\\/b ]{0,2}\"|\\[1, ?2\\]|true),?){0,3}\\}") {
            if members(&text).is_ok() {
                prop_assert_eq!(serde_json_canonicalizer::pipe(&text).unwrap(), text);
            }
        }

        #[test]
        fn no_text_makes_it_fall_over(text in any::<String>()) {
            let _: Result<_, NotCanonical> = members(&text);
        }
    }

    #[test]
    fn other_forms_of_the_same_value_are_refused() {
        let canonical = r#"{"a":1,"b":"x/\n\u0001"}"#;
        assert!(members(canonical).is_ok());
        for other in [
            r#"{"b":"x/\n\u0001","a":1}"#,
            r#"{"a":1, "b":"x/\n\u0001"}"#,
            r#" {"a":1,"b":"x/\n\u0001"}"#,
            r#"{"a":1,"b":"x/\n\u0001"} "#,
            r#"{"a":01,"b":"x/\n\u0001"}"#,
            r#"{"a":1.0,"b":"x/\n\u0001"}"#,
            r#"{"a":1e0,"b":"x/\n\u0001"}"#,
            r#"{"a":1,"b":"x\/\n\u0001"}"#,
            r#"{"a":1,"b":"x/\u000a\u0001"}"#,
            r#"{"a":1,"b":"\u0078/\n\u0001"}"#,
            r#"{"a":1,"a":1,"b":"x/\n\u0001"}"#,
            "{\"a\":1,\"b\":\"x/\n\\u0001\"}",
            r#"{"a":9007199254740992,"b":"x"}"#,
            r#"{"a":-1}"#,
        ] {
            assert!(members(other).is_err(), "{other}");
        }
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(matches!(members(&deep), Err(NotCanonical::Depth(_))));
    }

    #[test]
    fn scalars() {
        assert_eq!(integer("0"), Some(0));
        assert_eq!(integer("9007199254740991"), Some(MAX_INTEGER));
        for wrong in ["", "00", "01", "9007199254740992", "99999999999999999999", "1a"] {
            assert_eq!(integer(wrong), None, "{wrong}");
        }
        assert_eq!(string(r#""a\n""#).unwrap(), "a\n");
        assert_eq!(string(r#""a""#).unwrap(), "a");
        assert!(string("a").is_none());
    }
}
