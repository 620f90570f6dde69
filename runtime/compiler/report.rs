//! Imports and exports of a component, read without compiling anything.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde::Serialize;
use wasmparser::{ComponentExternalKind, ComponentTypeRef, Encoding, Parser, Payload};
use wasmtime::Engine;

/// The shape that the host reads; see `runtime/host/compiler.rs`.
#[derive(Serialize)]
struct Report {
    /// The compatibility hash of the engine that compiles.
    engine: String,
    imports: Vec<Item>,
    exports: Vec<Item>,
}

#[derive(Serialize)]
struct Item {
    name: String,
    kind: &'static str,
}

/// One JSON line.
pub(crate) fn of(bytes: &[u8], engine: &Engine) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let mut report = Report { engine: identity(engine), imports: Vec::new(), exports: Vec::new() };
    // Imports and exports of the component itself, not of the modules and components inside it.
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload? {
            Payload::Version { encoding, .. } if depth == 0 && encoding != Encoding::Component => {
                return Err("this is a core module, not a component".into());
            }
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    let import = import?;
                    report.imports.push(Item { name: import.name.name.to_owned(), kind: import_kind(import.ty) });
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    let export = export?;
                    report.exports.push(Item { name: export.name.name.to_owned(), kind: export_kind(export.kind) });
                }
            }
            _ => {}
        }
    }
    let mut line = serde_json::to_vec(&report)?;
    line.push(b'\n');
    Ok(line)
}

/// `std`'s hasher has fixed keys: the same engine gives the same text in every process.
fn identity(engine: &Engine) -> String {
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

fn import_kind(kind: ComponentTypeRef) -> &'static str {
    match kind {
        ComponentTypeRef::Module(_) => "module",
        ComponentTypeRef::Func(_) => "func",
        ComponentTypeRef::Value(_) => "value",
        ComponentTypeRef::Type(_) => "type",
        ComponentTypeRef::Instance(_) => "instance",
        ComponentTypeRef::Component(_) => "component",
    }
}

fn export_kind(kind: ComponentExternalKind) -> &'static str {
    match kind {
        ComponentExternalKind::Module => "module",
        ComponentExternalKind::Func => "func",
        ComponentExternalKind::Value => "value",
        ComponentExternalKind::Type => "type",
        ComponentExternalKind::Instance => "instance",
        ComponentExternalKind::Component => "component",
    }
}
