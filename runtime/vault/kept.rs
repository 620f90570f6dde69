//! What the host mints and keeps for a connection's credential: tokens and sessions. Made once for all who need it at the
//! same time, replaced when what it is made of changes, and gone when its life is over: a timer takes it out at the moment
//! from which it is no longer used, and its memory is wiped when the last call that still uses it ends.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use claviger_manifest::Name;
use tokio::sync::{Notify, OwnedMutexGuard};
use tokio::time::Instant;

use crate::failure::FailureKind;

/// The longest life that is believed. Nothing is kept for longer than a working day.
const MAX_LIFE: Duration = Duration::from_secs(12 * 3600);

/// How long before its end a value is no longer used, so that it does not die on the way: a tenth of its life, but never
/// more than this.
const MARGIN: Duration = Duration::from_secs(30);

/// Values of all connections, for the life of the host: one for each connection and credential.
pub(crate) struct Kept<V> {
    places: Mutex<Places<V>>,
    /// Values that are no longer given out and have to be ended; none where dropping one is its end.
    retired: Option<Arc<Ended<V>>>,
    /// Nothing is minted any more.
    closed: AtomicBool,
}

/// What waits for its end.
struct Ended<V> {
    values: Mutex<Vec<Retired<V>>>,
    /// Told of each that joins: one whose life is over joins while no call runs.
    joined: Arc<Notify>,
}

/// By connection and credential.
type Places<V> = HashMap<(Name, Name), Arc<Place<V>>>;

/// The place of one value. Whoever mints holds the lock, and everybody else waits for what comes of it.
struct Place<V> {
    /// Everything that the value depends on besides its connection and credential.
    key: Vec<String>,
    state: Arc<tokio::sync::Mutex<State<V>>>,
}

struct State<V> {
    value: Option<(Arc<V>, Instant)>,
    /// When minting failed last, and what was said. Those who waited meanwhile share it: thirty wrong passwords in a row
    /// lock an account.
    failed: Option<(Instant, Refused)>,
    /// Another place has taken over. What were kept here, nobody would find again.
    closed: bool,
}

/// What an upstream said to a log-in or a token request. A broken connection says nothing about the next attempt.
#[derive(Clone, Copy)]
enum Refused {
    Token(u16),
    TokenAnswer,
    Login(u16),
    LoginAnswer,
}

/// A value, and whether it was minted just now.
pub(crate) struct Minted<V> {
    pub(crate) value: Arc<V>,
    pub(crate) fresh: bool,
}

/// A value that is no longer given out, with whose it was.
pub(crate) struct Retired<V> {
    pub(crate) connection: Name,
    pub(crate) credential: Name,
    pub(crate) value: Arc<V>,
}

