//! What is said of a connection that changed while a host runs: in the log, and on the terminal.

use std::collections::BTreeSet;
use std::fmt::Display;

use claviger_grant::{Connection, Grant};

use crate::error::Failure;

/// One line; nothing when nothing is different.
pub(crate) fn told(before: Option<&Connection>, found: &Result<Connection, Failure>) -> Option<String> {
    match (before, found) {
        (None, Err(_)) => None,
        (Some(_), Err(failure)) => Some(format!("counts no more: {}", failure.message)),
        (None, Ok(now)) => Some(format!("counts again: {}", differences(&Grant::default(), &now.grant).join("; "))),
        (Some(before), Ok(now)) if before == now => None,
        (Some(before), Ok(now)) => Some(changes(before, now).join("; ")),
    }
}

fn changes(before: &Connection, now: &Connection) -> Vec<String> {
    let mut told = differences(&before.grant, &now.grant);
    let other = [
        ("plugin", before.plugin == now.plugin),
        ("client", before.client == now.client),
        ("settings", before.settings == now.settings),
        ("secrets", before.secrets == now.secrets),
        ("write-back", before.write_back == now.write_back),
        ("endpoints", before.endpoints == now.endpoints),
        ("each-use", before.grant.each_use == now.grant.each_use),
        ("people", before.grant.people == now.grant.people),
    ];
    let other: Vec<&str> = other.iter().filter(|(_, same)| !same).map(|(what, _)| *what).collect();
    if !other.is_empty() {
        told.push(format!("changed: {}", other.join(" ")));
    }
    told
}

/// What is allowed no more, then what is allowed newly.
fn differences(before: &Grant, now: &Grant) -> Vec<String> {
    let (before, now) = (words(before), words(now));
    let lists = [("withdrawn", before.difference(&now)), ("granted", now.difference(&before))];
    let told = lists.into_iter().map(|(what, words)| (what, words.cloned().collect::<Vec<_>>()));
    told.filter(|(_, words)| !words.is_empty()).map(|(what, words)| format!("{what}: {}", words.join(", "))).collect()
}

fn words(grant: &Grant) -> BTreeSet<String> {
    let of = |what: &'static str, name: &dyn Display| format!("{what} {name}");
    let mut words: BTreeSet<String> = grant.principals.iter().map(|name| of("principal", name)).collect();
    words.extend(grant.operations.iter().map(|name| of("operation", name)));
    words.extend(grant.write_back.iter().map(|name| of("write-back", name)));
    words.extend(grant.identifiers.iter().map(|name| of("identifier", name)));
    words.extend(grant.networks.iter().map(|network| of("network", network)));
    words
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use claviger_grant::Connection;

    use super::told;
    use crate::error::Failure;

    fn connection(rest: &str) -> Connection {
        Connection::parse(&format!("plugin = \"psa\"\n{rest}")).unwrap()
    }

    #[test]
    fn what_is_different_is_said_and_nothing_else() {
        let wide = "[grant]\nprincipals = [\"alex\"]\noperations = [\"close\", \"look\"]\nnetworks = [\"10.0.0.0/8\"]";
        let narrow = "[grant]\nprincipals = [\"alex\"]\noperations = [\"look\"]\neach-use = [\"look\"]";
        let between = |before: &str, now: &str| told(Some(&connection(before)), &Ok(connection(now)));
        assert_eq!(between(wide, wide), None);
        assert_eq!(between(wide, narrow).unwrap(), "withdrawn: network 10.0.0.0/8, operation close; changed: each-use");
        assert_eq!(between(narrow, wide).unwrap(), "granted: network 10.0.0.0/8, operation close; changed: each-use");
        assert_eq!(between("", "[settings]\nsite = \"eu\"").unwrap(), "changed: settings");
    }

    #[test]
    fn a_connection_that_went_or_came_back_is_said() {
        let gone = || Err(Failure::state("no connection psa"));
        let here = || connection("[grant]\noperations = [\"look\"]");
        assert_eq!(told(Some(&here()), &gone()).unwrap(), "counts no more: no connection psa");
        assert_eq!(told(None, &gone()), None);
        assert_eq!(told(None, &Ok(here())).unwrap(), "counts again: granted: operation look");
    }
}
