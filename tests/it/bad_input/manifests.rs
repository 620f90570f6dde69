//! Manifests that are refused before anything is signed, with the place and the rule.

use claviger_lab::{Draft, Lab};

use super::{tester, tiny};
use crate::laboratory::{lab, swept};

/// What packing says of a manifest that it must refuse.
#[track_caller]
fn unpackable(lab: &Lab, draft: &Draft) -> String {
    let (ran, package) = lab.try_pack(&tester(lab), draft, "bad").unwrap();
    assert_eq!((ran.code, package.exists()), (6, false), "{}", ran.stderr);
    ran.stderr
}

/// The line of a text in a manifest, from 1.
fn line(draft: &Draft, text: &str) -> usize {
    let before = draft.manifest.split(text).next().unwrap();
    before.matches('\n').count() + 1
}

#[test]
fn an_unknown_key_has_line_and_column() {
    let lab = lab();
    let draft = tiny().with("path = \"/spare\"", "path = \"/spare\"\n  follow-redirects = true").unwrap();
    let told = unpackable(&lab, &draft);
    let place = format!("line {}, column 3: unknown key", line(&draft, "follow-redirects"));
    assert!(told.contains(&place) && told.contains("manifest.toml"), "{told}");
    swept(&lab);
}

#[test]
fn an_unknown_table_has_line_and_column() {
    let lab = lab();
    let draft = tiny().and("\n[permissions]\nall = true\n");
    let told = unpackable(&lab, &draft);
    assert!(told.contains(&format!("line {}, column 2: unknown key", line(&draft, "[permissions]"))), "{told}");
    swept(&lab);
}

#[test]
fn a_duplicate_key_has_line_and_column() {
    let lab = lab();
    let draft = tiny().with("path = \"/spare\"", "path = \"/spare\"\npath = \"/admin\"").unwrap();
    let told = unpackable(&lab, &draft);
    let place = format!("line {}, column 1", line(&draft, "path = \"/admin\""));
    assert!(told.contains(&place) && told.contains("duplicate key"), "{told}");
    swept(&lab);
}

#[test]
fn a_tool_that_understates_its_effect_is_told_which_it_has() {
    let lab = lab();
    let get = "path = \"/things\"\nbody = [\"/quantity\"]\neffect = \"read\"";
    let draft = tiny().with(get, &get.replace("read", "destroy")).unwrap();
    let told = unpackable(&lab, &draft);
    assert!(told.contains("[tools.look] effect is read, but") && told.contains("set it to destroy"), "{told}");
    swept(&lab);
}

#[test]
fn a_wildcard_reference_is_none() {
    let lab = lab();
    let draft = tiny().with("description = \"A key\"", "reference = \"op://*/Pax8/key\"").unwrap();
    let told = unpackable(&lab, &draft);
    assert!(told.contains(&format!("line {}", line(&draft, "reference ="))), "{told}");
    assert!(!told.contains("op://*/Pax8/key"), "a value is repeated: {told}");
    swept(&lab);
}

#[test]
fn a_limit_above_the_hard_maximum_is_told_the_maximum() {
    let lab = lab();
    let told = unpackable(&lab, &tiny().and("\n[limits]\nmemory = \"2GiB\"\n"));
    assert!(told.contains("memory is above the hard maximum of 1024MiB"), "{told}");
    swept(&lab);
}
