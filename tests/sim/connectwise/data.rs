//! A small service desk: five companies, tickets over several pages, projects with their tickets.

use serde_json::{Value, json};

/// Names that conditions and orders on tickets may use.
pub(super) const TICKET_FIELDS: &[&str] = &[
    "id",
    "summary",
    "recordType",
    "board/id",
    "board/name",
    "status/id",
    "status/name",
    "company/id",
    "company/identifier",
    "company/name",
    "priority/id",
    "priority/name",
    "owner/identifier",
    "owner/name",
    "resources",
    "contactName",
    "closedFlag",
    "dateEntered",
    "lastUpdated",
    "project/id",
    "project/name",
    "requiredDate",
];
/// Names for the notes of a ticket.
pub(super) const NOTE_FIELDS: &[&str] =
    &["id", "text", "detailDescriptionFlag", "internalAnalysisFlag", "resolutionFlag", "dateCreated", "createdBy"];
/// Names for projects.
pub(super) const PROJECT_FIELDS: &[&str] = &[
    "id",
    "name",
    "company/id",
    "company/identifier",
    "company/name",
    "status/id",
    "status/name",
    "manager/identifier",
    "closedFlag",
    "percentComplete",
    "estimatedStart",
    "estimatedEnd",
    "dateEntered",
    "lastUpdated",
];

/// Identifier and name of every company. The last one needs escaping wherever it is written.
const COMPANIES: [(&str, &str); 5] = [
    ("AcmeCorp", "Acme Corporation"),
    ("Globex", "Globex Manufacturing"),
    ("Initech", "Initech Software"),
    ("UmbraDental", "Umbra Dental Group"),
    ("OHara", "O'Hara & \"Sons\" Logistics"),
];
/// Whose ticket comes next: Acme has three of eight, so that its own tickets fill more than one page.
const TURNS: [usize; 8] = [0, 1, 2, 0, 3, 0, 4, 1];
const TICKETS: usize = 96;
const STATUSES: [(&str, bool); 5] = [
    ("New", false),
    ("In Progress", false),
    ("Waiting Customer Response", false),
    ("Completed", true),
    ("Closed", true),
];
const BOARDS: [&str; 3] = ["Help Desk", "Network Operations", "Security"];
const PRIORITIES: [&str; 4] = ["Priority 1 - Critical", "Priority 2 - High", "Priority 3 - Medium", "Priority 4 - Low"];
const OWNERS: [(&str, &str); 3] = [("mreyes", "Marta Reyes"), ("jkowal", "Jan Kowal"), ("psingh", "Priya Singh")];
const SUMMARIES: [&str; 12] = [
    "VPN drops every hour for remote staff",
    "New starter needs laptop and mailbox",
    "Printer on the second floor jams",
    "Backup job failed three nights in a row",
    "Mailbox over quota, mail bounces",
    "Phishing report: \"invoice overdue\"",
    "Firewall firmware is two releases behind",
    "Shared drive shows 100% full",
    "Certificate of the intranet expires soon",
    "Meeting room display has no signal",
    "Account locked out after password change",
    "Wireless is slow in the warehouse",
];
const PROJECTS: [(&str, usize, usize, usize); 5] = [
    // name, company, tickets, closed tickets
    ("Microsoft 365 migration", 0, 32, 20),
    ("Office move to Harbour Street", 0, 12, 12),
    ("Firewall replacement", 1, 10, 3),
    ("Endpoint protection roll-out", 2, 18, 0),
    ("Server room retirement", 4, 9, 7),
];

/// Everything that the simulator holds.
#[derive(Debug)]
pub(super) struct Data {
    pub(super) tickets: Vec<Value>,
    pub(super) notes: Vec<Value>,
    pub(super) projects: Vec<Value>,
    pub(super) project_tickets: Vec<Value>,
}

impl Data {
    /// The same data every time.
    pub(super) fn seeded() -> Self {
        let tickets: Vec<Value> = (0..TICKETS).map(ticket).collect();
        let notes = tickets.iter().enumerate().flat_map(|(index, ticket)| notes(index, ticket)).collect();
        let projects = PROJECTS.iter().enumerate().map(|(index, entry)| project(index, *entry)).collect();
        let tasks = PROJECTS.iter().enumerate().flat_map(|(index, entry)| tasks(index, *entry)).collect();
        Self { tickets, notes, projects, project_tickets: tasks }
    }
}

/// The items whose member `key` is the number `id`.
pub(super) fn of_parent(all: &[Value], key: &str, id: &str) -> Vec<Value> {
    let id = id.parse::<u64>().ok();
    all.iter().filter(|item| id.is_some() && item.get(key).and_then(Value::as_u64) == id).cloned().collect()
}

