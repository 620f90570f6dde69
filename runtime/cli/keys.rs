//! Random keys, and the files that hold them.

use std::path::Path;

use crate::error::Failure;
use crate::state;

/// 32 random bytes of the operating system.
pub(crate) fn random() -> Result<[u8; 32], Failure> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|_| Failure::state("the operating system gave no randomness; try again"))?;
    Ok(bytes)
}

/// Makes a key file that only its owner reads.
pub(crate) fn create(path: &Path) -> Result<[u8; 32], Failure> {
    let key = random()?;
    state::write(path, format!("{}\n", hex::encode(key)).as_bytes())?;
    Ok(key)
}

/// Reads a key file.
pub(crate) fn read(path: &Path) -> Result<[u8; 32], Failure> {
    let text = state::read(path)?;
    let mut key = [0_u8; 32];
    let decoded = hex::decode_to_slice(text.trim(), &mut key);
    decoded.map_err(|_| Failure::state(format!("{} does not hold a key of 32 bytes in hex", path.display())))?;
    Ok(key)
}
