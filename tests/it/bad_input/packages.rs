//! Packages that are not what a trusted publisher signed, and updates that are more than the plugin that is installed.

use std::fs;
use std::path::Path;

use claviger_lab::{Lab, Publisher};

use super::{tester, tiny};
use crate::laboratory::{lab, swept};

/// What installing says of a package that it must refuse; nothing of it is installed.
#[track_caller]
fn uninstallable(lab: &Lab, package: &Path, trust: Option<&Publisher>, code: i32) -> String {
    let before = installed(lab);
    let ran = lab.try_install(package, trust).unwrap();
    assert_eq!((ran.code, ran.stdout.as_str()), (code, ""), "{}", ran.stderr);
    assert_eq!(installed(lab), before, "something was installed");
    ran.stderr
}

/// Installed plugins with their manifests' digests.
fn installed(lab: &Lab) -> String {
    lab.must(&["plugin", "list", "--json"]).unwrap().stdout
}

/// Changes one byte of a file.
fn edit(file: &Path) {
    let mut bytes = fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(file, bytes).unwrap();
}

#[test]
fn an_unsigned_package_is_not_installed() {
    let lab = lab();
    let publisher = tester(&lab);
    let package = lab.pack(&publisher, &tiny(), "tiny").unwrap();
    fs::remove_file(package.join("manifest.sig")).unwrap();
    let told = uninstallable(&lab, &package, Some(&publisher), 6);
    assert!(told.contains("the package is not signed"), "{told}");
    // Looking at it is allowed, and says so first.
    let inspected = lab.must(&["plugin", "inspect", package.to_str().unwrap()]).unwrap().stdout;
    assert!(inspected.contains("NOT VERIFIED: the package is not signed"), "{inspected}");
    swept(&lab);
}

#[test]
fn one_byte_of_a_signed_file_is_noticed() {
    let lab = lab();
    let publisher = tester(&lab);
    for (file, expected) in [
        ("manifest.toml", "the manifest was changed after it was signed"),
        ("schemas/nothing.json", "schemas/nothing.json was changed after it was signed"),
        ("component.wasm", "the component was changed after it was signed"),
    ] {
        let package = lab.pack(&publisher, &tiny(), "tiny").unwrap();
        edit(&package.join(file));
        let told = uninstallable(&lab, &package, Some(&publisher), 6);
        assert!(told.contains(expected), "{file}: {told}");
    }
    swept(&lab);
}

#[test]
fn another_component_under_a_good_signature_is_noticed() {
    let lab = lab();
    let publisher = tester(&lab);
    let package = lab.pack(&publisher, &tiny(), "tiny").unwrap();
    fs::copy(lab.package("psa").join("component.wasm"), package.join("component.wasm")).unwrap();
    let told = uninstallable(&lab, &package, Some(&publisher), 6);
    assert!(told.contains("the component was changed after it was signed"), "{told}");
    // Neither does another plugin's signature help, although its publisher is trusted.
    lab.install("pax8").unwrap();
    fs::copy(lab.package("psa").join("manifest.sig"), package.join("manifest.sig")).unwrap();
    let told = uninstallable(&lab, &package, Some(&publisher), 6);
    assert!(told.contains("the manifest was changed after it was signed"), "{told}");
    swept(&lab);
}

