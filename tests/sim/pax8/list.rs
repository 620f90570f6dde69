//! Lists: filters, order, pages.

use http::StatusCode;
use serde_json::{Value, json};

use super::refusal;
use crate::asked::{Asked, Repeated};
use crate::reply::{Reply, json as answer};

/// Items on a page when nobody says how many.
const DEFAULT_SIZE: usize = 10;
/// The most that the vendor gives.
const MAX_SIZE: usize = 200;

/// What a list can be filtered and ordered by.
pub(super) struct Kind {
    /// Parameter, and the member that it has to equal.
    equal: &'static [&'static str],
    /// Parameters that are UUIDs.
    identifiers: &'static [&'static str],
    /// Values that `status` may have.
    statuses: &'static [&'static str],
    /// Values that `sort` may have, without a direction.
    sorts: &'static [&'static str],
    /// Whether `sort` names a direction: `quantity,desc`.
    directed: bool,
}

pub(super) const COMPANIES: Kind = Kind {
    equal: &["status", "city", "country", "stateOrProvince", "postalCode"],
    identifiers: &[],
    statuses: &["Active", "Inactive", "Deleted"],
    sorts: &["name", "city", "country", "stateOrProvince", "postalCode"],
    directed: false,
};
pub(super) const SUBSCRIPTIONS: Kind = Kind {
    equal: &["status", "companyId", "productId", "billingTerm"],
    identifiers: &["companyId", "productId"],
    statuses: &[
        "Active",
        "Cancelled",
        "PendingManual",
        "PendingAutomated",
        "PendingCancel",
        "WaitingForDetails",
        "Trial",
        "Converted",
        "PendingActivation",
        "Activated",
    ],
    sorts: &["quantity", "startDate", "endDate", "createdDate", "billingStart", "price"],
    directed: true,
};
pub(super) const PRODUCTS: Kind =
    Kind { equal: &["vendorName"], identifiers: &[], statuses: &[], sorts: &["name", "vendor"], directed: false };

/// Answers a list request over `all`.
pub(super) fn list(asked: &Asked, all: &[Value], kind: &Kind) -> Result<Reply, Reply> {
    let bad = |message: String| refusal(asked, StatusCode::BAD_REQUEST, &message);
    let only = |name| asked.only(name).map_err(|Repeated(name)| bad(format!("{name} is given more than once")));
    let mut items: Vec<&Value> = all.iter().collect();
    for name in kind.equal {
        let Some(wanted) = only(name)? else { continue };
        if kind.identifiers.contains(name) && !is_uuid(wanted) {
            return Err(bad(format!("{name} is no UUID")));
        }
        if *name == "status" && !kind.statuses.contains(&wanted) {
            return Err(bad(format!("status is one of {}", kind.statuses.join(", "))));
        }
        items.retain(|item| member(item, name).is_some_and(|value| value.eq_ignore_ascii_case(wanted)));
    }
    if let Some(sort) = only("sort")? {
        order(&mut items, sort, kind).ok_or_else(|| bad(format!("sort is one of {}", kind.sorts.join(", "))))?;
    }
    let number = |name, default: usize| match only(name)? {
        None => Ok(default),
        Some(text) => text.parse::<usize>().map_err(|_| bad(format!("{name} is no number"))),
    };
    let (page, size) = (number("page", 0)?, number("size", DEFAULT_SIZE)?);
    if size == 0 || size > MAX_SIZE {
        return Err(bad(format!("size is 1 to {MAX_SIZE}")));
    }
    let total = items.len();
    let content: Vec<&Value> = items.into_iter().skip(page.saturating_mul(size)).take(size).collect();
    let told = json!({"content": content,
        "page": {"size": size, "totalElements": total, "totalPages": total.div_ceil(size), "number": page}});
    Ok(answer(StatusCode::OK, &told))
}

/// A member as text; those of a company's address lie one deeper.
fn member<'a>(item: &'a Value, name: &str) -> Option<&'a str> {
    item.get(name).or_else(|| item.get("address").and_then(|address| address.get(name))).and_then(Value::as_str)
}

fn is_uuid(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    lengths == [8, 4, 4, 4, 12] && parts.concat().bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn order(items: &mut [&Value], sort: &str, kind: &Kind) -> Option<()> {
    let (name, direction) = match (sort.split_once(','), kind.directed) {
        (Some((name, direction)), true) => (name, direction),
        (None, false) => (sort, "asc"),
        _ => return None,
    };
    if !kind.sorts.contains(&name) || !matches!(direction, "asc" | "desc") {
        return None;
    }
    let name = if name == "vendor" { "vendorName" } else { name };
    let number = |item: &Value| item.get(name).and_then(Value::as_f64).unwrap_or_default();
    items.sort_by(|left, right| {
        let order = number(left).total_cmp(&number(right)).then_with(|| member(left, name).cmp(&member(right, name)));
        if direction == "desc" { order.reverse() } else { order }
    });
    Some(())
}
