//! Commands as data: `tests/cmd/*.trycmd` read like a terminal. `TRYCMD=overwrite` writes what is printed now.

#[test]
fn commands_print_what_the_files_say() {
    trycmd::TestCases::new()
        .register_bin("claviger", std::path::Path::new(env!("CARGO_BIN_EXE_claviger")))
        .case("tests/cmd/*.trycmd")
        .run();
}
