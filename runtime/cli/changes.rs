//! Whether an update may replace what is installed without asking.

use std::collections::BTreeMap;
use std::fmt::Debug;

use claviger_manifest::{Manifest, Name, VerifiedPackage};

use crate::error::{Code, Failure};

/// Refuses a downgrade, another build under the same version, and an update that changes or adds what may be done:
/// a grant names operations, so an operation must not become another one under the same name.
pub(crate) fn acceptable(old: &VerifiedPackage, new: &VerifiedPackage) -> Result<(), Failure> {
    let (was, is) = (&old.manifest().plugin, &new.manifest().plugin);
    if old.manifest_digest() == new.manifest_digest() {
        return Ok(());
    }
    if is.version <= was.version {
        return Err(Failure::new(
            Code::State,
            format!(
                "{} {} is installed; only a higher version than that can replace it, not {}",
                was.name, was.version, is.version
            ),
        ));
    }
    let widened = widened(old.manifest(), new.manifest());
    if widened.is_empty() {
        return Ok(());
    }
    Err(Failure::new(
        Code::Denied,
        format!(
            "{} {} could do more than {}:\n  {}\nto accept that, review it with `claviger plugin inspect`, then remove the plugin's directory from plugins/ and install again",
            is.name,
            is.version,
            was.version,
            widened.join("\n  ")
        ),
    ))
}

/// One line for each thing that is new or different. A setting's default decides where requests go, so it counts.
fn widened(old: &Manifest, new: &Manifest) -> Vec<String> {
    let (was, is) = (&old.plugin.publisher, &new.plugin.publisher);
    let mut lines = if was == is { Vec::new() } else { vec![format!("~ publisher {is} instead of {was}")] };
    lines.extend(differences("setting", &old.settings, &new.settings));
    lines.extend(differences("endpoint", &old.endpoints, &new.endpoints));
    lines.extend(differences("secret", &old.secrets, &new.secrets));
    lines.extend(differences("slot", &old.slots, &new.slots));
    lines.extend(differences("credential", &old.credentials, &new.credentials));
    lines.extend(differences("operation", &old.operations, &new.operations));
    lines.extend(differences("write-back", &old.write_back, &new.write_back));
    lines
}

fn differences<T: Debug>(what: &str, old: &BTreeMap<Name, T>, new: &BTreeMap<Name, T>) -> Vec<String> {
    let line = |(name, is): (&Name, &T)| match old.get(name) {
        None => Some(format!("+ {what} {name}")),
        Some(was) if format!("{was:?}") != format!("{is:?}") => {
            Some(format!("~ {what} {name} is declared differently"))
        }
        Some(_) => None,
    };
    new.iter().filter_map(line).collect()
}
