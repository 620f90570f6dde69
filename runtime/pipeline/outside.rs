//! Time and randomness, which the rooms take as arguments.

use jiff::Timestamp;

/// Where the hallway gets time and randomness from. The system's own in every program; tests give fixed ones.
#[derive(Clone, Copy, Debug)]
pub struct Outside {
    /// Wall-clock time.
    pub now: fn() -> Timestamp,
    /// 256 random bits for the nonce of an approval.
    pub nonce: fn() -> Result<[u8; 32], NoRandomness>,
}

/// The operating system gave no randomness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gave no randomness, so no approval can be asked for; try again")]
pub struct NoRandomness;

impl Outside {
    /// The operating system's clock and random number generator.
    pub fn system() -> Self {
        Self { now: Timestamp::now, nonce: system_nonce }
    }
}

fn system_nonce() -> Result<[u8; 32], NoRandomness> {
    let mut nonce = [0_u8; 32];
    getrandom::fill(&mut nonce).map_err(|_| NoRandomness)?;
    Ok(nonce)
}
