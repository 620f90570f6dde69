//! `list_projects`: projects, open ones unless asked otherwise.

use claviger_plugin_sdk::prelude::*;
use claviger_plugin_sdk::{Credential, Failure, Page};

use crate::conditions::{self, Condition};
use crate::lists::{self, CREDENTIAL, FOR_A_MODEL, Query};
use crate::people::{self, Named, Party};

const FIELDS: &str = "id,name,status,company,manager,estimatedStart,estimatedEnd";

/// Which projects.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {
    company: Option<String>,
    open_only: Option<bool>,
    page: Option<u32>,
}

/// One page of projects, newest first.
#[derive(Serialize)]
pub(crate) struct Found {
    projects: Vec<Line>,
    truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page: Option<u32>,
}

/// A project in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Line {
    id: u64,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    company: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    manager: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    estimated_start: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    estimated_end: Option<String>,
}

/// A project as the vendor writes it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Project {
    pub(crate) id: u64,
    pub(crate) name: Option<String>,
    pub(crate) status: Option<Named>,
    pub(crate) company: Option<Party>,
    pub(crate) manager: Option<Party>,
    pub(crate) estimated_start: Option<String>,
    pub(crate) estimated_end: Option<String>,
    pub(crate) actual_end: Option<String>,
    pub(crate) closed_flag: Option<bool>,
}

impl From<Project> for Line {
    fn from(project: Project) -> Self {
        Self {
            id: project.id,
            name: project.name.unwrap_or_default(),
            status: people::name(project.status),
            company: people::party(project.company),
            manager: people::party(project.manager),
            estimated_start: project.estimated_start,
            estimated_end: project.estimated_end,
        }
    }
}

/// Lists.
pub(crate) fn list(arguments: Arguments) -> Result<Found, Failure> {
    let conditions = conditions::all(&wanted(&arguments)?);
    let query = Query {
        operation: "list-projects",
        conditions: conditions.as_deref(),
        fields: FIELDS,
        order: "id desc",
        size: FOR_A_MODEL,
    };
    let credential = Credential::open(CREDENTIAL)?;
    let page: Page<Project> = lists::page(&credential, &query, arguments.page.unwrap_or(1))?;
    let projects = page.items.into_iter().map(Line::from).collect();
    Ok(Found { projects, truncated: page.next.is_some(), next_page: page.next })
}

fn wanted(arguments: &Arguments) -> Result<Vec<Condition>, Failure> {
    let mut wanted = Vec::new();
    if arguments.open_only.unwrap_or(true) {
        wanted.push(conditions::flag("closedFlag", false));
    }
    if let Some(company) = &arguments.company {
        wanted.push(conditions::party("company", company)?);
    }
    Ok(wanted)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::{Arguments, Line, Project, wanted};
    use crate::conditions;

    fn conditions_of(json: &str) -> Option<String> {
        let arguments: Arguments = serde_json::from_str(json).unwrap();
        conditions::all(&wanted(&arguments).unwrap())
    }

    #[test]
    fn closed_projects_are_left_out_unless_asked_for() {
        assert_eq!(conditions_of("{}").unwrap(), "closedFlag = false");
        assert_eq!(conditions_of(r#"{"open_only":false}"#), None);
        assert!(conditions_of(r#"{"company":"Acme"}"#).unwrap().ends_with("contains \"Acme\")"));
    }

    #[test]
    fn a_project_is_read() {
        let project: Project = serde_json::from_str(
            r#"{"id":4,"name":"Migration","status":{"id":1,"name":"Open"},"manager":{"identifier":"jdoe"},
                "estimatedEnd":"2026-12-31T00:00:00Z","percentComplete":0.5}"#,
        )
        .unwrap();
        let line = Line::from(project);
        assert_eq!((line.status.as_deref(), line.manager.as_deref()), (Some("Open"), Some("jdoe")));
    }
}
