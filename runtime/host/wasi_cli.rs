//! `wasi:cli`: what a language library asks of a command line. There is none: no environment, no arguments, no terminal.

use wasmtime::component::Resource;

use crate::console::Stream;
use crate::door::std::wasi::cli::{
    environment, exit, stderr, stdin, stdout, terminal_input, terminal_output, terminal_stderr, terminal_stdin,
    terminal_stdout,
};
use crate::guest::Guest;
use crate::wasi_io::{Closed, Never, Output};

/// The guest ended itself instead of answering.
#[derive(Debug, thiserror::Error)]
#[error("the plugin called exit")]
pub(crate) struct Exited;

impl environment::Host for Guest {
    fn get_environment(&mut self) -> wasmtime::Result<Vec<(String, String)>> {
        Ok(Vec::new())
    }

    fn get_arguments(&mut self) -> wasmtime::Result<Vec<String>> {
        Ok(Vec::new())
    }

    fn initial_cwd(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(None)
    }
}

impl exit::Host for Guest {
    fn exit(&mut self, _: Result<(), ()>) -> wasmtime::Result<()> {
        Err(Exited.into())
    }
}

impl stdin::Host for Guest {
    fn get_stdin(&mut self) -> wasmtime::Result<Resource<Closed>> {
        self.hand_out(Closed)
    }
}

impl stdout::Host for Guest {
    fn get_stdout(&mut self) -> wasmtime::Result<Resource<Output>> {
        self.hand_out(Output(Stream::Out))
    }
}

impl stderr::Host for Guest {
    fn get_stderr(&mut self) -> wasmtime::Result<Resource<Output>> {
        self.hand_out(Output(Stream::Err))
    }
}

impl terminal_input::Host for Guest {}

impl terminal_input::HostTerminalInput for Guest {
    fn drop(&mut self, nothing: Resource<Never>) -> wasmtime::Result<()> {
        self.drop_never(nothing)
    }
}

impl terminal_output::Host for Guest {}

impl terminal_output::HostTerminalOutput for Guest {
    fn drop(&mut self, nothing: Resource<Never>) -> wasmtime::Result<()> {
        self.drop_never(nothing)
    }
}

impl terminal_stdin::Host for Guest {
    fn get_terminal_stdin(&mut self) -> wasmtime::Result<Option<Resource<Never>>> {
        Ok(None)
    }
}

impl terminal_stdout::Host for Guest {
    fn get_terminal_stdout(&mut self) -> wasmtime::Result<Option<Resource<Never>>> {
        Ok(None)
    }
}

impl terminal_stderr::Host for Guest {
    fn get_terminal_stderr(&mut self) -> wasmtime::Result<Option<Resource<Never>>> {
        Ok(None)
    }
}
