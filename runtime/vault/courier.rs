//! Requests of the host's own, which carry no secret: a checkpoint for a witness.
//!
//! They take the one way out that there is: addresses are checked before they are dialled, TLS is as strict, no redirect is
//! followed, and time and size are bounded.

use std::sync::Arc;

use claviger_grant::EndpointPlan;

use crate::body::EncodedBody;
use crate::exchange::{EXCHANGE_TIME, Message, OwnRoute};
use crate::failure::FailureKind;
use crate::inject::Placement;
use crate::pool::Pool;

/// The longest answer that is read. A witness gives some lines of 200 bytes.
const MAX_ANSWER: u64 = 64 * 1024;

/// What came back.
#[derive(Debug)]
pub struct Delivered {
    /// The status code.
    pub status: u16,
    /// The body. Whoever answered wrote it: it is checked before anything is believed, and escaped before it is shown.
    pub body: Vec<u8>,
}

/// Posts a text that is no secret.
///
/// # Errors
/// [`FailureKind`]: it did not arrive, or no answer came that could be read.
pub async fn post(endpoint: EndpointPlan, path: &str, text: Vec<u8>) -> Result<Delivered, FailureKind> {
    let body = EncodedBody { bytes: text.into(), content_type: "text/plain; charset=utf-8" };
    let placement = Placement::default();
    let message = Message { method: "POST", path, query: "", headers: &[], body: Some(&body), placement: &placement };
    let mut route = OwnRoute {
        endpoint,
        trust: Arc::default(),
        identity: None,
        pool: Pool::default(),
        redirects: Vec::new(),
        limit: MAX_ANSWER,
        time: EXCHANGE_TIME,
    };
    let raw = route.send(&message).await?;
    Ok(Delivered { status: raw.status.as_u16(), body: raw.body.to_vec() })
}
