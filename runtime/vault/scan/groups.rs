//! Where in a text hex with separators may be: runs of digits and separators that are long enough to hold a form.
//!
//! Most of a text is neither, so what costs is to say so. A text is looked at in words, many bytes at once. A run that is
//! nearly twice as long as a word has one wholly inside, wherever it begins; only where there is such a word is the run
//! around it measured. Dates and numbers are too short for most values, and are left behind without being read.

use super::runs::{HEX, OTHER, class};

/// The longest word, bytes: longer ones save nothing more.
pub(super) const WIDEST: usize = 16;

/// Bytes that are tested at once.
const LINE: usize = 64;

/// Where the first run begins, at or after a place, that has room for a form of this many digits or goes on behind the
/// text. Or how far the text was looked at: a run that is still to be found has less than a word before that.
pub(super) fn first(text: &[u8], from: usize, shortest: usize) -> Result<usize, usize> {
    // The widest word that the shortest run has inside at every offset. No form is shorter than eight.
    match shortest {
        0..15 => search::<4>(text, from, shortest),
        15..31 => search::<8>(text, from, shortest),
        _ => search::<WIDEST>(text, from, shortest),
    }
}

fn search<const WORD: usize>(text: &[u8], from: usize, shortest: usize) -> Result<usize, usize> {
    let rest = text.get(from..).unwrap_or_default();
    let mut refused = from;
    for (number, part) in rest.chunks(LINE).enumerate() {
        let likely = likely(&line(part));
        let words = likely.as_chunks::<WORD>().0;
        if !words.iter().fold(false, |any, word| any | (*word == [u8::MAX; WORD])) {
            continue;
        }
        for (place, _) in words.iter().enumerate().filter(|(_, word)| **word == [u8::MAX; WORD]) {
            let at = from + number * LINE + place * WORD;
            // No other word of a run that was too short: a long one would be measured as often as it has words.
            if at >= refused {
                match run::<WORD>(text, at, shortest) {
                    Ok(start) => return Ok(start),
                    Err(end) => refused = end,
                }
            }
        }
    }
    Err(from + rest.len() / WORD * WORD)
}

/// A line of the text. Behind its end there are zeros, which are no separators.
fn line(part: &[u8]) -> [u8; LINE] {
    part.first_chunk().copied().unwrap_or_else(|| {
        let mut line = [0; LINE];
        line.iter_mut().zip(part).for_each(|(place, byte)| *place = *byte);
        line
    })
}

/// Where the run around a word begins, if it is long enough or not over; or else where it ends.
fn run<const WORD: usize>(text: &[u8], at: usize, shortest: usize) -> Result<usize, usize> {
    let inside = |byte: &&u8| class(&HEX, **byte) != OTHER;
    let (before, after) = text.split_at_checked(at).unwrap_or_default();
    let follows = after.iter().take(shortest.max(WORD)).take_while(inside).count();
    let precedes = before.iter().rev().take(WIDEST).take_while(inside).count();
    let long = precedes + follows >= shortest || follows == after.len();
    if follows >= WORD && long { Ok(at - precedes) } else { Err(at + follows) }
}

/// Which bytes may be digits or separators. Some more pass, in exchange for a test without a branch or a table, which the
/// compiler does for sixteen bytes at once.
fn likely(line: &[u8; LINE]) -> [u8; LINE] {
    let mut inside = [0_u8; LINE];
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
    use super::{WIDEST, first};

    /// What is found is what a search finds that looks everywhere; what is looked at holds no run that counts.
    #[test]
    fn a_form_of_any_length_is_found_at_every_offset() {
        for shortest in 8..60 {
            for lead in 0..130 {
                let text = format!("{}{}", "~".repeat(lead), "0123456789abcdef, :-".repeat(4));
                let (text, _) = text.split_at(lead + shortest);
                for after in ["", "~", "~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~"] {
                    assert_eq!(first(format!("{text}{after}").as_bytes(), 0, shortest), Ok(lead), "{shortest} {lead}");
                }
                // Cut anywhere, it is found when the rest comes: too little of it is before what was looked at.
                for cut in lead..text.len() {
                    let (before, _) = text.split_at(cut);
                    let found = first(before.as_bytes(), 0, shortest).or_else(|looked| {
                        assert!(looked <= cut && cut < looked + WIDEST, "{shortest} {lead} {cut}: {looked}");
                        first(text.as_bytes(), looked, shortest)
                    });
                    assert_eq!(found, Ok(lead), "{shortest} {lead} {cut}");
                }
            }
        }
    }

    #[test]
    fn what_is_too_short_is_left_behind_and_what_is_next_to_it_is_found() {
        let text = "2026-11-29T10:20:30Z,,,,,,,,,,,,,,,,,,,~".repeat(8);
        assert_eq!(first(text.as_bytes(), 0, 20), Err(text.len()));
        let text = format!("{text}00112233445566778899~");
        assert_eq!(first(text.as_bytes(), 0, 20), Ok(text.len() - 21));
    }
}
