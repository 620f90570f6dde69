//! One program for every target: `CLAVIGER_FUZZ` names the one to drive.
#![no_main]

use std::sync::OnceLock;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    static TARGET: OnceLock<claviger_fuzz::Target> = OnceLock::new();
    let target = TARGET.get_or_init(|| {
        let name = std::env::var("CLAVIGER_FUZZ").unwrap_or_default();
        let found = claviger_fuzz::TARGETS.iter().find(|(known, _)| *known == name);
        found.map_or_else(|| panic!("CLAVIGER_FUZZ names no target of tests/fuzz/lib.rs"), |(_, target)| *target)
    });
    target(bytes);
});
