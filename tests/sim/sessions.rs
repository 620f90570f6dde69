//! Five ways to log in, be let in and log out: what do the vendors check of a session, and how do they answer?
//!
//! Each server is one vendor, with its own paths and places; what they have in common is a table of open sessions. A
//! controller or a vCenter that has as many as it takes answers no further log-in.

mod vendors;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::StatusCode;

use crate::asked::Asked;
use crate::reply::{Reply, empty};
use crate::vendor::{Api, Vendor};
use crate::{Running, TestCa};

/// Whose sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionVendor {
    /// Proxmox VE: a ticket in a cookie, and a token against cross-site requests on everything that writes. There is no
    /// log-out.
    Proxmox,
    /// vCenter: Basic for a session identifier, which goes into a header of its own.
    Vcenter,
    /// Redfish (DSP0266 §13.3.4): a token in a header; the session is a resource with a short number, and is deleted.
    Redfish,
    /// OpenStack Keystone v3: a token in a header of the answer, which is also what is deleted.
    Keystone,
    /// A form whose answer sets a cookie and redirects, as RT's.
    Form,
}

/// What a server expects of its callers.
#[derive(Debug, Clone)]
pub struct SessionConfig {
    /// The one user.
    pub user: String,
    /// The user's password.
    pub password: String,
    /// As many sessions as may be open.
    pub most: usize,
}

/// What a server knows of its sessions, for tests to see and to change.
#[derive(Debug, Clone)]
pub struct SessionBook(Arc<Mutex<Book>>);

#[derive(Debug, Default)]
struct Book {
    open: Vec<Open>,
    /// Log-ins that worked and log-outs of sessions that were open.
    logins: usize,
    logouts: usize,
    refused: usize,
    /// Every value that authenticates somebody.
    minted: Vec<String>,
    /// How long a log-out takes.
    pause: Duration,
    /// How long a session is open before whoever logs in hears of it.
    login_pause: Duration,
}

/// An open session.
#[derive(Debug, Clone)]
struct Open {
    id: usize,
    token: String,
    /// Against cross-site requests.
    csrf: String,
}

impl SessionBook {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Log-ins that worked, log-outs that did, sessions that are open.
    #[must_use]
    pub fn counts(&self) -> (usize, usize, usize) {
        let book = self.book();
        (book.logins, book.logouts, book.open.len())
    }

    /// Log-ins that did not work.
    #[must_use]
    pub fn refused(&self) -> usize {
        self.book().refused
    }

    /// Forgets every session, as a restart of the server does.
    pub fn forget(&self) {
        self.book().open.clear();
    }

    /// From now on a log-out takes this long.
    pub fn slow(&self, pause: Duration) {
        self.book().pause = pause;
    }

    /// From now on the answer to a log-in comes so much later than the session is opened.
    pub fn slow_log_in(&self, pause: Duration) {
        self.book().login_pause = pause;
    }

    /// Every value so far that lets somebody in.
    #[must_use]
    pub fn minted(&self) -> Vec<String> {
        self.book().minted.clone()
    }
}

/// A server with sessions.
#[derive(Debug)]
pub struct Sessions {
    vendor: SessionVendor,
    config: SessionConfig,
    book: SessionBook,
}

impl Sessions {
    /// Starts one over TLS.
    ///
    /// # Errors
    /// When there is no port or no certificate.
    pub fn start(ca: &TestCa, vendor: SessionVendor, config: SessionConfig) -> io::Result<(Running, SessionBook)> {
        let book = SessionBook(Arc::default());
        let server = Self { vendor, config, book: book.clone() };
        Ok((Running::start(Api(server), Some(ca.server(&[])?))?, book))
    }

    /// Opens a session for who gave the right name and password; there may be too many.
    async fn log_in(&self, right: bool) -> Result<Open, StatusCode> {
        let opened = self.open(right);
        let pause = self.book.book().login_pause;
        tokio::time::sleep(pause).await;
        opened
    }

    fn open(&self, right: bool) -> Result<Open, StatusCode> {
        let mut book = self.book.book();
        if !right || book.open.len() >= self.config.most {
            book.refused += 1;
            return Err(if right { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::UNAUTHORIZED });
        }
        let [token, csrf] = [random(), random()];
        book.logins += 1;
        book.minted.extend([token.clone(), csrf.clone()]);
        let open = Open { id: book.logins, token, csrf };
        book.open.push(open.clone());
        Ok(open)
    }

    /// The open session that a value lets in.
    fn known(&self, token: Option<&str>) -> Option<Open> {
        let token = token?;
        self.book.book().open.iter().find(|open| open.token == token).cloned()
    }

    /// Closes a session, in the time that this takes here.
    async fn log_out(&self, session: &Open, status: StatusCode) -> Reply {
        let pause = self.book.book().pause;
        tokio::time::sleep(pause).await;
        let mut book = self.book.book();
        let before = book.open.len();
        book.open.retain(|open| open.id != session.id);
        book.logouts += before - book.open.len();
        empty(status)
    }
}

impl Vendor for Sessions {
    async fn answer(&self, asked: Asked) -> Reply {
        match self.vendor {
            SessionVendor::Proxmox => self.proxmox(&asked).await,
            SessionVendor::Vcenter => self.vcenter(&asked).await,
            SessionVendor::Redfish => self.redfish(&asked).await,
            SessionVendor::Keystone => self.keystone(&asked).await,
            SessionVendor::Form => self.form(&asked).await,
        }
    }
}

/// The fields of a form; one that stands twice is none.
fn form(asked: &Asked) -> BTreeMap<String, String> {
    let pairs: Vec<(String, String)> = form_urlencoded::parse(&asked.body).into_owned().collect();
    let once = |name: &str| pairs.iter().filter(|(other, _)| other == name).count() == 1;
    pairs.iter().filter(|(name, _)| once(name)).cloned().collect()
}

/// The only cookie of a request, if it has this name.
fn cookie<'a>(asked: &'a Asked, name: &str) -> Option<&'a str> {
    asked.header("cookie")?.strip_prefix(name)?.strip_prefix('=')
}

fn random() -> String {
    let mut bytes = [0_u8; 20];
    // Without randomness the value is known to everybody, and a test that looks for it still finds it.
    let _drawn = getrandom::fill(&mut bytes);
    hex::encode(bytes)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]
mod tests;
