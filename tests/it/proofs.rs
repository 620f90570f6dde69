//! What must not compile: forging a grant, skipping the approval, acting unrecorded, reading early, replaying.

#[test]
fn the_compiler_refuses_every_short_cut() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/proofs/the_way_through.rs");
    cases.compile_fail("tests/proofs/refused/*.rs");
}
