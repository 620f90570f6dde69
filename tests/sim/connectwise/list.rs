//! Lists: conditions, order, fields, pages.

use std::cmp::Ordering;

use http::StatusCode;
use http::header::LINK;
use serde_json::{Map, Value};

use super::bad;
use super::conditions::{Condition, Malformed, at};
use crate::asked::{Asked, Repeated};
use crate::reply::{Reply, json, with};

/// Items on a page when nobody says how many.
const DEFAULT_SIZE: usize = 25;
/// The most that the vendor gives.
const MAX_SIZE: usize = 1_000;

/// Answers a list request over `all`; `known` are the names that conditions and orders may use.
pub(super) fn list(asked: &Asked, all: &[Value], known: &[&str]) -> Result<Reply, Reply> {
    let mut matching = filtered(asked, all, known)?;
    order(asked, &mut matching, known)?;
    let page = number(asked, "page", 1)?;
    let size = number(asked, "pageSize", DEFAULT_SIZE)?;
    if page == 0 || size == 0 || size > MAX_SIZE {
        return Err(bad("InvalidArgument", &format!("page starts at 1; pageSize is 1 to {MAX_SIZE}.")));
    }
    let fields = asked.only("fields").map_err(repeated)?;
    let items: Vec<Value> =
        matching.iter().skip((page - 1).saturating_mul(size)).take(size).map(|item| select(item, fields)).collect();
    let reply = json(StatusCode::OK, &Value::Array(items));
    let links = links(asked, page, size, matching.len());
    Ok(if links.is_empty() { reply } else { with(reply, LINK, &links) })
}

fn repeated(Repeated(name): Repeated) -> Reply {
    bad("InvalidArgument", &format!("'{name}' is given more than once."))
}

fn malformed(Malformed(why): Malformed) -> Reply {
    bad("ApiFindCondition", &why)
}

fn filtered<'a>(asked: &Asked, all: &'a [Value], known: &[&str]) -> Result<Vec<&'a Value>, Reply> {
    match asked.only("conditions").map_err(repeated)? {
        None | Some("") => Ok(all.iter().collect()),
        Some(text) => {
            let condition = Condition::parse(text, known).map_err(malformed)?;
            Ok(all.iter().filter(|item| condition.holds(item)).collect())
        }
    }
}

fn number(asked: &Asked, name: &str, default: usize) -> Result<usize, Reply> {
    let given = asked.only(name).map_err(repeated)?;
    let parsed = given.map(|text| text.parse().map_err(|_| bad("InvalidArgument", &format!("{name} is no number."))));
    parsed.unwrap_or(Ok(default))
}

/// `orderBy=company/name asc, id desc`.
fn order(asked: &Asked, items: &mut [&Value], known: &[&str]) -> Result<(), Reply> {
    let Some(text) = asked.only("orderBy").map_err(repeated)? else { return Ok(()) };
    // The last key first: the sort is stable.
    for key in text.split(',').rev() {
        let words: Vec<&str> = key.split_whitespace().collect();
        let (name, descending) = match words.as_slice() {
            [name] => (*name, false),
            [name, way] if way.eq_ignore_ascii_case("asc") => (*name, false),
            [name, way] if way.eq_ignore_ascii_case("desc") => (*name, true),
            _ => return Err(bad("InvalidArgument", "orderBy is a list of names, each with asc or desc.")),
        };
        if !known.contains(&name) {
            return Err(bad("ApiFindCondition", &format!("{name} is not a recognized name.")));
        }
        items.sort_by(|left, right| {
            let order = compare(at(left, name), at(right, name));
            if descending { order.reverse() } else { order }
        });
    }
    Ok(())
}

fn compare(left: Option<&Value>, right: Option<&Value>) -> Ordering {
    match (left, right) {
        (Some(Value::Number(left)), Some(Value::Number(right))) => {
            left.as_f64().partial_cmp(&right.as_f64()).unwrap_or(Ordering::Equal)
        }
        (left, right) => text(left).cmp(&text(right)),
    }
}

fn text(value: Option<&Value>) -> String {
    value.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_lowercase)).unwrap_or_default()
}

/// `fields=id,company/name` keeps only those members.
fn select(item: &Value, fields: Option<&str>) -> Value {
    let Some(fields) = fields else { return item.clone() };
    let mut kept = Map::new();
    for field in fields.split(',').map(str::trim) {
        let Some(value) = at(item, field) else { continue };
        match field.split_once('/') {
            None => {
                kept.insert(field.to_owned(), value.clone());
            }
            Some((outer, inner)) => {
                let holder = kept.entry(outer).or_insert_with(|| Value::Object(Map::new()));
                if let Some(holder) = holder.as_object_mut() {
                    holder.insert(inner.to_owned(), value.clone());
                }
            }
        }
    }
    Value::Object(kept)
}

/// RFC 8288 links to the neighbours, the rest of the query kept.
fn links(asked: &Asked, page: usize, size: usize, total: usize) -> String {
    let last = total.div_ceil(size).max(1);
    let mut links = Vec::new();
    if page < last {
        links.push(link(asked, page + 1, "next"));
        links.push(link(asked, last, "last"));
    }
    if page > 1 {
        links.push(link(asked, page - 1, "prev"));
        links.push(link(asked, 1, "first"));
    }
    links.join(", ")
}

fn link(asked: &Asked, page: usize, relation: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(asked.query.iter().filter(|(name, _)| name != "page"));
    query.append_pair("page", &page.to_string());
    let host = asked.header("host").unwrap_or_default();
    format!("<https://{host}{}?{}>; rel=\"{relation}\"", asked.path, query.finish())
}