/// The entry of a cycle.
fn turn<T: Copy + Default>(entries: &[T], index: usize) -> T {
    entries.iter().cycle().nth(index).copied().unwrap_or_default()
}

fn company(index: usize) -> Value {
    let (identifier, name) = turn(&COMPANIES, index);
    json!({"id": 200 + index, "identifier": identifier, "name": name})
}

fn date(index: usize, hour: usize) -> String {
    format!("2026-{:02}-{:02}T{hour:02}:15:00Z", 1 + index % 9, 1 + index % 28)
}

fn ticket(index: usize) -> Value {
    let (status, closed) = turn(&STATUSES, index / 2);
    let (owner, owner_name) = turn(&OWNERS, index / 3);
    json!({
        "id": 1001 + index,
        "summary": turn(&SUMMARIES, index * 5 + index / 12),
        "recordType": "ServiceTicket",
        "board": {"id": 1 + index % BOARDS.len(), "name": turn(&BOARDS, index)},
        "status": {"id": 10 + (index / 2) % STATUSES.len(), "name": status},
        "company": company(turn(&TURNS, index)),
        "priority": {"id": 1 + index % PRIORITIES.len(), "name": turn(&PRIORITIES, index)},
        "owner": {"id": 50 + (index / 3) % OWNERS.len(), "identifier": owner, "name": owner_name},
        "resources": owner,
        "contactName": format!("Contact {}", 1 + index % 17),
        "closedFlag": closed,
        "_info": {"dateEntered": date(index, 8), "lastUpdated": date(index, 16)},
    })
}

fn notes(index: usize, ticket: &Value) -> Vec<Value> {
    let id = ticket.get("id");
    let closed = ticket.get("closedFlag") == Some(&Value::Bool(true));
    let note = |number: usize, text: &str, kind: &str| {
        let mut note = json!({
            "id": 9000 + index * 4 + number, "ticketId": id, "text": text, "detailDescriptionFlag": false,
            "internalAnalysisFlag": false, "resolutionFlag": false, "dateCreated": date(index, 8 + number),
            "createdBy": turn(&OWNERS, index + number).0,
        });
        if let Some(flag) = note.get_mut(kind) {
            *flag = Value::Bool(true);
        }
        note
    };
    let mut notes = vec![note(0, "The customer called; see the summary.", "detailDescriptionFlag")];
    notes.push(note(1, "Asked for a time when we may connect.", "internalAnalysisFlag"));
    if closed {
        notes.push(note(2, "Done, and confirmed by the customer.", "resolutionFlag"));
    }
    notes
}

fn project(index: usize, (name, owner, tickets, closed): (&str, usize, usize, usize)) -> Value {
    let done = tickets == closed;
    let (manager, manager_name) = turn(&OWNERS, index);
    json!({
        "id": 300 + index,
        "name": name,
        "company": company(owner),
        "status": {"id": if done { 2 } else { 1 }, "name": if done { "Closed" } else { "Open" }},
        "manager": {"id": 50 + index % OWNERS.len(), "identifier": manager, "name": manager_name},
        "estimatedStart": "2026-02-02T00:00:00Z",
        "estimatedEnd": "2026-10-30T00:00:00Z",
        "estimatedHours": tickets * 6,
        "actualHours": closed * 7,
        // Hundredths, so that the number is the same on every machine.
        "percentComplete": f64::from(u32::try_from(closed * 100 / tickets.max(1)).unwrap_or_default()) / 100.0,
        "closedFlag": done,
        "_info": {"dateEntered": date(index, 9), "lastUpdated": date(index, 17)},
    })
}

fn tasks(index: usize, (name, owner, tickets, closed): (&str, usize, usize, usize)) -> Vec<Value> {
    let task = |number: usize| {
        let done = number < closed;
        json!({
            "id": 5000 + index * 100 + number,
            "summary": format!("{name}: step {}", number + 1),
            "recordType": "ProjectTicket",
            "project": {"id": 300 + index, "name": name},
            "company": company(owner),
            "status": {"id": if done { 14 } else { 11 }, "name": if done { "Closed" } else { "In Progress" }},
            "budgetHours": 6,
            "actualHours": if done { 7 } else { 0 },
            "requiredDate": date(number, 0),
            "closedFlag": done,
            "_info": {"dateEntered": date(number, 9), "lastUpdated": date(number, 17)},
        })
    };
    (0..tickets).map(task).collect()
}
