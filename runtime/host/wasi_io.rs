//! `wasi:io`: the standard streams of a language library. Input is closed; output becomes log lines; nothing waits.

use wasmtime::component::Resource;

use crate::console::Stream;
use crate::door::std::wasi::io::streams::{HostInputStream, HostOutputStream, StreamError};
use crate::door::std::wasi::io::{error, poll, streams};
use crate::guest::Guest;

/// The most bytes in one `write`, as the streams promise it.
const WRITE: u64 = 4096;

/// No value has this type: no stream error carries a message, and there is no terminal.
#[expect(unreachable_pub, reason = "bindgen re-exports it, inside modules that are private to the crate")]
pub enum Never {}

/// A pollable, always ready.
#[expect(unreachable_pub, reason = "bindgen re-exports it, inside modules that are private to the crate")]
pub struct Ready;

/// Standard input: at its end.
#[expect(unreachable_pub, reason = "bindgen re-exports it, inside modules that are private to the crate")]
pub struct Closed;

/// Standard output or standard error.
#[expect(unreachable_pub, reason = "bindgen re-exports it, inside modules that are private to the crate")]
pub struct Output(pub(crate) Stream);

impl Guest {
    /// Gives a handle to nothing back; a guest can only do that by guessing, and is stopped.
    pub(crate) fn drop_never(&mut self, nothing: Resource<Never>) -> wasmtime::Result<()> {
        match self.table.delete(nothing)? {}
    }
}

impl error::Host for Guest {}

impl error::HostError for Guest {
    fn to_debug_string(&mut self, error: Resource<Never>) -> wasmtime::Result<String> {
        match *self.table.get(&error)? {}
    }

    fn drop(&mut self, error: Resource<Never>) -> wasmtime::Result<()> {
        self.drop_never(error)
    }
}

impl poll::Host for Guest {
    fn poll(&mut self, pollables: Vec<Resource<Ready>>) -> wasmtime::Result<Vec<u32>> {
        if pollables.is_empty() {
            return Err(wasmtime::Error::msg("poll of an empty list"));
        }
        Ok((0..u32::try_from(pollables.len())?).collect())
    }
}

impl poll::HostPollable for Guest {
    fn ready(&mut self, _: Resource<Ready>) -> wasmtime::Result<bool> {
        Ok(true)
    }

    fn block(&mut self, _: Resource<Ready>) -> wasmtime::Result<()> {
        Ok(())
    }

    fn drop(&mut self, pollable: Resource<Ready>) -> wasmtime::Result<()> {
        self.table.delete(pollable)?;
        Ok(())
    }
}

impl streams::Host for Guest {}

impl HostInputStream for Guest {
    fn read(&mut self, _: Resource<Closed>, _: u64) -> wasmtime::Result<Result<Vec<u8>, StreamError>> {
        Ok(Err(StreamError::Closed))
    }

    fn blocking_read(&mut self, _: Resource<Closed>, _: u64) -> wasmtime::Result<Result<Vec<u8>, StreamError>> {
        Ok(Err(StreamError::Closed))
    }

    fn subscribe(&mut self, _: Resource<Closed>) -> wasmtime::Result<Resource<Ready>> {
        self.hand_out(Ready)
    }

    fn drop(&mut self, stream: Resource<Closed>) -> wasmtime::Result<()> {
        self.table.delete(stream)?;
        Ok(())
    }
}

impl HostOutputStream for Guest {
    fn check_write(&mut self, _: Resource<Output>) -> wasmtime::Result<Result<u64, StreamError>> {
        Ok(Ok(WRITE))
    }

    fn write(&mut self, stream: Resource<Output>, bytes: Vec<u8>) -> wasmtime::Result<Result<(), StreamError>> {
        let Output(stream) = *self.table.get(&stream)?;
        self.console.write(stream, &bytes);
        Ok(Ok(()))
    }

    fn blocking_write_and_flush(
        &mut self,
        stream: Resource<Output>,
        bytes: Vec<u8>,
    ) -> wasmtime::Result<Result<(), StreamError>> {
        HostOutputStream::write(self, stream, bytes)
    }

    fn flush(&mut self, _: Resource<Output>) -> wasmtime::Result<Result<(), StreamError>> {
        Ok(Ok(()))
    }

    fn blocking_flush(&mut self, _: Resource<Output>) -> wasmtime::Result<Result<(), StreamError>> {
        Ok(Ok(()))
    }

    fn subscribe(&mut self, _: Resource<Output>) -> wasmtime::Result<Resource<Ready>> {
        self.hand_out(Ready)
    }

    fn drop(&mut self, stream: Resource<Output>) -> wasmtime::Result<()> {
        self.table.delete(stream)?;
        Ok(())
    }
}
