//! How and where an answer shows a value: for `claviger probe`, never for a guest.

use serde_json::Value;

use super::scanner::Scanner;

/// A class of encodings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Spelling {
    /// As it is.
    #[default]
    Raw,
    /// Escapes of JSON and of the languages that print like it.
    JsonEscape,
    /// Percent encoding, or `+` for a space.
    Percent,
    /// Character references of HTML and XML.
    Html,
    /// XML CDATA sections that end inside the value.
    Cdata,
    /// UTF-16, or NUL bytes in between.
    Utf16,
    /// Line breaks in between.
    Wrapped,
    /// Base64 or base64url.
    Base64,
    /// Base32.
    Base32,
    /// Hexadecimal digits, separated or not.
    Hex,
    /// A header name, which arrives in lower case.
    HeaderName,
    /// Inside gzip, deflate, brotli or zstd.
    Compressed,
}

impl std::fmt::Display for Spelling {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Raw => "as it is",
            Self::JsonEscape => "with the escapes of JSON",
            Self::Percent => "percent-encoded",
            Self::Html => "as character references",
            Self::Cdata => "split over CDATA sections",
            Self::Utf16 => "as UTF-16",
            Self::Wrapped => "with line breaks in between",
            Self::Base64 => "as base64",
            Self::Base32 => "as base32",
            Self::Hex => "as hexadecimal digits",
            Self::HeaderName => "in lower case",
            Self::Compressed => "compressed",
        })
    }
}

/// Where in an answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The words behind the status.
    Reason,
    /// The value of a header, by its name.
    Header(String),
    /// The name of a header.
    HeaderName,
    /// A string of the JSON body, by its pointer (RFC 6901).
    Pointer(String),
    /// The name of a field of the JSON body, by the pointer of the object.
    Field(String),
    /// The body, where it is no JSON, or across its strings.
    Body,
}

/// One place that shows a value, and how.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Echo {
    /// Where.
    pub place: Place,
    /// How: the innermost encoding.
    pub spelling: Spelling,
}

/// The head of an answer, and its body as it came.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// The words behind the status.
    pub reason: &'a [u8],
    /// Headers and trailers.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// The body, unpacked.
    pub body: &'a [u8],
    /// Whether the body came compressed.
    pub compressed: bool,
}

/// Where and how an answer shows a value that the caller knows, a canary. Never called with a secret: it tells all.
#[must_use]
pub fn echoes(canary: &[u8], answer: &Shown<'_>) -> Vec<Echo> {
    let mut looker = Looker { scanner: Scanner::telling(canary), echoes: Vec::new() };
    looker.look(answer.reason, || Place::Reason);
    for (name, value) in answer.headers {
        looker.scanner.header_name(name.as_bytes());
        looker.note(|| Place::HeaderName);
        looker.look(value, || Place::Header((*name).to_owned()));
    }
    looker.body(answer.body);
    if answer.compressed && looker.echoes.iter().any(|echo| echo.place.in_body()) {
        looker.echoes.push(Echo { place: Place::Body, spelling: Spelling::Compressed });
    }
    looker.echoes.sort();
    looker.echoes
}

impl Place {
    fn in_body(&self) -> bool {
        matches!(self, Self::Pointer(_) | Self::Field(_) | Self::Body)
    }
}

struct Looker {
    scanner: Scanner,
    echoes: Vec<Echo>,
}

impl Looker {
    fn look(&mut self, text: &[u8], place: impl Fn() -> Place) {
        self.scanner.text(text);
        self.note(place);
    }

    fn note(&mut self, place: impl Fn() -> Place) {
        let spellings = self.scanner.take_spellings();
        self.echoes.extend(spellings.into_iter().map(|spelling| Echo { place: place(), spelling }));
    }

    /// By the strings of JSON; by the whole text where those do not show it.
    fn body(&mut self, body: &[u8]) {
        let before = self.echoes.len();
        if let Ok(json) = serde_json::from_slice(body) {
            self.value(&json, "");
        }
        if self.echoes.len() == before {
            self.look(body, || Place::Body);
        }
    }

    /// Depth is bounded by serde_json's limit of 128.
    fn value(&mut self, value: &Value, pointer: &str) {
        match value {
            Value::String(text) => self.look(text.as_bytes(), || Place::Pointer(pointer.to_owned())),
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(index, item)| self.value(item, &format!("{pointer}/{index}")));
            }
            Value::Object(fields) => {
                for (name, value) in fields {
                    self.look(name.as_bytes(), || Place::Field(pointer.to_owned()));
                    let name = name.replace('~', "~0").replace('/', "~1");
                    self.value(value, &format!("{pointer}/{name}"));
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;

    use super::{Echo, Place, Shown, Spelling, echoes};

    const CANARY: &str = "kR7vQ2pXw9LmZt4Y";

    fn body(body: &str) -> Vec<Echo> {
        echoes(CANARY.as_bytes(), &Shown { reason: b"OK", headers: &[], body: body.as_bytes(), compressed: false })
    }

    fn at(pointer: &str, spelling: Spelling) -> Echo {
        Echo { place: Place::Pointer(pointer.to_owned()), spelling }
    }

    #[test]
    fn a_string_of_json_is_told_by_its_pointer_and_its_encoding() {
        let (base64, hex) = (BASE64_STANDARD.encode(format!("u:{CANARY}")), hex::encode_upper(CANARY));
        let json = format!(r#"{{"a/b":{{"~":["x","{CANARY}"]}},"auth":"Basic {base64}","dump":"{hex}","n":1}}"#);
        let expected = [at("/auth", Spelling::Base64), at("/a~1b/~0/1", Spelling::Raw), at("/dump", Spelling::Hex)];
        assert_eq!(body(&json), expected);
        assert!(body(r#"{"a":"kR7vQ2pX","b":null}"#).is_empty());
    }

    #[test]
    fn other_places_have_their_names() {
        let percent: String = CANARY.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let name = format!("x-{}", CANARY.to_lowercase());
        let reason = format!("no {CANARY}");
        let headers: [(&str, &[u8]); 3] = [("link", percent.as_bytes()), (&name, b"1"), ("date", b"today")];
        let html = format!("<p>{}</p>", CANARY.replace('k', "&#107;"));
        let shown = Shown { reason: reason.as_bytes(), headers: &headers, body: html.as_bytes(), compressed: true };
        let echo = |place, spelling| Echo { place, spelling };
        let expected = [
            echo(Place::Reason, Spelling::Raw),
            echo(Place::Header("link".to_owned()), Spelling::Percent),
            echo(Place::HeaderName, Spelling::HeaderName),
            echo(Place::Body, Spelling::Html),
            echo(Place::Body, Spelling::Compressed),
        ];
        assert_eq!(echoes(CANARY.as_bytes(), &shown), expected);
        assert_eq!(body(&format!(r#"{{"{CANARY}":1}}"#)), [echo(Place::Field(String::new()), Spelling::Raw)]);
    }
}
