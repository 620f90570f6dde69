//! `list_subscriptions`: what one company subscribes to.

use claviger_plugin_sdk::prelude::*;
use claviger_plugin_sdk::{Credential, Failure, Page, Request, Scalar};

use crate::lists::{self, CREDENTIAL, FOR_A_MODEL};

/// Which subscriptions.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {
    company: String,
    status: Option<String>,
    page: Option<u32>,
}

/// One page of subscriptions.
#[derive(Serialize)]
pub(crate) struct Found {
    subscriptions: Vec<Line>,
    truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page: Option<u32>,
}

/// A subscription in a list.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Line {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    product: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    product_id: Option<String>,
    seats: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    billing_term: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<String>,
}

/// A subscription as the vendor writes it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Subscription {
    id: String,
    pub(crate) product_id: Option<String>,
    pub(crate) product_name: Option<String>,
    quantity: Option<Scalar>,
    pub(crate) status: Option<String>,
    billing_term: Option<String>,
    start_date: Option<String>,
    end_date: Option<String>,
}

impl Subscription {
    /// The number of seats; the vendor gives it as a number without saying that it is whole.
    pub(crate) fn seats(&self) -> u64 {
        self.quantity.as_ref().and_then(Scalar::whole).unwrap_or_default()
    }
}

impl From<Subscription> for Line {
    fn from(subscription: Subscription) -> Self {
        Self {
            seats: subscription.seats(),
            id: subscription.id,
            product: subscription.product_name,
            product_id: subscription.product_id,
            status: subscription.status,
            billing_term: subscription.billing_term,
            start: subscription.start_date,
            end: subscription.end_date,
        }
    }
}

/// Lists one page.
pub(crate) fn list(arguments: Arguments) -> Result<Found, Failure> {
    let credential = Credential::open(CREDENTIAL)?;
    let request = of_company(&arguments.company).optional("status", arguments.status.as_ref());
    let page: Page<Subscription> = lists::page(&credential, request, arguments.page.unwrap_or(0), FOR_A_MODEL)?;
    let subscriptions = page.items.into_iter().map(Line::from).collect();
    Ok(Found { subscriptions, truncated: page.next.is_some(), next_page: page.next })
}

/// A request for the subscriptions of one company.
pub(crate) fn of_company(company: &str) -> Request<'static> {
    Request::operation("list-subscriptions").parameter("companyId", company)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::{Line, Subscription};

    #[test]
    fn prices_stay_behind() {
        let subscription: Subscription = serde_json::from_str(
            r#"{"id":"s","companyId":"c","productId":"p","quantity":15.0,"status":"Active","price":15.39,
                "partnerCost":11.39,"currencyCode":"USD","billingTerm":"Monthly","startDate":"2026-01-01T00:00:00Z",
                "commitmentTerm":{"term":"1-Year"}}"#,
        )
        .unwrap();
        assert_eq!(
            serde_json::to_string(&Line::from(subscription)).unwrap(),
            r#"{"id":"s","product_id":"p","seats":15,"status":"Active","billing_term":"Monthly","start":"2026-01-01T00:00:00Z"}"#
        );
    }
}
