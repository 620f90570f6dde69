//! Is every case of the catalogue tried by a test that exists, or listed with the reason why nothing can try it?

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use toml::{Table, Value};

/// How many cases each group has.
const GROUPS: [(char, usize); 5] = [('A', 36), ('B', 31), ('C', 18), ('D', 20), ('E', 14)];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn catalogue() -> Table {
    fs::read_to_string(root().join("tests/vectors/cases.toml")).unwrap().parse().unwrap()
}

/// Why a test that is named does not try its case; nothing when it does.
fn missing(case: &str, named: &str, files: &mut BTreeMap<String, String>) -> Option<String> {
    let (file, test) = named.split_once("::")?;
    let text = files.entry(file.to_owned()).or_insert_with(|| {
        let path = root().join("tests/it").join(file);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{case} names {}: {error}", path.display()))
    });
    let before = text.split(&format!("fn {test}(")).next().filter(|before| before.len() < text.len());
    let is_test = before.is_some_and(|before| {
        let attribute = before.trim_end().trim_end_matches("async").trim_end();
        attribute.ends_with("#[test]") || attribute.ends_with("#[tokio::test]") || attribute.ends_with(")]")
    });
    if !is_test {
        return Some(format!("{case} names {named}, which is no test"));
    }
    // The files of this room say which vector is for which case.
    let names = |mark: &str| text.contains(&format!("\"{case}{mark}"));
    let said = text.split(|letter: char| !letter.is_ascii_alphanumeric()).any(|word| word == case);
    let named_here = names("\"") || names(".") || said;
    (file.starts_with("hostile/") && !named_here).then(|| format!("{file} does not say what it does for {case}"))
}

#[test]
fn every_case_is_tried_or_has_a_reason() {
    let catalogue = catalogue();
    let cases = catalogue["cases"].as_table().unwrap();
    let expected: BTreeSet<String> =
        GROUPS.iter().flat_map(|(group, count)| (1..=*count).map(move |number| format!("{group}{number}"))).collect();
    let listed: BTreeSet<String> = cases.keys().cloned().collect();
    assert_eq!(listed, expected, "the cases are not those of the catalogue");
    let (mut files, mut wrong, mut without) = (BTreeMap::new(), Vec::new(), 0);
    for (case, entry) in cases {
        let tests = entry.get("tests").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let reason = entry.get("not-applicable").and_then(Value::as_str);
        assert!(tests.is_empty() != reason.is_none_or(str::is_empty), "{case} has tests or a reason, one of them");
        assert!(entry["title"].as_str().is_some_and(|title| title.len() > 3), "{case} has no title");
        without += usize::from(reason.is_some());
        wrong.extend(tests.iter().filter_map(|test| missing(case, test.as_str().unwrap(), &mut files)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for (group, _) in GROUPS {
        let ids = catalogue[&group.to_string()]["ids"].as_array().unwrap();
        assert!(!ids.is_empty(), "group {group} names no technique");
    }
    // A list of excuses that grows is noticed.
    assert!(without <= 8, "{without} cases have no test");
}
