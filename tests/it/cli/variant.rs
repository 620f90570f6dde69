//! The reference plugins with other limits or other operations, and state directories with another configuration.

use std::fs;
use std::path::{Path, PathBuf};

use claviger_lab::Lab;

/// The development publisher's key files, which the packages of this build are signed with.
fn publisher(lab: &Lab, ending: &str) -> PathBuf {
    lab.package(&format!("publisher.{ending}"))
}

/// Edits a plugin's manifest, packs it one version higher, and signs it as its author would. Gives the package.
pub(crate) fn packed(lab: &Lab, plugin: &str, edit: impl FnOnce(&str) -> String) -> PathBuf {
    let original = lab.package(plugin);
    let (source, package) = (lab.beside(&format!("{plugin}-source")), lab.beside(&format!("{plugin}-variant")));
    fs::create_dir_all(source.join("schemas")).unwrap();
    for schema in fs::read_dir(original.join("schemas")).unwrap() {
        let schema = schema.unwrap();
        fs::copy(schema.path(), source.join("schemas").join(schema.file_name())).unwrap();
    }
    let manifest = fs::read_to_string(original.join("manifest.toml")).unwrap();
    let edited = edit(&manifest);
    assert_ne!(edited, manifest, "the edit found nothing to change");
    let edited = edited.replacen("version = \"0.1.0\"", "version = \"0.1.1\"", 1);
    fs::write(source.join("manifest.toml"), edited).unwrap();
    pack(lab, &source, &original.join("component.wasm"), &publisher(lab, "key"), &package);
    package
}

/// `plugin pack`.
pub(crate) fn pack(lab: &Lab, source: &Path, component: &Path, key: &Path, package: &Path) {
    let [source, component, key, package] = [source, component, key, package].map(|path| path.to_str().unwrap());
    lab.must(&["plugin", "pack", source, "--component", component, "--key", key, "--out", package]).unwrap();
}

/// `plugin install` of a package of the development publisher.
pub(crate) fn install(lab: &Lab, package: &Path) {
    let key = publisher(lab, "pub");
    lab.must(&["plugin", "install", package.to_str().unwrap(), "--trust", key.to_str().unwrap()]).unwrap();
}

/// Replaces an installed plugin by the same one with another time for people to answer.
pub(crate) fn with_approval(lab: &Lab, plugin: &str, time: &str) {
    let limit = format!("[limits]\napproval = \"{time}\"\n");
    install(lab, &packed(lab, plugin, |manifest| manifest.replacen("[limits]\n", &limit, 1)));
}

/// What the simulated approver answers from now on.
pub(crate) fn answer(lab: &Lab, answer: &str) {
    configure(&lab.state(), |text| {
        let others = text.lines().filter(|line| !line.starts_with("simulated-answer")).collect::<Vec<_>>().join("\n");
        format!("simulated-answer = \"{answer}\"\n{others}\n")
    });
}

/// Edits `claviger.toml`.
pub(crate) fn configure(state: &Path, edit: impl FnOnce(&str) -> String) {
    let file = state.join("claviger.toml");
    let text = edit(&fs::read_to_string(&file).unwrap());
    fs::write(&file, text).unwrap();
}
