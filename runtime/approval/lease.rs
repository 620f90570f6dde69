//! A yes that lasts a while, for reads.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use claviger_manifest::Name;
use tokio::sync::watch;

use crate::{Cover, Evidence, Scope, VerifiedReceipt};

/// Seconds after its last use at which a lease ends: the time in which somebody who works with a tool comes back to it.
pub const LEASE_SECONDS: u64 = 15 * 60;

/// Seconds after the approval at which a lease ends in any case: a working day.
pub const LEASE_LIMIT_SECONDS: u64 = 8 * 60 * 60;

/// How many requests one lease answers. A tool that pages through a large client makes some sixty; an agent that runs in
/// a circle meets a human again after four such calls.
pub const LEASE_USES: u32 = 256;

/// The leases that are open. They live in memory alone, so a restart voids every one.
#[derive(Debug, Default)]
pub(crate) struct Leases {
    open: Mutex<BTreeMap<Cover, Lease>>,
    /// Counts what was opened and ended: whoever waits for an answer looks again when it changes.
    changed: watch::Sender<u64>,
}

#[derive(Debug)]
struct Lease {
    approver: String,
    receipt: String,
    seconds: u64,
    idle_end: u64,
    hard_end: u64,
    used: u32,
    uses: u32,
}

impl Lease {
    fn is_over(&self, now: u64) -> bool {
        now >= self.idle_end || now >= self.hard_end || self.used >= self.uses
    }
}

impl Leases {
    /// Opens the lease that a verified receipt gives. A receipt for one request opens none.
    pub(crate) fn open(&self, receipt: &VerifiedReceipt, now: u64) {
        let Scope::Lease { seconds, limit, uses, covers } = receipt.scope() else { return };
        let lease = Lease {
            approver: receipt.receipt().approver.clone(),
            receipt: receipt.receipt().digest(),
            seconds: *seconds,
            idle_end: now.saturating_add(*seconds),
            hard_end: now.saturating_add(*limit),
            used: 1,
            uses: *uses,
        };
        let mut open = self.lock();
        open.retain(|_, lease| !lease.is_over(now));
        open.insert((**covers).clone(), lease);
        drop(open);
        self.tell();
    }

    fn tell(&self) {
        self.changed.send_modify(|number| *number = number.saturating_add(1));
    }

    /// Tells of every lease that is opened, and of every session whose leases end, from now on.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Uses a lease, if one covers this. Under one lock, so the last use goes to exactly one of two who race for it.
    pub(crate) fn draw(&self, cover: &Cover, now: u64) -> Option<Evidence> {
        let mut open = self.lock();
        let lease = open.get_mut(cover)?;
        if lease.is_over(now) {
            open.remove(cover);
            return None;
        }
        lease.used = lease.used.saturating_add(1);
        lease.idle_end = now.saturating_add(lease.seconds);
        Some(Evidence::Lease { receipt: lease.receipt.clone(), use_number: lease.used })
    }

    /// Voids the leases of a session.
    pub(crate) fn end_session(&self, session: &str) {
        self.lock().retain(|cover, _| cover.session != session);
        self.tell();
    }

    /// Voids the leases of a connection.
    pub(crate) fn void_connection(&self, connection: &Name) {
        self.lock().retain(|cover, _| cover.connection != *connection);
    }

    /// Voids the leases that somebody gave.
    pub(crate) fn void_approver(&self, name: &str) {
        self.lock().retain(|_, lease| lease.approver != name);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Cover, Lease>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::{LEASE_LIMIT_SECONDS, LEASE_SECONDS, LEASE_USES, Leases};
    use crate::{Cover, Evidence, fixtures};

    const OPENED: u64 = 1_700_000_000;

    fn leases() -> (Leases, Cover) {
        let leases = Leases::default();
        leases.open(&fixtures::verified_lease(), OPENED);
        (leases, Cover::of(&fixtures::facts()).unwrap())
    }

    #[test]
    fn each_use_names_the_receipt_and_is_counted() {
        let (leases, cover) = leases();
        let receipt = fixtures::verified_lease().receipt().digest();
        for use_number in 2..5 {
            let evidence = leases.draw(&cover, OPENED + 1).unwrap();
            assert_eq!(evidence, Evidence::Lease { receipt: receipt.clone(), use_number });
        }
    }

    #[test]
    fn it_ends_a_quarter_of_an_hour_after_its_last_use() {
        let (leases, cover) = leases();
        assert!(leases.draw(&cover, OPENED + LEASE_SECONDS - 1).is_some());
        assert!(leases.draw(&cover, OPENED + 2 * LEASE_SECONDS - 2).is_some());
        assert!(leases.draw(&cover, OPENED + 3 * LEASE_SECONDS - 2).is_none());
        assert!(leases.draw(&cover, OPENED).is_none(), "an ended lease does not come back with the clock");
    }

    #[test]
    fn it_ends_after_eight_hours_however_busy() {
        let (leases, cover) = leases();
        let mut at = OPENED;
        while at + 600 < OPENED + LEASE_LIMIT_SECONDS {
            at += 600;
            assert!(leases.draw(&cover, at).is_some(), "{at}");
        }
        assert!(leases.draw(&cover, OPENED + LEASE_LIMIT_SECONDS).is_none());
    }

    #[test]
    fn its_uses_are_shared_out_exactly_once() {
        let (leases, cover) = leases();
        let drawn = AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..LEASE_USES {
                        if leases.draw(&cover, OPENED + 1).is_some() {
                            drawn.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        // The request that opened the lease was its first use.
        assert_eq!(drawn.into_inner(), LEASE_USES - 1);
    }

    #[test]
    fn it_ends_with_its_session() {
        let (leases, cover) = leases();
        leases.end_session("another");
        assert!(leases.draw(&cover, OPENED + 1).is_some());
        leases.end_session(&cover.session);
        assert!(leases.draw(&cover, OPENED + 1).is_none());
    }

    #[test]
    fn it_ends_with_its_giver() {
        let (leases, cover) = leases();
        leases.void_approver("ben");
        assert!(leases.draw(&cover, OPENED + 1).is_some());
        leases.void_approver("anna");
        assert!(leases.draw(&cover, OPENED + 1).is_none());
    }

    #[test]
    fn it_ends_with_its_connections_secrets() {
        let (leases, cover) = leases();
        leases.void_connection(&"globex".parse().unwrap());
        assert!(leases.draw(&cover, OPENED + 1).is_some());
        leases.void_connection(&cover.connection);
        assert!(leases.draw(&cover, OPENED + 1).is_none());
    }

    #[test]
    fn a_receipt_for_one_request_opens_none() {
        let leases = Leases::default();
        leases.open(&fixtures::verified_once(), OPENED);
        assert!(leases.draw(&Cover::of(&fixtures::facts()).unwrap(), OPENED).is_none());
    }
}
