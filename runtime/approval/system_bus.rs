//! The bus on which the machine's own services answer.

use std::time::Duration;

use zbus::Connection;
use zbus::connection::Builder;

/// Where it is on every Linux (D-Bus specification, "System message bus"). The environment has no say in it: whoever starts
/// the host, often the agent itself, could otherwise name a bus on which everybody says yes.
const ADDRESS: &str = "unix:path=/run/dbus/system_bus_socket";

/// How long a bus is waited for. One that runs answers in milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);

/// A bus by its address.
#[derive(Clone, Debug)]
pub struct SystemBus(String);

impl Default for SystemBus {
    fn default() -> Self {
        Self(ADDRESS.to_owned())
    }
}

impl SystemBus {
    /// A bus elsewhere, as the operator's configuration names it.
    pub fn at(address: &str) -> Self {
        Self(address.to_owned())
    }

    pub(crate) async fn connect(&self) -> Result<Connection, &'static str> {
        let silent = "the system bus does not answer; see whether dbus runs, or choose another approver";
        let connected = tokio::time::timeout(PATIENCE, Builder::address(self.0.as_str()).build()).await;
        connected.map_err(|_| silent)?.map_err(|_| silent)
    }
}

#[cfg(test)]
mod tests {
    use super::SystemBus;

    /// The only test of this room's that could set the variable would race with the others; that it is read nowhere is seen
    /// in what the default is.
    #[test]
    fn the_default_is_the_machines_own_bus() {
        assert_eq!(SystemBus::default().0, "unix:path=/run/dbus/system_bus_socket");
    }
}