#[test]
fn a_schema_that_cannot_be_compiled_is_refused_at_install_also_where_the_component_is_known() {
    let lab = lab();
    let publisher = tester(&lab);
    let good = lab.pack(&publisher, &tiny(), "good").unwrap();
    assert_eq!(lab.try_install(&good, Some(&publisher)).unwrap().code, 0);
    let mut draft = tiny();
    draft.schemas.insert("word.json".to_owned(), br#"{"type": "no such type"}"#.to_vec());
    let package = lab.pack(&publisher, &draft, "bad").unwrap();
    let told = uninstallable(&lab, &package, Some(&publisher), 6);
    assert!(told.contains("schema"), "{told}");
    swept(&lab);
}

#[test]
fn files_beside_the_signed_ones_are_noticed() {
    let lab = lab();
    let publisher = tester(&lab);
    let package = lab.pack(&publisher, &tiny(), "tiny").unwrap();
    fs::write(package.join("schemas/more.json"), "{}").unwrap();
    let told = uninstallable(&lab, &package, Some(&publisher), 6);
    assert!(told.contains("schemas/more.json is in the package but was not signed"), "{told}");
    fs::remove_file(package.join("schemas/more.json")).unwrap();
    fs::remove_file(package.join("schemas/word.json")).unwrap();
    let told = uninstallable(&lab, &package, Some(&publisher), 6);
    assert!(told.contains("schemas/word.json is signed but missing"), "{told}");
    swept(&lab);
}

#[test]
fn an_unknown_publisher_is_not_trusted_because_a_package_comes_from_it() {
    let lab = lab();
    let package = lab.pack(&tester(&lab), &tiny(), "tiny").unwrap();
    let told = uninstallable(&lab, &package, None, 6);
    assert!(told.contains("signed by key tester+") && told.contains("which is not in the trust store"), "{told}");
    swept(&lab);
}

#[test]
fn a_publisher_whose_key_changed_is_not_trusted_without_a_word() {
    let lab = lab();
    let (first, second) = (tester(&lab), lab.publisher("tester", "another").unwrap());
    lab.adopt(&first, &tiny(), "first").unwrap();
    let draft = tiny().with("version = \"1.0.0\"", "version = \"1.0.1\"").unwrap();
    let package = lab.pack(&second, &draft, "second").unwrap();
    let told = uninstallable(&lab, &package, None, 6);
    assert!(told.contains("signed by key tester+") && told.contains("which is not in the trust store"), "{told}");
    let told = uninstallable(&lab, &package, Some(&second), 6);
    assert!(told.contains("publisher tester has another key here already"), "{told}");
    swept(&lab);
}

#[test]
fn a_name_in_the_manifest_is_no_signature() {
    let lab = lab();
    let (publisher, rival) = (tester(&lab), lab.publisher("rival", "rival").unwrap());
    // The author can only sign in a name of their own.
    let (ran, _) = lab.try_pack(&rival, &tiny(), "borrowed").unwrap();
    assert!(ran.code == 6 && ran.stderr.contains("[plugin] publisher is tester"), "{}", ran.stderr);
    lab.adopt(&publisher, &tiny(), "tiny").unwrap();
    swept(&lab);
}

#[test]
fn a_downgrade_is_refused() {
    let lab = lab();
    let publisher = tester(&lab);
    let version = |number: &str| tiny().with("version = \"1.0.0\"", &format!("version = \"{number}\"")).unwrap();
    lab.adopt(&publisher, &version("1.1.0"), "newer").unwrap();
    for (number, name) in [("1.0.9", "older"), ("1.1.0-rc.1", "candidate")] {
        let package = lab.pack(&publisher, &version(number), name).unwrap();
        let told = uninstallable(&lab, &package, None, 6);
        assert!(told.contains(&format!("only a higher version than that can replace it, not {number}")), "{told}");
    }
    swept(&lab);
}

#[test]
fn the_same_version_with_another_digest_is_refused() {
    let lab = lab();
    let publisher = tester(&lab);
    let package = lab.adopt(&publisher, &tiny(), "tiny").unwrap();
    // The very same again is nothing.
    assert_eq!(lab.try_install(&package, None).unwrap().code, 0);
    let draft = tiny().with("description = \"A key\"", "description = \"The same key\"").unwrap();
    let told = uninstallable(&lab, &lab.pack(&publisher, &draft, "rebuilt").unwrap(), None, 6);
    assert!(told.contains("tiny 1.0.0 is installed; only a higher version"), "{told}");
    swept(&lab);
}

#[test]
fn an_update_that_could_do_more_is_refused_with_the_list() {
    let lab = lab();
    let publisher = tester(&lab);
    lab.adopt(&publisher, &tiny(), "tiny").unwrap();
    let draft = tiny().with("version = \"1.0.0\"", "version = \"1.1.0\"").unwrap();
    let draft = draft.with("body = [\"/quantity\"]", "body = [\"/quantity\", \"/owner\"]").unwrap();
    let draft = draft.with("https://api.example.com", "https://api.example.net").unwrap();
    let more = "\n[secrets.second]\ndescription = \"Another key\"\n\n[operations.remove]\nendpoint = \"api\"\n\
        credential = \"key\"\nmethod = \"DELETE\"\npath = \"/things\"\neffect = \"destroy\"\n";
    let told = uninstallable(&lab, &lab.pack(&publisher, &draft.and(more), "wider").unwrap(), None, 3);
    for expected in [
        "tiny 1.1.0 could do more than 1.0.0",
        "+ operation remove",
        "+ secret second",
        "~ operation get is declared differently",
        "~ endpoint api is declared differently",
    ] {
        assert!(told.contains(expected), "{expected}: {told}");
    }
    assert!(!told.contains("operation spare") && !told.contains("secret key "), "{told}");

    // One that only removes may come.
    let narrower = tiny().with("version = \"1.0.0\"", "version = \"1.2.0\"").unwrap();
    let spare = "[operations.spare]\nendpoint = \"api\"\ncredential = \"key\"\nmethod = \"GET\"\npath = \"/spare\"\neffect = \"read\"\n";
    lab.adopt(&publisher, &narrower.with(spare, "").unwrap(), "narrower").unwrap();
    assert!(installed(&lab).contains("1.2.0"));
    swept(&lab);
}
