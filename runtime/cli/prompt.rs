//! Asking for what nobody may see.

use std::fs::File;
use std::io;

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

/// The terminal that this process was started on, whatever its standard streams are.
const TERMINAL: &str = "/dev/tty";

/// Asks on the terminal. Nothing that is typed is shown from before the question stands there: whoever answers at once, or
/// pastes, would otherwise be seen.
pub(crate) fn hidden(question: &str) -> io::Result<String> {
    let _unseen = Unseen::begin()?;
    rpassword::prompt_password(question)
}

/// A terminal that does not echo, until this is dropped.
struct Unseen {
    terminal: File,
    before: Termios,
}

impl Unseen {
    fn begin() -> io::Result<Self> {
        let terminal = File::open(TERMINAL)?;
        let before = tcgetattr(&terminal)?;
        let mut unseen = before.clone();
        unseen.local_modes.remove(LocalModes::ECHO | LocalModes::ECHONL);
        tcsetattr(&terminal, OptionalActions::Now, &unseen)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Unseen {
    fn drop(&mut self) {
        // A terminal that is gone needs no echo.
        let _gone = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
    }
}
