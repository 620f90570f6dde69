//! Text that others may have written, made fit for the log: bounded, and nothing in it can move a cursor or turn a line.

use std::fmt;

use serde::{Serialize, Serializer};

/// The longest text in an entry, in bytes after escaping. Long enough for every refusal of this house, short enough that a
/// plugin that is refused in a loop cannot fill a disk quickly.
pub const MAX_TEXT: usize = 2048;

/// One bounded line of text. Characters that a terminal or a reader's eye would take for something else are written as
/// `\u{…}`: controls, line and paragraph separators, bidirectional controls, zero-width and other invisible characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text(String);

impl Text {
    /// Escapes and bounds a text. What is cut off is counted.
    pub fn new(text: &str) -> Self {
        let mut kept = String::with_capacity(text.len().min(MAX_TEXT));
        for (at, character) in text.char_indices() {
            let length = kept.len();
            push(&mut kept, character);
            if kept.len() > MAX_TEXT {
                kept.truncate(length);
                kept.push_str(&format!("… ({} bytes more)", text.len() - at));
                break;
            }
        }
        Self(kept)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<T: AsRef<str>> From<T> for Text {
    fn from(text: T) -> Self {
        Self::new(text.as_ref())
    }
}

impl fmt::Display for Text {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

fn push(kept: &mut String, character: char) {
    if is_visible(character) {
        kept.push(character);
    } else {
        kept.extend(character.escape_unicode());
    }
}

/// Whether a character shows as itself. The ranges are Unicode's control, format, separator and default-ignorable
/// characters (Unicode 17, UnicodeData.txt and DerivedCoreProperties.txt), and private use, which shows as anything.
fn is_visible(character: char) -> bool {
    !matches!(u32::from(character),
        0x00..=0x1f | 0x7f..=0x9f | 0xad | 0x34f | 0x600..=0x605 | 0x61c | 0x6dd | 0x70f | 0x890..=0x891 | 0x8e2
        | 0x115f..=0x1160 | 0x17b4..=0x17b5 | 0x180b..=0x180f | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f
        | 0x3164 | 0xe000..=0xf8ff | 0xfe00..=0xfe0f | 0xfeff | 0xffa0 | 0xfff0..=0xfffb | 0x110bd | 0x110cd
        | 0x13430..=0x1343f | 0x1bca0..=0x1bca3 | 0x1d173..=0x1d17a | 0xe0000..=0xe0fff | 0xf0000..=0x10ffff)
}

#[cfg(test)]
mod tests {
    use super::{MAX_TEXT, Text};

    #[test]
    fn what_could_deceive_is_shown_as_what_it_is() {
        let text = Text::new("ok\r\n\u{1b}[2Jgone \u{202e}txt.exe\u{2028}\u{200b}\u{feff}\u{e0041}é日本");
        assert_eq!(
            text.as_str(),
            "ok\\u{d}\\u{a}\\u{1b}[2Jgone \\u{202e}txt.exe\\u{2028}\\u{200b}\\u{feff}\\u{e0041}é日本"
        );
    }

    #[test]
    fn the_bound_holds_and_says_what_is_missing() {
        let text = Text::new(&"é".repeat(5000));
        assert!(text.as_str().len() <= MAX_TEXT + 32);
        assert!(text.as_str().ends_with("… (7952 bytes more)"), "{text}");
        let whole = "x".repeat(MAX_TEXT);
        assert_eq!(Text::new(&whole).as_str(), whole);
    }

    proptest::proptest! {
        #[test]
        fn every_text_fits_on_one_line(text: String) {
            let kept = Text::new(&text);
            proptest::prop_assert!(kept.as_str().chars().all(|c| !c.is_control()));
            proptest::prop_assert!(kept.as_str().len() <= MAX_TEXT + 32);
        }
    }
}
