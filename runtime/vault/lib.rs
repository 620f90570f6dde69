//! Where is the secret, and who may see it? Nobody but this room.
//!
//! The vault takes a recorded, approved plan and does it: resolve the references, place the values, send the request, take
//! captured secrets out of the answer, scan what is left. Plaintext exists only here, only as [`Secret`], and every place
//! that exposes one says why in an `EXPOSE` comment. What comes out is a [`Response`] inside
//! [`Recorded`](claviger_audit::Recorded): it can be read once its outcome is in the audit log.

mod address;
mod body;
mod call;
mod capture;
mod connect;
mod embedded;
mod exchange;
mod failure;
mod inject;
mod journal;
mod key_slots;
mod op;
mod op_error;
mod op_process;
mod provider;
mod providers;
mod quarantine;
mod response;
mod reveal;
mod scan;
mod seal;
mod token;
mod trust;
mod vault;
mod write_back;

pub use address::AddressDenied;
pub use call::CallScope;
pub use embedded::{Embedded, EmbeddedError};
pub use failure::{Failure, FailureKind};
pub use journal::{Journal, JournalError, Pending};
pub use key_slots::{Unlock, UnlockError};
pub use op::{OpConfig, OpProvider};
pub use provider::{BoxFuture, Created, NewItem, Provider, ProviderError, Resolved};
pub use providers::Providers;
pub use quarantine::{Quarantine, QuarantineError};
pub use response::{Answer, HttpAnswer, Response};
pub use reveal::Secret;
pub use vault::Vault;
