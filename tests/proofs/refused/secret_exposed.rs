//! Plaintext has no way out of the vault room.

use claviger::vault::Secret;

fn expose(secret: &Secret) -> &[u8] {
    secret.expose()
}

fn main() {
    let _ = expose;
}
