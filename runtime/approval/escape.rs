//! Text that others wrote, shown as what it is.

use std::fmt::Write as _;

/// Shows text in quotation marks, so that leading and trailing blanks are seen; otherwise as [`plain`] does.
pub fn quote(text: &str) -> String {
    format!("\"{}\"", plain(text))
}

/// Shows text with everything that could hide, move or imitate spelled out: control and format characters, blanks that
/// are not U+0020, and letters of another script inside a Latin word. A backslash stands twice, so that `\u{…}` in the
/// text itself cannot be taken for ours.
pub fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_word = first.is_alphanumeric();
        let end = rest.find(|character: char| character.is_alphanumeric() != is_word).unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        let imitates = run.chars().any(|character| character.is_ascii_alphabetic());
        run.chars().for_each(|character| push(&mut shown, character, imitates));
        rest = after;
    }
    shown
}

fn push(shown: &mut String, character: char, in_latin_word: bool) {
    match character {
        '\\' => shown.push_str("\\\\"),
        '"' => shown.push_str("\\\""),
        hidden if is_hidden(hidden) || (in_latin_word && is_confusable(hidden)) => {
            // Writing into a string cannot fail.
            let _ = write!(shown, "\\u{{{:x}}}", u32::from(hidden));
        }
        plain => shown.push(plain),
    }
}

/// Characters that show nothing, or move or join what is around them. Unicode 16: general categories Cc, Cf, Co, Zl, Zp,
/// Zs but for U+0020, the combining blocks, variation selectors, and letters that are drawn as nothing.
fn is_hidden(character: char) -> bool {
    character.is_control()
        || (character.is_whitespace() && character != ' ')
        || matches!(
            character,
            '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}' | '\u{8e2}'
            | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{e000}'..='\u{f8ff}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffd}' | '\u{110bd}' | '\u{110cd}'
            | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{10ffff}'
        )
        || matches!(
            character,
            '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}'
        )
}

/// Letters of the scripts whose letters look like Latin ones, and the stylised Latin of mathematics and full width.
/// A whole word in one of these scripts is a word; one such letter among Latin ones is a trick.
fn is_confusable(character: char) -> bool {
    matches!(
        character,
        '\u{370}'..='\u{52f}' | '\u{530}'..='\u{58f}' | '\u{13a0}'..='\u{13ff}' | '\u{1d00}'..='\u{1dbf}' | '\u{1f00}'..='\u{1fff}'
        | '\u{2100}'..='\u{218f}' | '\u{2c80}'..='\u{2cff}' | '\u{a640}'..='\u{a69f}' | '\u{ab30}'..='\u{abbf}' | '\u{ff00}'..='\u{ff9f}'
        | '\u{1d400}'..='\u{1d7ff}'
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{plain, quote};

    #[test]
    fn what_could_hide_or_move_is_spelled_out() {
        for (text, shown) in [
            ("\u{1b}[2J\u{1b}]52;c;eA==\u{7}", "\\u{1b}[2J\\u{1b}]52;c;eA==\\u{7}"),
            ("a\r\nb\tc", "a\\u{d}\\u{a}b\\u{9}c"),
            ("\u{9b}31m\u{85}", "\\u{9b}31m\\u{85}"),
            ("safe\u{202e}exe.txt\u{2066}", "safe\\u{202e}exe.txt\\u{2066}"),
            ("ad\u{200b}min\u{200d}\u{feff}\u{ad}", "ad\\u{200b}min\\u{200d}\\u{feff}\\u{ad}"),
            ("a\u{a0}b\u{2003}c\u{3000}d\u{2028}", "a\\u{a0}b\\u{2003}c\\u{3000}d\\u{2028}"),
            ("tag\u{e0041}s\u{fe0f}", "tag\\u{e0041}s\\u{fe0f}"),
            ("Z\u{351}\u{36b}", "Z\\u{351}\\u{36b}"),
            ("\u{3164}\u{2800}\u{115f}", "\\u{3164}\\u{2800}\\u{115f}"),
        ] {
            assert_eq!(plain(text), shown);
        }
    }

    #[test]
    fn an_escape_cannot_be_imitated() {
        assert_eq!(plain("\\u{202e}"), "\\\\u{202e}");
        assert_eq!(quote("a\" = \"b"), "\"a\\\" = \\\"b\"");
    }

    #[test]
    fn a_foreign_letter_in_a_latin_word_is_spelled_out_and_a_foreign_word_is_not() {
        assert_eq!(plain("p\u{430}x8.com"), "p\\u{430}x8.com");
        assert_eq!(plain("\u{ff41}dmin"), "\\u{ff41}dmin");
        for honest in ["Привет, мир", "Ελλάδα", "Müller & Söhne", "日本語", "Zürich (CH)"] {
            assert_eq!(plain(honest), honest);
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_harmless_and_says_everything(text: String) {
            let shown = plain(&text);
            prop_assert!(!shown.chars().any(|character| character.is_control() || super::is_hidden(character)));
            prop_assert_eq!(read_back(&shown), text);
        }
    }

    /// Undoes the escapes: two texts that differ are shown differently.
    fn read_back(shown: &str) -> String {
        let mut text = String::new();
        let mut characters = shown.chars();
        while let Some(character) = characters.next() {
            match (character, if character == '\\' { characters.next() } else { None }) {
                ('\\', Some('u')) => {
                    let code: String = characters.by_ref().skip(1).take_while(|digit| *digit != '}').collect();
                    text.extend(u32::from_str_radix(&code, 16).ok().and_then(char::from_u32));
                }
                ('\\', Some(escaped)) => text.push(escaped),
                (plain, _) => text.push(plain),
            }
        }
        text
    }
}
