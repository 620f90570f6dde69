//! Texts of upstreams, cut to size.

use alloc::string::String;

/// The first `most` characters of a text, control characters made spaces, with an ellipsis where it was cut. For texts
/// that go to a model or into a failure: an upstream's page of HTML helps neither.
pub fn excerpt(text: &str, most: usize) -> String {
    let mut cut: String = text
        .trim()
        .chars()
        .map(|character| if character.is_control() && character != '\n' { ' ' } else { character })
        .take(most)
        .collect();
    if text.trim().chars().nth(most).is_some() {
        cut.push('…');
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::excerpt;

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(excerpt("  grün\u{7} blau ", 4), "grün…");
        assert_eq!(excerpt("grün\u{1b}[1m\tblau", 40), "grün [1m blau");
        assert_eq!(excerpt("", 0), "");
        assert_eq!(excerpt("abc", 3), "abc");
    }
}
