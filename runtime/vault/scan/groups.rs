//! Where in a text hex with separators may be: groups of digits and separators, looked for many bytes at once.
//!
//! Most of a text is neither, so what costs is to say so. A group is shorter than every form. If groups are looked at no
//! further apart than the rest of the shortest form, one of them lies wholly inside of it, wherever it begins.

use super::runs::{HEX, OTHER, class};

/// Bytes of a group. No form is shorter.
pub(super) const GROUP: usize = 8;

/// The most bytes from one group to the next: further apart there is little left to save.
pub(super) const APART: usize = 32;

/// Bytes that are tested at once.
const LINE: usize = 64;

/// The first group that is wholly digits and separators, of those that have to be looked at for forms of this length; or
/// how much of the text was looked at, which is as far as groups were whole.
pub(super) fn first(text: &[u8], shortest: usize) -> Result<usize, usize> {
    let spacing = (shortest.min(APART + GROUP - 1) + 1).saturating_sub(GROUP);
    // Closer together than their length, groups share bytes: then every byte is tested once, and every group is looked at.
    let (found, spacing) = if spacing < GROUP { (close(text), 1) } else { (apart(text, spacing), spacing) };
    found.ok_or((text.len() + spacing).saturating_sub(GROUP) / spacing * spacing)
}

/// The first of the groups that begin at multiples of `spacing`.
fn apart(text: &[u8], spacing: usize) -> Option<usize> {
    let mut line = [0_u8; LINE];
    let groups = LINE / GROUP;
    for (number, part) in text.chunks(spacing * groups).enumerate() {
        let gathered = line.as_chunks_mut::<GROUP>().0.iter_mut().zip(part.chunks(spacing));
        for (place, group) in gathered {
            // What is too short for a group becomes zeros, which are no separators.
            *place = group.first_chunk().copied().unwrap_or_default();
        }
        let likely = likely(&line);
        let any = likely.as_chunks::<GROUP>().0.iter().fold(false, |any, group| any | (*group == [u8::MAX; GROUP]));
        if any && let Some(found) = line.as_chunks::<GROUP>().0.iter().position(inside) {
            return Some((number * groups + found) * spacing);
        }
    }
    None
}

/// The first of all groups.
fn close(text: &[u8]) -> Option<usize> {
    const WITH_LAST: usize = LINE + GROUP;
    for at in (0..text.len()).step_by(LINE) {
        let part = text.get(at..).unwrap_or_default();
        let line = part.first_chunk::<WITH_LAST>().copied().unwrap_or_else(|| {
            let mut line = [0; WITH_LAST];
            line.iter_mut().zip(part).for_each(|(place, byte)| *place = *byte);
            line
        });
        let mut all = mask(&likely(&line));
        for distance in [1, 2, 4] {
            // Each bit becomes what it and the next one, three and seven are.
            all &= all >> distance;
        }
        while all != 0 {
            let found = usize::try_from(all.trailing_zeros()).unwrap_or(LINE);
            if found >= LINE {
                break;
            }
            if line.get(found..).and_then(|rest| rest.first_chunk()).is_some_and(inside) {
                return Some(at + found);
            }
            all &= all - 1;
        }
    }
    None
}

/// A bit for each byte, the first one lowest. The highest bits of eight bytes are gathered by one product (Warren, Hacker's
/// Delight, §7-4).
fn mask(line: &[u8; LINE + GROUP]) -> u128 {
    const HIGH: u64 = u64::from_ne_bytes([0x80; GROUP]);
    let groups = line.as_chunks::<GROUP>().0.iter().rev();
    groups.fold(0, |mask, group| {
        let bits = (u64::from_le_bytes(*group) & HIGH).wrapping_mul(0x0002_0408_1020_4081) >> 56;
        (mask << GROUP) | u128::from(bits)
    })
}

fn inside(group: &[u8; GROUP]) -> bool {
    group.iter().all(|byte| class(&HEX, *byte) != OTHER)
}

/// Which bytes may be digits or separators. Some more pass, in exchange for a test without a branch or a table, which the
/// compiler does for sixteen bytes at once.
fn likely<const N: usize>(line: &[u8; N]) -> [u8; N] {
    let mut inside = [0_u8; N];
    for (inside, byte) in inside.iter_mut().zip(line) {
        let lower = byte | 0x20;
        let (letter, x) = (lower.wrapping_sub(b'a') < 6, lower == b'x');
        // Blanks and what ends lines; comma, minus, dot, slash, figures and colon.
        let (blank, figure) = (*byte <= b' ', byte.wrapping_sub(b',') <= b':' - b',');
        *inside = if letter | x | blank | figure { u8::MAX } else { 0 };
    }
    inside
}

#[cfg(test)]
mod tests {
    use super::{APART, GROUP, first};

    /// What is found is what a search finds that looks everywhere; what is looked at holds no group that counts.
    #[test]
    fn a_form_of_any_length_has_a_group_at_every_offset() {
        for shortest in GROUP..60 {
            for lead in 0..130 {
                let text = format!("{}{}", "~".repeat(lead), "0123456789abcdef, :-".repeat(4));
                let (text, _) = text.split_at(lead + shortest);
                let found = first(text.as_bytes(), shortest);
                assert!(found.is_ok_and(|at| at >= lead && at + GROUP <= text.len()), "{shortest} {lead}: {found:?}");
                let (before, _) = text.split_at(lead);
                let looked = first(before.as_bytes(), shortest);
                assert!(looked.is_err_and(|looked| looked <= lead + APART && looked + shortest > lead), "{looked:?}");
            }
        }
    }
}
