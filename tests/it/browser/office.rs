//! A laboratory whose approvals are asked for in the browser, and a person who has a passkey.

use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};

use claviger_lab::{Lab, Upstream};

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
        let adding = Program::start(&self.lab, &["approver", "add", "--name", name, "--role", "technician"]);
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
