//! Who succeeds whom: tokens of which each is dead as soon as the next one is there.
//!
//! The newest of a line stays here, sealed, also when its provider has it, and knows every value that came before. So
//! nothing goes back to an older one, wherever that turns up: in a backup that was put back, in a copy under another
//! reference, in the place that a connection was bound to before. To use it again would kill the whole line.

use claviger_manifest::Name;

use super::{About, Journal, JournalError, Key};
use crate::reveal::Secret;

/// How many values an entry knows that came before: of a token that rotates every hour, those of six weeks. A mark takes
/// 35 bytes of the entry.
const KNOWN_BEFORE: usize = 1024;

/// What the journal knows of a value that a provider holds.
#[derive(Default)]
pub(crate) struct Succession {
    /// The value to use instead, with its number.
    pub(crate) newest: Option<(u64, Secret)>,
    /// The entry of the value itself, when nothing has taken its place: the provider has stored it.
    pub(crate) own: Option<u64>,
    /// Entries that nobody needs any more.
    pub(crate) followed: Vec<u64>,
}

impl Journal {
    /// Seals a value that takes the place of one that a provider holds, and of an entry: of every value that the entry
    /// knows, too. As durable as [`Journal::append`].
    pub(crate) fn succeed(
        &self,
        connection: &Name,
        secret: &Name,
        held: &Secret,
        follows: Option<u64>,
        value: &Secret,
    ) -> Result<u64, JournalError> {
        let mut before = match follows.map(|number| self.line(number)).transpose() {
            Ok(line) => line.unwrap_or_default(),
            // What is gone or damaged knows nothing; the new value has to be durable all the same.
            Err(JournalError::NoSuchEntry | JournalError::Damaged) => Vec::new(),
            Err(error) => return Err(error),
        };
        let (own, supersedes) = (self.mark(value)?, self.mark(held)?);
        before.retain(|mark| *mark != own && *mark != supersedes);
        // The oldest are in front.
        before.drain(..before.len().saturating_sub(KNOWN_BEFORE));
        let (connection, slot) = (connection.clone(), secret.clone());
        self.write(&About { connection, slot, supersedes: Some(supersedes), before, follows, stored: false }, value)
    }

    /// What has taken the place of a value that a provider holds. Whose connection it came up in does not matter: two of
    /// them may be bound to one reference.
    pub(crate) fn succession(&self, held: &Secret) -> Result<Succession, JournalError> {
        let held = self.mark(held)?;
        let mut succession = Succession::default();
        let (mut successors, mut followed) = (Vec::new(), Vec::new());
        for number in self.numbers()? {
            let about = match self.about(number) {
                Ok((about, _)) => about,
                // One that is damaged says nothing, and one that is gone was settled meanwhile.
                Err(JournalError::Damaged | JournalError::NoSuchEntry) => continue,
                Err(error) => return Err(error),
            };
            if about.succeeds(&held) {
                successors.push((about.before.len(), number));
                followed.extend(about.follows);
            } else if about.supersedes.is_some() && self.holds(number, &held) {
                succession.own = Some(number);
                followed.extend(about.follows);
            }
        }
        // The one that nobody follows; of two, whichever knows more.
        successors.sort_unstable();
        let newest = successors.iter().rev().map(|(_, number)| *number).find(|number| !followed.contains(number));
        if let Some(newest) = newest {
            followed.extend(succession.own.take());
            succession.newest = Some((newest, self.recover(newest)?));
        }
        followed.retain(|number| Some(*number) != newest);
        succession.followed = followed;
        Ok(succession)
    }

    /// Says of a successor that a provider has it: it is not pending any more, and goes on knowing what came before.
    /// Waits for the disk.
    pub(crate) fn stored(&self, number: u64) -> Result<(), JournalError> {
        let (about, _) = self.about(number)?;
        if about.stored {
            return Ok(());
        }
        let value = self.recover(number)?;
        self.put(number, &About { stored: true, ..about }, &value)
    }

    /// Whether an entry's value takes the place of this one.
    pub(crate) fn succeeds(&self, number: u64, held: &Secret) -> Result<bool, JournalError> {
        Ok(self.about(number)?.0.succeeds(&self.mark(held)?))
    }

    /// Whether an entry's value takes the place of one that a provider holds.
    pub(crate) fn is_successor(&self, number: u64) -> Result<bool, JournalError> {
        Ok(self.about(number)?.0.supersedes.is_some())
    }

    /// The marks of everything up to an entry's value, in their order.
    fn line(&self, number: u64) -> Result<Vec<String>, JournalError> {
        let (About { before, supersedes, .. }, _) = self.about(number)?;
        let own = self.mark(&self.recover(number)?)?;
        Ok(before.into_iter().chain(supersedes).chain([own]).collect())
    }

    fn holds(&self, number: u64, mark: &str) -> bool {
        self.recover(number).and_then(|value| self.mark(&value)).is_ok_and(|own| own == mark)
    }

    /// What tells a value from another, in every process that has this journal, and says nothing to anybody else.
    pub(super) fn mark(&self, value: &Secret) -> Result<String, JournalError> {
        let key: Key = self.key.with(|key| key.derive("claviger/vault/successor/v1", &[]))?;
        // EXPOSE: a keyed digest leaves this line, and only into an entry that is sealed.
        Ok(key.fingerprint(value.expose()))
    }
}

impl About {
    fn succeeds(&self, held: &str) -> bool {
        self.supersedes.iter().chain(&self.before).any(|mark| mark == held)
    }
}
