//! How much of this server anybody gets.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The longest body of a request, in bytes. An assertion has about one thousand.
pub(crate) const MAX_BODY: usize = 64 * 1024;

/// The longest head of a request, in bytes: all that hyper keeps of one. Browsers send two thousand.
pub(crate) const MAX_HEAD: usize = 32 * 1024;

/// The most header lines. Browsers send twenty.
pub(crate) const MAX_HEADERS: usize = 64;

/// Connections at once. A browser opens six, and each open tab holds one for its events.
pub(crate) const MAX_CONNECTIONS: usize = 64;

/// The same for a team, whose people have a browser each.
pub(crate) const MAX_TEAM_CONNECTIONS: usize = 256;

/// How many of a team's may come from one address: a handful of people behind one router, and not everything.
pub(crate) const MAX_PER_ADDRESS: usize = 48;

/// How long a TLS handshake may take. Two round trips; a slow phone network has one second for each.
pub(crate) const HANDSHAKE_TIME: Duration = Duration::from_secs(10);

/// How long a head may take to arrive, and a connection may lie idle.
pub(crate) const HEAD_TIME: Duration = Duration::from_secs(10);

/// How long a request may take from its head to its answer. Nothing here waits for an upstream.
pub(crate) const REQUEST_TIME: Duration = Duration::from_secs(10);

/// Sections of the console that are read at once. Each may verify thousands of signatures; the agent's calls go first.
pub(crate) const MAX_READINGS: usize = 2;

/// Requests of one address that change something, in one window. A person makes three for an approval.
const MAX_POSTS: u32 = 120;

/// The window that they are counted in.
const WINDOW: Duration = Duration::from_secs(10);

/// Answers to a sign-in that do not verify, from one address, in one window. Nobody guesses a signature; but each try costs
/// us its verification, and a person who is refused so often wants help and no eleventh try.
const MAX_WRONG_SIGN_INS: u32 = 10;

/// The window that those are counted in.
const SIGN_IN_WINDOW: Duration = Duration::from_secs(5 * 60);

/// Addresses that are counted at once. Further ones wait until a window has passed: a count that is forgotten is no limit.
const MAX_ADDRESSES: usize = 4_096;

/// Counts something for each address that it comes from.
#[derive(Debug)]
pub(crate) struct Rate {
    most: u32,
    window: Duration,
    counts: Mutex<BTreeMap<IpAddr, (Instant, u32)>>,
}

impl Rate {
    /// What wants to change something.
    pub(crate) fn of_posts() -> Self {
        Self { most: MAX_POSTS, window: WINDOW, counts: Mutex::default() }
    }

    /// Sign-ins that failed.
    pub(crate) fn of_wrong_sign_ins() -> Self {
        Self { most: MAX_WRONG_SIGN_INS, window: SIGN_IN_WINDOW, counts: Mutex::default() }
    }

