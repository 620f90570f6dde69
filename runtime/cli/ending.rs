//! How a program ends that holds sessions at upstreams: at a signal it logs out first, and a second signal ends it at once.

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use claviger_pipeline::Hallway;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::{flag, low_level};

use crate::error::Failure;
use crate::output;

/// Signals by which people and service managers ask a program to end (POSIX, `<signal.h>`).
const ENDING: [i32; 2] = [SIGINT, SIGTERM];

/// What a shell reports of a program that a signal ended: this and the signal's number (POSIX, 2.8.2).
const BY_SIGNAL: i32 = 128;

/// The signals that were asked for, from now on.
pub(crate) struct Signals(tokio::net::UnixStream);

impl Signals {
    /// Takes the signals over from the system, which would end the program as it stands. Not before there is something to
    /// end in order: whoever is asked for a passphrase gets away at once.
    pub(crate) fn catch() -> Result<Self, Failure> {
        let caught = || -> io::Result<Self> {
            let (told, tell) = UnixStream::pair()?;
            let asked = Arc::new(AtomicBool::new(false));
            for signal in ENDING {
                // In this order: the first signal finds the flag down and raises it, the second one ends the process.
                flag::register_conditional_shutdown(signal, BY_SIGNAL + signal, Arc::clone(&asked))?;
                flag::register(signal, Arc::clone(&asked))?;
                low_level::pipe::register(signal, tell.try_clone()?)?;
            }
            told.set_nonblocking(true)?;
            Ok(Self(tokio::net::UnixStream::from_std(told)?))
        };
        caught().map_err(|error| Failure::state(format!("signals cannot be waited for: {error}")))
    }

    /// Waits until somebody asks the program to end.
    pub(crate) async fn asked(&self) {
        // An end that cannot be waited for is none: then the system's own means are left.
        if self.0.readable().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Logs out wherever calls logged in, and wipes the keys of the vault. What does not work is told, and changes nothing
/// about what was done.
pub(crate) async fn close(hallway: &Arc<Hallway>) {
    for trouble in hallway.close().await {
        output::notice(&trouble);
    }
}
