//! Lists of the vendor: `page` from 1, the next one in the `Link` header.

use claviger_plugin_sdk::prelude::*;
use claviger_plugin_sdk::{Credential, Failure, Page, Request, next_page};
use serde::de::DeserializeOwned;

use crate::explain::explain;

/// The credential of the manifest.
pub(crate) const CREDENTIAL: &str = "api-keys";

/// How many records one answer to a model has. A model reads every one; a longer list is better searched than read.
pub(crate) const FOR_A_MODEL: u32 = 50;

/// What is asked of a list.
pub(crate) struct Query<'a> {
    /// The operation of the manifest.
    pub(crate) operation: &'a str,
    /// The expression, when there is one.
    pub(crate) conditions: Option<&'a str>,
    /// Only these fields of each record; the vendor refuses names that it does not know.
    pub(crate) fields: &'a str,
    /// The field and direction to order by.
    pub(crate) order: &'a str,
    /// Records on a page, at most 1,000.
    pub(crate) size: u32,
}

/// Fetches one page.
pub(crate) fn page<T: DeserializeOwned>(
    credential: &Credential,
    query: &Query<'_>,
    number: u32,
) -> Result<Page<T>, Failure> {
    page_under(credential, query, number, None)
}

/// Fetches one page of a list that belongs to a record.
pub(crate) fn page_under<T: DeserializeOwned>(
    credential: &Credential,
    query: &Query<'_>,
    number: u32,
    parent: Option<u64>,
) -> Result<Page<T>, Failure> {
    let response = Request::operation(query.operation)
        .optional("id", parent)
        .optional("conditions", query.conditions)
        .parameter("orderBy", query.order)
        .parameter("fields", query.fields)
        .parameter("page", number)
        .parameter("pageSize", query.size)
        .credential(credential)
        .send()?
        .accepted(explain)?;
    let next = next_page(response.header("link").as_deref(), number);
    Ok(Page { items: response.json::<Vec<T>>()?, next })
}
