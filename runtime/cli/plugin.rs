//! `claviger plugin`.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use claviger_audit::OperatorAction;
use claviger_manifest::{Digest, Manifest, Name, Package, PublisherKey, VerifiedPackage};
use rustix::fs::{CWD, RenameFlags};
use serde_json::{Value, json};

use crate::book::Book;
use crate::error::{Code, Failure};
use crate::output::{self, Output, table};
use crate::publisher::Publisher;
use crate::state::{self, State};
use crate::{changes, grant, keys, open, package};

/// Makes a publisher's key pair.
pub(crate) fn key(publisher: &str, out: &Path) -> Result<Output, Failure> {
    let public = out.with_extension("pub");
    if public == out {
        return Err(Failure::usage("the ending `.pub` is the verification key's; name the private key otherwise"));
    }
    if let Some(there) = [out, &public].into_iter().find(|path| path.exists()) {
        return Err(Failure::usage(format!("{} exists; a key is never overwritten", there.display())));
    }
    let key = PublisherKey::generate(publisher, keys::random()?).map_err(Failure::usage)?;
    state::write(out, key.to_text().as_bytes())?;
    state::write(&public, format!("{}\n", key.vkey()).as_bytes())?;
    let text = format!("private key: {}\nverification key: {}", out.display(), public.display());
    Output::new(text, &json!({ "private": out, "public": public, "verification-key": key.vkey() }))
}

/// Packs and signs: the component's digest goes into the manifest, and one signature covers all of it.
pub(crate) fn pack(source: &Path, component: &Path, key: &Path, out: &Path) -> Result<Output, Failure> {
    let component = fs::read(component).map_err(|error| Failure::file(component, &error))?;
    let manifest_file = source.join("manifest.toml");
    let text = with_digest(&state::read(&manifest_file)?, &Digest::of(&component))
        .map_err(|error| Failure::state(format!("{}: {error}", manifest_file.display())))?;
    let manifest =
        Manifest::parse(&text).map_err(|error| Failure::state(format!("{}: {error}", manifest_file.display())))?;
    let key = PublisherKey::from_text(state::read(key)?.trim()).map_err(Failure::state)?;
    let schemas = package::schemas(source)?;
    let signature = key.sign(&text, &component, &schemas).map_err(Failure::state)?;
    let package = Package { manifest: text, component, schemas, signature };
    package::write(out, &package)?;
    let said = format!("{} {} signed by {}", manifest.plugin.name, manifest.plugin.version, manifest.plugin.publisher);
    Output::new(said, &json!({ "package": out, "component": manifest.plugin.component }))
}

fn with_digest(manifest: &str, digest: &Digest) -> Result<String, toml_edit::TomlError> {
    let mut document: toml_edit::DocumentMut = manifest.parse()?;
    if let Some(component) = document.get_mut("plugin").and_then(|plugin| plugin.get_mut("component")) {
        *component = toml_edit::value(digest.to_string());
    }
    Ok(document.to_string())
}

/// Verifies, compiles in its own process, and installs. A publisher is trusted by a package that is good, not by trying.
pub(crate) fn install(
    state: &State,
    identity: Option<&Path>,
    directory: &Path,
    trust: Option<&Path>,
) -> Result<Output, Failure> {
    state.config()?;
    let publisher = trust.map(|file| Publisher::read(state, file)).transpose()?.filter(|publisher| !publisher.is_known);
    let mut trusted = package::trusted(state)?;
    if let Some(publisher) = &publisher {
        trusted.add_key(&publisher.key).map_err(Failure::state)?;
    }
    let package = package::read(directory)?;
    let copy = package.clone();
    let verified = package.verify(&trusted).map_err(Failure::state)?;
    let plugin = &verified.manifest().plugin;
    if state.plugin(&plugin.name).exists() {
        changes::acceptable(installed(state, &plugin.name)?.as_ref(), &verified)?;
    }
    let loaded = crate::block_on(open::sandbox(state)?.install(&verified))?;
    loaded.map_err(|error| Failure::state(format!("plugin {}: {error}", plugin.name)))?;
    let mut book = Book::open(state, identity)?;
    if let Some(publisher) = &publisher {
        publisher.trust(&mut book)?;
    }
    let digest = verified.manifest_digest().to_string();
    book.note_now(OperatorAction::PluginInstalled, &format!("{} {}", plugin.name, plugin.version), Some(&digest))?;
    place(state, &plugin.name, &copy)?;
    book.counts_later("what was installed");
    book.close()?;
    let text = format!("{} {} is installed; `claviger connection add` makes it usable", plugin.name, plugin.version);
    Output::new(
        text,
        &json!({ "plugin": plugin.name, "version": plugin.version.to_string(), "component": plugin.component,
            "manifest": verified.manifest_digest() }),
    )
}