impl<V: Send + Sync + 'static> Kept<V> {
    /// For values that end with being dropped.
    pub(crate) fn dropping() -> Self {
        Self { places: Mutex::default(), retired: None, closed: AtomicBool::new(false) }
    }

    /// For values that have to be ended, which [`Kept::take_retired`] gives out.
    pub(crate) fn ending() -> Self {
        let ended = Ended { values: Mutex::default(), joined: Arc::default() };
        Self { places: Mutex::default(), retired: Some(Arc::new(ended)), closed: AtomicBool::new(false) }
    }

    /// From now on nothing is minted: what would be is made for a host that ends, and nobody would end it.
    pub(crate) fn stop(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }

    /// What is told of each value that has to be ended.
    pub(crate) fn joined(&self) -> Arc<Notify> {
        self.retired.as_ref().map(|ended| Arc::clone(&ended.joined)).unwrap_or_default()
    }

    /// The value that is kept, or what `mint` makes, with how long it lives. Concurrent calls mint one between them.
    ///
    /// Minting goes on when the call that began it is cancelled: an upstream that has answered has made something, and it
    /// would be lost, or stay open with nobody to end it.
    pub(crate) async fn get(
        &self,
        connection: &Name,
        credential: &Name,
        key: Vec<String>,
        mint: impl Future<Output = Result<(V, Option<Duration>), FailureKind>> + Send + 'static,
    ) -> Result<Minted<V>, FailureKind> {
        let asked = Instant::now();
        let mut state = self.state(connection, credential, key).await;
        match &state.value {
            Some((value, until)) if Instant::now() < *until => {
                return Ok(Minted { value: Arc::clone(value), fresh: false });
            }
            _ => retire(self.retired.as_deref(), connection, credential, &mut state),
        }
        // Asked with the place locked: whoever takes everything out has not been here, or waits for what is minted now.
        if self.closed.load(Ordering::SeqCst) {
            return Err(FailureKind::Ending);
        }
        if let Some((_, refused)) = state.failed.filter(|(when, _)| *when > asked) {
            return Err(refused.kind(credential));
        }
        let (retired, whose) = (self.retired.clone(), (connection.clone(), credential.clone()));
        let minting = tokio::spawn(async move {
            let made = mint.await.map(|(value, life)| (Arc::new(value), Instant::now() + usable(life)));
            state.value = made.as_ref().ok().cloned();
            state.failed = made.as_ref().err().and_then(Refused::of).map(|refused| (Instant::now(), refused));
            let (value, until) = made?;
            let place = Arc::downgrade(OwnedMutexGuard::mutex(&state));
            tokio::spawn(expire(place, retired, whose, until));
            Ok(Minted { value, fresh: true })
        });
        minting.await.unwrap_or(Err(FailureKind::Ending))
    }

    /// Forgets a value that the upstream refused, unless another call has replaced it already.
    pub(crate) async fn forget(&self, connection: &Name, credential: &Name, value: &Arc<V>) {
        let place = self.places().get(&(connection.clone(), credential.clone())).map(Arc::clone);
        let Some(place) = place else { return };
        let mut state = place.state.lock().await;
        if state.value.as_ref().is_some_and(|(kept, _)| Arc::ptr_eq(kept, value)) {
            retire(self.retired.as_deref(), connection, credential, &mut state);
        }
    }

    /// Takes every value out, also those that are being minted: waits for these.
    pub(crate) async fn take_all(&self) -> Vec<Retired<V>> {
        let places: Vec<_> = self.places().drain().collect();
        for ((connection, credential), place) in places {
            self.close(&connection, &credential, &place).await;
        }
        self.retired.as_ref().map(|ended| std::mem::take(&mut *ended.values())).unwrap_or_default()
    }

    /// Takes out every value of a connection, also those that are being minted: they are retired, or dropped where that is
    /// their end. Who uses one goes on with it.
    pub(crate) async fn release(&self, connection: &Name) {
        let places: Vec<_> = self.places().extract_if(|(of, _), _| of == connection).collect();
        for ((connection, credential), place) in places {
            self.close(&connection, &credential, &place).await;
        }
    }

    /// Whether something was replaced, or its life is over, and no call uses it any more.
    pub(crate) fn has_retired(&self) -> bool {
        self.retired.as_ref().is_some_and(|ended| ended.values().iter().any(Retired::is_idle))
    }

    /// Takes that out. What a call still uses stays: it would be ended under its hands.
    pub(crate) fn take_retired(&self) -> Vec<Retired<V>> {
        let Some(ended) = &self.retired else { return Vec::new() };
        let mut values = ended.values();
        values.extract_if(.., |retired| retired.is_idle()).collect()
    }

    /// The state of the place that depends on these things and on no others, an older secret for example. It is locked
    /// and open.
    async fn state(&self, connection: &Name, credential: &Name, key: Vec<String>) -> OwnedMutexGuard<State<V>> {
        loop {
            let (place, replaced) = self.place(connection, credential, &key);
            if let Some(replaced) = replaced {
                self.close(connection, credential, &replaced).await;
            }
            let state = Arc::clone(&place.state).lock_owned().await;
            // Closed while this call waited: what it would mint here would be nobody's.
            if !state.closed {
                return state;
            }
        }
    }

    async fn close(&self, connection: &Name, credential: &Name, place: &Place<V>) {
        let mut state = place.state.lock().await;
        state.closed = true;
        retire(self.retired.as_deref(), connection, credential, &mut state);
    }

    /// The place of a connection's credential, and the one before it if that had another key.
    fn place(&self, connection: &Name, credential: &Name, key: &[String]) -> (Arc<Place<V>>, Option<Arc<Place<V>>>) {
        let mut places = self.places();
        let at = (connection.clone(), credential.clone());
        match places.get(&at) {
            Some(place) if place.key == key => (Arc::clone(place), None),
            _ => {
                let state = State { value: None, failed: None, closed: false };
                let place = Arc::new(Place { key: key.to_owned(), state: Arc::new(tokio::sync::Mutex::new(state)) });
                let replaced = places.insert(at, Arc::clone(&place));
                (place, replaced)
            }
        }
    }

    fn places(&self) -> MutexGuard<'_, Places<V>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<V> Ended<V> {
    fn values(&self) -> MutexGuard<'_, Vec<Retired<V>>> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<V> Retired<V> {
    fn is_idle(&self) -> bool {
        Arc::strong_count(&self.value) == 1
    }
}

/// Takes the value of a place out: to be ended, or dropped where that is its end.
fn retire<V>(ended: Option<&Ended<V>>, connection: &Name, credential: &Name, state: &mut State<V>) {
    let (Some((value, _)), Some(ended)) = (state.value.take(), ended) else { return };
    ended.values().push(Retired { connection: connection.clone(), credential: credential.clone(), value });
    ended.joined.notify_one();
}

/// Takes a value out when its life is over, unless another has taken its place: then it is gone already.
async fn expire<V>(
    place: Weak<tokio::sync::Mutex<State<V>>>,
    ended: Option<Arc<Ended<V>>>,
    (connection, credential): (Name, Name),
    until: Instant,
) {
    tokio::time::sleep_until(until).await;
    let Some(place) = place.upgrade() else { return };
    let mut state = place.lock().await;
    if state.value.as_ref().is_some_and(|(_, end)| *end <= Instant::now()) {
        retire(ended.as_deref(), &connection, &credential, &mut state);
    }
}

