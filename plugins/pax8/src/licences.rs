//! `license_summary`: seats by product for one company.

use claviger_plugin_sdk::prelude::*;
use claviger_plugin_sdk::{Credential, Failure, collect};

use crate::lists::{self, CREDENTIAL, LARGEST};
use crate::products::{self, Names};
use crate::subscriptions::{Subscription, of_company};

/// The most pages counted: 2,000 subscriptions of one company.
const MOST_PAGES: u32 = 10;

/// The states in which people have the seats: `PendingCancel` until its last day, `Trial` for its time.
const HELD: [&str; 4] = ["Active", "Activated", "PendingCancel", "Trial"];

/// Which company.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {
    company: String,
}

/// Seats by product, in the order of the products' names.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Summary {
    company: String,
    products: Vec<Line>,
    total_seats: u64,
    truncated: bool,
}

/// One product.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Line {
    product: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    product_id: Option<String>,
    seats: u64,
    subscriptions: u64,
}

/// Counts, and looks up the names that the subscriptions do not give.
pub(crate) fn summary(arguments: Arguments) -> Result<Summary, Failure> {
    let credential = Credential::open(CREDENTIAL)?;
    let fetched = collect(0, MOST_PAGES, |number| {
        lists::page::<Subscription>(&credential, of_company(&arguments.company), number, LARGEST)
    })?;
    let held: Vec<Subscription> = fetched.items.into_iter().filter(is_held).collect();
    let names = products::look_up(&nameless(&held))?;
    Ok(summed(arguments.company, &held, &names, fetched.next.is_some()))
}

fn is_held(subscription: &Subscription) -> bool {
    subscription.status.as_deref().is_some_and(|status| HELD.contains(&status))
}

/// Products without a name in any of their subscriptions, each once.
fn nameless(subscriptions: &[Subscription]) -> Vec<String> {
    let named = |identifier: &String| {
        subscriptions.iter().any(|one| one.product_name.is_some() && one.product_id.as_ref() == Some(identifier))
    };
    let mut identifiers: Vec<String> = subscriptions.iter().filter_map(|one| one.product_id.clone()).collect();
    identifiers.sort();
    identifiers.dedup();
    identifiers.retain(|identifier| !named(identifier));
    identifiers
}

fn summed(company: String, held: &[Subscription], names: &Names, truncated: bool) -> Summary {
    let mut by_product: BTreeMap<Option<&String>, Line> = BTreeMap::new();
    for subscription in held {
        let identifier = subscription.product_id.as_ref();
        let line = by_product.entry(identifier).or_insert_with(|| line(identifier, names));
        line.seats = line.seats.saturating_add(subscription.seats());
        line.subscriptions = line.subscriptions.saturating_add(1);
        if let Some(name) = &subscription.product_name {
            line.product.clone_from(name);
        }
    }
    let mut products: Vec<Line> = by_product.into_values().collect();
    products.sort_by(|one, other| one.product.cmp(&other.product));
    let total_seats = products.iter().map(|line| line.seats).fold(0, u64::saturating_add);
    Summary { company, products, total_seats, truncated }
}

fn line(identifier: Option<&String>, names: &Names) -> Line {
    let name = identifier.map(|identifier| names.get(identifier).unwrap_or(identifier).clone());
    let product = name.unwrap_or_else(|| "unknown product".to_owned());
    Line { product, product_id: identifier.cloned(), seats: 0, subscriptions: 0 }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::{Names, Subscription, is_held, nameless, summed};

    fn subscriptions() -> Vec<Subscription> {
        let all: Vec<Subscription> = serde_json::from_str(
            r#"[{"id":"1","productId":"p2","quantity":5,"status":"Active"},
                {"id":"2","productId":"p1","productName":"Office E3","quantity":10,"status":"Active"},
                {"id":"3","productId":"p1","quantity":2,"status":"PendingCancel"},
                {"id":"4","productId":"p1","quantity":90,"status":"Cancelled"},
                {"id":"5","productId":"p3","quantity":1,"status":"Trial"},
                {"id":"6","productId":"p2","quantity":7,"status":"PendingManual"},
                {"id":"7","quantity":3,"status":"Activated"}]"#,
        )
        .unwrap();
        all.into_iter().filter(is_held).collect()
    }

    #[test]
    fn seats_are_summed_by_product() {
        let names = Names::from([("p2".into(), "Backup".into())]);
        let summary = summed("c".into(), &subscriptions(), &names, false);
        let lines: Vec<(&str, u64, u64)> =
            summary.products.iter().map(|line| (line.product.as_str(), line.seats, line.subscriptions)).collect();
        assert_eq!(lines, [("Backup", 5, 1), ("Office E3", 12, 2), ("p3", 1, 1), ("unknown product", 3, 1)]);
        assert_eq!(summary.total_seats, 21);
    }

    #[test]
    fn only_products_without_a_name_are_looked_up() {
        assert_eq!(nameless(&subscriptions()), ["p2", "p3"]);
    }
}
