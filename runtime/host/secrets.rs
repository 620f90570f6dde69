//! `secrets`: values that the host captured or generated. The guest holds the place, never the value.

use claviger_grant::SlotHandle;
use claviger_vault::Answer;
use wasmtime::component::Resource;

use crate::door::plugin::claviger::plugin::refusals::Refusal;
use crate::door::plugin::claviger::plugin::secrets::{Host, HostSecret};
use crate::errand::Errand;
use crate::guest::Guest;

/// A value of this call, by its place in the vault room.
#[expect(unreachable_pub, reason = "bindgen re-exports it, inside modules that are private to the crate")]
pub struct Secret {
    pub(crate) handle: SlotHandle,
}

impl Guest {
    /// The places behind borrowed handles.
    pub(crate) fn slot(&self, secret: &Resource<Secret>) -> wasmtime::Result<SlotHandle> {
        Ok(self.table.get(secret)?.handle.clone())
    }
}

impl Host for Guest {
    async fn generate(&mut self, slot: String) -> wasmtime::Result<Result<Resource<Secret>, Refusal>> {
        if let Err(refusal) = self.count_request() {
            return Ok(Err(refusal));
        }
        match self.ask(|reply| Errand::Generate { slot, reply }).await? {
            Ok(handle) => Ok(Ok(self.hand_out(Secret { handle })?)),
            Err(refusal) => Ok(Err(self.refuse(refusal))),
        }
    }

    async fn store(
        &mut self,
        write_back: String,
        values: Vec<Resource<Secret>>,
    ) -> wasmtime::Result<Result<Vec<String>, Refusal>> {
        if let Err(refusal) = self.count_request() {
            return Ok(Err(refusal));
        }
        let values = values.iter().map(|value| self.slot(value)).collect::<Result<_, _>>()?;
        match self.ask(|reply| Errand::Store { write_back, values, reply }).await? {
            Ok(Answer::Stored(references)) => Ok(Ok(references.iter().map(ToString::to_string).collect())),
            Ok(_) => Err(wasmtime::Error::msg("the hallway answered a store with something else")),
            Err(refusal) => Ok(Err(self.refuse(refusal))),
        }
    }
}

impl HostSecret for Guest {
    fn drop(&mut self, secret: Resource<Secret>) -> wasmtime::Result<()> {
        self.table.delete(secret)?;
        Ok(())
    }
}
