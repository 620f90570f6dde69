//! Nodes and virtual machines.

use serde_json::{Value, json};

use super::Failure;
use super::auth::Session;
use super::parameters::{Parameters, refused};

/// Name, online, cores, memory in GiB.
const NODES: [(&str, bool, u64, u64); 3] = [("pve1", true, 32, 256), ("pve2", true, 32, 256), ("pve3", false, 16, 128)];

/// One virtual machine of the cluster.
struct Vm {
    id: u64,
    name: &'static str,
    node: &'static str,
    running: bool,
    cores: u64,
    memory: u64,
    template: bool,
}

const fn vm(id: u64, name: &'static str, node: &'static str, running: bool, cores: u64, memory: u64) -> Vm {
    Vm { id, name, node, running, cores, memory, template: false }
}

/// Memory in MiB.
const VMS: [Vm; 9] = [
    vm(100, "acme-dc01", "pve1", true, 4, 8_192),
    vm(101, "acme-files", "pve1", true, 4, 16_384),
    vm(102, "acme-rds", "pve2", true, 16, 65_536),
    vm(110, "globex-erp", "pve2", true, 8, 32_768),
    vm(111, "globex-sql", "pve2", false, 8, 65_536),
    vm(120, "initech-build", "pve1", true, 12, 24_576),
    vm(121, "initech-test", "pve1", false, 2, 4_096),
    vm(130, "umbra-pacs", "pve2", true, 8, 49_152),
    Vm { id: 900, name: "debian-template", node: "pve1", running: false, cores: 2, memory: 2_048, template: true },
];

const GIB: u64 = 1024 * 1024 * 1024;
const MIB: u64 = 1024 * 1024;
/// The disk of every machine.
const DISK: u64 = 64 * GIB;

/// Answers a GET, or `None` when there is no such path.
pub(super) fn route(rest: &[&str], session: &Session, given: &Parameters) -> Option<Result<Value, Failure>> {
    Some(match rest {
        ["version"] => {
            given.none().map(|()| json!({"version": "8.4.1", "release": "8.4", "repoid": "2a5fa54a8503f96d"}))
        }
        ["nodes"] => given.none().map(|()| seen(session, NODES.iter().map(node).collect())),
        ["cluster", "resources"] => resources(session, given),
        ["nodes", name, "qemu"] => given.only(&["full"]).and_then(|()| machines(session, name)),
        ["nodes", name, "qemu", id, "status", "current"] => {
            given.none().and_then(|()| machine(session, name, id)).map(current)
        }
        ["nodes", name, "qemu", id, "config"] => {
            given.only(&["current", "snapshot"]).and_then(|()| machine(session, name, id)).map(config)
        }
        _ => return None,
    })
}

/// A token without rights is not told that it has none: it sees nothing.
fn seen(session: &Session, all: Vec<Value>) -> Value {
    Value::Array(if session.rights { all } else { Vec::new() })
}

fn node((name, online, cores, memory): &(&str, bool, u64, u64)) -> Value {
    let common = json!({"node": name, "id": format!("node/{name}"), "type": "node", "level": "",
        "status": if *online { "online" } else { "offline" }});
    let measured = json!({"cpu": 0.17, "maxcpu": cores, "mem": memory * GIB / 2, "maxmem": memory * GIB,
        "disk": DISK / 4, "maxdisk": DISK, "uptime": 2_419_200});
    // A node that does not answer has a name and a status, nothing else.
    if *online { merged(common, measured) } else { common }
}

fn resources(session: &Session, given: &Parameters) -> Result<Value, Failure> {
    given.only(&["type"])?;
    let nodes = || NODES.iter().map(node).collect::<Vec<_>>();
    let vms = || VMS.iter().map(resource).collect::<Vec<_>>();
    let all = match given.get("type") {
        None => [nodes(), vms()].concat(),
        Some("vm") => vms(),
        Some("node") => nodes(),
        Some("storage" | "sdn") => Vec::new(),
        Some(other) => {
            let why = format!("value '{other}' does not have a value in the enumeration 'vm, storage, node, sdn'");
            return Err(refused("type", &why));
        }
    };
    Ok(seen(session, all))
}

fn resource(vm: &Vm) -> Value {
    merged(
        measured(vm),
        json!({"id": format!("qemu/{}", vm.id), "node": vm.node, "type": "qemu",
        "template": u8::from(vm.template)}),
    )
}

fn measured(vm: &Vm) -> Value {
    json!({"vmid": vm.id, "name": vm.name, "status": if vm.running { "running" } else { "stopped" },
        "maxcpu": vm.cores, "cpu": if vm.running { 0.08 } else { 0.0 }, "maxmem": vm.memory * MIB,
        "mem": if vm.running { vm.memory * MIB / 2 } else { 0 }, "maxdisk": DISK, "disk": 0,
        "uptime": if vm.running { 864_000 } else { 0 }, "netin": 0, "netout": 0, "diskread": 0, "diskwrite": 0})
}

/// A node that is known but offline cannot be asked.
fn reached(name: &str) -> Result<(), Failure> {
    match NODES.iter().find(|(other, ..)| *other == name) {
        None => Err(Failure::Failed(format!("hostname lookup '{name}' failed - failed to get address info"))),
        Some((_, false, ..)) => Err(Failure::Failed("No route to host".to_owned())),
        Some(_) => Ok(()),
    }
}

fn machines(session: &Session, name: &str) -> Result<Value, Failure> {
    reached(name)?;
    let here = VMS.iter().filter(|vm| vm.node == name);
    let one = |vm: &Vm| {
        let template = if vm.template { json!({"template": 1}) } else { json!({}) };
        merged(merged(measured(vm), json!({"cpus": vm.cores})), template)
    };
    Ok(seen(session, here.map(one).collect()))
}

fn machine<'a>(session: &Session, name: &str, id: &str) -> Result<&'a Vm, Failure> {
    let number: u64 =
        id.parse().map_err(|_| refused("vmid", &format!("type check ('integer') failed - got '{id}'")))?;
    if number < 100 {
        return Err(refused("vmid", "value must have a minimum value of 100"));
    }
    if !session.rights {
        return Err(Failure::Permission(format!("/vms/{number}, VM.Audit")));
    }
    reached(name)?;
    let missing = || format!("Configuration file 'nodes/{name}/qemu-server/{number}.conf' does not exist");
    VMS.iter().find(|vm| vm.id == number && vm.node == name).ok_or_else(|| Failure::Failed(missing()))
}

fn current(vm: &Vm) -> Value {
    merged(
        measured(vm),
        json!({"cpus": vm.cores, "ha": {"managed": 0},
        "qmpstatus": if vm.running { "running" } else { "stopped" }, "pid": if vm.running { json!(4_242) } else { Value::Null }}),
    )
}

fn config(vm: &Vm) -> Value {
    json!({"name": vm.name, "cores": vm.cores, "sockets": 1, "memory": vm.memory.to_string(), "ostype": "l26",
        "boot": "order=scsi0", "scsihw": "virtio-scsi-single",
        "scsi0": format!("local-lvm:vm-{}-disk-0,size=64G", vm.id), "net0": "virtio=BC:24:11:00:00:01,bridge=vmbr0",
        "onboot": 1, "digest": "6b1f0a6c2d9e4a7f8b3c5d1e0f2a4b6c8d0e1f3a"})
}

fn merged(mut left: Value, right: Value) -> Value {
    if let (Some(left), Value::Object(right)) = (left.as_object_mut(), right) {
        left.extend(right);
    }
    left
}
