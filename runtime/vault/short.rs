//! Which answers a short secret may go with.
//!
//! A value of a few bytes stands in ordinary text by chance, so answers are not scanned for it; one of a dozen may be a
//! word that a plugin guesses. Where the answer reaches the plugin, the first would not be seen in it, and the second
//! would tell whether a guess is right, by the answer that is dropped.

use claviger_manifest::{Name, Reply};

use crate::failure::FailureKind;
use crate::reveal::Secret;
use crate::scan::MIN_SCANNED;

/// From this length on, in bytes, nobody guesses a value that was drawn: 16 bytes of base64 hold 96 bits.
pub(crate) const MIN_FREE: usize = 16;

/// Refuses a secret that is too short for what the plugin gets to read. The text names a class of lengths, not a length.
pub(crate) fn check(name: &Name, value: &Secret, reply: &Reply) -> Result<(), FailureKind> {
    match (value.len(), reply) {
        (_, Reply::Status) => Ok(()),
        (length, _) if length < MIN_SCANNED => Err(FailureKind::Short(name.clone())),
        (_, Reply::Projection(_)) => Ok(()),
        (length, Reply::Full) if length < MIN_FREE => Err(FailureKind::Guessable(name.clone())),
        (_, Reply::Full) => Ok(()),
    }
}

/// The same for what an upstream gave: a token or a session's value is as secret as what it was made of, and nobody else
/// had a say in its length.
pub(crate) fn check_made(credential: &Name, value: &Secret, reply: &Reply) -> Result<(), FailureKind> {
    check(credential, value, reply).map_err(|_| FailureKind::GuessableMade(credential.clone()))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use claviger_manifest::{FieldType, Reply};

    use super::check;
    use crate::reveal::Secret;

    /// The codes for the lengths just below and at each border.
    fn codes(reply: &Reply) -> [Option<&'static str>; 4] {
        let value = b"kR7vQ2pXw9LmZt4Y";
        [7, 8, 15, 16].map(|length| {
            let secret = Secret::new(value.iter().copied().take(length).collect());
            check(&"key".parse().unwrap(), &secret, reply).err().map(|kind| kind.code())
        })
    }

    #[test]
    fn what_reaches_the_plugin_decides_how_short_a_secret_may_be() {
        let projection = Reply::Projection(vec![("/id".parse().unwrap(), FieldType::Integer)]);
        assert_eq!(codes(&Reply::Full), [Some("short"), Some("guessable"), Some("guessable"), None]);
        assert_eq!(codes(&projection), [Some("short"), None, None, None]);
        assert_eq!(codes(&Reply::Status), [None; 4]);
    }
}
