//! The `Link` header (RFC 8288), for the number of the next page and nothing else.

/// The number of the page that a `Link` header calls `next`, or `None` on the last page.
///
/// The target is read for its `page` parameter and never followed: a plugin has no way to send to a URL, and an upstream
/// should not choose one. A target without a later page number counts as the page after `current`.
pub fn next_page(header: Option<&str>, current: u32) -> Option<u32> {
    let target = targets(header?).find(|(_, attributes)| is_next(attributes))?.0;
    let following = current.saturating_add(1);
    Some(page_of(target).filter(|page| *page > current).unwrap_or(following))
}

/// Targets with the text of their attributes. A comma inside `<>` belongs to the target.
fn targets(header: &str) -> impl Iterator<Item = (&str, &str)> {
    header.split('<').filter_map(|part| part.split_once('>'))
}

fn is_next(attributes: &str) -> bool {
    attributes.split([';', ',']).filter_map(|attribute| attribute.split_once('=')).any(|(name, value)| {
        let relations = value.trim().trim_matches('"');
        name.trim().eq_ignore_ascii_case("rel") && relations.split(' ').any(|one| one.eq_ignore_ascii_case("next"))
    })
}

fn page_of(target: &str) -> Option<u32> {
    let (_, query) = target.split_once('?')?;
    let query = query.split('#').next().unwrap_or_default();
    query.split('&').find_map(|pair| pair.strip_prefix("page=")).and_then(|number| number.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::next_page;

    #[test]
    fn the_next_page_is_found_among_others() {
        let header = r#"<https://h/x?pageSize=2&page=3&conditions=a,b>; rel="next", <https://h/x?page=9>; rel="last""#;
        assert_eq!(next_page(Some(header), 2), Some(3));
        let header = r#"<https://h/x?page=1>; rel="first", <https://h/x?page=7&pageSize=2>; title="a"; REL=next"#;
        assert_eq!(next_page(Some(header), 6), Some(7));
        assert_eq!(next_page(Some(r#"</x?page=4>; rel="next archives""#), 3), Some(4));
    }

    #[test]
    fn the_last_page_has_no_next() {
        for header in [None, Some(""), Some(r#"<https://h/x?page=1>; rel="first""#), Some("rel=next"), Some("<x")] {
            assert_eq!(next_page(header, 1), None, "{header:?}");
        }
    }

    #[test]
    fn a_page_number_never_goes_back() {
        for target in ["https://evil/x", "/x?page=1", "/x?page=2", "/x?page=-1", "/x?page=99999999999", "/x?mypage=9"] {
            let header = std::format!("<{target}>; rel=\"next\"");
            assert_eq!(next_page(Some(&header), 2), Some(3), "{target}");
        }
    }
}
