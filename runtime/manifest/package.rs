//! Packages: the files of a plugin, and the proof that a trusted publisher signed exactly these.

use std::collections::BTreeMap;
use std::fmt;

use signed_note::{Note, NoteError};

use crate::check::is_schema_path;
use crate::note::Statement;
use crate::trust::is_key_name;
use crate::{Digest, Manifest, PackageError, TrustStore};

/// The largest component, in bytes: an interpreter with a standard library fits, a disk image does not.
const MAX_COMPONENT: usize = 64 * 1024 * 1024;

/// The largest schema, in bytes.
const MAX_SCHEMA: usize = 256 * 1024;

/// The most schemas: two for each of a hundred tools, and some that they share.
const MAX_SCHEMAS: usize = 256;

/// The files of a plugin, as somebody sent them. Nothing in it is trusted.
#[derive(Clone, Debug, Default)]
pub struct Package {
    /// The manifest's text, `manifest.toml`.
    pub manifest: String,
    /// The component.
    pub component: Vec<u8>,
    /// JSON Schemas by their path in the package, `schemas/<name>.json`.
    pub schemas: BTreeMap<String, Vec<u8>>,
    /// The signature's text, a C2SP signed note.
    pub signature: String,
}

/// A package whose every file a trusted publisher signed, with a manifest that keeps every rule.
///
/// Only [`Package::verify`] makes one.
pub struct VerifiedPackage {
    package: Package,
    manifest: Manifest,
    manifest_digest: Digest,
    publisher_key: String,
}

impl Package {
    /// Holds the package against the trust store: first the signature, then each file's digest, then the manifest.
    ///
    /// # Errors
    /// [`PackageError`]: what is wrong and what to do.
    pub fn verify(self, trust: &TrustStore) -> Result<VerifiedPackage, PackageError> {
        self.check_sizes()?;
        let (statement, signers) = verify_note(&self.signature, trust)?;
        self.check_digests(&statement)?;
        let manifest = Manifest::parse(&self.manifest)?;
        check_against_manifest(&statement, &manifest, signers.iter().map(|(name, _)| name.as_str()))?;
        let signer = signers.into_iter().find(|(name, _)| *name == manifest.plugin.publisher);
        let (name, id) = signer.ok_or(PackageError::NotAStatement)?;
        let publisher_key = trust.vkey_of(&name, id).ok_or(PackageError::NotAStatement)?;
        Ok(VerifiedPackage { manifest, manifest_digest: statement.manifest, publisher_key, package: self })
    }

    fn check_sizes(&self) -> Result<(), PackageError> {
        let too_large = |what, max| Err(PackageError::TooLarge { what, max });
        if self.component.len() > MAX_COMPONENT {
            return too_large("the component (in bytes)", MAX_COMPONENT);
        }
        if self.schemas.len() > MAX_SCHEMAS {
            return too_large("the number of schemas", MAX_SCHEMAS);
        }
        if self.schemas.values().any(|schema| schema.len() > MAX_SCHEMA) {
            return too_large("a schema (in bytes)", MAX_SCHEMA);
        }
        Ok(())
    }

    fn check_digests(&self, statement: &Statement) -> Result<(), PackageError> {
        if Digest::of(self.manifest.as_bytes()) != statement.manifest {
            return Err(PackageError::ManifestChanged);
        }
        if Digest::of(&self.component) != statement.component {
            return Err(PackageError::ComponentChanged);
        }
        for (path, signed) in &statement.schemas {
            let schema = self.schemas.get(path).ok_or_else(|| PackageError::SchemaMissing(path.clone()))?;
            if Digest::of(schema) != *signed {
                return Err(PackageError::SchemaChanged(path.clone()));
            }
        }
        match self.schemas.keys().find(|path| !statement.schemas.contains_key(*path)) {
            Some(path) => Err(PackageError::SchemaUnsigned(shown_path(path))),
            None => Ok(()),
        }
    }
}

/// A path from outside, if it is safe to show.
fn shown_path(path: &str) -> String {
    if is_schema_path(path) { path.to_owned() } else { "a file that is not named as a schema is".to_owned() }
}

