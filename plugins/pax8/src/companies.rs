//! `list_companies`: the partner's clients, by name and status.

use claviger_plugin_sdk::prelude::*;
use claviger_plugin_sdk::{Credential, Failure, Request, collect};

use crate::lists::{self, CREDENTIAL, FOR_A_MODEL, LARGEST};

/// The most pages looked through for a name: the API has no filter for it. 40 pages are 8,000 companies.
const MOST_PAGES: u32 = 40;

/// Which companies.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {
    name: Option<String>,
    status: Option<String>,
    page: Option<u32>,
}

/// Companies in the order of their names.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Found {
    companies: Vec<Company>,
    truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page: Option<u32>,
}

/// A company, as the vendor writes it and as it is passed on.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Company {
    id: String,
    #[serde(default)]
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<String>,
}

/// Lists one page, or looks through all pages for a name.
pub(crate) fn list(arguments: Arguments) -> Result<Found, Failure> {
    let credential = Credential::open(CREDENTIAL)?;
    let first = arguments.page.unwrap_or(0);
    let (size, most) = if arguments.name.is_some() { (LARGEST, MOST_PAGES) } else { (FOR_A_MODEL, 1) };
    let fetched = collect(first, most, |number| {
        let request = Request::operation("list-companies")
            .parameter("sort", "name")
            .optional("status", arguments.status.as_ref());
        lists::page(&credential, request, number, size)
    })?;
    Ok(found(fetched.items, arguments.name.as_deref(), fetched.next))
}

/// What is passed on. When more match than a model should read, the name has to become longer: there is no page of it.
fn found(companies: Vec<Company>, name: Option<&str>, next: Option<u32>) -> Found {
    let most = usize::try_from(FOR_A_MODEL).unwrap_or(usize::MAX);
    let mut companies: Vec<Company> = companies.into_iter().filter(|company| matches(company, name)).collect();
    let cut = companies.len() > most;
    companies.truncate(most);
    Found { companies, truncated: cut || next.is_some(), next_page: next.filter(|_| !cut) }
}

/// Whether the company's name contains the text, whatever the case.
fn matches(company: &Company, name: Option<&str>) -> bool {
    name.is_none_or(|name| company.name.to_lowercase().contains(&name.trim().to_lowercase()))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::{Company, found};

    fn companies(names: &[&str]) -> Vec<Company> {
        names.iter().map(|name| Company { id: format!("id-{name}"), name: (*name).into(), status: None }).collect()
    }

    #[test]
    fn names_match_in_part_and_in_any_case() {
        let all = companies(&["Acme Corp", "Büro ÖKO", "Globex"]);
        let of = |name| found(all.clone(), Some(name), None).companies.len();
        assert_eq!((of("acme"), of("öko "), of("e"), of("zzz")), (1, 1, 2, 0));
        assert_eq!(found(all.clone(), None, None).companies.len(), 3);
    }

    #[test]
    fn long_lists_are_cut_and_say_so() {
        let many: Vec<Company> = companies(&["Acme"; 101]);
        let cut = found(many, Some("acme"), None);
        assert_eq!((cut.companies.len(), cut.truncated, cut.next_page), (100, true, None));
        let goes_on = found(companies(&["Acme"]), None, Some(1));
        assert_eq!((goes_on.truncated, goes_on.next_page), (true, Some(1)));
    }

    #[test]
    fn only_declared_fields_are_passed_on() {
        let company: Company = serde_json::from_str(
            r#"{"id":"a","name":"Acme","phone":"555-0100","website":"https://acme.example","status":"Active"}"#,
        )
        .unwrap();
        assert_eq!(serde_json::to_string(&company).unwrap(), r#"{"id":"a","name":"Acme","status":"Active"}"#);
    }
}
