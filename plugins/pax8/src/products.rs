//! Names of products.

use claviger_plugin_sdk::prelude::*;
use claviger_plugin_sdk::{Credential, Failure, Request};

use crate::explain::explain;
use crate::lists::CREDENTIAL;

/// The most products looked up in one call. Each is a request; the rest keep their identifier as name.
const MOST_LOOKUPS: usize = 40;

/// Names by product identifier.
pub(crate) type Names = BTreeMap<String, String>;

#[derive(Deserialize)]
struct Product {
    name: Option<String>,
}

/// Looks up names. A product that the catalogue no longer has is left out.
pub(crate) fn look_up(identifiers: &[String]) -> Result<Names, Failure> {
    let mut names = Names::new();
    if identifiers.is_empty() {
        return Ok(names);
    }
    let credential = Credential::open(CREDENTIAL)?;
    for identifier in identifiers.iter().take(MOST_LOOKUPS) {
        if let Some(name) = look_up_one(&credential, identifier)? {
            names.insert(identifier.clone(), name);
        }
    }
    Ok(names)
}

fn look_up_one(credential: &Credential, identifier: &str) -> Result<Option<String>, Failure> {
    let answer = Request::operation("get-product")
        .parameter("product-id", identifier)
        .credential(credential)
        .send()?
        .accepted(explain);
    match answer {
        Ok(response) => Ok(response.json::<Product>()?.name),
        Err(Failure::NotFound(_)) => Ok(None),
        Err(failure) => Err(failure),
    }
}
