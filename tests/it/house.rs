//! The plan of the house: which room may know which, and which room owns which crate.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

/// The rooms in the order in which data runs. A room knows only rooms before it.
const ROOMS: [&str; 9] = ["manifest", "grant", "approval", "audit", "vault", "pipeline", "host", "server", "cli"];

/// The rooms that only compute.
const PURE: [&str; 2] = ["manifest", "grant"];

/// Crates with one owner: secrets, network, WebAssembly, the agent protocol, argv.
const OWNED: &[(&str, &[&str])] = &[
    ("vault", &["age", "argon2", "chacha20poly1305", "hkdf", "memmap2"]),
    ("vault", &["http", "http-body-util", "webpki-roots"]),
    ("vault", &["aws-sigv4", "aws-credential-types", "x509-cert"]),
    ("vault", &["brotli-decompressor", "flate2", "ruzstd"]),
    ("host", &["wasmtime", "jsonschema"]),
    ("approval", &["p256", "zbus"]),
    ("server", &["axum", "rmcp", "webauthn-rs"]),
    ("cli", &["clap", "open", "rpassword", "signal-hook"]),
];

/// HTTP/1.1 and TLS have two ends: the vault dials upstreams, the server listens for people's browsers. Dialling itself is
/// forbidden outside the vault by `clippy.toml`.
const SHARED: (&[&str], &[&str]) = (&["server", "vault"], &["hyper", "hyper-util", "rustls", "tokio-rustls"]);

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
        // A room's own part, a package for the compiler's sake, is named after it and nobody else's.
        let part = format!("{room}-");
        for name in
            known.iter().filter_map(|name| name.strip_prefix("claviger-")).filter(|name| !name.starts_with(&part))
        {
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
    let (owners, crates) = SHARED;
    for name in crates {
        let holders = dependencies.iter().filter(|(_, known)| known.iter().any(|other| other == name));
        assert_eq!(holders.map(|(room, _)| *room).collect::<Vec<_>>(), owners, "{name}");
    }
}

/// What calls into another system's libraries is in one package, so that it is checked where the rest cannot be.
#[test]
fn another_systems_libraries_have_one_package() {
    let foreign = ["block2", "objc2", "objc2-foundation", "objc2-local-authentication", "windows", "windows-future"];
    for package in metadata().packages {
        let known = package.dependencies.iter().any(|known| foreign.contains(&known.name.as_str()));
        assert_eq!(known, package.name.as_str() == "claviger-approval-native", "{}", package.name);
    }
}

#[test]
fn every_room_is_on_the_plan_and_opens_with_its_question() {
    for entry in fs::read_dir(root().join("runtime")).unwrap() {
        let entry = entry.unwrap();
        if !entry.file_type().unwrap().is_dir() || entry.file_name() == "compiler" {
            continue;
        }
        let name = entry.file_name().into_string().unwrap();
        assert!(ROOMS.contains(&name.as_str()), "runtime/{name} is not on the plan");
        let lib = fs::read_to_string(entry.path().join("lib.rs")).unwrap();
        let first = lib.lines().next().unwrap();
        assert!(
            first.starts_with("//! ") && first.contains('?'),
            "runtime/{name}/lib.rs opens with no question: {first}"
        );
    }
}

/// The root directory of the workspace.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn pure_rooms_have_no_clock_no_randomness_and_no_world() {
    for room in PURE {
        let rules = fs::read_to_string(root().join("runtime").join(room).join("clippy.toml")).unwrap();
        for forbidden in ["SystemTime::now", "Instant::now", "fs::read", "fs::write", "env::var", "Command::new"] {
            assert!(rules.contains(forbidden), "runtime/{room}/clippy.toml does not forbid {forbidden}");
        }
        let known = &dependencies(&metadata())[room];
        let of_the_world = ["tokio", "getrandom", "rand", "rustix", "tempfile", "fs4", "reqwest", "libc"];
        let found: Vec<_> = known.iter().filter(|name| of_the_world.contains(&name.as_str())).collect();
        assert!(found.is_empty(), "runtime/{room} is pure and depends on {found:?}");
    }
}

#[test]
fn nobody_dials_but_the_vault() {
    let rules = |path: &Path| fs::read_to_string(path).unwrap().contains("\"std::net::TcpStream::connect\"");
    assert!(rules(&root().join("clippy.toml")));
    // A room's own file takes the place of the root's, so it has to say it again.
    for room in ROOMS {
        let own = root().join("runtime").join(room).join("clippy.toml");
        assert!(!own.exists() || rules(&own), "{} forgets the network", own.display());
    }
}

#[test]
fn every_dependency_has_a_reason_and_is_used_by_somebody() {
    let text = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let section = text.split("[workspace.dependencies]").nth(1).unwrap();
    let lines = section.lines().take_while(|line| !line.starts_with('[')).filter(|line| line.contains(" = "));
    let metadata = metadata();
    let used: BTreeSet<&str> =
        metadata.packages.iter().flat_map(|package| &package.dependencies).map(|known| known.name.as_str()).collect();
    for line in lines {
        let (name, rest) = line.split_once(" = ").unwrap();
        let reason = rest.rsplit_once('#').map_or("", |(_, reason)| reason.trim());
        assert!(name.starts_with("claviger-") || reason.len() > 3, "Cargo.toml gives no reason for {name}");
        assert!(used.contains(name), "Cargo.toml lists {name}, and no package of the workspace uses it");
    }
}
