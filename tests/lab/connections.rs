//! One connection for each upstream, as an operator would set it up.

use std::net::SocketAddr;
use std::time::Duration;

use claviger_sim::{
    ApiToken, Connectwise, ConnectwiseConfig, Minting, Pax8, Pax8Config, Proxmox, ProxmoxConfig, Redfish, Running,
};

use crate::{Canary, Lab, LabError};

/// The user of the hypervisor's API token.
const PROXMOX_USER: &str = "claviger@pve";
/// The name of the token that exists from the start.
const PROXMOX_TOKEN: &str = "agent";

/// An upstream that runs for as long as this value lives.
pub struct Upstream {
    /// The server, and what it saw.
    pub running: Running,
    /// The secrets that it expects.
    pub canaries: Vec<Canary>,
}

impl Lab {
    /// Installs a plugin and trusts its publisher.
    ///
    /// # Errors
    /// [`LabError`] when the program refuses it.
    pub fn install(&self, plugin: &str) -> Result<(), LabError> {
        let package = self.package(plugin);
        let key = package.with_file_name("publisher.pub");
        self.must(&["plugin", "install", text(&package)?, "--trust", text(&key)?]).map(|_| ())
    }

    /// Adds a connection to an upstream on this machine: its authority, its address, its network, all reads granted.
    ///
    /// # Errors
    /// [`LabError`] when the program refuses it.
    pub fn connect(
        &self,
        name: &str,
        plugin: &str,
        endpoint: &str,
        address: SocketAddr,
        more: &[&str],
    ) -> Result<(), LabError> {
        let ca = self.file(&format!("{name}.pem"), self.ca.pem().as_bytes())?;
        let authority = format!("{endpoint}={}", text(&ca)?);
        let dialled = format!("{endpoint}={address}");
        let mut arguments = vec!["connection", "add", name, "--plugin", plugin, "--ca", &authority];
        arguments.extend(["--connect", &dialled, "--network", "127.0.0.0/8", "--allow", "all-reads"]);
        arguments.extend(more);
        self.must(&arguments).map(|_| ())
    }

    /// A ConnectWise PSA with its connection, `psa`; the first `throttle` requests are answered 429.
    ///
    /// # Errors
    /// [`LabError`] when the server or the program fails.
    pub fn psa(&self, throttle: u32) -> Result<Upstream, LabError> {
        let canaries = ["company", "public-key", "private-key", "client-id"].map(|name| self.canary(name));
        let [company, public_key, private_key, client_id] = canaries;
        let canaries = vec![company?, public_key?, private_key?, client_id?];
        let value = |index: usize| canaries.get(index).map(|canary| canary.value.clone()).unwrap_or_default();
        let config = ConnectwiseConfig {
            company: value(0),
            public_key: value(1),
            private_key: value(2),
            client_id: value(3),
            throttle,
            names: vec!["api-na.myconnectwise.net".to_owned()],
        };
        let running = Connectwise::start(&self.ca, config)?;
        self.install("psa")?;
        let secrets = self.put_all("op://MSP/ConnectWise", &canaries)?;
        let mut more = vec!["--client", "Acme Manufacturing"];
        more.extend(secrets.iter().flat_map(|secret| ["--secret", secret.as_str()]));
        self.connect("psa", "psa", "api", running.addr, &more)?;
        Ok(Upstream { running, canaries })
    }

    /// A Proxmox VE cluster with its connection, `pve`; rotation is granted, new tokens go to the vault `MSP`.
    ///
    /// # Errors
    /// [`LabError`] when the server or the program fails.
    pub fn hypervisor(&self) -> Result<Upstream, LabError> {
        let secret = self.canary("token-secret")?;
        let token = ApiToken {
            user: PROXMOX_USER.to_owned(),
            id: PROXMOX_TOKEN.to_owned(),
            secret: secret.value.clone(),
            privsep: false,
            acl: true,
        };
        let names = vec!["pve1.example".to_owned()];
        let config = ProxmoxConfig { tokens: vec![token], auth_delay: Duration::from_millis(50), names };
        let running = Proxmox::start(&self.ca, config)?;
        self.install("hypervisor")?;
        let id = format!("{PROXMOX_USER}!{PROXMOX_TOKEN}");
        let put = self.run_with(&["secret", "put", "op://MSP/Proxmox/token-id"], id.as_bytes())?;
        if put.code != 0 {
            return Err(LabError::new(put.stderr));
        }
        self.put("op://MSP/Proxmox/token-secret", &secret)?;
        let more = [
            "--setting",
            "host=pve1.example",
            "--secret",
            "token-id=op://MSP/Proxmox/token-id",
            "--secret",
            "token-secret=op://MSP/Proxmox/token-secret",
            "--allow",
            "mint-token",
            "--allow",
            "revoke-token",
            "--allow-write-back",
            "api-token",
            "--write-back",
            "api-token=MSP",
        ];
        self.connect("pve", "hypervisor", "api", running.addr, &more)?;
        Ok(Upstream { running, canaries: vec![secret] })
    }

    /// A Pax8 with its connection, `pax8`; it mints tokens itself, and they live as long as `lifetime`.
    ///
    /// # Errors
    /// [`LabError`] when the server or the program fails.
    pub fn pax8(&self, lifetime: Duration, throttle: u32) -> Result<Upstream, LabError> {
        let canaries = vec![self.canary("client-id")?, self.canary("client-secret")?];
        let value = |index: usize| canaries.get(index).map(|canary| canary.value.clone()).unwrap_or_default();
        let config = Pax8Config {
            client_id: value(0),
            client_secret: value(1),
            minting: Minting::Own { lifetime },
            throttle,
            names: vec!["api.pax8.com".to_owned()],
        };
        let running = Pax8::start(&self.ca, config)?;
        self.install("pax8")?;
        let secrets = self.put_all("op://MSP/Pax8", &canaries)?;
        let more: Vec<&str> = secrets.iter().flat_map(|secret| ["--secret", secret.as_str()]).collect();
        self.connect("pax8", "pax8", "api", running.addr, &more)?;
        Ok(Upstream { running, canaries })
    }

    /// The Redfish server of `sushy-tools` with its connection, `bmc`.
    ///
    /// # Errors
    /// [`LabError`] when the server is not installed, or the program fails.
    pub fn redfish(&self) -> Result<Redfish, LabError> {
        let (user, password) = (self.canary("bmc-user")?, self.canary("bmc-password")?);
        let server = Redfish::start(&self.ca, &user.value, &password.value)?;
        self.install("hypervisor")?;
        let secrets = self.put_all("op://MSP/Rack 1", &[user, password])?;
        let mut more = vec!["--setting", "redfish-host=localhost"];
        more.extend(secrets.iter().flat_map(|secret| ["--secret", secret.as_str()]));
        self.connect("bmc", "hypervisor", "redfish", server.addr(), &more)?;
        Ok(server)
    }

    /// Puts canaries under an item, one field each, and gives the bindings for `connection add`.
    fn put_all(&self, item: &str, canaries: &[Canary]) -> Result<Vec<String>, LabError> {
        let put = |canary: &Canary| {
            let reference = format!("{item}/{}", canary.name);
            self.put(&reference, canary)?;
            Ok(format!("{}={reference}", canary.name))
        };
        canaries.iter().map(put).collect()
    }
}

fn text(path: &std::path::Path) -> Result<&str, LabError> {
    path.to_str().ok_or_else(|| LabError::new("a path is not UTF-8"))
}
