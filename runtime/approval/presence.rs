//! What the host asks besides the terminal before it signs: is the person there who may agree?

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use serde::{Deserialize, Serialize};

use crate::enrolled::HOST_ASSERTED_RP_ID;
use crate::{Ask, Refused};

/// How the host came to say that a person agreed. Whatever it is, nobody but the host asserts it: a service of the machine
/// gives a plain yes that no auditor can check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HostMethod {
    /// They typed it on the terminal.
    Terminal,
    /// They typed it, and the fingerprint daemon recognised a finger.
    Fprintd,
    /// They typed it, and authenticated in the dialog of a polkit agent.
    Polkit,
    /// They typed it, and macOS recognised them.
    TouchId,
    /// They typed it, and Windows recognised them.
    WindowsHello,
}

impl HostMethod {
    /// Every method.
    const ALL: [Self; 5] = [Self::Terminal, Self::Fprintd, Self::Polkit, Self::TouchId, Self::WindowsHello];

    /// The method as it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Terminal => "terminal",
            Self::Fprintd => "fprintd",
            Self::Polkit => "polkit",
            Self::TouchId => "touch-id",
            Self::WindowsHello => "windows-hello",
        }
    }

    /// The origin that signatures of this method name. It is signed, and an enrolled key lists those that count for it, so
    /// a receipt of one method cannot pass for one of another.
    pub(crate) fn origin(self) -> &'static str {
        match self {
            Self::Terminal => HOST_ASSERTED_RP_ID,
            Self::Fprintd => "claviger:host-asserted/fprintd",
            Self::Polkit => "claviger:host-asserted/polkit",
            Self::TouchId => "claviger:host-asserted/touch-id",
            Self::WindowsHello => "claviger:host-asserted/windows-hello",
        }
    }

    /// The method whose origin this is.
    pub(crate) fn of_origin(origin: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.origin() == origin)
    }
}

impl fmt::Display for HostMethod {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// An answer in time.
pub(crate) type Confirmation<'a> = Pin<Box<dyn Future<Output = Result<(), Refused>> + Send + 'a>>;

/// A service of the machine that recognises people. It is asked after somebody typed a yes under the question, so that a
/// gesture which was meant for another program answers nothing here. Dropping the future takes the question back.
pub(crate) trait Presence: Send + Sync + fmt::Debug {
    /// What stands in receipts.
    fn method(&self) -> HostMethod;

    /// What the person is told to do.
    fn invitation(&self) -> &'static str;

    /// Asks once for one question. `ask` is what stands on the terminal, `chosen` what the person said yes to: that, or the
    /// lease that it offers.
    fn confirm<'a>(&'a self, ask: &'a Ask, chosen: &'a Ask) -> Confirmation<'a>;
}
