//! The door, as code: bindings made from `wit/plugin.wit` and `wit/std/std.wit`, and one linker that offers them.

use wasmtime::Engine;
use wasmtime::component::{HasSelf, Linker};

use crate::guest::Guest;

/// `wit/plugin.wit`.
pub(crate) mod plugin {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "plugin",
        imports: {
            default: trappable,
            "claviger:plugin/credentials.open": async | trappable,
            "claviger:plugin/secrets.generate": async | trappable,
            "claviger:plugin/secrets.store": async | trappable,
            "claviger:plugin/http.send": async | trappable,
            "claviger:plugin/clock.wait": async | trappable,
        },
        exports: { default: async },
        with: {
            "claviger:plugin/credentials.credential": crate::credentials::Credential,
            "claviger:plugin/secrets.secret": crate::secrets::Secret,
            "claviger:plugin/http.response": crate::http::Response,
        },
    });
}

/// `wit/std/std.wit`.
pub(crate) mod std {
    wasmtime::component::bindgen!({
        path: "../../wit/std",
        world: "std",
        imports: { default: trappable },
        with: {
            "wasi:io/error.error": crate::wasi_io::Never,
            "wasi:io/poll.pollable": crate::wasi_io::Ready,
            "wasi:io/streams.input-stream": crate::wasi_io::Closed,
            "wasi:io/streams.output-stream": crate::wasi_io::Output,
            "wasi:cli/terminal-input.terminal-input": crate::wasi_io::Never,
            "wasi:cli/terminal-output.terminal-output": crate::wasi_io::Never,
        },
    });
}

/// Everything a guest may touch, and nothing else. Made once for each engine: it costs ten times a call.
pub(crate) fn linker(engine: &Engine) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    plugin::Plugin::add_to_linker::<_, HasSelf<Guest>>(&mut linker, |guest| guest)?;
    std::Std::add_to_linker::<_, HasSelf<Guest>>(&mut linker, |guest| guest)?;
    Ok(linker)
}
