//! Writes a value in its one canonical form, RFC 8785.
//!
//! `serde_json` already writes strings and integers as RFC 8785 wants them and no white space; what is missing is the order
//! of members, which is put right here. A general canonicaliser costs some 15 µs for an entry, a quarter of what a whole
//! call may cost; this costs about a tenth of that. Tests hold both against each other.

use serde::Serialize;

use crate::canonical::{Cursor, MAX_DEPTH, NotCanonical, order};

/// The canonical text of a value.
///
/// # Errors
/// [`NotCanonical`] for what the log's form does not have: numbers that are no integers below 2^53, and deep nesting.
pub(crate) fn canonicalise(value: &impl Serialize) -> Result<String, NotCanonical> {
    // Only maps with keys that are no strings fail to serialise; position 0 is as good as any.
    let text = serde_json::to_string(value).map_err(|_| NotCanonical::Byte(0))?;
    let mut out = String::with_capacity(text.len());
    let mut cursor = Cursor::new(&text);
    write(&mut cursor, &mut out, 0)?;
    cursor.end()?;
    Ok(out)
}

fn write(cursor: &mut Cursor<'_>, out: &mut String, depth: usize) -> Result<(), NotCanonical> {
    match cursor.peek() {
        Some(b'{' | b'[') if depth > MAX_DEPTH => Err(NotCanonical::Depth(0)),
        Some(b'{') => object(cursor, out, depth),
        Some(b'[') => array(cursor, out, depth),
        _ => cursor.scalar().map(|scalar| out.push_str(scalar)),
    }
}

/// Members are written one after the other as they come, and then copied in their order.
fn object(cursor: &mut Cursor<'_>, out: &mut String, depth: usize) -> Result<(), NotCanonical> {
    cursor.byte(b'{')?;
    let base = out.len();
    let mut members = Vec::with_capacity(8);
    while !cursor.takes(b'}') {
        if !members.is_empty() {
            cursor.byte(b',')?;
        }
        let name = cursor.string()?;
        cursor.byte(b':')?;
        let from = out.len();
        write(cursor, out, depth + 1)?;
        members.push((name, from - base..out.len() - base));
    }
    let values = out.split_off(base);
    members.sort_by(|(left, _), (right, _)| order(left, right));
    for (index, (name, value)) in members.into_iter().enumerate() {
        out.push_str(if index == 0 { "{\"" } else { ",\"" });
        out.push_str(name);
        out.push_str("\":");
        out.push_str(values.get(value).unwrap_or_default());
    }
    out.push_str(if values.is_empty() { "{}" } else { "}" });
    Ok(())
}

fn array(cursor: &mut Cursor<'_>, out: &mut String, depth: usize) -> Result<(), NotCanonical> {
    cursor.byte(b'[')?;
    out.push('[');
    let mut is_first = true;
    while !cursor.takes(b']') {
        if !is_first {
            cursor.byte(b',')?;
            out.push(',');
        }
        write(cursor, out, depth + 1)?;
        is_first = false;
    }
    out.push(']');
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;
    use serde_json::json;

    use super::canonicalise;
    use crate::canonical::tests::values;

    proptest! {
        #[test]
        fn it_writes_what_a_general_canonicaliser_writes(value in values()) {
            prop_assert_eq!(canonicalise(&value).unwrap(), serde_json_canonicalizer::to_string(&value).unwrap());
        }

        #[test]
        fn the_order_in_which_members_come_does_not_matter(members: HashMap<String, u32>) {
            prop_assert_eq!(canonicalise(&members).unwrap(), serde_json_canonicalizer::to_string(&members).unwrap());
        }
    }

    #[test]
    fn what_the_log_has_no_form_for_is_refused() {
        for value in [json!(-1), json!(1.5), json!(1e300), json!(9_007_199_254_740_992_u64)] {
            assert!(canonicalise(&value).is_err(), "{value}");
        }
        let deep = (0..100).fold(json!(0), |inner, _| json!([inner]));
        assert!(canonicalise(&deep).is_err());
    }
}
