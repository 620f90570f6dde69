//! One connection for each upstream, as an operator would set it up.

use std::net::SocketAddr;
use std::time::Duration;

use claviger_sim::{
    ApiToken, Connectwise, ConnectwiseConfig, Minting, Pax8, Pax8Config, Proxmox, ProxmoxConfig, Redfish, Running,
};

use crate::run::path_text;
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
        self.must(&["plugin", "install", path_text(&package)?, "--trust", path_text(&key)?]).map(|_| ())
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
        let authority = format!("{endpoint}={}", path_text(&ca)?);
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
        more.extend(bindings(&secrets, "company"));
        self.connect("psa", "psa", "api", running.addr, &more)?;
        Ok(Upstream { running, canaries })
    }

    /// A Proxmox VE cluster with its connection, `pve`; rotation is granted, new tokens go to the vault `MSP`.
    ///
    /// # Errors
    /// [`LabError`] when the server or the program fails.
    pub fn hypervisor(&self) -> Result<Upstream, LabError> {
        let upstream = self.proxmox(false)?;
        self.install("hypervisor")?;
        self.connect_hypervisor("pve", "hypervisor", &upstream, "MSP")?;
        Ok(upstream)
    }

    /// A Proxmox VE cluster, its token in the vault, and nothing else. A token with privilege separation has no rights here.
    ///
    /// # Errors
    /// [`LabError`] when the server or the program fails.
    pub fn proxmox(&self, separated: bool) -> Result<Upstream, LabError> {
        let secret = self.canary("token-secret")?;
        let token = ApiToken {
            user: PROXMOX_USER.to_owned(),
            id: PROXMOX_TOKEN.to_owned(),
            secret: secret.value.clone(),
            privsep: separated,
            acl: !separated,
        };
        let names = vec!["pve1.example".to_owned()];
        let config = ProxmoxConfig { tokens: vec![token], auth_delay: Duration::from_millis(50), names };
        let running = Proxmox::start(&self.ca, config)?;
        let id = format!("{PROXMOX_USER}!{PROXMOX_TOKEN}");
        let put = self.run_with(&["secret", "put", "op://MSP/Proxmox/token-id"], id.as_bytes())?;
        if put.code != 0 {
            return Err(LabError::new(put.stderr));
        }
        self.put("op://MSP/Proxmox/token-secret", &secret)?;
        Ok(Upstream { running, canaries: vec![secret] })
    }

    /// A connection of the hypervisor plugin, or of a variant of it, to such a cluster; rotation is granted and new tokens go
    /// to `vault`.
    ///
    /// # Errors
    /// [`LabError`] when the program refuses it.
    pub fn connect_hypervisor(
        &self,
        name: &str,
        plugin: &str,
        upstream: &Upstream,
        vault: &str,
    ) -> Result<(), LabError> {
        let destination = format!("api-token={vault}");
        let more = [
            "--setting",
            "host=pve1.example",
            "--identifier",
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
            &destination,
        ];
        self.connect(name, plugin, "api", upstream.running.addr, &more)
    }

    /// A Pax8 with its connection, `pax8`; it mints tokens itself, and they live as long as `lifetime`.
    ///
    /// # Errors
    /// [`LabError`] when the server or the program fails.
    pub fn pax8(&self, lifetime: Duration, throttle: u32) -> Result<Upstream, LabError> {
        let canaries = vec![self.canary("client-id")?, self.canary("client-secret")?];
        let upstream = self.market(Minting::Own { lifetime }, throttle, canaries)?;
        self.install("pax8")?;
        self.connect_pax8("pax8", "pax8", &upstream, &[])?;
        Ok(upstream)
    }

    /// A Pax8, its client's identifier and secret in the vault, and nothing else.
    ///
    /// # Errors
    /// [`LabError`] when the server or the program fails.
    pub fn market(&self, minting: Minting, throttle: u32, canaries: Vec<Canary>) -> Result<Upstream, LabError> {
        let value = |index: usize| canaries.get(index).map(|canary| canary.value.clone()).unwrap_or_default();
        let config = Pax8Config {
            client_id: value(0),
            client_secret: value(1),
            minting,
            throttle,
            names: vec!["api.pax8.com".to_owned()],
        };
        let running = Pax8::start(&self.ca, config)?;
        self.put_all("op://MSP/Pax8", &canaries)?;
        Ok(Upstream { running, canaries })
    }

    /// A connection of the pax8 plugin, or of a variant of it, to such a server.
    ///
    /// # Errors
    /// [`LabError`] when the program refuses it.
    pub fn connect_pax8(&self, name: &str, plugin: &str, upstream: &Upstream, more: &[&str]) -> Result<(), LabError> {
        let bound = upstream.canaries.iter().map(|canary| format!("{0}=op://MSP/Pax8/{0}", canary.name));
        let bound: Vec<String> = bound.collect();
        let mut all: Vec<&str> = bound.iter().flat_map(|secret| ["--secret", secret.as_str()]).collect();
        all.extend(more);
        self.connect(name, plugin, "api", upstream.running.addr, &all)
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
        more.extend(bindings(&secrets, "bmc-user"));
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

/// Options that bind secrets, one of them as the name that it is.
fn bindings<'a>(secrets: &'a [String], identifier: &str) -> Vec<&'a str> {
    let option = |secret: &String| match secret.split_once('=') {
        Some((name, _)) if name == identifier => "--identifier",
        _ => "--secret",
    };
    secrets.iter().flat_map(|secret| [option(secret), secret.as_str()]).collect()
}
