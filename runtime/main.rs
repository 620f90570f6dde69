//! The `claviger` command.

fn main() -> std::process::ExitCode {
    claviger::cli::run(std::env::args_os())
}
