//! What holds for every grant and every request: nothing is allowed that is not granted, and granting less allows less.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use claviger_manifest::VerifiedPackage;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use crate::testkit::{CONNECTION, package, send, store, value};
use crate::{Action, Caller, Connection, Denied, Granted, Plan, Policy, Request};

const PRINCIPALS: [&str; 3] = ["ada", "ben", "service:report"];
const OPERATIONS: [&str; 8] =
    ["list-pools", "get-vm", "whoami", "list-orders", "ping", "set-password", "make-token", "drop-token"];
const NETWORKS: [&str; 3] = ["127.0.0.0/8", "10.1.0.0/16", "fd00::/8"];

/// What an operator may write into `[grant]`.
#[derive(Clone, Debug)]
struct Granting {
    principals: Vec<&'static str>,
    operations: Vec<&'static str>,
    write_back: Vec<&'static str>,
    networks: Vec<&'static str>,
}

impl Granting {
    fn policy(&self) -> Policy {
        // Signed once: a signature for each case would be most of the time.
        static PACKAGE: OnceLock<Arc<VerifiedPackage>> = OnceLock::new();
        let (before, _) = CONNECTION.split_once("[grant]").unwrap();
        let Self { principals, operations, write_back, networks } = self;
        let text = format!(
            "{before}[grant]\nprincipals = {principals:?}\noperations = {operations:?}\nwrite-back = {write_back:?}\nnetworks = {networks:?}\n"
        );
        let mut policy = Policy::default();
        policy
            .add(
                "pve-acme".parse().unwrap(),
                Connection::parse(&text).unwrap(),
                Arc::clone(PACKAGE.get_or_init(package)),
            )
            .unwrap();
        policy
    }
}

/// What a caller may ask for. Each combination is asked, the impossible ones too.
#[derive(Clone, Debug)]
struct Asking {
    principal: &'static str,
    tool: &'static str,
    operation: Option<&'static str>,
    credential: Option<&'static str>,
}

impl Asking {
    fn of(&self, policy: &Policy) -> Result<Granted, Denied> {
        let action = match self.operation {
            Some(operation) => {
                let mut request = send(operation, self.credential);
                let parameters: &[&str] = match operation {
                    "get-vm" => &["node", "vm-id"],
                    "make-token" | "drop-token" => &["token"],
                    _ => &[],
                };
                request.parameters = parameters.iter().map(|name| ((*name).to_owned(), "7".to_owned())).collect();
                Action::Send(request)
            }
            None => Action::Store(store("token", vec![value("new-token", 0), value("password", 1)])),
        };
        policy.check(Request {
            caller: Caller {
                principal: self.principal.to_owned(),
                session: "s-1".to_owned(),
                connection: "pve-acme".parse().unwrap(),
                tool: self.tool.parse().unwrap(),
            },
            action,
        })
    }
}

fn granting() -> impl Strategy<Value = Granting> {
    let some = |all: &'static [&'static str]| subsequence(all, 0..=all.len());
    (some(&PRINCIPALS), some(&OPERATIONS), some(&["token"]), some(&NETWORKS)).prop_map(
        |(principals, operations, write_back, networks)| Granting { principals, operations, write_back, networks },
    )
}

/// A grant, and the same with some of its entries removed.
fn more_and_less() -> impl Strategy<Value = (Granting, Granting)> {
    granting().prop_flat_map(|more| {
        let fewer = |list: &Vec<&'static str>| subsequence(list.clone(), 0..=list.len());
        let less = (fewer(&more.principals), fewer(&more.operations), fewer(&more.write_back), fewer(&more.networks))
            .prop_map(|(principals, operations, write_back, networks)| Granting {
                principals,
                operations,
                write_back,
                networks,
            });
        (Just(more), less)
    })
}

fn asking() -> impl Strategy<Value = Asking> {
    let operation = prop_oneof![4 => select(&OPERATIONS[..]).prop_map(Some), 1 => Just(None)];
    let credential = select(vec![Some("token"), Some("token"), Some("fresh"), Some("partner"), None]);
    (select(&PRINCIPALS[..]), select(vec!["everything", "everything", "look"]), operation, credential)
        .prop_map(|(principal, tool, operation, credential)| Asking { principal, tool, operation, credential })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_024))]

    #[test]
    fn nothing_is_allowed_that_is_not_granted(granting in granting(), asking in asking()) {
        let Ok(granted) = asking.of(&granting.policy()) else { return Ok(()) };
        prop_assert!(granting.principals.contains(&asking.principal));
        let facts = granted.facts().clone();
        prop_assert_eq!(facts.principal.as_str(), asking.principal);
        match granted.into_plan() {
            Plan::Send(outbound) => {
                let operation = facts.action_name().as_str();
                prop_assert!(Some(operation) == asking.operation && granting.operations.contains(&operation));
                prop_assert!(asking.tool == "everything" || operation == "get-vm", "the tool does not declare it");
                prop_assert_eq!(outbound.credential.as_ref().map(|plan| plan.name.as_str()), asking.credential);
                let networks: BTreeSet<String> = outbound.endpoint.networks.iter().map(ToString::to_string).collect();
                prop_assert_eq!(networks, granting.networks.iter().map(|one| (*one).to_owned()).collect());
            }
            Plan::Store(_) => {
                prop_assert!(asking.operation.is_none() && granting.write_back == ["token"]);
                prop_assert_eq!(asking.tool, "everything");
            }
        }
    }

    #[test]
    fn granting_less_allows_less((more, less) in more_and_less(), asking in asking()) {
        if asking.of(&less.policy()).is_ok() {
            let with_more = asking.of(&more.policy());
            prop_assert!(with_more.is_ok(), "{:?} is allowed by the smaller grant alone: {:?}", asking, with_more.err());
        }
    }

    #[test]
    fn a_tool_is_offered_exactly_when_all_of_it_is_granted(granting in granting(), principal in select(&PRINCIPALS[..])) {
        let policy = granting.policy();
        let offered = |tool: &str| policy.grants_tool(principal, &"pve-acme".parse().unwrap(), &tool.parse().unwrap());
        let known = granting.principals.contains(&principal);
        prop_assert_eq!(offered("look"), known && granting.operations.contains(&"get-vm"));
        let all = granting.operations.len() == OPERATIONS.len() && granting.write_back == ["token"];
        prop_assert_eq!(offered("everything"), known && all);
        prop_assert!(!offered("nothing"));
    }
}
