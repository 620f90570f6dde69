//! A key in its socket.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

use crate::ctap::{Device, Fault, Status, Step};
use crate::hid::{Gone, Wanted, Wire};
use crate::{Verification, pin};

/// How often a key says that it still waits for a person (CTAP 2.1 §11.2.9.2.3).
const KEEP_ALIVE: Duration = Duration::from_millis(50);

/// A security key that is plugged in.
pub struct SecurityKey {
    path: PathBuf,
    controls: Arc<Mutex<Controls>>,
    thread: Option<JoinHandle<()>>,
    /// Keeps the number of the pseudo-terminal, so that no other one is there when this is pulled out.
    _number: File,
}

/// What a test sees of the key, and does to it.
struct Controls {
    /// Whether somebody touches it when it asks.
    touched: bool,
    /// How long it waits for that.
    patience: Duration,
    fault: Option<Fault>,
    plugged: bool,
    /// How often it asked to be touched.
    asked: u32,
    retries: Option<u8>,
}

/// The machine gave no pseudo-terminal, or no randomness.
#[derive(Debug)]
pub struct Unpluggable(pub io::Error);

impl From<rustix::io::Errno> for Unpluggable {
    fn from(errno: rustix::io::Errno) -> Self {
        Self(errno.into())
    }
}

impl SecurityKey {
    /// Plugs a new key in. It is touched whenever it asks.
    ///
    /// # Errors
    /// [`Unpluggable`] without a pseudo-terminal.
    pub fn new(verification: Verification) -> Result<Self, Unpluggable> {
        let device = Device::new(verification).map_err(|_| Unpluggable(io::Error::other("no randomness")))?;
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let path = PathBuf::from(OsString::from_vec(ptsname(&master, Vec::new())?.into_bytes()));
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        // Kept open, so that the wire stays raw between two programs that use it.
        let socket = File::from(rustix::fs::open(&path, flags, Mode::empty())?);
        let mut raw = tcgetattr(&socket)?;
        raw.make_raw();
        tcsetattr(&socket, OptionalActions::Now, &raw)?;
        rustix::fs::fcntl_setfl(&master, OFlags::NONBLOCK)?;
        let patience = Duration::from_secs(30);
        let controls =
            Controls { touched: true, patience, fault: None, plugged: true, asked: 0, retries: device.retries() };
        let controls = Arc::new(Mutex::new(controls));
        let number = socket.try_clone().map_err(Unpluggable)?;
        let mut work = Work { device, wire: Wire::new(File::from(master), socket), controls: Arc::clone(&controls) };
        let thread = Some(thread::spawn(move || while work.step().is_ok() {}));
        Ok(Self { path, controls, thread, _number: number })
    }

    /// Where it is plugged in: what libfido2's programs are given as the device.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether somebody touches it from now on. Without that it gives up after `patience`.
    pub fn touch(&self, touched: bool, patience: Duration) {
        let mut controls = lock(&self.controls);
        (controls.touched, controls.patience) = (touched, patience);
    }

    /// What it does wrong from now on.
    pub fn misbehave(&self, fault: Option<Fault>) {
        lock(&self.controls).fault = fault;
    }

    /// How often it has asked to be touched.
    #[must_use]
    pub fn asked(&self) -> u32 {
        lock(&self.controls).asked
    }

    /// How many wrong PINs it still takes.
    #[must_use]
    pub fn retries(&self) -> Option<u8> {
        lock(&self.controls).retries
    }

    /// How many wrong PINs a key takes.
    pub const RETRIES: u8 = pin::RETRIES;

    /// Pulls it out.
    pub fn unplug(&mut self) {
        lock(&self.controls).plugged = false;
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

impl Drop for SecurityKey {
    fn drop(&mut self) {
        self.unplug();
    }
}

fn lock(controls: &Mutex<Controls>) -> MutexGuard<'_, Controls> {
    controls.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The key's own side.
struct Work {
    device: Device,
    wire: Wire,
    controls: Arc<Mutex<Controls>>,
}

impl Work {
    fn step(&mut self) -> Result<(), Gone> {
        match self.next(KEEP_ALIVE)? {
            Some(Wanted::Cbor { channel, request }) => self.command(channel, &request),
            _ => Ok(()),
        }
    }

    fn next(&mut self, patience: Duration) -> Result<Option<Wanted>, Gone> {
        if !lock(&self.controls).plugged {
            return Err(Gone);
        }
        self.wire.next(patience)
    }

    fn command(&mut self, channel: u32, request: &[u8]) -> Result<(), Gone> {
        let fault = lock(&self.controls).fault;
        let step = self.device.handle(request, fault);
        lock(&self.controls).retries = self.device.retries();
        match step {
            Ok(Step::Done(answer)) => self.answer(channel, Status(0), &answer),
            Ok(Step::Touch(answer)) => match self.touched(channel)? {
                Some(Status(0)) => self.answer(channel, Status(0), &answer),
                Some(refused) => self.answer(channel, refused, &[]),
                None => Ok(()),
            },
            Err(refused) => self.answer(channel, refused, &[]),
        }
    }

    /// Waits for a person. Nothing comes of it when another host begins meanwhile.
    fn touched(&mut self, channel: u32) -> Result<Option<Status>, Gone> {
        lock(&self.controls).asked += 1;
        let began = Instant::now();
        loop {
            let (touched, patience) = {
                let controls = lock(&self.controls);
                (controls.touched, controls.patience)
            };
            if touched {
                return Ok(Some(Status(0)));
            }
            if began.elapsed() >= patience {
                return Ok(Some(Status::USER_ACTION_TIMEOUT));
            }
            self.wire.keep_alive(channel)?;
            match self.next(KEEP_ALIVE)? {
                Some(Wanted::Cancel) => return Ok(Some(Status::KEEPALIVE_CANCEL)),
                Some(Wanted::Channel) => return Ok(None),
                _ => {}
            }
        }
    }

    fn answer(&mut self, channel: u32, status: Status, answer: &[u8]) -> Result<(), Gone> {
        self.wire.answer(channel, &[&[status.0], answer].concat())
    }
}
