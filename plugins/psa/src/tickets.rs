//! `search_tickets`: service tickets by status, company, words and assignee.

use claviger_plugin_sdk::prelude::*;
use claviger_plugin_sdk::{Credential, Failure, Page};

use crate::conditions::{self, Condition};
use crate::lists::{self, CREDENTIAL, FOR_A_MODEL, Query};
use crate::people::{self, Named, Party};

const FIELDS: &str = "id,summary,status,company,owner,priority,board,closedFlag,requiredDate,_info";

/// What to look for. Everything given has to match.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {
    status: Option<String>,
    company: Option<String>,
    summary: Option<String>,
    assignee: Option<String>,
    #[serde(default)]
    open_only: bool,
    page: Option<u32>,
}

/// One page of tickets, newest first.
#[derive(Serialize)]
pub(crate) struct Found {
    tickets: Vec<Line>,
    truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page: Option<u32>,
}

/// A ticket in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Line {
    id: u64,
    summary: String,
    open: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    company: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    assignee: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    board: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    required: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entered: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated: Option<String>,
}

/// A ticket as the vendor writes it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Ticket {
    id: u64,
    summary: Option<String>,
    status: Option<Named>,
    company: Option<Party>,
    owner: Option<Party>,
    priority: Option<Named>,
    board: Option<Named>,
    closed_flag: Option<bool>,
    required_date: Option<String>,
    #[serde(rename = "_info")]
    info: Option<Info>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Info {
    date_entered: Option<String>,
    last_updated: Option<String>,
}

impl From<Ticket> for Line {
    fn from(ticket: Ticket) -> Self {
        let (entered, updated) = ticket.info.map_or((None, None), |info| (info.date_entered, info.last_updated));
        Self {
            id: ticket.id,
            summary: ticket.summary.unwrap_or_default(),
            open: !ticket.closed_flag.unwrap_or_default(),
            status: people::name(ticket.status),
            company: people::party(ticket.company),
            assignee: people::party(ticket.owner),
            priority: people::name(ticket.priority),
            board: people::name(ticket.board),
            required: ticket.required_date,
            entered,
            updated,
        }
    }
}

/// Searches.
pub(crate) fn search(arguments: Arguments) -> Result<Found, Failure> {
    let conditions = conditions::all(&wanted(&arguments)?);
    let query = Query {
        operation: "search-tickets",
        conditions: conditions.as_deref(),
        fields: FIELDS,
        order: "id desc",
        size: FOR_A_MODEL,
    };
    let credential = Credential::open(CREDENTIAL)?;
    let page: Page<Ticket> = lists::page(&credential, &query, arguments.page.unwrap_or(1))?;
    let tickets = page.items.into_iter().map(Line::from).collect();
    Ok(Found { tickets, truncated: page.next.is_some(), next_page: page.next })
}

fn wanted(arguments: &Arguments) -> Result<Vec<Condition>, Failure> {
    let mut wanted = Vec::new();
    if arguments.open_only {
        wanted.push(conditions::flag("closedFlag", false));
    }
    if let Some(status) = &arguments.status {
        wanted.push(conditions::exact("status/name", status)?);
    }
    if let Some(company) = &arguments.company {
        wanted.push(conditions::party("company", company)?);
    }
    if let Some(summary) = &arguments.summary {
        wanted.push(conditions::contains("summary", summary)?);
    }
    if let Some(assignee) = &arguments.assignee {
        // The owner is one member; others who work on a ticket are its resources.
        let resource = conditions::contains("resources", assignee)?;
        wanted.push(conditions::any(&[conditions::party("owner", assignee)?, resource]));
    }
    Ok(wanted)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::{Arguments, Line, Ticket, wanted};
    use crate::conditions;

    #[test]
    fn nothing_asked_is_no_condition() {
        assert_eq!(conditions::all(&wanted(&Arguments::default()).unwrap()), None);
    }

    #[test]
    fn everything_asked_has_to_match() {
        let arguments: Arguments = serde_json::from_str(
            r#"{"status":"New","company":"Acme","summary":"vpn","assignee":"jdoe","open_only":true,"page":2}"#,
        )
        .unwrap();
        assert_eq!(
            conditions::all(&wanted(&arguments).unwrap()).unwrap(),
            "closedFlag = false and status/name = \"New\" and (company/identifier = \"Acme\" or company/name contains \
             \"Acme\") and summary contains \"vpn\" and ((owner/identifier = \"jdoe\" or owner/name contains \"jdoe\") \
             or resources contains \"jdoe\")"
        );
    }

    #[test]
    fn unknown_arguments_are_refused() {
        assert!(serde_json::from_str::<Arguments>(r#"{"conditions":"1 = 1"}"#).is_err());
    }

    #[test]
    fn a_bare_ticket_and_a_full_one_are_read() {
        let bare: Ticket = serde_json::from_str(r#"{"id":1}"#).unwrap();
        assert_eq!(serde_json::to_string(&Line::from(bare)).unwrap(), r#"{"id":1,"summary":"","open":true}"#);
        let full: Ticket = serde_json::from_str(
            r#"{"id":2,"summary":"VPN","recordType":"ServiceTicket","status":{"id":5,"name":"New"},"closedFlag":true,
                "company":{"id":3,"identifier":"ACME","name":null},"owner":null,"requiredDate":"2026-12-01T00:00:00Z",
                "_info":{"dateEntered":"2026-11-01T10:00:00Z","updatedBy":"x"}}"#,
        )
        .unwrap();
        assert_eq!(
            serde_json::to_string(&Line::from(full)).unwrap(),
            r#"{"id":2,"summary":"VPN","open":false,"status":"New","company":"ACME","required":"2026-12-01T00:00:00Z","entered":"2026-11-01T10:00:00Z"}"#
        );
    }
}
