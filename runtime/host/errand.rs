//! What a guest asks of the hallway.
//!
//! A guest runs on a small stack that is reused for the next guest. Sending a request, with a secret in hand, must not
//! happen there: the guest's host function only posts an errand and sleeps, and the call's own task serves it.

use std::future::Future;
use std::time::Duration;

use claviger_grant::{SendRequest, SlotHandle};
use claviger_pipeline::{Call, Refusal};
use claviger_vault::Answer;
use tokio::sync::oneshot::Sender;

/// One question, with the place for its answer.
pub(crate) enum Errand {
    /// Is a credential of this name declared?
    Open { name: String, reply: Sender<Result<(), Refusal>> },
    /// Make a value for a slot.
    Generate { slot: String, reply: Sender<Result<SlotHandle, Refusal>> },
    /// Send one operation.
    Send { request: SendRequest, reply: Sender<Result<Answer, Refusal>> },
    /// Store values under a write-back rule.
    Store { write_back: String, values: Vec<SlotHandle>, reply: Sender<Result<Answer, Refusal>> },
}

/// The hallway's side of one call.
pub(crate) trait Hallside: Send {
    /// Answers one errand. A guest that is gone by then is not told.
    fn serve(&mut self, errand: Errand) -> impl Future<Output = ()> + Send;
    /// Tells, at any later time, how long this call has waited for people by then.
    fn waited(&self) -> Box<dyn Fn() -> Duration + Send + Sync>;
}

impl Hallside for Call {
    async fn serve(&mut self, errand: Errand) {
        // An answer that nobody waits for any more is dropped: the call was cancelled, and its record says what happened.
        let _gone = match errand {
            Errand::Open { name, reply } => reply.send(self.open_credential(&name)).is_err(),
            Errand::Generate { slot, reply } => reply.send(self.generate(&slot)).is_err(),
            Errand::Send { request, reply } => reply.send(self.send(request).await).is_err(),
            Errand::Store { write_back, values, reply } => reply.send(self.store(write_back, values).await).is_err(),
        };
    }

    fn waited(&self) -> Box<dyn Fn() -> Duration + Send + Sync> {
        let human = self.human();
        Box::new(move || human.waited())
    }
}
