//! Plugin packages on disk: `manifest.toml`, `manifest.sig`, `component.wasm`, `schemas/*.json`.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use claviger_manifest::{Package, TrustStore};

use crate::error::Failure;
use crate::state::{self, State};

/// The largest component that is read, in bytes: Python and JavaScript components are under 20 MiB.
const MAX_COMPONENT: u64 = 64 * 1024 * 1024;

/// Reads a package directory. Nothing in it is trusted yet.
pub(crate) fn read(directory: &Path) -> Result<Package, Failure> {
    let component = directory.join("component.wasm");
    let size = match fs::metadata(&component) {
        Ok(found) => found.len(),
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(none(directory)),
        Err(error) => return Err(Failure::file(&component, &error)),
    };
    if size > MAX_COMPONENT {
        return Err(Failure::state(format!("{} is larger than {MAX_COMPONENT} bytes", component.display())));
    }
    let signature = directory.join("manifest.sig");
    Ok(Package {
        manifest: state::read(&directory.join("manifest.toml"))?,
        component: fs::read(&component).map_err(|error| Failure::file(&component, &error))?,
        schemas: schemas(directory)?,
        signature: if signature.exists() { state::read(&signature)? } else { String::new() },
    })
}

fn none(directory: &Path) -> Failure {
    Failure::state(format!(
        "{} is no plugin package and no installed plugin; `claviger plugin pack` makes packages, `claviger plugin list` shows what is installed",
        directory.display()
    ))
}

/// The schemas of a package, by their path in it.
pub(crate) fn schemas(directory: &Path) -> Result<BTreeMap<String, Vec<u8>>, Failure> {
    let folder = directory.join("schemas");
    let mut schemas = BTreeMap::new();
    for name in state::names(&folder, ".json")? {
        let path = folder.join(format!("{name}.json"));
        schemas.insert(format!("schemas/{name}.json"), fs::read(&path).map_err(|error| Failure::file(&path, &error))?);
    }
    Ok(schemas)
}

/// Writes a package directory.
pub(crate) fn write(directory: &Path, package: &Package) -> Result<(), Failure> {
    let folder = directory.join("schemas");
    fs::create_dir_all(&folder).map_err(|error| Failure::file(&folder, &error))?;
    state::write(&directory.join("manifest.toml"), package.manifest.as_bytes())?;
    state::write(&directory.join("component.wasm"), &package.component)?;
    for (path, schema) in &package.schemas {
        state::write(&directory.join(path), schema)?;
    }
    // A schema of an earlier package here would make this one another than was signed.
    for name in state::names(&folder, ".json")? {
        if !package.schemas.contains_key(&format!("schemas/{name}.json")) {
            let stale = folder.join(format!("{name}.json"));
            fs::remove_file(&stale).map_err(|error| Failure::file(&stale, &error))?;
        }
    }
    state::write(&directory.join("manifest.sig"), package.signature.as_bytes())
}

/// The publishers that this state directory trusts.
pub(crate) fn trusted(state: &State) -> Result<TrustStore, Failure> {
    let mut trust = TrustStore::default();
    for name in state::names(&state.trust(), ".pub")? {
        let path = state.trust().join(format!("{name}.pub"));
        let added = trust.add_key(state::read(&path)?.trim());
        added.map_err(|error| Failure::state(format!("{}: {error}", path.display())))?;
    }
    Ok(trust)
}
