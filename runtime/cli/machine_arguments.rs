//! Which service of this machine confirms who agreed, as the command line names it.

use clap::Args;
use claviger_approval::HostMethod;

/// A service of this machine, instead of a passkey.
#[derive(Args)]
#[group(id = "machine", multiple = false, conflicts_with_all = ["name", "role"])]
pub(crate) struct Machine {
    /// Let the host's own word count after a finger on this machine's reader, for `approver = "fprintd"`
    #[arg(long)]
    fprintd: bool,
    /// Let the host's own word count after its user authenticated in polkit's dialog, for `approver = "polkit"`
    #[arg(long)]
    polkit: bool,
    /// Let the host's own word count after macOS recognised its user, for `approver = "touch-id"`
    #[arg(long)]
    touch_id: bool,
    /// Let the host's own word count after Windows recognised its user, for `approver = "windows-hello"`
    #[arg(long)]
    windows_hello: bool,
}

impl Machine {
    /// Which, if any.
    pub(crate) fn method(&self) -> Option<HostMethod> {
        let named = [
            (self.fprintd, HostMethod::Fprintd),
            (self.polkit, HostMethod::Polkit),
            (self.touch_id, HostMethod::TouchId),
            (self.windows_hello, HostMethod::WindowsHello),
        ];
        named.into_iter().find_map(|(is_named, method)| is_named.then_some(method))
    }
}
