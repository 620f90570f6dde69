//! Text that people and models read: no characters that change what they see.

/// Whether this is not empty, has at most `max` characters, and shows as what it is: none of its characters acts on a
/// terminal, changes the direction of others or is drawn as nothing.
pub fn is_shown_as_it_is(text: &str, max: usize) -> bool {
    !text.trim().is_empty() && text.chars().count() <= max && !text.chars().any(is_deceptive)
}

/// Control characters act on terminals; bidirectional and zero-width formatting characters (Unicode UAX #9, TR #36) let a
/// text read as another; tag characters (U+E0000…) are read by models and seen by nobody.
fn is_deceptive(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{00ad}'
                | '\u{061c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

/// Visible ASCII characters and spaces between them, none at the edges: fit for a header value and for a form.
pub(crate) fn is_plain(text: &str, max: usize) -> bool {
    !text.is_empty()
        && text.len() <= max
        && text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
        && !text.starts_with(' ')
        && !text.ends_with(' ')
}

#[cfg(test)]
mod tests {
    use super::{is_plain, is_shown_as_it_is};

    #[test]
    fn characters_that_deceive_are_refused() {
        assert!(is_shown_as_it_is("Sitze je Produkt für einen Kunden 🙂", 64));
        for text in
            ["", "  ", "a\nb", "\u{1b}[2J", "a\u{202e}b", "a\u{200b}b", "a\u{e0041}b", "a\u{feff}", "a\u{2066}b"]
        {
            assert!(!is_shown_as_it_is(text, 64), "{text:?}");
        }
        assert!(is_shown_as_it_is("xx", 2) && !is_shown_as_it_is("xxx", 2));
    }

    #[test]
    fn plain_text_fits_a_header() {
        assert!(is_plain("application/json; version=2024.1", 64));
        for text in ["", " a", "a ", "a\r\nb", "a\tb", "é", "abc"] {
            assert!(!is_plain(text, 2), "{text:?}");
        }
    }
}
