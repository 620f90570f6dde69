//! `list_vms`: virtual machines and containers of the whole cluster.

use claviger_plugin_sdk::prelude::*;
use claviger_plugin_sdk::{Credential, Failure, Request, Scalar, slice};

use crate::fetch::{EMPTY, FOR_A_MODEL, TOKEN, fetch};

/// Which machines.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {
    node: Option<String>,
    status: Option<String>,
    page: Option<u32>,
}

/// One page of machines, in the order of their numbers.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Found {
    vms: Vec<Line>,
    truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'static str>,
}

/// A machine in the list.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Line {
    vmid: u64,
    kind: String,
    node: String,
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cpus: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disk_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uptime_seconds: Option<u64>,
    template: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<String>,
}

/// A resource as Proxmox writes it.
#[derive(Deserialize)]
struct Resource {
    vmid: Option<Scalar>,
    #[serde(rename = "type")]
    kind: Option<String>,
    node: Option<String>,
    status: Option<String>,
    name: Option<String>,
    maxcpu: Option<Scalar>,
    maxmem: Option<Scalar>,
    maxdisk: Option<Scalar>,
    uptime: Option<Scalar>,
    template: Option<Scalar>,
    tags: Option<String>,
}

impl Resource {
    /// A line of the list; none for a resource without a number, which is no machine.
    fn line(self) -> Option<Line> {
        let whole = |value: Option<Scalar>| value.as_ref().and_then(Scalar::whole);
        Some(Line {
            vmid: self.vmid?.whole()?,
            kind: self.kind.unwrap_or_default(),
            node: self.node.unwrap_or_default(),
            status: self.status.unwrap_or_else(|| "unknown".to_owned()),
            name: self.name,
            cpus: whole(self.maxcpu),
            memory_bytes: whole(self.maxmem),
            disk_bytes: whole(self.maxdisk),
            uptime_seconds: whole(self.uptime),
            template: self.template.is_some_and(|flag| flag.flag()),
            tags: self.tags.filter(|tags| !tags.is_empty()),
        })
    }
}

/// Lists.
pub(crate) fn list(arguments: Arguments) -> Result<Found, Failure> {
    let credential = Credential::open(TOKEN)?;
    let request = Request::operation("list-machines").parameter("type", "vm");
    let resources = fetch(&credential, request)?.unwrap_or_default();
    Ok(found(resources, &arguments))
}

fn found(resources: Vec<Resource>, arguments: &Arguments) -> Found {
    let note = resources.is_empty().then_some(EMPTY);
    let mut vms: Vec<Line> = resources.into_iter().filter_map(Resource::line).collect();
    vms.retain(|line| is(&line.node, &arguments.node) && is(&line.status, &arguments.status));
    vms.sort_by_key(|line| line.vmid);
    let page = slice(vms, arguments.page.unwrap_or(1), FOR_A_MODEL);
    Found { vms: page.items, truncated: page.next.is_some(), next_page: page.next, note }
}

fn is(value: &str, wanted: &Option<String>) -> bool {
    wanted.as_ref().is_none_or(|wanted| wanted == value)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::{Arguments, Found, Resource, found};

    const RESOURCES: &str = r#"[
        {"id":"lxc/201","type":"lxc","vmid":"201","name":"proxy","node":"pve2","status":"running","template":0,"tags":""},
        {"id":"qemu/100","type":"qemu","vmid":100,"name":"dc01","node":"pve1","status":"running","maxcpu":4,
         "maxmem":8589934592,"maxdisk":107374182400,"uptime":1200,"template":0,"cpu":0.02,"tags":"prod;ad"},
        {"id":"qemu/900","type":"qemu","vmid":900,"node":"pve1","status":"stopped","template":1},
        {"id":"node/pve1","type":"node","node":"pve1","status":"online"}]"#;

    fn listed(arguments: &str) -> Found {
        let resources: Vec<Resource> = serde_json::from_str(RESOURCES).unwrap();
        found(resources, &serde_json::from_str(arguments).unwrap())
    }

    #[test]
    fn machines_are_listed_in_order() {
        let all = listed("{}");
        assert_eq!(all.vms.iter().map(|line| line.vmid).collect::<Vec<_>>(), [100, 201, 900]);
        assert!(all.vms.last().unwrap().template && all.note.is_none() && !all.truncated);
    }

    #[test]
    fn node_and_status_narrow_the_list() {
        assert_eq!(listed(r#"{"node":"pve1"}"#).vms.len(), 2);
        assert_eq!(listed(r#"{"node":"pve1","status":"running"}"#).vms.len(), 1);
        let none = listed(r#"{"node":"pve9"}"#);
        assert!(none.vms.is_empty() && none.note.is_none(), "the list was not empty, only the choice");
    }

    #[test]
    fn an_empty_cluster_comes_with_a_hint() {
        let empty = found(Vec::new(), &Arguments::default());
        assert!(empty.note.unwrap().contains("privilege separation"));
    }

    #[test]
    fn long_lists_come_in_pages() {
        let many: Vec<Resource> =
            serde_json::from_str(&format!("[{}{{\"vmid\":1}}]", "{\"vmid\":2},".repeat(200))).unwrap();
        let first = found(many, &Arguments::default());
        assert_eq!((first.vms.len(), first.truncated, first.next_page), (200, true, Some(2)));
    }
}
