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
mod client_certificate;
mod connect;
mod courier;
mod decode;
mod embedded;
mod embedded_error;
mod embedded_file;
mod embedded_index;
mod embedded_state;
mod exchange;
mod failure;
mod identity_file;
mod inject;
mod journal;
mod kept;
mod key_cell;
mod key_page;
mod key_slots;
mod leaks;
mod log_out;
mod machine;
mod make;
mod notify;
mod op;
mod op_error;
mod op_gate;
mod op_item;
mod op_process;
mod pins;
mod pool;
mod private_file;
mod probe;
mod provider;
mod providers;
mod quarantine;
mod refresh;
mod reply;
mod response;
mod reveal;
mod scan;
mod seal;
mod session;
mod short;
mod sign;
mod sign_aws;
mod sign_hmac;
mod tls_failure;
mod token;
mod trust;
mod vault;
mod versions;
mod write_back;

pub use address::AddressDenied;
pub use call::CallScope;
pub use courier::{Delivered, post};
pub use embedded::{Embedded, JournalKey};
pub use embedded_error::EmbeddedError;
pub use embedded_state::Listed;
pub use failure::{Failure, FailureKind};
pub use identity_file::IdentityFile;
pub use journal::{Journal, JournalError, Pending};
pub use key_slots::{NewSlot, Unlock, UnlockError};
pub use log_out::{OpenSession, SessionWatch};
pub use machine::{MachineWarning, harden};
pub use notify::{Channel, Notifier, NotifyError};
pub use op::{OpConfig, OpConfigError, OpMode, OpProvider};
pub use probe::Probed;
pub use provider::{BoxFuture, Created, NewItem, Provider, ProviderError, Resolved};
pub use providers::{Providers, VaultGivenTwice};
pub use quarantine::{Quarantine, QuarantineError};
pub use response::{Answer, HttpAnswer, Response};
pub use reveal::Secret;
pub use scan::{Echo, Place, Scanner, Shown, Spelling, echoes, holds};
pub use vault::Vault;
pub use write_back::{RecoverError, recover};
