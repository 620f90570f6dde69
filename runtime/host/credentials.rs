//! `credentials`: what authenticates a request.

use wasmtime::component::Resource;

use crate::door::plugin::claviger::plugin::credentials::{Host, HostCredential};
use crate::door::plugin::claviger::plugin::refusals::Refusal;
use crate::errand::Errand;
use crate::guest::Guest;

/// A credential of the manifest, by its name. There is nothing else in it: the vault room places it when it is lent.
#[expect(unreachable_pub, reason = "bindgen re-exports it, inside modules that are private to the crate")]
pub struct Credential {
    pub(crate) name: String,
}

impl Host for Guest {
    async fn open(&mut self, name: String) -> wasmtime::Result<Result<Resource<Credential>, Refusal>> {
        let asked = name.clone();
        match self.ask(|reply| Errand::Open { name: asked, reply }).await? {
            Ok(()) => Ok(Ok(self.hand_out(Credential { name })?)),
            Err(refusal) => Ok(Err(self.refuse(refusal))),
        }
    }
}

impl HostCredential for Guest {
    fn drop(&mut self, credential: Resource<Credential>) -> wasmtime::Result<()> {
        self.table.delete(credential)?;
        Ok(())
    }
}