/// The signed statement, and who of the trusted publishers signed it.
fn verify_note(signature: &str, trust: &TrustStore) -> Result<(Statement, Vec<(String, u32)>), PackageError> {
    if signature.trim().is_empty() {
        return Err(PackageError::Unsigned);
    }
    let note = Note::from_bytes(signature.as_bytes()).map_err(|_| PackageError::NotANote)?;
    let (verified, _) = note.verify(trust).map_err(|error| match error {
        NoteError::InvalidSignature { name, id } => PackageError::WrongSignature(shown_key(&name, id)),
        NoteError::UnverifiedNote => PackageError::UnknownKey(signers_of(signature)),
        _ => PackageError::NotANote,
    })?;
    let text = std::str::from_utf8(note.text()).map_err(|_| PackageError::NotANote)?;
    let statement = Statement::parse(text).ok_or(PackageError::NotAStatement)?;
    Ok((statement, verified.into_iter().map(|signature| (signature.name().to_owned(), signature.id())).collect()))
}

/// The key of the last signature line, if it is safe to show.
fn signers_of(signature: &str) -> String {
    let last = signature.lines().last().map(|line| signed_note::Signature::from_bytes(line.as_bytes()));
    match last {
        Some(Ok(signature)) => shown_key(signature.name(), signature.id()),
        _ => "an unknown key".to_owned(),
    }
}

fn shown_key(name: &str, id: u32) -> String {
    if is_key_name(name) { format!("key {name}+{id:08x}") } else { format!("an unnamed key with identifier {id:08x}") }
}

/// What a publisher signs for these files.
pub(crate) fn statement_of(
    parsed: &Manifest,
    manifest: &str,
    component: &[u8],
    schemas: &BTreeMap<String, Vec<u8>>,
) -> Statement {
    Statement {
        name: parsed.plugin.name.clone(),
        version: parsed.plugin.version.clone(),
        manifest: Digest::of(manifest.as_bytes()),
        component: Digest::of(component),
        schemas: schemas.iter().map(|(path, schema)| (path.clone(), Digest::of(schema))).collect(),
    }
}

/// Whether the statement and the manifest speak of the same plugin, publisher, component and schemas.
pub(crate) fn check_against_manifest<'a>(
    statement: &Statement,
    manifest: &Manifest,
    signers: impl IntoIterator<Item = &'a str>,
) -> Result<(), PackageError> {
    let plugin = &manifest.plugin;
    let signers: Vec<&str> = signers.into_iter().collect();
    if !signers.contains(&plugin.publisher.as_str()) {
        return Err(PackageError::Publisher { publisher: plugin.publisher.clone(), signer: signers.join(", ") });
    }
    if plugin.component != statement.component {
        return Err(PackageError::Component(statement.component.clone()));
    }
    if plugin.name != statement.name || plugin.version != statement.version {
        return Err(PackageError::OtherPlugin);
    }
    let named = manifest.tools.values().flat_map(|tool| std::iter::once(&tool.input).chain(&tool.output));
    let mut absent = named.filter(|path| !statement.schemas.contains_key(*path));
    absent.next().map_or(Ok(()), |path| Err(PackageError::SchemaAbsent(path.clone())))
}

impl VerifiedPackage {
    /// The manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The manifest's text, as it was signed.
    pub fn manifest_text(&self) -> &str {
        &self.package.manifest
    }

    /// SHA-256 of the manifest's text.
    pub fn manifest_digest(&self) -> &Digest {
        &self.manifest_digest
    }

    /// The component; empty once it was released.
    pub fn component(&self) -> &[u8] {
        &self.package.component
    }

    /// Frees the component's bytes, for a host that has loaded it and keeps only what the manifest says.
    pub fn release_component(&mut self) {
        self.package.component = Vec::new();
    }

    /// SHA-256 of the component.
    pub fn component_digest(&self) -> &Digest {
        &self.manifest.plugin.component
    }

    /// The schema at this path of the package.
    pub fn schema(&self, path: &str) -> Option<&[u8]> {
        self.package.schemas.get(path).map(Vec::as_slice)
    }

    /// Every schema by its path in the package.
    pub fn schemas(&self) -> &BTreeMap<String, Vec<u8>> {
        &self.package.schemas
    }

    /// The signature's text.
    pub fn signature(&self) -> &str {
        &self.package.signature
    }

    /// The key that verified it, in the C2SP form.
    pub fn publisher_key(&self) -> &str {
        &self.publisher_key
    }
}

impl fmt::Debug for VerifiedPackage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plugin = &self.manifest.plugin;
        formatter
            .debug_struct("VerifiedPackage")
            .field("name", &plugin.name)
            .field("version", &plugin.version)
            .field("component", &plugin.component)
            .field("manifest", &self.manifest_digest)
            .finish_non_exhaustive()
    }
}
