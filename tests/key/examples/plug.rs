//! Plugs a key in for trying things by hand: `uv`, `pin1`, `pin2` or `none`. It prints its path and stays.
#![expect(clippy::print_stdout, reason = "somebody reads it")]

use claviger_key::{Protocol, SecurityKey, Verification};

fn main() {
    let pin = |protocol| Verification::Pin { pin: "a PIN for trying things".to_owned(), protocol };
    let verification = match std::env::args().nth(1).as_deref() {
        Some("pin1") => pin(Protocol::One),
        Some("pin2") => pin(Protocol::Two),
        Some("none") => Verification::None,
        _ => Verification::Builtin,
    };
    if let Ok(key) = SecurityKey::new(verification) {
        println!("{}", key.path().display());
        std::thread::park();
    }
}
