//! A recorded intent is acted on once.

use claviger::approval::Approved;
use claviger::audit::Recorded;
use claviger::vault::{CallScope, Vault};

async fn twice(vault: &Vault, scope: &mut CallScope, intent: Recorded<Approved>) {
    let _ = vault.send(intent, scope).await;
    let _ = vault.send(intent, scope).await;
}

fn main() {
    let _ = twice;
}