    /// Counts one more; false when it is too many.
    pub(crate) fn allows(&self, from: IpAddr, now: Instant) -> bool {
        let mut counts = self.lock();
        let from = counted(from);
        if counts.len() >= MAX_ADDRESSES && !counts.contains_key(&from) {
            counts.retain(|_, (begin, _)| now.duration_since(*begin) < self.window);
            if counts.len() >= MAX_ADDRESSES {
                return false;
            }
        }
        let (begin, count) = counts.entry(from).or_insert((now, 0));
        if now.duration_since(*begin) >= self.window {
            (*begin, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
        *count <= self.most
    }

    /// Whether one more would be too many.
    pub(crate) fn is_spent(&self, from: IpAddr, now: Instant) -> bool {
        let counts = self.lock();
        let count = counts.get(&counted(from));
        count.is_some_and(|(begin, count)| *count >= self.most && now.duration_since(*begin) < self.window)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<IpAddr, (Instant, u32)>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who is counted as one: an IPv4 address, or the 64 bits that a network of IPv6 gives to one customer's line.
fn counted(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(six) if !six.is_loopback() => IpAddr::V6(Ipv6Addr::from_bits(six.to_bits() >> 64 << 64)),
        other => other,
    }
}

/// The connections that are open, in all and for each address.
#[derive(Debug)]
pub(crate) struct Places {
    all: usize,
    each: usize,
    taken: Mutex<BTreeMap<IpAddr, usize>>,
}

/// One open connection. It gives its place back when it is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    places: Arc<Places>,
    from: IpAddr,
}

impl Places {
    /// So many, and of those so many for one address.
    pub(crate) fn new(all: usize, each: usize) -> Arc<Self> {
        Arc::new(Self { all, each, taken: Mutex::default() })
    }

    /// A place for one more connection, if there is one.
    pub(crate) fn take(self: &Arc<Self>, from: IpAddr) -> Option<Seat> {
        let from = counted(from);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let mine = taken.get(&from).copied().unwrap_or_default();
        if taken.values().sum::<usize>() >= self.all || mine >= self.each {
            return None;
        }
        taken.insert(from, mine + 1);
        Some(Seat { places: Arc::clone(self), from })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        match taken.get_mut(&self.from) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(taken.remove(&self.from)),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::time::Instant;

    use super::{MAX_ADDRESSES, MAX_POSTS, MAX_WRONG_SIGN_INS, Places, Rate, SIGN_IN_WINDOW, WINDOW};

    const ONE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    const OTHER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));

    #[test]
    fn a_flood_is_refused_until_its_window_has_passed_and_is_nobody_elses() {
        let (rate, start) = (Rate::of_posts(), Instant::now());
        assert!((0..MAX_POSTS).all(|_| rate.allows(ONE, start)));
        assert!(!rate.allows(ONE, start + WINDOW / 2));
        assert!(rate.allows(OTHER, start + WINDOW / 2));
        assert!(rate.allows(ONE, start + WINDOW));
    }

    #[test]
    fn wrong_sign_ins_are_counted_for_each_address() {
        let (rate, start) = (Rate::of_wrong_sign_ins(), Instant::now());
        for _ in 0..MAX_WRONG_SIGN_INS {
            assert!(!rate.is_spent(ONE, start));
            rate.allows(ONE, start);
        }
        assert!(rate.is_spent(ONE, start) && !rate.is_spent(OTHER, start));
        assert!(!rate.is_spent(ONE, start + SIGN_IN_WINDOW));
    }

    #[test]
    fn a_line_of_ipv6_is_one_address() {
        let (rate, start) = (Rate::of_posts(), Instant::now());
        let at = |text: &str| text.parse::<IpAddr>().unwrap();
        assert!((0..MAX_POSTS).all(|_| rate.allows(at("2001:db8::1"), start)));
        assert!(!rate.allows(at("2001:db8::2"), start) && rate.allows(at("2001:db8:0:1::1"), start));
        assert!((0..MAX_POSTS).all(|_| rate.allows(ONE, start)));
        assert!(!rate.allows(at("::ffff:192.0.2.1"), start));
    }

    #[test]
    fn addresses_without_number_take_no_memory_without_end() {
        let (rate, start) = (Rate::of_posts(), Instant::now());
        let at = |number: usize| IpAddr::V4(Ipv4Addr::from_bits(u32::try_from(number).unwrap()));
        assert!((0..MAX_ADDRESSES).all(|number| rate.allows(at(number), start)));
        assert!(!rate.allows(at(MAX_ADDRESSES), start) && rate.allows(at(0), start));
        assert!(rate.allows(at(MAX_ADDRESSES), start + WINDOW));
        assert_eq!(rate.lock().len(), 1);
    }

    #[test]
    fn places_are_limited_in_all_and_for_each_and_come_back() {
        let places = Places::new(3, 2);
        let (first, _second) = (places.take(ONE).unwrap(), places.take(ONE).unwrap());
        assert!(places.take(ONE).is_none());
        let _third = places.take(OTHER).unwrap();
        assert!(places.take(OTHER).is_none());
        drop(first);
        assert!(places.take(OTHER).is_some());
        assert!(places.take(ONE).is_some());
    }
}