/// Puts the plugin's directory in its place by one rename, so that a crash leaves the old one or the new one.
fn place(state: &State, name: &Name, package: &Package) -> Result<(), Failure> {
    let target = state.plugin(name);
    let staged = state.plugins().join(format!(".{name}.new"));
    // What an installation that was interrupted has left would become part of this one.
    remove(&staged)?;
    state::private_directory(&staged)?;
    package::write(&staged, package)?;
    // With a plugin in the place the two are exchanged, and the old one is what is removed.
    let flags = if target.exists() { RenameFlags::EXCHANGE } else { RenameFlags::NOREPLACE };
    rustix::fs::renameat_with(CWD, &staged, CWD, &target, flags)
        .map_err(|error| Failure::file(&target, &error.into()))?;
    state::sync(&state.plugins())?;
    remove(&staged)
}

fn remove(directory: &Path) -> Result<(), Failure> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Failure::file(directory, &error)),
        _ => Ok(()),
    }
}

/// An installed plugin, verified again: what runs is what was signed, however the file got there.
pub(crate) fn installed(state: &State, name: &Name) -> Result<Arc<VerifiedPackage>, Failure> {
    let directory = state.plugin(name);
    if !directory.exists() {
        return Err(Failure::state(format!("plugin {name} is not installed; `claviger plugin list` shows which are")));
    }
    let verified = package::read(&directory)?.verify(&package::trusted(state)?);
    verified.map(Arc::new).map_err(|error| Failure::state(format!("plugin {name}: {error}")))
}

/// The names of installed plugins.
pub(crate) fn names(state: &State) -> Result<Vec<Name>, Failure> {
    let names = state::names(&state.plugins(), "")?;
    Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
}

/// Lists installed plugins.
pub(crate) fn list(state: &State) -> Result<Output, Failure> {
    state.config()?;
    let mut rows = Vec::new();
    let mut json = Vec::new();
    for name in names(state)? {
        let package = installed(state, &name)?;
        let plugin = &package.manifest().plugin;
        let tools: Vec<String> = package.manifest().tools.keys().map(ToString::to_string).collect();
        rows.push(vec![name.to_string(), plugin.version.to_string(), plugin.publisher.clone(), tools.join(" ")]);
        json.push(json!({ "name": name, "version": plugin.version.to_string(), "publisher": plugin.publisher,
            "manifest": package.manifest_digest(), "component": plugin.component, "tools": tools }));
    }
    Output::new(
        output::list(
            &["PLUGIN", "VERSION", "PUBLISHER", "TOOLS"],
            &rows,
            "no plugins; `claviger plugin install` installs one",
        ),
        &json,
    )
}

/// What a package declares. A package directory may be unsigned or of an unknown publisher: then it says so first.
pub(crate) fn inspect(state: &State, plugin: &Path) -> Result<Output, Failure> {
    let named = plugin.to_str().and_then(|text| text.parse::<Name>().ok()).map(|name| state.plugin(&name));
    let directory = named.filter(|path| path.exists()).unwrap_or_else(|| plugin.to_owned());
    let package = package::read(&directory)?;
    let manifest = Manifest::parse(&package.manifest).map_err(Failure::state)?;
    let trust = package::trusted(state)?;
    let signature = match package.verify(&trust) {
        Ok(_) => format!("valid, by {}", manifest.plugin.publisher),
        Err(error) => format!("NOT VERIFIED: {error}"),
    };
    let json = describe(&manifest, &signature);
    Output::new(report(&manifest, &signature), &json)
}

