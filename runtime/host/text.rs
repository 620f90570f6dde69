//! Text that a guest wrote, made fit for a log, a terminal and a model.

/// Escapes what could move a cursor, break a line or turn a reader's eye, and cuts at `max` bytes, saying so.
pub(crate) fn tame(text: &str, max: usize) -> String {
    let mut tamed = String::with_capacity(text.len().min(max));
    for character in text.chars() {
        if tamed.len() >= max {
            tamed.push_str("… (cut)");
            break;
        }
        if is_invisible(character) {
            tamed.extend(character.escape_unicode());
        } else {
            tamed.push(character);
        }
    }
    tamed
}

/// Control characters, and the format characters that hide or reorder text (Unicode Technical Report 36, §2.5).
fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::tame;

    #[test]
    fn nothing_invisible_gets_through_and_letters_do() {
        assert_eq!(tame("a\u{1b}[31m\nb\u{202e}c\u{2028}", 100), "a\\u{1b}[31m\\u{a}b\\u{202e}c\\u{2028}");
        assert_eq!(tame("Zürich 東京 🔑", 100), "Zürich 東京 🔑");
    }

    #[test]
    fn long_text_is_cut_and_says_so() {
        let tamed = tame(&"x".repeat(10_000), 64);
        assert!(tamed.starts_with("xxxx") && tamed.ends_with("(cut)") && tamed.len() < 100);
    }
}
