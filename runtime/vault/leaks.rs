//! Which secrets does an answer hold, and where? Everything that came is looked at, whether anybody gets it or not.
//!
//! What is found and where goes into the log and no further: a guest that learned it could tell its guesses apart.

use std::collections::BTreeSet;
use std::fmt;

use crate::exchange::Raw;
use crate::scan::{Live, Owner, Scanner, Spelling};

/// A part of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Body,
    /// The body as it came, compressed.
    Packed,
    Reason,
    Header,
    HeaderName,
    Trailer,
}

impl fmt::Display for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Body => "the body",
            Self::Packed => "the body as it came, compressed",
            Self::Reason => "the words behind the status",
            // Not which one: the upstream chose its name.
            Self::Header => "a header",
            Self::HeaderName => "the name of a header",
            Self::Trailer => "a trailer",
        })
    }
}

/// Where secrets were first found, and in which class of encodings.
#[derive(Debug, Default)]
pub(crate) struct Leaks(BTreeSet<(Part, Spelling)>);

impl fmt::Display for Leaks {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (part, spelling)) in self.0.iter().enumerate() {
            let separator = if number == 0 { "" } else { "; " };
            write!(formatter, "{separator}in {part}, {spelling}")?;
        }
        Ok(())
    }
}

/// Looks for every secret of the session in everything that came. `whole` is the body before rules took something out of
/// it, if there are rules: what they took out is still in the packed body, and is no leak there.
pub(crate) fn look(raw: &Raw, whole: Option<&[u8]>, live: &Live) -> (BTreeSet<Owner>, Leaks) {
    let mut leaks = Leaks::default();
    let found = live.scan(|scanner| {
        scanner.text(&raw.body);
        leaks.note(Part::Body, scanner);
        scanner.text(raw.reason.as_ref().map_or(&[], |reason| reason.as_bytes()));
        leaks.note(Part::Reason, scanner);
        let headers = raw.headers.iter().map(|field| (Part::Header, field));
        for (part, (name, value)) in headers.chain(raw.trailers.iter().map(|field| (Part::Trailer, field))) {
            scanner.header_name(name.as_str().as_bytes());
            leaks.note(Part::HeaderName, scanner);
            scanner.text(value.as_bytes());
            leaks.note(part, scanner);
        }
        // Last, because nobody gets it: a secret that is elsewhere too is told from there.
        if let Some(packed) = &raw.packed {
            scanner.text_beyond(whole.unwrap_or_default(), packed);
            leaks.note(Part::Packed, scanner);
        }
    });
    (found, leaks)
}

impl Leaks {
    fn note(&mut self, part: Part, scanner: &mut Scanner) {
        self.0.extend(scanner.take_latest().map(|spelling| (part, spelling)));
    }
}
