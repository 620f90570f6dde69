//! Lists of the vendor: `content`, and `page` with numbers from 0.

use claviger_plugin_sdk::prelude::*;
use claviger_plugin_sdk::{Credential, Failure, Page, Request, Scalar};
use serde::de::DeserializeOwned;

use crate::explain::explain;

/// The credential of the manifest.
pub(crate) const CREDENTIAL: &str = "partner";

/// The vendor's largest page.
pub(crate) const LARGEST: u32 = 200;

/// How many records one answer to a model has.
pub(crate) const FOR_A_MODEL: u32 = 100;

#[derive(Deserialize)]
struct Envelope<T> {
    content: Option<Vec<T>>,
    page: Option<Position>,
}

/// The document gives these three no type, and the examples are numbers.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Position {
    number: Option<Scalar>,
    total_pages: Option<Scalar>,
}

/// Fetches one page of what a request asks for.
pub(crate) fn page<T: DeserializeOwned>(
    credential: &Credential,
    request: Request<'_>,
    number: u32,
    size: u32,
) -> Result<Page<T>, Failure> {
    let response =
        request.parameter("page", number).parameter("size", size).credential(credential).send()?.accepted(explain)?;
    Ok(read(response.json()?, number))
}

/// The page after this one, as far as the vendor says that there is one.
fn read<T>(envelope: Envelope<T>, asked: u32) -> Page<T> {
    let position = envelope.page.as_ref();
    let number = position.and_then(|position| position.number.as_ref()?.whole()).unwrap_or_else(|| asked.into());
    let pages = position.and_then(|position| position.total_pages.as_ref()?.whole()).unwrap_or_default();
    let following = number.saturating_add(1);
    let next = u32::try_from(following).ok().filter(|_| following < pages);
    Page { items: envelope.content.unwrap_or_default(), next }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use claviger_plugin_sdk::Page;

    use super::{Envelope, read};

    fn page(json: &str, asked: u32) -> Page<u32> {
        read(serde_json::from_str::<Envelope<u32>>(json).unwrap(), asked)
    }

    #[test]
    fn pages_are_counted_from_zero() {
        let first = r#"{"content":[1,2],"page":{"size":2,"totalElements":5,"totalPages":3,"number":0}}"#;
        assert_eq!(page(first, 0), Page { items: vec![1, 2], next: Some(1) });
        let last = r#"{"content":[5],"page":{"size":2,"totalElements":5,"totalPages":"3","number":2.0}}"#;
        assert_eq!(page(last, 2), Page { items: vec![5], next: None });
        assert_eq!(page(r#"{"content":[],"page":{"totalPages":0,"number":0}}"#, 0).next, None);
    }

    #[test]
    fn an_answer_without_position_is_the_last_page() {
        assert_eq!(page("{}", 0), Page { items: vec![], next: None });
        assert_eq!(page(r#"{"content":[1],"page":{"totalPages":4}}"#, 2).next, Some(3));
    }
}
