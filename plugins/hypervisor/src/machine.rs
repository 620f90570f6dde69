//! `get_vm`: one machine, what it does now and how it is set up.

use claviger_plugin_sdk::prelude::*;
use claviger_plugin_sdk::{Credential, Failure, Request, Scalar};

use crate::fetch::{TOKEN, fetch_one};
use crate::machine_config::{Config, Settings};
use crate::nodes::percent;

/// Which machine.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {
    node: String,
    vmid: u64,
    kind: Option<Kind>,
}

/// What kind of machine. They are different parts of the API.
#[derive(Clone, Copy, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    #[default]
    Qemu,
    Lxc,
}

impl Kind {
    fn operations(self) -> (&'static str, &'static str) {
        match self {
            Self::Qemu => ("get-vm-status", "get-vm-config"),
            Self::Lxc => ("get-container-status", "get-container-config"),
        }
    }
}

/// The machine.
#[derive(Serialize)]
pub(crate) struct Machine {
    vmid: u64,
    node: String,
    kind: Kind,
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lock: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uptime_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cpus: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu_percent: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_used_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disk_bytes: Option<u64>,
    config: Config,
}

/// The current state as Proxmox writes it.
#[derive(Deserialize)]
struct Current {
    status: Option<String>,
    name: Option<String>,
    lock: Option<String>,
    uptime: Option<Scalar>,
    cpus: Option<Scalar>,
    cpu: Option<f64>,
    maxmem: Option<Scalar>,
    mem: Option<Scalar>,
    maxdisk: Option<Scalar>,
}

/// Fetches both.
pub(crate) fn get(arguments: Arguments) -> Result<Machine, Failure> {
    let credential = Credential::open(TOKEN)?;
    let kind = arguments.kind.unwrap_or_default();
    let (status, config) = kind.operations();
    let of =
        |operation| Request::operation(operation).parameter("node", &arguments.node).parameter("vmid", arguments.vmid);
    let current: Current = fetch_one(&credential, of(status))?;
    let settings: Settings = fetch_one(&credential, of(config))?;
    Ok(machine(arguments.node, arguments.vmid, kind, current, Config::from(settings)))
}

fn machine(node: String, vmid: u64, kind: Kind, current: Current, config: Config) -> Machine {
    let whole = |value: Option<Scalar>| value.as_ref().and_then(Scalar::whole);
    Machine {
        vmid,
        node,
        kind,
        status: current.status.unwrap_or_else(|| "unknown".to_owned()),
        name: current.name,
        lock: current.lock,
        uptime_seconds: whole(current.uptime),
        cpus: whole(current.cpus),
        cpu_percent: current.cpu.and_then(percent),
        memory_bytes: whole(current.maxmem),
        memory_used_bytes: whole(current.mem),
        disk_bytes: whole(current.maxdisk),
        config,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::{Arguments, Config, Current, Kind, machine};

    #[test]
    fn a_machine_is_read() {
        let current: Current = serde_json::from_str(
            r#"{"status":"running","vmid":100,"name":"dc01","cpus":4,"cpu":0.0151,"maxmem":8589934592,"mem":4294967296,
                "maxdisk":107374182400,"uptime":1200,"qmpstatus":"running","ha":{"managed":0},"agent":1,"pid":1234}"#,
        )
        .unwrap();
        let machine = machine("pve1".into(), 100, Kind::Qemu, current, Config::default());
        assert_eq!(
            serde_json::to_string(&machine).unwrap(),
            r#"{"vmid":100,"node":"pve1","kind":"qemu","status":"running","name":"dc01","uptime_seconds":1200,"cpus":4,"cpu_percent":2,"memory_bytes":8589934592,"memory_used_bytes":4294967296,"disk_bytes":107374182400,"config":{"start_on_boot":false}}"#
        );
    }

    #[test]
    fn the_kind_chooses_the_operations() {
        let arguments: Arguments = serde_json::from_str(r#"{"node":"pve1","vmid":7,"kind":"lxc"}"#).unwrap();
        assert_eq!(arguments.kind.unwrap_or_default().operations().0, "get-container-status");
        assert!(serde_json::from_str::<Arguments>(r#"{"node":"pve1","vmid":7,"kind":"../nodes"}"#).is_err());
    }
}
