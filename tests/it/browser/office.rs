//! A laboratory whose approvals are asked for in the browser, and a person who has a passkey.

use std::fs;
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;

use claviger_lab::{Lab, Upstream};
use claviger_sim::{Identity, TestCa};

use super::chromium::{Chromium, Tab};
use super::program::Program;
use crate::cli::variant::configure;
use crate::laboratory::lab;

/// The laboratory, its page's port, and a service desk as the upstream.
pub(crate) struct Office {
    pub(crate) lab: Lab,
    pub(crate) psa: Upstream,
    pub(crate) port: u16,
}

impl Office {
    pub(crate) fn new() -> Self {
        let lab = lab();
        let psa = lab.psa(0).unwrap();
        let port = free_port();
        configure(&lab.state(), |text| {
            let text = text.replace("approver = \"simulated\"", "approver = \"web\"");
            format!("{text}\n[web]\nport = {port}\nopen-browser = false\n")
        });
        Self { lab, psa, port }
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://claviger.localhost:{}", self.port)
    }

    /// Enrols the tab's authenticator through the real command.
    pub(crate) async fn enrol(&self, tab: &Tab, name: &str) {
        self.enrol_as(tab, name, "technician").await;
    }

    /// The same in a role.
    pub(crate) async fn enrol_as(&self, tab: &Tab, name: &str, role: &str) {
        let adding = Program::start(&self.lab, &["approver", "add", "--name", name, "--role", role]);
        tab.open(&adding.link(1).await).await;
        tab.ready().await;
        tab.click("#enrol").await;
        tab.says("Enrolled.").await;
        let ran = adding.ended().await;
        assert_eq!(ran.code, 0, "{}", ran.stderr);
    }

    /// Calls a tool that reads, and gives the program while it waits.
    pub(crate) fn call(&self) -> Program<'_> {
        Program::start(&self.lab, &["call", "psa.search_tickets", "--args", "{}"])
    }

    /// A browser and a tab whose person has enrolled.
    pub(crate) async fn with_person(&self) -> (Chromium, Tab) {
        let chromium = Chromium::start().await;
        let tab = chromium.tab().await;
        self.enrol(&tab, "alex").await;
        (chromium, tab)
    }

    /// The newest entries of the log, as JSON.
    pub(crate) fn log(&self) -> Vec<serde_json::Value> {
        self.lab.entries().unwrap()
    }
}

/// The host of a team's page in every test.
pub(crate) const TEAM: &str = "approve.acme.example";

/// An office whose people are elsewhere.
pub(crate) struct Team {
    pub(crate) office: Office,
    pub(crate) ca: TestCa,
    pub(crate) identity: Identity,
    /// How the rest of `[web]` reads.
    lines: String,
}

impl Team {
    /// TLS ends in the program, which listens on every address of this machine.
    pub(crate) fn new() -> Self {
        Self::with(Office::new(), TestCa::new().unwrap())
    }

    /// Another program under the same name, on another port.
    pub(crate) fn beside(&self) -> Self {
        Self::with(Office::new(), TestCa::new().unwrap())
    }

    fn with(office: Office, ca: TestCa) -> Self {
        let identity = ca.issue_only(&[TEAM.to_owned()]).unwrap();
        let (certificate, key) = (office.lab.beside("page.crt"), office.lab.beside("page.key"));
        fs::write(&certificate, &identity.certificate).unwrap();
        fs::write(&key, &identity.key).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        let lines = format!("listen = \"0.0.0.0:{}\"\ncertificate = {certificate:?}\nkey = {key:?}\n", office.port);
        let team = Self { office, ca, identity, lines };
        team.configure(&team.lines);
        team
    }

    /// Writes `[web]` anew, with the team's origin.
    pub(crate) fn configure(&self, lines: &str) {
        let origin = self.origin();
        configure(&self.office.lab.state(), |text| {
            let before = text.split("[web]").next().unwrap().to_owned();
            format!("{before}[web]\norigin = \"{origin}\"\n{lines}")
        });
    }

    pub(crate) fn origin(&self) -> String {
        format!("https://{TEAM}:{}", self.office.port)
    }

    /// A browser that finds the name here and takes the certificates of these authorities' keys.
    pub(crate) async fn chromium(&self, others: &[&Self]) -> Chromium {
        let all = others.iter().copied().chain([self]);
        let pins: Vec<String> =
            all.map(|team| team.identity.spki_pin().trim_start_matches("spki-sha256:").to_owned()).collect();
        Chromium::start_with(&[
            format!("host-resolver-rules=MAP {TEAM} 127.0.0.1"),
            format!("ignore-certificate-errors-spki-list={}", pins.join(",")),
        ])
        .await
    }

    /// A browser of a person who is enrolled.
    pub(crate) async fn person(&self, name: &str) -> (Chromium, Tab) {
        let chromium = self.chromium(&[]).await;
        let tab = chromium.tab().await;
        self.office.enrol(&tab, name).await;
        (chromium, tab)
    }

    /// Opens an address and signs in there.
    pub(crate) async fn sign_in(&self, tab: &Tab, address: &str) {
        tab.open(address).await;
        tab.says("Sign in with a passkey").await;
        tab.click("#sign-in").await;
        tab.until("!document.getElementById('sign-in')").await;
    }
}

/// A port that nobody has on either loopback address, now.
pub(crate) fn free_port() -> u16 {
    loop {
        let four = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = four.local_addr().unwrap().port();
        if TcpListener::bind((Ipv6Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}
