//! The one order that compiles.

use claviger::approval::{Approved, Desk, Moment};
use claviger::audit::{Log, Recorded};
use claviger::grant::{Granted, Policy, Request};
use claviger::vault::{Answer, CallScope, Response, Vault};

async fn way(
    policy: &Policy,
    desk: &Desk,
    log: &Log,
    vault: &Vault,
    scope: &mut CallScope,
    request: Request,
    moment: Moment,
) -> Option<Answer> {
    let granted: Granted = policy.check(request).ok()?;
    let approved: Approved = desk.approve(granted, moment, &|_| {}).await.ok()?;
    let intent: Recorded<Approved> = log.open_intent(approved, jiff::Timestamp::UNIX_EPOCH).await.ok()?;
    let done: Recorded<Response> = vault.send(intent, scope).await;
    let response: Response = log.close(done, jiff::Timestamp::UNIX_EPOCH).await.ok()?;
    response.into_result().ok()
}

fn main() {
    let _ = way;
}
