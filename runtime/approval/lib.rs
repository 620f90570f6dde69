//! Did a human say yes to exactly this?
//!
//! [`Desk::approve`] takes the grant room's proof and returns [`Approved`], the only thing that the audit room opens an
//! intent for. What is approved is the rendered request: its canonical bytes are hashed, the hash is the challenge, and an
//! enrolled key signs it. The signature is the [`Receipt`]; [`verify()`] is the one pure function that checks it, here and
//! for whoever audits the log years later with public keys alone.
//!
//! An approver is asked, never trusted: its answer counts only if the signature verifies against an enrolled key.

mod approved;
mod approver;
mod ask;
mod attested;
mod authenticator_data;
mod base64url;
mod batch;
mod change;
mod check;
mod client_data;
mod clock;
mod cover;
mod desk;
mod device;
mod dialog;
mod enrolled;
mod escape;
mod fido2_output;
mod fido2_process;
mod fprintd;
mod lease;
mod notice;
mod notifying;
mod polkit;
mod presence;
mod public_key;
mod receipt;
mod refused;
mod render;
mod security_key;
mod security_key_error;
mod security_key_prompt;
mod sessions;
mod sign_in;
mod signer;
mod software_passkey;
mod system_bus;
mod system_dialog;
mod terminal;
mod throwaway;
mod verify;

#[cfg(test)]
mod fixtures;

pub use approved::{Approved, Evidence};
pub use approver::{Approver, ApproverKind, Assertion, Decision};
pub use ask::{Ask, Scope};
pub use base64url::{Base64Url, NotBase64Url};
pub use batch::{Batch, MAX_BATCH, NotABatch};
pub use change::Change;
pub use check::check;
pub use cover::{Cover, CoveredCredential};
pub use desk::{Announce, Desk, Moment};
pub use enrolled::{
    Enrolled, EnrolledKey, Enrolment, EnrolmentError, HOST_ASSERTED_RP_ID, SIMULATED_RP_ID, TERMINAL_RP_ID,
};
pub use escape::{plain, quote};
pub use lease::{LEASE_LIMIT_SECONDS, LEASE_SECONDS, LEASE_USES};
pub use notice::{Notice, NoticeFormat};
pub use notifying::{MOST_NOTICES, Notifying, Tell};
pub use polkit::policy as polkit_policy;
pub use presence::HostMethod;
pub use public_key::{NotAPublicKey, PublicKey};
pub use receipt::Receipt;
pub use refused::Refused;
pub use render::render;
pub use security_key::{NewCredential, SecurityKeyPlace};
pub use security_key_error::SecurityKeyError;
pub use security_key_prompt::{Roll, SecurityKeyPrompt};
pub use sessions::{DENIALS_TO_LOCK, MAX_UNANSWERED, MAX_WAITING};
pub use sign_in::{SignIn, SignedIn};
pub use signer::UnusableSeed;
pub use software_passkey::{SimulatedAnswer, SoftwarePasskey};
pub use system_bus::SystemBus;
pub use system_dialog::{NotHere, SystemDialog};
pub use terminal::TerminalPrompt;
pub use throwaway::{Throwaway, ThrowawayError};
pub use verify::{ReceiptError, VerifiedReceipt, verify};