fn describe(manifest: &Manifest, signature: &str) -> Value {
    let operations: Vec<Value> = manifest
        .operations
        .iter()
        .map(|(name, operation)| {
            json!({ "name": name, "effect": operation.effect, "method": operation.method.as_str(),
            "endpoint": operation.endpoint, "path": operation.path.to_string(), "query": operation.query,
            "body": operation.body.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "answer": grant::answer(&operation.reply), "credentials": operation.credentials, "captures": operation.capture.keys().collect::<Vec<_>>() })
        })
        .collect();
    let tools: Vec<Value> = manifest.tools.iter().map(|(name, tool)| {
        json!({ "name": name, "description": tool.description, "effect": tool.effect, "operations": tool.operations })
    }).collect();
    json!({ "name": manifest.plugin.name, "version": manifest.plugin.version.to_string(), "signature": signature,
        "publisher": manifest.plugin.publisher, "component": manifest.plugin.component,
        "secrets": manifest.secrets.keys().collect::<Vec<_>>(), "identifiers": identifiers(manifest), "operations": operations, "tools": tools,
        "write-back": manifest.write_back.keys().collect::<Vec<_>>() })
}

fn report(manifest: &Manifest, signature: &str) -> String {
    let plugin = &manifest.plugin;
    let operations: Vec<Vec<String>> = manifest
        .operations
        .iter()
        .map(|(name, operation)| {
            let credentials: Vec<&str> = operation.credentials.iter().map(Name::as_str).collect();
            vec![
                name.to_string(),
                operation.effect.as_str().to_owned(),
                operation.method.as_str().to_owned(),
                format!("{}{}", operation.endpoint, operation.path),
                credentials.join(" "),
                grant::answer(&operation.reply).to_owned(),
            ]
        })
        .collect();
    let tools: Vec<Vec<String>> = manifest
        .tools
        .iter()
        .map(|(name, tool)| vec![name.to_string(), tool.effect.as_str().to_owned(), tool.description.clone()])
        .collect();
    let secrets: Vec<&str> = manifest.secrets.keys().map(Name::as_str).collect();
    let names = Some(identifiers(manifest)).filter(|names| !names.is_empty()).map(|names| names.join(" "));
    format!(
        "{} {}\nsignature  {signature}\ncomponent  {}\nsecrets    {}\n{}\n{}\n{}",
        plugin.name,
        plugin.version,
        plugin.component,
        secrets.join(" "),
        names.map_or_else(String::new, |names| format!(
            "names      {names}, which a connection may bind as identifiers\n"
        )),
        table(&["OPERATION", "EFFECT", "METHOD", "ENDPOINT AND PATH", "CREDENTIALS", "ANSWER"], &operations),
        table(&["TOOL", "EFFECT", "DESCRIPTION"], &tools),
    )
}

/// The secrets that are names, as the author has it.
fn identifiers(manifest: &Manifest) -> Vec<&str> {
    let names = manifest.secrets.iter().filter(|(_, secret)| secret.identifier);
    names.map(|(name, _)| name.as_str()).collect()
}

/// A usage error when the text is not a name.
pub(crate) fn tool_path(text: &str) -> Result<(Name, claviger_manifest::ToolName), Failure> {
    let wrong = || Failure::new(Code::Usage, "name a tool as connection.tool; `claviger grant list` shows them");
    let (connection, tool) = text.split_once('.').ok_or_else(wrong)?;
    Ok((connection.parse().map_err(|_| wrong())?, tool.parse().map_err(|_| wrong())?))
}
