//! `http`: requests to an upstream, by operation.

use claviger_grant::{Lent, SendRequest, SlotHandle};
use claviger_vault::{Answer, HttpAnswer};
use wasmtime::component::Resource;

use crate::credentials::Credential;
use crate::door::plugin::claviger::plugin::http::{self, Host, HostResponse, Parameter};
use crate::door::plugin::claviger::plugin::refusals::Refusal;
use crate::errand::Errand;
use crate::guest::Guest;
use crate::secrets::Secret;

/// The longest piece of a body in one `read`. Long bodies are cheapest in pieces of this size, and the guest's copy stays
/// small.
const MAX_READ: usize = 64 * 1024;

/// An answer whose outcome is in the audit log, with the part of its body that was read.
#[expect(unreachable_pub, reason = "bindgen re-exports it, inside modules that are private to the crate")]
pub struct Response {
    answer: HttpAnswer,
    read: usize,
}

impl Guest {
    fn request(
        &self,
        operation: String,
        parameters: Vec<Parameter>,
        body: Option<Vec<u8>>,
        credential: Option<Resource<Credential>>,
        lend: Vec<http::Lent>,
    ) -> wasmtime::Result<SendRequest> {
        let credential = credential.map(|credential| self.table.get(&credential).map(|found| found.name.clone()));
        let lent = lend.into_iter().map(|one| Ok(Lent { value: self.slot(&one.value)?, site: one.site }));
        Ok(SendRequest {
            operation,
            parameters: parameters.into_iter().map(|parameter| (parameter.name, parameter.value)).collect(),
            body,
            credential: credential.transpose()?,
            lent: lent.collect::<wasmtime::Result<_>>()?,
        })
    }
}

impl Host for Guest {
    async fn send(
        &mut self,
        operation: String,
        parameters: Vec<Parameter>,
        body: Option<Vec<u8>>,
        credential: Option<Resource<Credential>>,
        lend: Vec<http::Lent>,
    ) -> wasmtime::Result<Result<Resource<Response>, Refusal>> {
        if let Err(refusal) = self.count_request() {
            return Ok(Err(refusal));
        }
        let request = self.request(operation, parameters, body, credential, lend)?;
        match self.ask(|reply| Errand::Send { request, reply }).await? {
            Ok(Answer::Http(answer)) => Ok(Ok(self.hand_out(Response { answer, read: 0 })?)),
            Ok(_) => Err(wasmtime::Error::msg("the hallway answered a request with something else")),
            Err(refusal) => Ok(Err(self.refuse(refusal))),
        }
    }
}

impl HostResponse for Guest {
    fn status(&mut self, response: Resource<Response>) -> wasmtime::Result<u16> {
        Ok(self.table.get(&response)?.answer.status)
    }

    fn header(&mut self, response: Resource<Response>, name: String) -> wasmtime::Result<Option<String>> {
        let headers = &self.table.get(&response)?.answer.headers;
        let found = headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(&name));
        Ok(found.map(|(_, value)| value.clone()))
    }

    fn read(&mut self, response: Resource<Response>, max: u32) -> wasmtime::Result<Vec<u8>> {
        let response = self.table.get_mut(&response)?;
        let rest = response.answer.body.get(response.read..).unwrap_or_default();
        let length = rest.len().min(MAX_READ).min(usize::try_from(max).unwrap_or(MAX_READ));
        response.read += length;
        Ok(rest.get(..length).unwrap_or_default().to_vec())
    }

    fn captured(&mut self, response: Resource<Response>) -> wasmtime::Result<Vec<Resource<Secret>>> {
        let captured: Vec<SlotHandle> = std::mem::take(&mut self.table.get_mut(&response)?.answer.captured);
        captured.into_iter().map(|handle| self.hand_out(Secret { handle })).collect()
    }

    fn drop(&mut self, response: Resource<Response>) -> wasmtime::Result<()> {
        self.table.delete(response)?;
        Ok(())
    }
}
