//! A key that can be taken away: who holds the cell can use the key until somebody locks it.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use crate::machine::MachineWarning;
use crate::seal::{Key, SealError};

/// A shared place for one key. A copy of the cell is no copy of the key.
#[derive(Clone)]
pub(crate) struct KeyCell(Arc<RwLock<Option<Key>>>);

impl KeyCell {
    /// The key moves in.
    pub(crate) fn new(key: Key) -> Self {
        Self(Arc::new(RwLock::new(Some(key))))
    }

    /// Uses the key. While somebody does, [`KeyCell::lock`] waits, so that nothing is left behind when it returns.
    pub(crate) fn with<T, E: From<SealError>>(&self, act: impl FnOnce(&Key) -> Result<T, E>) -> Result<T, E> {
        let held = self.0.read().unwrap_or_else(PoisonError::into_inner);
        act(held.as_ref().ok_or(SealError::Locked)?)
    }

    /// Wipes the key, for every holder of the cell and for good.
    pub(crate) fn lock(&self) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// What the machine did not do for the key's memory.
    pub(crate) fn warning(&self) -> Option<MachineWarning> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).as_ref().and_then(Key::warning)
    }
}

impl fmt::Debug for KeyCell {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("KeyCell(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::{Key, KeyCell, SealError};

    #[test]
    fn a_key_that_was_taken_away_is_used_by_nobody() {
        let Ok(key) = Key::random() else { unreachable!("there is randomness") };
        let (cell, other) = {
            let cell = KeyCell::new(key);
            (cell.clone(), cell)
        };
        assert_eq!(other.with(|key| key.seal(b"", b"").map(drop)), Ok(()));
        cell.lock();
        assert_eq!(other.with(|key| key.seal(b"", b"").map(drop)), Err(SealError::Locked));
    }
}
