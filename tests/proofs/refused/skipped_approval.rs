//! The log opens no intent for a request that nobody approved.

use claviger::audit::Log;
use claviger::grant::Granted;

async fn skip(log: &Log, granted: Granted) {
    let _ = log.open_intent(granted, jiff::Timestamp::UNIX_EPOCH).await;
}

fn main() {
    let _ = skip;
}
