//! The vault does nothing for an approval that is not in the log.

use claviger::approval::Approved;
use claviger::vault::{CallScope, Vault};

async fn act(vault: &Vault, scope: &mut CallScope, approved: Approved) {
    let _ = vault.send(approved, scope).await;
}

fn main() {
    let _ = act;
}
