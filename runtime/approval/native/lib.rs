//! Does this system's own dialog recognise its user?
//!
//! The one call to the operating system, and nothing of the request but a line of text: what may be shown there, and what
//! follows from an answer, is the approval room's. Written for macOS and Windows, type-checked and linted for both, and never
//! run: no such system was at hand.

use std::sync::atomic::AtomicBool;

#[cfg(target_os = "macos")]
#[path = "touch_id.rs"]
mod here;
#[cfg(windows)]
#[path = "windows_hello.rs"]
mod here;
#[cfg(not(any(target_os = "macos", windows)))]
#[path = "nowhere.rs"]
mod here;

/// A service that some system has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// macOS: LocalAuthentication, with biometrics alone.
    TouchId,
    /// Windows: the user consent verifier, which takes a face, a finger or the PIN.
    WindowsHello,
}

/// Why nobody was recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unconfirmed {
    /// The person was not recognised.
    NotRecognised,
    /// They closed the dialog.
    Closed,
    /// Nobody waits for the answer any more; the dialog was taken back.
    Withdrawn,
    /// The service is not set up, or not there.
    NotSetUp,
    /// Too many attempts.
    LockedOut,
    /// Something else.
    Failed,
}

impl Unconfirmed {
    /// The reason in words, and what to do next. Safe to log.
    pub const fn why(self) -> &'static str {
        match self {
            Self::NotRecognised => "the person in the dialog was not recognised",
            Self::Closed => "the dialog was closed",
            Self::Withdrawn => "nobody answered the dialog in time",
            Self::NotSetUp => {
                "this machine recognises nobody; set it up in the system's settings, or choose another approver"
            }
            Self::LockedOut => "there were too many attempts; unlock the machine once, then call again",
            Self::Failed => "the system showed no dialog; call again, or choose another approver",
        }
    }
}

impl Service {
    /// The one that the system has on which this runs.
    pub const HERE: Option<Self> = here::SERVICE;
}

/// Shows the dialog of [`Service::HERE`] with a line that completes "… is trying to", and waits for it on this thread. A
/// dialog is shown every time: nothing that the person did before answers it. It is taken back as soon as `withdrawn` is set.
///
/// # Errors
/// [`Unconfirmed`], whenever it is not certain that the system recognised its user.
pub fn confirm(reason: &str, withdrawn: &AtomicBool) -> Result<(), Unconfirmed> {
    here::confirm(reason, withdrawn)
}

#[cfg(all(test, not(any(target_os = "macos", windows))))]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::{Service, Unconfirmed, confirm};

    #[test]
    fn a_system_without_such_a_service_confirms_nobody() {
        assert_eq!(Service::HERE, None);
        assert_eq!(confirm("approve nothing", &AtomicBool::new(false)), Err(Unconfirmed::NotSetUp));
    }
}
