//! `list_nodes`: the cluster's nodes and how busy they are.

use claviger_plugin_sdk::prelude::*;
use claviger_plugin_sdk::{Credential, Failure, Request, Scalar};

use crate::fetch::{EMPTY, TOKEN, fetch};

/// Nothing is asked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {}

/// The nodes in the order of their names.
#[derive(Serialize)]
pub(crate) struct Found {
    nodes: Vec<Line>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'static str>,
}

/// A node in the list.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Line {
    node: String,
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    cpus: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu_percent: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_used_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uptime_seconds: Option<u64>,
}

/// A node as Proxmox writes it. Without the privilege to audit it, only name and status are there.
#[derive(Deserialize)]
struct Node {
    node: String,
    status: Option<String>,
    maxcpu: Option<Scalar>,
    cpu: Option<f64>,
    maxmem: Option<Scalar>,
    mem: Option<Scalar>,
    uptime: Option<Scalar>,
}

impl From<Node> for Line {
    fn from(node: Node) -> Self {
        let whole = |value: Option<Scalar>| value.as_ref().and_then(Scalar::whole);
        Self {
            node: node.node,
            status: node.status.unwrap_or_else(|| "unknown".to_owned()),
            cpus: whole(node.maxcpu),
            cpu_percent: node.cpu.and_then(percent),
            memory_bytes: whole(node.maxmem),
            memory_used_bytes: whole(node.mem),
            uptime_seconds: whole(node.uptime),
        }
    }
}

/// A fraction as whole per cent. Through text, because it is the one conversion that cannot go wrong silently.
pub(crate) fn percent(fraction: f64) -> Option<u64> {
    format!("{:.0}", fraction * 100.0).parse().ok()
}

/// Lists.
pub(crate) fn list(_: Arguments) -> Result<Found, Failure> {
    let credential = Credential::open(TOKEN)?;
    let nodes: Vec<Node> = fetch(&credential, Request::operation("list-nodes"))?.unwrap_or_default();
    let mut nodes: Vec<Line> = nodes.into_iter().map(Line::from).collect();
    nodes.sort_by(|one, other| one.node.cmp(&other.node));
    let note = nodes.is_empty().then_some(EMPTY);
    Ok(Found { nodes, note })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::{Line, Node, percent};

    #[test]
    fn a_node_is_read_with_and_without_privileges() {
        let node: Node = serde_json::from_str(
            r#"{"id":"node/pve1","node":"pve1","status":"online","maxcpu":16,"cpu":0.1262,"maxmem":67430760448,
                "mem":"12884901888","uptime":86400,"type":"node","level":"","ssl_fingerprint":"AA:BB"}"#,
        )
        .unwrap();
        assert_eq!(
            serde_json::to_string(&Line::from(node)).unwrap(),
            r#"{"node":"pve1","status":"online","cpus":16,"cpu_percent":13,"memory_bytes":67430760448,"memory_used_bytes":12884901888,"uptime_seconds":86400}"#
        );
        let bare: Node = serde_json::from_str(r#"{"node":"pve2","status":"offline"}"#).unwrap();
        assert_eq!(serde_json::to_string(&Line::from(bare)).unwrap(), r#"{"node":"pve2","status":"offline"}"#);
    }

    #[test]
    fn fractions_become_per_cent() {
        assert_eq!(
            [0.0, 0.004, 0.995, 1.0, -0.5, f64::NAN].map(percent),
            [Some(0), Some(0), Some(100), Some(100), None, None]
        );
    }
}