impl<V> fmt::Debug for Retired<V> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Retired");
        shown.field("connection", &self.connection).field("credential", &self.credential).finish_non_exhaustive()
    }
}

impl<V> fmt::Debug for Kept<V> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Kept").finish_non_exhaustive()
    }
}

impl Refused {
    fn of(kind: &FailureKind) -> Option<Self> {
        match kind {
            FailureKind::Token { status, .. } => Some(Self::Token(*status)),
            FailureKind::TokenAnswer(_) => Some(Self::TokenAnswer),
            FailureKind::Login { status, .. } => Some(Self::Login(*status)),
            FailureKind::LoginAnswer(_) => Some(Self::LoginAnswer),
            _ => None,
        }
    }

    fn kind(self, credential: &Name) -> FailureKind {
        let credential = credential.clone();
        match self {
            Self::Token(status) => FailureKind::Token { credential, status },
            Self::TokenAnswer => FailureKind::TokenAnswer(credential),
            Self::Login(status) => FailureKind::Login { credential, status },
            Self::LoginAnswer => FailureKind::LoginAnswer(credential),
        }
    }
}

/// For how long a value of this life is used; without one, until the upstream refuses it, but not for ever.
fn usable(life: Option<Duration>) -> Duration {
    let life = life.unwrap_or(MAX_LIFE).min(MAX_LIFE);
    life.saturating_sub(MARGIN.min(life / 10))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use super::{Kept, Minted, usable};
    use crate::failure::FailureKind;

    /// A life too long for this test.
    const LONG: Duration = Duration::from_secs(3600);

    async fn get(kept: &Kept<u8>, value: u8, life: Duration) -> Result<Minted<u8>, FailureKind> {
        let mint = async move { Ok((value, Some(life))) };
        kept.get(&"acme".parse().unwrap(), &"partner".parse().unwrap(), Vec::new(), mint).await
    }

    #[tokio::test]
    async fn nothing_is_left_of_a_value_whose_life_is_over() {
        let kept = Kept::dropping();
        let minted = Instant::now();
        let value = Arc::downgrade(&get(&kept, 7, Duration::from_secs(2)).await.unwrap().value);
        assert!(value.upgrade().is_some() && !get(&kept, 8, LONG).await.unwrap().fresh);
        while value.upgrade().is_some() {
            assert!(minted.elapsed() < Duration::from_secs(60), "it stays");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        // Nobody asked for it in between. A tenth of its life before its end it is no longer used.
        assert!(minted.elapsed() >= Duration::from_millis(1800));
    }

    #[tokio::test]
    async fn a_timer_that_is_late_prolongs_nothing() {
        let kept = Kept::dropping();
        get(&kept, 7, Duration::from_millis(100)).await.unwrap();
        // The whole thread, so that the timer has no turn.
        std::thread::sleep(Duration::from_millis(200));
        let next = get(&kept, 8, LONG).await.unwrap();
        assert_eq!((*next.value, next.fresh), (8, true));
    }

    #[tokio::test]
    async fn the_end_of_one_value_is_not_that_of_the_next() {
        let kept = Kept::dropping();
        let first = get(&kept, 7, Duration::from_millis(200)).await.unwrap().value;
        kept.forget(&"acme".parse().unwrap(), &"partner".parse().unwrap(), &first).await;
        let second = Arc::downgrade(&get(&kept, 8, LONG).await.unwrap().value);
        tokio::time::sleep(Duration::from_millis(400)).await;
        assert!(second.upgrade().is_some());
    }

    #[tokio::test]
    async fn what_has_to_be_ended_is_told_and_is_not_ended_under_the_hands_of_a_call() {
        let kept = Kept::ending();
        let joined = kept.joined();
        let used = get(&kept, 7, Duration::from_millis(100)).await.unwrap();
        joined.notified().await;
        assert!(!kept.has_retired() && kept.take_retired().is_empty(), "a call uses it");
        drop(used);
        assert!(kept.has_retired());
        assert_eq!(kept.take_retired().iter().map(|retired| *retired.value).collect::<Vec<_>>(), [7]);
    }

    #[tokio::test]
    async fn a_host_that_ends_mints_nothing() {
        let kept = Kept::ending();
        get(&kept, 7, LONG).await.unwrap();
        kept.stop();
        assert!(!get(&kept, 8, LONG).await.unwrap().fresh, "what is there serves to the end");
        assert_eq!(kept.take_all().await.len(), 1);
        assert!(matches!(get(&kept, 8, LONG).await, Err(FailureKind::Ending)));
        assert!(kept.take_all().await.is_empty());
    }

    #[test]
    fn a_value_is_not_used_to_its_last_second() {
        assert_eq!(usable(Some(Duration::from_secs(3600))), Duration::from_secs(3570));
        assert_eq!(usable(Some(Duration::from_secs(20))), Duration::from_secs(18));
        assert_eq!(usable(Some(Duration::ZERO)), Duration::ZERO);
        assert_eq!(usable(None), Duration::from_secs(12 * 3600 - 30));
        assert_eq!(usable(Some(Duration::from_secs(u64::MAX))), Duration::from_secs(12 * 3600 - 30));
    }
}
