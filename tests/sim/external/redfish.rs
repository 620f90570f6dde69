//! The Redfish server of `sushy-tools`, with its fake driver.

use std::io;
use std::net::SocketAddr;
use std::process::Command;

use serde_json::{Value, json};

use super::installation::{Installation, launcher};
use super::process::{self, Process};
use crate::TestCa;

/// A machine that the server manages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RedfishSystem {
    /// Its UUID: the identifier in `/redfish/v1/Systems/{uuid}`.
    pub uuid: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Whether it is powered: `PowerState` is `On` or `Off`.
    pub powered: bool,
}

/// A running Redfish server. Dropping it ends it.
#[derive(Debug)]
pub struct Redfish {
    process: Process,
}

impl Redfish {
    /// The machines that it manages.
    pub const SYSTEMS: [RedfishSystem; 3] = [
        RedfishSystem { uuid: "5b0c3a52-11d6-4d6e-9d0c-0a4f6f1c7e01", name: "rack1-node1", powered: true },
        RedfishSystem { uuid: "5b0c3a52-11d6-4d6e-9d0c-0a4f6f1c7e02", name: "rack1-node2", powered: true },
        RedfishSystem { uuid: "5b0c3a52-11d6-4d6e-9d0c-0a4f6f1c7e03", name: "rack1-node3", powered: false },
    ];

    /// Starts it over TLS 1.2 and 1.3 with one user, and waits until it listens.
    ///
    /// # Errors
    /// When it is not installed, or does not start.
    pub fn start(ca: &TestCa, user: &str, password: &str) -> io::Result<Self> {
        let python = Installation::find().python()?;
        let prepared = process::prepare(ca)?;
        let systems: Vec<Value> = Self::SYSTEMS.iter().map(RedfishSystem::told).collect();
        let told = json!({
            "certificate": prepared.certificate, "key": prepared.key, "user": user, "password": password,
            "systems": systems, "state": prepared.directory.path(),
        });
        let mut command = Command::new(python);
        // `-I`: neither the environment nor the working directory brings in other modules.
        command.arg("-I").arg(launcher("redfish.py"));
        Ok(Self { process: Process::start(command, &told, prepared.directory)? })
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.process.addr
    }

    /// Scheme, address and port.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("https://{}", self.process.addr)
    }
}

impl RedfishSystem {
    fn told(&self) -> Value {
        json!({"uuid": self.uuid, "name": self.name, "power_state": if self.powered { "On" } else { "Off" }})
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]
#[path = "redfish_tests.rs"]
mod tests;
