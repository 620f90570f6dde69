//! Lists that come in pages.

use alloc::vec::Vec;

use crate::Failure;

/// One page of an upstream's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// The number of the page after it, if there is one.
    pub next: Option<u32>,
}

/// Several pages in one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collected<T> {
    /// What was on them, in order.
    pub items: Vec<T>,
    /// The first page that was not fetched, when the list goes on.
    pub next: Option<u32>,
}

/// Fetches page after page from `first` on, at most `most` of them. A `next` that does not go forward ends the list, so
/// an upstream cannot send a plugin in circles.
///
/// # Errors
/// The first failure of `fetch`.
pub fn collect<T>(
    first: u32,
    most: u32,
    mut fetch: impl FnMut(u32) -> Result<Page<T>, Failure>,
) -> Result<Collected<T>, Failure> {
    let mut items = Vec::new();
    let mut next = Some(first);
    for _ in 0..most {
        let Some(number) = next else { break };
        let page = fetch(number)?;
        items.extend(page.items);
        next = page.next.filter(|later| *later > number);
    }
    Ok(Collected { items, next })
}

/// Cuts one page, counted from 1, out of a list that the upstream only gives whole.
pub fn slice<T>(items: Vec<T>, page: u32, size: u32) -> Page<T> {
    let (page, size) = (page.max(1), usize::try_from(size.max(1)).unwrap_or(usize::MAX));
    let start = usize::try_from(page.saturating_sub(1)).unwrap_or(usize::MAX).saturating_mul(size);
    let goes_on = items.len() > start.saturating_add(size);
    let items = items.into_iter().skip(start).take(size).collect();
    Page { items, next: goes_on.then(|| page.saturating_add(1)) }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use super::{Page, collect, slice};
    use crate::Failure;

    fn three_pages(number: u32) -> Result<Page<u32>, Failure> {
        Ok(Page { items: vec![number * 10, number * 10 + 1], next: (number < 3).then_some(number + 1) })
    }

    #[test]
    fn pages_are_fetched_to_the_end_or_the_bound() {
        let all = collect(1, 9, three_pages).unwrap();
        assert_eq!((all.items, all.next), (vec![10, 11, 20, 21, 30, 31], None));
        let some = collect(1, 2, three_pages).unwrap();
        assert_eq!((some.items, some.next), (vec![10, 11, 20, 21], Some(3)));
    }

    #[test]
    fn a_circle_ends() {
        let mut asked = Vec::new();
        let circle = |number| {
            asked.push(number);
            Ok(Page { items: vec![()], next: Some(1) })
        };
        assert_eq!(collect(1, 50, circle).unwrap().items.len(), 1);
        assert_eq!(asked, [1]);
    }

    #[test]
    fn a_failure_on_a_later_page_is_a_failure() {
        let fails = |number| if number == 2 { Err(Failure::RateLimited(9)) } else { three_pages(number) };
        assert!(matches!(collect(1, 9, fails), Err(Failure::RateLimited(9))));
    }

    #[test]
    fn whole_lists_are_cut() {
        let list: Vec<u32> = (0..5).collect();
        assert_eq!(slice(list.clone(), 1, 2), Page { items: vec![0, 1], next: Some(2) });
        assert_eq!(slice(list.clone(), 3, 2), Page { items: vec![4], next: None });
        assert_eq!(slice(list.clone(), 1, 5), Page { items: list.clone(), next: None });
        assert_eq!(slice(list, u32::MAX, u32::MAX), Page { items: vec![], next: None });
    }
}
