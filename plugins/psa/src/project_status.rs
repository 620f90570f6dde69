//! `get_project_status`: how far a project is, counted from its tickets.

use claviger_plugin_sdk::prelude::*;
use claviger_plugin_sdk::{Collected, Credential, Failure, Request, collect, now, unix_seconds};

use crate::conditions;
use crate::explain::explain;
use crate::lists::{self, CREDENTIAL, Query};
use crate::projects::{Line, Project};

const FIELDS: &str = "id,closedFlag,requiredDate";

/// The vendor's largest page. These records have three small fields.
const PAGE: u32 = 1_000;

/// The most pages counted: a project with more than 10,000 tickets is told as counted in part.
const MOST_PAGES: u32 = 10;

/// Which project.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {
    id: u64,
}

/// How far it is.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Status {
    project: Line,
    tickets: u64,
    open_tickets: u64,
    closed_tickets: u64,
    overdue_tickets: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    percent_complete: Option<u64>,
    overdue: bool,
    truncated: bool,
}

/// A ticket of a project as the vendor writes it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ticket {
    closed_flag: Option<bool>,
    required_date: Option<String>,
}

/// Fetches the project and counts its tickets.
pub(crate) fn get(arguments: Arguments) -> Result<Status, Failure> {
    let credential = Credential::open(CREDENTIAL)?;
    let project: Project = Request::operation("get-project")
        .parameter("id", arguments.id)
        .credential(&credential)
        .send()?
        .accepted(explain)?
        .json()?;
    let of_project = conditions::all(&[conditions::number("project/id", arguments.id)]);
    let query = Query {
        operation: "list-project-tickets",
        conditions: of_project.as_deref(),
        fields: FIELDS,
        order: "id asc",
        size: PAGE,
    };
    let tickets = collect(1, MOST_PAGES, |number| lists::page(&credential, &query, number))?;
    Ok(status(project, &tickets, now()))
}

fn status(project: Project, tickets: &Collected<Ticket>, now: u64) -> Status {
    let closed = count(tickets, |ticket| ticket.closed_flag.unwrap_or_default());
    let all = count(tickets, |_| true);
    let late = |ticket: &Ticket| !ticket.closed_flag.unwrap_or_default() && past(ticket.required_date.as_deref(), now);
    let ended = project.closed_flag.unwrap_or_default() || project.actual_end.is_some();
    Status {
        tickets: all,
        open_tickets: all.saturating_sub(closed),
        closed_tickets: closed,
        overdue_tickets: count(tickets, late),
        percent_complete: (closed * 100).checked_div(all),
        overdue: !ended && past(project.estimated_end.as_deref(), now),
        truncated: tickets.next.is_some(),
        project: Line::from(project),
    }
}

fn count(tickets: &Collected<Ticket>, which: impl Fn(&Ticket) -> bool) -> u64 {
    tickets.items.iter().map(|ticket| u64::from(which(ticket))).sum()
}

fn past(date: Option<&str>, now: u64) -> bool {
    date.and_then(unix_seconds).is_some_and(|due| due < now)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use claviger_plugin_sdk::Collected;

    use super::{Project, Status, Ticket, status};

    /// 2026-11-23T21:30:00Z.
    const NOW: u64 = 1_795_469_400;

    fn project(more: &str) -> Project {
        serde_json::from_str(&format!("{{\"id\":4,\"name\":\"Migration\"{more}}}")).unwrap()
    }

    fn of(project: Project, tickets: &str, next: Option<u32>) -> Status {
        let items: Vec<Ticket> = serde_json::from_str(tickets).unwrap();
        status(project, &Collected { items, next }, NOW)
    }

    #[test]
    fn tickets_are_counted() {
        let tickets = r#"[{"closedFlag":true,"requiredDate":"2026-01-01T00:00:00Z"},{"closedFlag":false},
            {"closedFlag":false,"requiredDate":"2026-11-23T21:29:59Z"},{"requiredDate":"2026-11-23T21:30:00Z"}]"#;
        let status = of(project(""), tickets, None);
        assert_eq!((status.tickets, status.open_tickets, status.closed_tickets, status.overdue_tickets), (4, 3, 1, 1));
        assert_eq!((status.percent_complete, status.overdue, status.truncated), (Some(25), false, false));
    }

    #[test]
    fn an_empty_project_has_no_percentage() {
        assert_eq!(of(project(""), "[]", None).percent_complete, None);
        assert!(of(project(""), "[]", Some(11)).truncated);
    }

    #[test]
    fn a_project_is_overdue_until_it_ends() {
        let late = r#","estimatedEnd":"2026-11-01T00:00:00Z""#;
        assert!(of(project(late), "[]", None).overdue);
        assert!(!of(project(&format!("{late},\"closedFlag\":true")), "[]", None).overdue);
        assert!(!of(project(&format!("{late},\"actualEnd\":\"2026-11-05T00:00:00Z\"")), "[]", None).overdue);
        assert!(!of(project(r#","estimatedEnd":"2026-12-01T00:00:00Z""#), "[]", None).overdue);
    }
}
