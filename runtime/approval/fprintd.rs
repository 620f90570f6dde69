//! A finger on a reader, as the fingerprint daemon sees it (fprintd's D-Bus interface, `net.reactivated.Fprint.Device`).
//!
//! The daemon says yes or no to the host, and signs nothing: what comes of it is host-asserted.

use futures_util::StreamExt as _;
use tokio::sync::oneshot;
use zbus::{Connection, OwnedObjectPath, Proxy};

use crate::presence::{Confirmation, HostMethod, Presence};
use crate::system_bus::SystemBus;
use crate::{Ask, Refused};

/// The daemon's name on the bus, and the interfaces of its objects.
const SERVICE: &str = "net.reactivated.Fprint";
const MANAGER: (&str, &str) = ("/net/reactivated/Fprint/Manager", "net.reactivated.Fprint.Manager");
const DEVICE: &str = "net.reactivated.Fprint.Device";

/// How often a finger may be taken for another before that is the answer: what pam_fprintd allows (`max-tries`).
const ATTEMPTS: u8 = 3;

/// Asks the fingerprint daemon.
#[derive(Debug)]
pub(crate) struct Fprintd {
    bus: SystemBus,
}

/// What the daemon said of one attempt.
enum Seen {
    Match,
    NoMatch,
}

impl Fprintd {
    pub(crate) fn new(bus: SystemBus) -> Self {
        Self { bus }
    }

    /// The exchange runs on a task of its own, so that the reader is given back also when nobody waits any more.
    async fn ask(&self) -> Result<(), Refused> {
        let (waiting, withdrawn) = oneshot::channel::<()>();
        let bus = self.bus.clone();
        let asked = tokio::spawn(async move { exchange(&bus, withdrawn).await }).await;
        drop(waiting);
        asked.unwrap_or(Err("the exchange with the fingerprint daemon broke off; call again")).map_err(unverified)
    }
}

impl Presence for Fprintd {
    fn method(&self) -> HostMethod {
        HostMethod::Fprintd
    }

    fn invitation(&self) -> &'static str {
        "Now touch the fingerprint reader."
    }

    fn confirm<'a>(&'a self, _: &'a Ask, _: &'a Ask) -> Confirmation<'a> {
        Box::pin(self.ask())
    }
}

fn unverified(why: &'static str) -> Refused {
    Refused::Unverified { method: HostMethod::Fprintd, why }
}

/// Claims the reader, looks at fingers, and gives it back, whatever came of it. The connection is this exchange's alone: the
/// daemon lets go of a reader when the connection that claimed it ends.
async fn exchange(bus: &SystemBus, withdrawn: oneshot::Receiver<()>) -> Result<(), &'static str> {
    let connection = bus.connect().await?;
    let device = device(&connection).await?;
    let claimed: zbus::Result<()> = device.call("Claim", &("",)).await;
    claimed.map_err(|error| why(&error, "the fingerprint reader cannot be claimed; see whether fprintd runs"))?;
    let verified = tokio::select! { biased;
        _ = withdrawn => Err("nobody touched the reader in time"),
        verified = verify(&device) => verified,
    };
    // Neither has an answer that would change anything: the connection ends now.
    let _stopped: zbus::Result<()> = device.call("VerifyStop", &()).await;
    let _released: zbus::Result<()> = device.call("Release", &()).await;
    verified
}

async fn device(connection: &Connection) -> Result<Proxy<'static>, &'static str> {
    let gone = "the fingerprint daemon does not answer; install fprintd, or choose another approver";
    let manager = Proxy::new(connection, SERVICE, MANAGER.0, MANAGER.1).await.map_err(|_| gone)?;
    let path: OwnedObjectPath =
        manager.call("GetDefaultDevice", &()).await.map_err(|error: zbus::Error| why(&error, gone))?;
    Proxy::new(connection, SERVICE, path, DEVICE).await.map_err(|_| gone)
}

/// Only `verify-match` is a yes. An answer that is not known is none.
async fn verify(device: &Proxy<'_>) -> Result<(), &'static str> {
    let gone = "the fingerprint daemon stopped before it had an answer; call again";
    let mut statuses = device.receive_signal("VerifyStatus").await.map_err(|_| gone)?;
    let mut owner = device.receive_owner_changed().await.map_err(|_| gone)?;
    for _ in 0..ATTEMPTS {
        let started: zbus::Result<()> = device.call("VerifyStart", &("any",)).await;
        started.map_err(|error| why(&error, "the fingerprint daemon does not look at fingers now; call again"))?;
        let seen = tokio::select! {
            seen = outcome(&mut statuses) => seen?,
            // Whoever answers under that name from now on is not the one that was asked.
            _ = owner.next() => return Err(gone),
        };
        if matches!(seen, Seen::Match) {
            return Ok(());
        }
        let stopped: zbus::Result<()> = device.call("VerifyStop", &()).await;
        stopped.map_err(|_| gone)?;
    }
    Err("the finger was not recognised")
}

/// Waits for the end of one attempt. A finger that was not read well is asked for again, by the daemon itself.
async fn outcome(statuses: &mut zbus::proxy::SignalStream<'_>) -> Result<Seen, &'static str> {
    while let Some(signal) = statuses.next().await {
        let body = signal.body();
        let (result, done): (&str, bool) = body.deserialize().map_err(|_| "the fingerprint daemon said nonsense")?;
        match (result, done) {
            ("verify-match", _) => return Ok(Seen::Match),
            ("verify-no-match", _) => return Ok(Seen::NoMatch),
            (
                "verify-retry-scan"
                | "verify-swipe-too-short"
                | "verify-finger-not-centered"
                | "verify-remove-and-retry",
                done,
            ) => {
                if done {
                    return Ok(Seen::NoMatch);
                }
            }
            ("verify-disconnected", _) => return Err("the fingerprint reader was taken away"),
            _ => return Err("the fingerprint reader failed; call again"),
        }
    }
    Err("the fingerprint daemon stopped before it had an answer; call again")
}

/// The daemon's reasons that a person can do something about.
fn why(error: &zbus::Error, otherwise: &'static str) -> &'static str {
    let zbus::Error::MethodError(name, _, _) = error else { return otherwise };
    match name.as_str() {
        "net.reactivated.Fprint.Error.NoSuchDevice" => "there is no fingerprint reader; choose another approver",
        "net.reactivated.Fprint.Error.NoEnrolledPrints" => {
            "no finger of this user is enrolled; fprintd-enroll does that"
        }
        "net.reactivated.Fprint.Error.AlreadyInUse" => "another program uses the fingerprint reader; call again",
        "net.reactivated.Fprint.Error.PermissionDenied" => "this user may not use the fingerprint reader",
        _ => otherwise,
    }
}

#[cfg(test)]
mod tests;
