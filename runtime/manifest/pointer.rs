//! JSON pointers (RFC 6901), of which a manifest uses those that point below the root.

/// Whether this is a JSON pointer to something below the root.
pub(crate) fn is_valid(text: &str) -> bool {
    text.starts_with('/') && !text.chars().any(char::is_control) && escapes_are_valid(text)
}

/// `~` only as `~0` and `~1` (RFC 6901 §3).
fn escapes_are_valid(text: &str) -> bool {
    text.split('~').skip(1).all(|after| after.starts_with(['0', '1']))
}

/// The reference tokens, still escaped.
pub(crate) fn tokens(text: &str) -> impl Iterator<Item = &str> {
    text.split('/').skip(1)
}
