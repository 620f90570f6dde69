//! What must not compile: forging a grant, skipping the approval, acting unrecorded, reading early, replaying.

/// The one order that compiles, as an ordinary part of this binary: so the refusals below are checked without building
/// every dependency once more.
#[expect(dead_code, reason = "that it compiles is the test")]
#[path = "../proofs/the_way_through.rs"]
mod the_way_through;

#[test]
fn the_compiler_refuses_every_short_cut() {
    trybuild::TestCases::new().compile_fail("tests/proofs/refused/*.rs");
}
