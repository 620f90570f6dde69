//! The dialog that macOS or Windows itself shows.
//!
//! It says yes or no to the host, and signs nothing: what comes of it is host-asserted. The call to the system is in a package
//! of its own, because nothing else of this room can be type-checked for those systems.

use claviger_approval_native::{Service, confirm};
use tokio::task::spawn_blocking;

use crate::dialog::Words;
use crate::presence::{Confirmation, HostMethod, Presence};
use crate::terminal::Withdrawal;
use crate::{Ask, Refused};

/// The dialog of the system on which this runs.
#[derive(Debug)]
pub struct SystemDialog {
    method: HostMethod,
}

/// A method that this system does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{method} is of {system}, and this is another system; name another approver in claviger.toml")]
pub struct NotHere {
    /// What was chosen.
    pub method: HostMethod,
    /// Where it is.
    pub system: &'static str,
}

impl SystemDialog {
    /// Touch ID, where this is macOS.
    ///
    /// # Errors
    /// [`NotHere`] elsewhere.
    pub fn touch_id() -> Result<Self, NotHere> {
        Self::of(HostMethod::TouchId, Service::TouchId, "macOS")
    }

    /// Windows Hello, where this is Windows.
    ///
    /// # Errors
    /// [`NotHere`] elsewhere.
    pub fn windows_hello() -> Result<Self, NotHere> {
        Self::of(HostMethod::WindowsHello, Service::WindowsHello, "Windows")
    }

    fn of(method: HostMethod, service: Service, system: &'static str) -> Result<Self, NotHere> {
        if Service::HERE == Some(service) { Ok(Self { method }) } else { Err(NotHere { method, system }) }
    }

    /// The system's call waits on a thread of its own. When the desk gives up, this future is dropped, and the dialog closes.
    async fn ask(&self, reason: String) -> Result<(), Refused> {
        let withdrawal = Withdrawal::default();
        let withdrawn = withdrawal.flag();
        let asked = spawn_blocking(move || confirm(&reason, &withdrawn)).await;
        let why = match asked {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(unconfirmed)) => unconfirmed.why(),
            Err(_) => "the exchange with the system broke off; call again",
        };
        Err(Refused::Unverified { method: self.method, why })
    }
}

impl Presence for SystemDialog {
    fn method(&self) -> HostMethod {
        self.method
    }

    fn invitation(&self) -> &'static str {
        "Now answer the system's dialog."
    }

    fn confirm<'a>(&'a self, ask: &'a Ask, chosen: &'a Ask) -> Confirmation<'a> {
        Box::pin(self.ask(Words::of(ask).reason(chosen.scope())))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::{HostMethod, NotHere, SystemDialog};
    use crate::Refused;
    use crate::fixtures::{self, moment};
    use crate::presence::Presence as _;

    /// The tests run on Linux, which has neither.
    #[test]
    fn another_systems_dialog_is_refused_before_anybody_is_asked() {
        assert_eq!(SystemDialog::touch_id().unwrap_err(), NotHere { method: HostMethod::TouchId, system: "macOS" });
        assert_eq!(
            SystemDialog::windows_hello().unwrap_err().to_string(),
            "windows-hello is of Windows, and this is another system; name another approver in claviger.toml"
        );
    }

    #[tokio::test]
    async fn what_the_system_does_not_confirm_is_a_refusal() {
        let ask = fixtures::ask(&fixtures::facts(), &moment(1, 7)).unwrap();
        let dialog = SystemDialog { method: HostMethod::TouchId };
        let refused = dialog.confirm(&ask, &ask).await;
        assert!(matches!(refused, Err(Refused::Unverified { method: HostMethod::TouchId, .. })), "{refused:?}");
    }
}
