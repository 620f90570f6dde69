//! The configuration of a machine: some keys are fixed, disks and network cards are numbered.

use claviger_plugin_sdk::prelude::*;
use claviger_plugin_sdk::{Scalar, excerpt};

/// The longest description passed on, in characters.
const DESCRIPTION: usize = 2_000;

/// Keys of disks, before their number. `rootfs` and `mp` are those of containers.
const DISKS: [&str; 8] = ["scsi", "virtio", "sata", "ide", "efidisk", "tpmstate", "rootfs", "mp"];

/// Keys of network cards, before their number.
const NETWORKS: [&str; 1] = ["net"];

/// The configuration as Proxmox writes it: one flat object. Keys that are not named here stay behind, among them the
/// passwords and SSH keys of cloud-init.
pub(crate) type Settings = BTreeMap<String, Option<Scalar>>;

/// The configuration as it is passed on.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Config {
    #[serde(skip_serializing_if = "Option::is_none")]
    cores: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sockets: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_mib: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    os_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    start_on_boot: bool,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    disks: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    networks: BTreeMap<String, String>,
}

impl From<Settings> for Config {
    fn from(settings: Settings) -> Self {
        let value = |key: &str| settings.get(key).and_then(Option::as_ref);
        let whole = |key| value(key).and_then(Scalar::whole);
        Self {
            cores: whole("cores"),
            sockets: whole("sockets"),
            memory_mib: whole("memory"),
            os_type: value("ostype").map(|text| text.as_str().to_owned()),
            description: value("description").map(|text| excerpt(text.as_str(), DESCRIPTION)),
            start_on_boot: value("onboot").is_some_and(Scalar::flag),
            disks: numbered(&settings, &DISKS),
            networks: numbered(&settings, &NETWORKS),
        }
    }
}

fn numbered(settings: &Settings, prefixes: &[&str]) -> BTreeMap<String, String> {
    let of = |(key, value): (&String, &Option<Scalar>)| {
        let text = value.as_ref()?.as_str();
        is_numbered(key, prefixes).then(|| (key.clone(), text.to_owned()))
    };
    settings.iter().filter_map(of).collect()
}

/// A prefix and then only digits, possibly none: `scsi0` and `rootfs`, not `scsihw`.
fn is_numbered(key: &str, prefixes: &[&str]) -> bool {
    prefixes
        .iter()
        .filter_map(|prefix| key.strip_prefix(prefix))
        .any(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::{Config, Settings};

    #[test]
    fn what_a_machine_has_is_passed_on_and_cloud_init_stays_behind() {
        let settings: Settings = serde_json::from_str(
            r#"{"name":"dc01","cores":2,"sockets":"1","memory":"4096","ostype":"win11","onboot":1,"scsihw":"virtio-scsi-pci",
                "scsi0":"local-lvm:vm-100-disk-0,size=100G","net0":"virtio=BC:24:11:00:00:01,bridge=vmbr0","nameserver":"1.1.1.1",
                "cipassword":"**********","sshkeys":"ssh-ed25519%20AAAA","digest":"abc","description":"Domain\tcontroller","boot":null}"#,
        )
        .unwrap();
        assert_eq!(
            serde_json::to_string(&Config::from(settings)).unwrap(),
            r#"{"cores":2,"sockets":1,"memory_mib":4096,"os_type":"win11","description":"Domain controller","start_on_boot":true,"disks":{"scsi0":"local-lvm:vm-100-disk-0,size=100G"},"networks":{"net0":"virtio=BC:24:11:00:00:01,bridge=vmbr0"}}"#
        );
    }

    #[test]
    fn containers_have_a_root_and_mount_points() {
        let settings: Settings =
            serde_json::from_str(r#"{"rootfs":"local:8","mp0":"tank:1","mpx":"no","memory":512}"#).unwrap();
        assert_eq!(Config::from(settings).disks.into_keys().collect::<Vec<_>>(), ["mp0", "rootfs"]);
    }
}
