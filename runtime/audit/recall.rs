//! What people approved before the last segment.
//!
//! A log is opened from its last segment, and one that has just begun holds nothing that people approved. So the newest of
//! the segments before it are read too, each line held against its leaf hash, which is authentic by then. What cannot be
//! read or is not what was signed is not recalled, and stops nobody: a verifier finds it, and what is shown to people as
//! "different from last time" is only shown where a last time is known.

use std::fs::File;
use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use crate::format::{HASHES_FILE, Line};
use crate::last::{self, Last};
use crate::lines::{Lines, Step};
use crate::segments::{Joined, Segment};
use crate::tree::{HASH_BYTES, leaf};

/// How far back is read, in bytes: as much as one segment has by default. Opening a log reads twice as much then; most of
/// it is hashed and not taken apart.
pub(crate) const MOST_RECALLED: u64 = 64 * 1024 * 1024;

/// What people approved last in the newest of these segments that have no more than `most` bytes together. All of them are
/// under a checkpoint whose leaf hashes are authentic.
pub(crate) fn recall(directory: &Path, earlier: &[Segment], most: u64) -> Last {
    read(directory, newest(earlier, most)).ok().flatten().unwrap_or_default()
}

/// As many as fit, from the end. Order matters to who reads: the last approval is the last that is seen.
fn newest(earlier: &[Segment], most: u64) -> &[Segment] {
    let (mut from, mut bytes) = (earlier.len(), 0_u64);
    for (at, segment) in earlier.iter().enumerate().rev() {
        bytes = bytes.saturating_add(segment.length().unwrap_or(u64::MAX));
        if bytes > most {
            break;
        }
        from = at;
    }
    earlier.get(from..).unwrap_or_default()
}

/// Nothing where a line is not the one that was signed: what comes before it may not be the last.
fn read(directory: &Path, segments: &[Segment]) -> io::Result<Option<Last>> {
    let Some(first) = segments.first().map(|segment| segment.first) else { return Ok(None) };
    let width = u64::try_from(HASH_BYTES).unwrap_or(u64::MAX);
    let mut hashes = File::open(directory.join(HASHES_FILE))?;
    hashes.seek(SeekFrom::Start(first.saturating_mul(width)))?;
    let mut hashes = BufReader::new(hashes);
    let mut lines = Lines::new(BufReader::new(Joined::of(segments.to_vec(), 0)?));
    let mut seen = Last::default();
    while lines.step()? == Step::Line {
        let mut hash = [0; HASH_BYTES];
        hashes.read_exact(&mut hash)?;
        if leaf(lines.line()).0 != hash {
            return Ok(None);
        }
        if last::may_matter(lines.line()) {
            Line::parse(lines.line()).iter().for_each(|line| seen.see(line));
        }
    }
    Ok(Some(seen))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use claviger_approval::SimulatedAnswer;

    use super::recall;
    use crate::fixtures::{House, at, key};
    use crate::segments::{Segment, segments};
    use crate::{HASHES_FILE, Log, Options, SegmentLimits};

    /// A segment for each entry, so that the last is empty when the log is closed.
    fn open(house: &House) -> Log {
        let segments = SegmentLimits { entries: 1, ..SegmentLimits::default() };
        Log::open_with(&house.audit(), key(), Options { segments, ..Options::default() }).unwrap().0
    }

    /// The paths of what was approved last, as a log that is opened anew tells them.
    fn told(house: &House) -> Vec<String> {
        let mut log = open(house);
        let path = |receipt: &claviger_approval::Receipt| {
            let question: serde_json::Value = serde_json::from_str(&receipt.request).unwrap();
            question.pointer("/facts/action/path").unwrap().as_str().unwrap().to_owned()
        };
        let paths = log.take_approved().iter().map(path).collect();
        log.shutdown().unwrap();
        paths
    }

    /// A look at one thing, and then so many renamings in segments of their own.
    async fn written(renamings: i64) -> House {
        let house = House::new(SimulatedAnswer::Approve);
        let log = open(&house);
        let look = house.approve("show", "77", at(0)).await.unwrap();
        drop(log.open_intent(look, at(0)).await.unwrap());
        for second in 1..=renamings {
            house.call(&log, second).await;
        }
        log.shutdown().unwrap();
        assert!(segments(&house.audit()).unwrap().len() > 3);
        house
    }

    #[tokio::test]
    async fn what_was_approved_segments_ago_is_still_what_was_approved_last() {
        let house = written(4).await;
        // Without the segments before the last nothing would be known.
        assert_eq!(segments(&house.audit()).unwrap().last().unwrap().length().unwrap(), 0);
        assert_eq!(told(&house), ["/v1/things/4", "/v1/things/77"]);
    }

    #[tokio::test]
    async fn no_more_is_read_than_may_be() {
        let house = written(4).await;
        let all = segments(&house.audit()).unwrap();
        let (_, earlier) = all.split_last().unwrap();
        let of = |most| recall(&house.audit(), earlier, most).into_receipts().len();
        let bytes = |of: &[Segment]| of.iter().map(|segment| segment.length().unwrap()).sum::<u64>();
        // An intent and its outcome.
        let (newest, all) = (bytes(&earlier[earlier.len() - 2..]), bytes(earlier));
        assert_eq!([of(newest - 1), of(newest), of(all - 1), of(all)], [0, 1, 1, 2]);
    }

    #[tokio::test]
    async fn a_line_that_was_not_signed_is_not_recalled() {
        let house = written(4).await;
        // The last intent: after it come its outcome and an empty segment.
        let newest = segments(&house.audit()).unwrap().iter().rev().nth(2).unwrap().path.clone();
        let whole = std::fs::read_to_string(&newest).unwrap();
        std::fs::write(&newest, whole.replacen("robin@", "rabin@", 1)).unwrap();
        assert!(told(&house).is_empty());
        std::fs::write(&newest, whole).unwrap();
        assert_eq!(told(&house).len(), 2);
        // Leaf hashes that are gone are made again from the whole log, which then recalls all of it.
        std::fs::remove_file(house.audit().join(HASHES_FILE)).unwrap();
        assert_eq!(told(&house).len(), 2);
    }
}
