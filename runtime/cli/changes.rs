//! Whether an update may replace what is installed without asking.

use claviger_manifest::{Manifest, VerifiedPackage};

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
            format!("{} {} is installed; only a higher version than that can replace it, not {}", was.name, was.version, is.version),
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

/// One line for each thing that is new or different.
fn widened(old: &Manifest, new: &Manifest) -> Vec<String> {
    let mut lines = Vec::new();
    let mut compare = |what: &str, name: &str, was: Option<String>, is: String| match was {
        None => lines.push(format!("+ {what} {name}")),
        Some(was) if was != is => lines.push(format!("~ {what} {name} is declared differently")),
        Some(_) => {}
    };
    for (name, endpoint) in &new.endpoints {
        compare("endpoint", name.as_str(), old.endpoints.get(name).map(|o| format!("{o:?}")), format!("{endpoint:?}"));
    }
    for (name, secret) in &new.secrets {
        compare("secret", name.as_str(), old.secrets.get(name).map(|o| format!("{o:?}")), format!("{secret:?}"));
    }
    for (name, credential) in &new.credentials {
        compare("credential", name.as_str(), old.credentials.get(name).map(|o| format!("{o:?}")), format!("{credential:?}"));
    }
    for (name, operation) in &new.operations {
        compare("operation", name.as_str(), old.operations.get(name).map(|o| format!("{o:?}")), format!("{operation:?}"));
    }
    for (name, rule) in &new.write_back {
        compare("write-back", name.as_str(), old.write_back.get(name).map(|o| format!("{o:?}")), format!("{rule:?}"));
    }
    lines
}
