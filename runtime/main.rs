//! The `claviger` command.

/// Buffers of libraries hold secrets too, and only the allocator sees all of them go.
#[global_allocator]
static WIPING: zeroizing_alloc::ZeroAlloc<std::alloc::System> = zeroizing_alloc::ZeroAlloc(std::alloc::System);

fn main() -> std::process::ExitCode {
    claviger::cli::run(std::env::args_os())
}
