//! The plan of the house: which room may know which, and which room owns which crate.

use std::collections::BTreeMap;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

/// The rooms in the order in which data runs. A room knows only rooms before it.
const ROOMS: [&str; 9] =
    ["manifest", "grant", "approval", "audit", "vault", "pipeline", "host", "server", "cli"];

/// Crates with one owner: secrets, network, WebAssembly, the agent protocol, argv.
const OWNED: &[(&str, &[&str])] = &[
    ("vault", &["secrecy", "age", "argon2", "chacha20poly1305", "hkdf"]),
    ("vault", &["hyper", "hyper-util", "http", "http-body-util", "rustls", "tokio-rustls", "webpki-roots"]),
    ("vault", &["aho-corasick"]),
    ("host", &["wasmtime", "jsonschema"]),
    ("approval", &["p256"]),
    ("server", &["rmcp"]),
    ("cli", &["clap", "rpassword"]),
];

fn metadata() -> Metadata {
    MetadataCommand::new().no_deps().exec().unwrap()
}

fn dependencies(metadata: &Metadata) -> BTreeMap<&'static str, Vec<String>> {
    let of = |room: &str| {
        let package = metadata.packages.iter().find(|package| package.name.as_str() == format!("claviger-{room}"));
        let package = package.unwrap_or_else(|| panic!("room {room} has no manifest"));
        let normal = package.dependencies.iter().filter(|dependency| dependency.kind == DependencyKind::Normal);
        normal.map(|dependency| dependency.name.clone()).collect()
    };
    ROOMS.iter().map(|room| (*room, of(room))).collect()
}

#[test]
fn a_room_knows_only_rooms_before_it() {
    let metadata = metadata();
    for (room, known) in dependencies(&metadata) {
        let place = ROOMS.iter().position(|other| *other == room).unwrap();
        for name in known.iter().filter_map(|name| name.strip_prefix("claviger-")) {
            let other = ROOMS.iter().position(|other| *other == name);
            assert!(other.is_some_and(|other| other < place), "runtime/{room} must not know runtime/{name}");
        }
    }
}

#[test]
fn secret_network_and_wasm_crates_have_one_owner() {
    let metadata = metadata();
    let dependencies = dependencies(&metadata);
    for (owner, crates) in OWNED {
        for name in *crates {
            let holders: Vec<_> =
                dependencies.iter().filter(|(_, known)| known.iter().any(|other| other == name)).collect();
            let names: Vec<_> = holders.iter().map(|(room, _)| **room).collect();
            assert_eq!(names, [*owner], "{name} belongs to runtime/{owner} alone");
        }
    }
}

#[test]
fn every_room_is_on_the_plan_and_opens_with_its_question() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("runtime");
    for entry in std::fs::read_dir(&root).unwrap() {
        let entry = entry.unwrap();
        if !entry.file_type().unwrap().is_dir() || entry.file_name() == "compiler" {
            continue;
        }
        let name = entry.file_name().into_string().unwrap();
        assert!(ROOMS.contains(&name.as_str()), "runtime/{name} is not on the plan");
        let lib = std::fs::read_to_string(entry.path().join("lib.rs")).unwrap();
        let first = lib.lines().next().unwrap();
        assert!(first.starts_with("//! ") && first.contains('?'), "runtime/{name}/lib.rs opens with no question: {first}");
    }
}
