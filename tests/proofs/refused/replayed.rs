//! One yes, one request.

use claviger::approval::Approved;
use claviger::audit::Log;

async fn replay(log: &Log, approved: Approved) {
    let _ = log.open_intent(approved, jiff::Timestamp::UNIX_EPOCH).await;
    let _ = log.open_intent(approved, jiff::Timestamp::UNIX_EPOCH).await;
}

fn main() {
    let _ = replay;
}
