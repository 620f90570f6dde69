//! A value goes in by standard input and never comes out.

use serde_json::Value;

use super::variant::configure;
use crate::laboratory::{lab, swept};

#[test]
fn a_value_comes_from_standard_input_and_is_never_shown() {
    let lab = lab();
    let (one, two) = (lab.canary("one").unwrap(), lab.canary("two").unwrap());
    let put = |more: &[&str], value: &str| {
        lab.run_with(&[&["secret", "put", "op://MSP/Item/field"], more].concat(), value.as_bytes()).unwrap()
    };
    assert_eq!(put(&[], &format!("{}\n", one.value)).code, 0);
    let again = put(&[], &two.value);
    assert_eq!(again.code, 2);
    assert!(again.stderr.contains("--replace"), "{}", again.stderr);
    assert_eq!(put(&["--replace"], &two.value).code, 0);
    let listed = lab.must(&["secret", "list", "--json"]).unwrap().json();
    assert_eq!(listed, serde_json::json!([{ "reference": "op://MSP/Item/field", "version": 2 }]));
    let log = lab.must(&["audit", "log", "--json", "--last", "2"]).unwrap().json();
    let notes: Vec<_> = log.as_array().unwrap().iter().map(|entry| entry["note"]["detail"].as_str().unwrap()).collect();
    assert_eq!(notes, ["new", "replace"], "what was refused is not recorded as done");
    swept(&lab);
}

#[test]
fn several_values_go_in_together_or_none_does() {
    let lab = lab();
    let (one, two) = (lab.canary("one").unwrap(), lab.canary("two").unwrap());
    let lines = format!("{}\n{}\n", one.value, two.value);
    let put =
        |places: &[&str], lines: &str| lab.run_with(&[&["secret", "put"], places].concat(), lines.as_bytes()).unwrap();
    let (first, second) = ("op://MSP/Item/first", "op://MSP/Item/second");
    for (places, lines, says) in [
        (&[first, second, "op://MSP/Item/third"][..], lines.as_str(), "2 lines for 3 references"),
        (&[first, second], &format!("{lines}{}\n", one.value), "3 lines for 2 references"),
        (&[first, second], &format!("{}\n\n", one.value), "empty"),
        (&[first, "op://MSP/Item/FIRST"], &lines, "named twice"),
    ] {
        let ran = put(places, lines);
        assert!(ran.code == 2 && ran.stderr.contains(says), "{}: {}", ran.code, ran.stderr);
    }
    assert_eq!(lab.must(&["secret", "list", "--json"]).unwrap().json(), Value::Array(Vec::new()));
    assert_eq!(put(&[first, second], &lines).code, 0);
    // One that is there stops the others too.
    let ran = put(&["op://MSP/Item/third", second], &lines);
    assert!(ran.code == 2 && ran.stderr.contains(second), "{}", ran.stderr);
    let listed = lab.must(&["secret", "list", "--json"]).unwrap().json();
    assert_eq!(listed.as_array().unwrap().len(), 2, "{listed}");
    swept(&lab);
}

#[test]
fn a_value_in_argv_is_refused_and_not_repeated() {
    let lab = lab();
    let canary = lab.canary("pasted").unwrap();
    let value = canary.value.as_str();
    let bound = format!("company={value}");
    for arguments in [
        &["secret", "put", "op://MSP/Item/field", value][..],
        &["secret", "put", value],
        &["secret", "put", "op://MSP/Item/field", "--value", value],
        &["reference", "check", value],
        &["connection", "add", "psa", "--plugin", "psa", "--secret", &bound],
        &["connection", "bind", "psa", &bound],
        &["vault", "recover", "--store", "1", "--to", value],
    ] {
        assert_eq!(lab.run(arguments).unwrap().code, 2, "{arguments:?}");
    }
    assert_eq!(lab.must(&["secret", "list", "--json"]).unwrap().json(), Value::Array(Vec::new()));
    swept(&lab);
}

#[test]
fn what_cannot_be_a_value_is_not_stored() {
    let lab = lab();
    for (value, says) in [(Vec::new(), "empty"), (b"\n".to_vec(), "empty"), (vec![b'x'; 64 * 1024 + 1], "longer")] {
        let ran = lab.run_with(&["secret", "put", "op://MSP/Item/field"], &value).unwrap();
        assert_eq!(ran.code, 2);
        assert!(ran.stderr.contains(says) && ran.stderr.contains("nothing was stored"), "{}", ran.stderr);
    }
    let largest = lab.run_with(&["secret", "put", "op://MSP/Item/field"], &vec![b'x'; 64 * 1024]).unwrap();
    assert_eq!(largest.code, 0, "{}", largest.stderr);
    configure(&lab.state(), |text| format!("{text}[vaults.Theirs]\nprovider = \"op\"\n"));
    let canary = lab.canary("theirs").unwrap();
    let theirs = lab.run_with(&["secret", "put", "op://Theirs/Item/field"], canary.value.as_bytes()).unwrap();
    assert_eq!(theirs.code, 2);
    assert!(theirs.stderr.contains("another provider"), "{}", theirs.stderr);
    swept(&lab);
}
