//! Which imports does the door offer? A component that wants anything else is refused before it is compiled.

/// The plugin's door, `wit/plugin.wit`.
const DOOR: &str = "claviger:plugin/";
/// The version of the door. A guest made for another is told which.
const DOOR_VERSION: &str = "0.1";
const DOOR_INTERFACES: [&str; 7] = ["refusals", "credentials", "secrets", "http", "log", "clock", "random"];

/// What a language library cannot do without, `wit/std/std.wit`: no filesystem, sockets, http or clocks, and an
/// environment that is always empty.
const STD_VERSION: &str = "0.2";
const STD_INTERFACES: [&str; 14] = [
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/stderr",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:cli/terminal-stderr",
    "wasi:random/insecure-seed",
];

/// A type of the world that bindings import by name; it carries nothing.
const WORLD_TYPE: &str = "failure";

/// Whether the host offers this import.
pub(crate) fn is_offered(name: &str, kind: &str) -> bool {
    if kind == "type" {
        return name == WORLD_TYPE;
    }
    let Some((interface, version)) = name.split_once('@') else { return false };
    let door = interface.strip_prefix(DOOR).is_some_and(|interface| DOOR_INTERFACES.contains(&interface));
    kind == "instance"
        && ((door && is_compatible(version, DOOR_VERSION))
            || (STD_INTERFACES.contains(&interface) && is_compatible(version, STD_VERSION)))
}

/// What to do instead, for the most telling of the imports that are not offered: reading a file drags clocks along.
pub(crate) fn advice(strangers: &[String]) -> &'static str {
    let advice = [
        (DOOR, "it was made for another version of the door; this host offers claviger:plugin@0.1.0"),
        ("wasi:http", "a plugin sends requests by operation, with claviger:plugin/http"),
        ("wasi:sockets", "a plugin sends requests by operation, with claviger:plugin/http"),
        ("wasi:filesystem", "a plugin has no files; put what it needs into the component"),
        ("wasi:clocks", "use claviger:plugin/clock: seconds, and waiting"),
        ("wasi:random", "use claviger:plugin/random"),
    ];
    let known = advice.iter().find(|(prefix, _)| strangers.iter().any(|name| name.starts_with(prefix)));
    known.map_or("wit/plugin.wit is all that a plugin may import", |(_, text)| text)
}

/// Semantic versioning below 1.0: the minor version decides, the patch version does not.
fn is_compatible(version: &str, offered: &str) -> bool {
    version.strip_prefix(offered).is_some_and(|patch| {
        patch.strip_prefix('.').is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
    })
}

#[cfg(test)]
mod tests {
    use super::{advice, is_offered};

    #[test]
    fn the_door_and_the_language_library_are_offered() {
        for name in ["claviger:plugin/http@0.1.0", "wasi:io/streams@0.2.0", "wasi:cli/environment@0.2.12"] {
            assert!(is_offered(name, "instance"), "{name}");
        }
        assert!(is_offered("failure", "type"));
    }

    #[test]
    fn anything_else_is_not() {
        for (name, kind) in [
            ("wasi:filesystem/preopens@0.2.6", "instance"),
            ("wasi:filesystem/types@0.2.6", "instance"),
            ("wasi:sockets/tcp@0.2.6", "instance"),
            ("wasi:http/outgoing-handler@0.2.6", "instance"),
            ("wasi:clocks/monotonic-clock@0.2.6", "instance"),
            ("wasi:random/random@0.2.6", "instance"),
            ("wasi:io/streams@0.3.0", "instance"),
            ("wasi:io/streams@0.2", "instance"),
            ("wasi:io/streams@0.2.x", "instance"),
            ("wasi:io/streams@0.20.1", "instance"),
            ("wasi:io/streams", "instance"),
            ("wasi:io/streams@0.2.6", "func"),
            ("claviger:plugin/http@0.2.0", "instance"),
            ("claviger:plugin/vault@0.1.0", "instance"),
            ("claviger:plugin/http", "instance"),
            ("failure", "instance"),
            ("anything", "type"),
            ("env", "module"),
            ("", ""),
        ] {
            assert!(!is_offered(name, kind), "{name} {kind}");
        }
        let advice = |names: &[&str]| advice(&names.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert!(advice(&["claviger:plugin/http@0.2.0"]).contains("another version"));
        assert!(advice(&["wasi:clocks/wall-clock@0.2.6", "wasi:sockets/tcp@0.2.6"]).contains("by operation"));
        assert!(advice(&["env"]).contains("wit/plugin.wit"));
    }
}
