//! `get_ticket`: one service ticket with its latest notes.

use claviger_plugin_sdk::prelude::*;
use claviger_plugin_sdk::{Credential, Failure, Page, Request, excerpt};

use crate::explain::explain;
use crate::lists::{self, CREDENTIAL, FOR_A_MODEL, Query};
use crate::tickets::{Line, Ticket};

const FIELDS: &str = "id,text,dateCreated,createdBy,internalAnalysisFlag,resolutionFlag,detailDescriptionFlag";

/// The longest note text passed on, in characters: notes that quote whole mail threads say the same thing many times.
const NOTE_TEXT: usize = 4_000;

/// Which ticket.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {
    id: u64,
}

/// A ticket with its notes, the newest first.
#[derive(Serialize)]
pub(crate) struct WithNotes {
    ticket: Line,
    notes: Vec<NoteLine>,
    notes_truncated: bool,
}

/// A note of a ticket.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct NoteLine {
    text: String,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    author: Option<String>,
}

/// A note as the vendor writes it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Note {
    text: Option<String>,
    date_created: Option<String>,
    created_by: Option<String>,
    internal_analysis_flag: Option<bool>,
    resolution_flag: Option<bool>,
    detail_description_flag: Option<bool>,
}

impl From<Note> for NoteLine {
    fn from(note: Note) -> Self {
        let kind = match (note.internal_analysis_flag, note.resolution_flag, note.detail_description_flag) {
            (Some(true), _, _) => "internal",
            (_, Some(true), _) => "resolution",
            (_, _, Some(true)) => "discussion",
            _ => "other",
        };
        let text = excerpt(&note.text.unwrap_or_default(), NOTE_TEXT);
        Self { text, kind, created: note.date_created, author: note.created_by }
    }
}

/// Fetches both.
pub(crate) fn get(arguments: Arguments) -> Result<WithNotes, Failure> {
    let credential = Credential::open(CREDENTIAL)?;
    let ticket: Ticket = Request::operation("get-ticket")
        .parameter("id", arguments.id)
        .credential(&credential)
        .send()?
        .accepted(explain)?
        .json()?;
    let notes = notes(&credential, arguments.id)?;
    Ok(WithNotes {
        ticket: Line::from(ticket),
        notes_truncated: notes.next.is_some(),
        notes: notes.items.into_iter().map(NoteLine::from).collect(),
    })
}

fn notes(credential: &Credential, id: u64) -> Result<Page<Note>, Failure> {
    let query =
        Query { operation: "list-ticket-notes", conditions: None, fields: FIELDS, order: "id desc", size: FOR_A_MODEL };
    lists::page_under(credential, &query, 1, Some(id))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::{NOTE_TEXT, Note, NoteLine};

    #[test]
    fn notes_say_what_they_are() {
        for (flags, kind) in [
            (r#""internalAnalysisFlag":true,"detailDescriptionFlag":true"#, "internal"),
            (r#""resolutionFlag":true"#, "resolution"),
            (r#""detailDescriptionFlag":true,"resolutionFlag":false"#, "discussion"),
            (r#""createdBy":"jdoe""#, "other"),
        ] {
            let note: Note = serde_json::from_str(&format!("{{\"text\":\"done\",{flags}}}")).unwrap();
            assert_eq!(NoteLine::from(note).kind, kind);
        }
    }

    #[test]
    fn long_notes_are_cut() {
        let note = Note {
            text: Some("ä".repeat(NOTE_TEXT + 1)),
            date_created: None,
            created_by: None,
            internal_analysis_flag: None,
            resolution_flag: None,
            detail_description_flag: None,
        };
        assert_eq!(NoteLine::from(note).text.chars().count(), NOTE_TEXT + 1);
    }
}
