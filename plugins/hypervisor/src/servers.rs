//! `list_systems`: the servers that a Redfish service knows, and their power state (DMTF DSP0266, ComputerSystem).

use claviger_plugin_sdk::prelude::*;
use claviger_plugin_sdk::{Credential, Failure, Request, Scalar, excerpt, parse};

/// The credential of a management controller.
const CREDENTIAL: &str = "bmc";

/// The most systems read. Each is a request; a controller has one, an aggregating manager some dozens.
const MOST: usize = 48;

/// The longest message that is passed on, in characters.
const MESSAGE: usize = 400;

/// Nothing is asked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {}

/// The systems in the service's own order.
#[derive(Serialize)]
pub(crate) struct Found {
    systems: Vec<Line>,
    truncated: bool,
}

/// A system in the list.
#[derive(Debug, PartialEq, Serialize)]
struct Line {
    id: String,
    power_state: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    manufacturer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    serial_number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    health: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    processors: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_gib: Option<f64>,
}

/// A collection of Redfish: links to its members, perhaps in several pages.
#[derive(Deserialize)]
struct Collection {
    #[serde(rename = "Members", default)]
    members: Vec<Link>,
    #[serde(rename = "Members@odata.nextLink")]
    next: Option<String>,
}

#[derive(Deserialize)]
struct Link {
    #[serde(rename = "@odata.id")]
    target: String,
}

/// A ComputerSystem of Redfish. Every property but the identifier may be null.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct System {
    power_state: Option<String>,
    name: Option<String>,
    host_name: Option<String>,
    manufacturer: Option<String>,
    model: Option<String>,
    serial_number: Option<String>,
    status: Option<Status>,
    processor_summary: Option<Processors>,
    memory_summary: Option<Memory>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Status {
    health: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Processors {
    count: Option<Scalar>,
}

#[derive(Deserialize)]
struct Memory {
    #[serde(rename = "TotalSystemMemoryGiB")]
    total: Option<f64>,
}

impl System {
    fn line(self, id: String) -> Line {
        Line {
            id,
            power_state: self.power_state.unwrap_or_else(|| "Unknown".to_owned()),
            name: self.name,
            host_name: self.host_name.filter(|name| !name.is_empty()),
            manufacturer: self.manufacturer,
            model: self.model,
            serial_number: self.serial_number,
            health: self.status.and_then(|status| status.health),
            processors: self.processor_summary.and_then(|summary| summary.count?.whole()),
            memory_gib: self.memory_summary.and_then(|summary| summary.total),
        }
    }
}

/// Lists.
pub(crate) fn list(_: Arguments) -> Result<Found, Failure> {
    let credential = Credential::open(CREDENTIAL)?;
    let request = Request::operation("list-systems").credential(&credential);
    let collection: Collection = request.send()?.accepted(explain)?.json()?;
    let truncated = collection.next.is_some() || collection.members.len() > MOST;
    let mut systems = Vec::new();
    for link in collection.members.iter().take(MOST) {
        let id = member(&link.target)?;
        let request = Request::operation("get-system").parameter("id", id).credential(&credential);
        let system: System = request.send()?.accepted(explain)?.json()?;
        systems.push(system.line(id.to_owned()));
    }
    Ok(Found { systems, truncated })
}

/// The identifier at the end of a member's link. The link itself is never followed: it only has to lie where the
/// operation's own path does.
fn member(target: &str) -> Result<&str, Failure> {
    let id = target.trim_end_matches('/').strip_prefix("/redfish/v1/Systems/");
    id.filter(|id| !id.is_empty() && !id.contains(['/', '?', '#', '%'])).ok_or_else(|| {
        Failure::Upstream(
            "the Redfish service lists a system at a place that DSP0266 does not have, below /redfish/v1/Systems"
                .to_owned(),
        )
    })
}

#[derive(Deserialize)]
struct Envelope {
    error: Option<Details>,
}

#[derive(Deserialize)]
struct Details {
    message: Option<String>,
    #[serde(rename = "@Message.ExtendedInfo")]
    extended: Option<Vec<Extended>>,
}

#[derive(Deserialize)]
struct Extended {
    #[serde(rename = "Message")]
    message: Option<String>,
}

/// Errors of Redfish (DSP0266, "Error responses").
fn explain(status: u16, body: &[u8]) -> Failure {
    let said = parse::<Envelope>(body).and_then(|envelope| envelope.error).map(message).unwrap_or_default();
    match status {
        401 | 403 => Failure::Upstream(format!(
            "the Redfish service refuses the credential ({status}): check bmc-user and bmc-password of this connection. {said}"
        )),
        404 => Failure::NotFound(format!("the Redfish service knows nothing there. {said}")),
        503 => Failure::Upstream(format!(
            "the Redfish service is busy (503); controllers take few callers at a time, so try again in a minute. {said}"
        )),
        _ => Failure::Upstream(format!("the Redfish service answers {status}. {said}")),
    }
}

fn message(details: Details) -> String {
    let extended = details.extended.into_iter().flatten().filter_map(|one| one.message);
    let said: Vec<String> = details.message.into_iter().chain(extended).collect();
    excerpt(&said.join("; "), MESSAGE)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use claviger_plugin_sdk::Failure;

    use super::{System, explain, member};

    #[test]
    fn a_link_is_read_for_its_identifier_only() {
        assert_eq!(member("/redfish/v1/Systems/437XR1138R2").unwrap(), "437XR1138R2");
        assert_eq!(
            member("/redfish/v1/Systems/c7a5fdbd-cdaf-9455-926a-d65c16db1809/").unwrap(),
            "c7a5fdbd-cdaf-9455-926a-d65c16db1809"
        );
        for target in [
            "https://evil.example/redfish/v1/Systems/1",
            "/redfish/v1/Systems/",
            "/redfish/v1/Systems/1/Actions",
            "/redfish/v1/Systems/..%2fManagers",
            "/redfish/v1/Managers/1",
            "",
        ] {
            assert!(member(target).is_err(), "{target}");
        }
    }

    #[test]
    fn a_system_may_know_little_of_itself() {
        let system: System = serde_json::from_str(
            r#"{"@odata.type":"ComputerSystem.v1_1_0.ComputerSystem","Id":"1","Name":"node1","PowerState":"On","HostName":"",
                "Manufacturer":null,"Status":{"State":"Enabled","Health":"OK"},"ProcessorSummary":{"Count":2,"Model":null},
                "MemorySummary":{"TotalSystemMemoryGiB":0.5},"Boot":{}}"#,
        )
        .unwrap();
        assert_eq!(
            serde_json::to_string(&system.line("1".into())).unwrap(),
            r#"{"id":"1","power_state":"On","name":"node1","health":"OK","processors":2,"memory_gib":0.5}"#
        );
        let bare: System = serde_json::from_str("{}").unwrap();
        assert_eq!(bare.line("2".into()).power_state, "Unknown");
    }

    #[test]
    fn errors_are_passed_on() {
        let body = br#"{"error":{"code":"Base.1.0.GeneralError","message":"Failed","@Message.ExtendedInfo":[{"Message":"No such system"}]}}"#;
        assert!(matches!(explain(404, body), Failure::NotFound(text) if text.ends_with("Failed; No such system")));
        assert!(matches!(explain(401, b""), Failure::Upstream(text) if text.contains("bmc-password")));
    }
}
