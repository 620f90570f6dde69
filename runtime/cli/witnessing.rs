//! `[audit] witness`: the witnesses that a host asks by itself while it runs.
//!
//! When it starts: a witness that has seen more of this log, or another history of it, means that the log was rolled back or
//! rewritten, and nothing is served then. A witness that cannot be reached stops nobody: who could cut the way to it could
//! stop the host otherwise. While it runs: each new checkpoint within the interval, beside everything else; what a witness
//! says holds up no call, and is told, shown in the console, and noted when it is an alarm. When it has ended: once more.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;

use claviger_audit::{CheckpointVerifier, OperatorAction};
use claviger_pipeline::{Hallway, Outside};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::error::{Code, Failure};
use crate::state::{Config, State};
use crate::witness_ask::{Reached, Unsigned};
use crate::witness_standing::{self as standing, Standing};
use crate::{audit, open, output, witness};

/// The most witnesses. More make nothing surer, and each costs a request for each checkpoint.
const MOST: usize = 8;

/// Seconds between two rounds unless the operator says otherwise: what a roll-back could hide from a witness is what happened
/// in that time.
const INTERVAL: u32 = 60;

/// How long a host waits for its witnesses before it serves, and when it has ended. Clients give a server that starts ten
/// seconds and more.
const AT_EITHER_END: Duration = Duration::from_secs(3);

/// How long a witness has while the host runs.
const MEANWHILE: Duration = Duration::from_secs(20);

/// One witness.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Named {
    /// Its address, to which /add-checkpoint is added.
    pub(crate) url: String,
    /// The file with its public key.
    pub(crate) key: PathBuf,
    /// A PEM file with the certificate authority to trust instead of the public ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ca: Option<PathBuf>,
    /// Private ranges that it may be in, as CIDR.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) networks: Vec<IpNet>,
}

/// The witnesses of a log.
pub(crate) struct Witnesses {
    state: State,
    log: CheckpointVerifier,
    interval: Duration,
    reached: Vec<Arc<Reached>>,
    /// The checkpoint that each has signed since this began: nothing is taken on trust from a file.
    signed: BTreeMap<String, String>,
}

impl Witnesses {
    /// Those of the configuration; nothing when there are none.
    pub(crate) fn of(state: &State, config: &Config) -> Result<Option<Self>, Failure> {
        let named = config.witnesses();
        if named.is_empty() {
            return Ok(None);
        }
        let wrong = |why: &str| Failure::state(format!("claviger.toml, [audit] witness: {why}"));
        let urls: BTreeSet<_> = named.iter().map(|named| &named.url).collect();
        if named.len() > MOST || urls.len() < named.len() {
            return Err(wrong(&format!("at most {MOST}, each with an address of its own")));
        }
        let reached = |named: &Named| {
            let known = witness::known(std::slice::from_ref(&named.key))?;
            Reached::new(&named.url, known, named.ca.as_deref(), named.networks.clone()).map(Arc::new)
        };
        let reached = named.iter().map(|named| reached(named).map_err(|failure| wrong(&failure.message)));
        let interval = config.audit.as_ref().and_then(|audit| audit.witness_interval).unwrap_or(INTERVAL).max(1);
        Ok(Some(Self {
            state: state.clone(),
            log: audit::log_key(state)?,
            interval: Duration::from_secs(interval.into()),
            reached: reached.collect::<Result<_, _>>()?,
            signed: BTreeMap::new(),
        }))
    }

    /// Asks those that have not signed the present checkpoint, side by side; gives those that know another history.
    async fn round(&mut self, time: Duration) -> Vec<(String, Failure)> {
        let Ok(note) = self.state.checkpoint() else { return Vec::new() };
        let (mut standings, mut asked) = (standing::read(&self.state), JoinSet::new());
        for from in self.reached.iter().filter(|from| self.signed.get(from.url()) != Some(&note)) {
            // Where it stood is a guess that saves a question; the witness knows better.
            let guess = standings.get(from.url()).and_then(|standing| standing.signed);
            let old = guess.unwrap_or_else(|| witness::last_cosigned(&self.state, &self.log));
            asked.spawn(answer(self.state.clone(), self.log.clone(), note.clone(), Arc::clone(from), old, time));
        }
        let (mut alarms, has_asked) = (Vec::new(), !asked.is_empty());
        while let Some(Ok((from, answer))) = asked.join_next().await {
            // One after the other: what one of them said is kept beside what the others did.
            let answered = match answer {
                Ok(answer) => kept(self.state.clone(), note.clone(), answer, Arc::clone(&from)).await,
                Err(unsigned) => Err(unsigned),
            };
            alarms.extend(self.take(standings.entry(from.url().to_owned()).or_default(), &from, &note, answered));
        }
        if has_asked && let Err(failure) = written(self.state.clone(), standings).await {
            output::notice(&format!("what the witnesses say is not kept: {}", failure.message));
        }
        alarms
    }

    /// Takes down what one of them said.
    fn take(
        &mut self,
        standing: &mut Standing,
        from: &Reached,
        note: &str,
        answered: Result<(), Unsigned>,
    ) -> Option<(String, Failure)> {
        let now = (Outside::system().now)().strftime("%F %TZ").to_string();
        let size = self.log.open(note.as_bytes()).map_or(0, |head| head.size());
        let unsigned = match answered {
            Ok(()) => {
                if standing.trouble.is_some() {
                    output::notice(&format!("the witness at {} signs again", from.url()));
                }
                standing.good(size, &now);
                self.signed.insert(from.url().to_owned(), note.to_owned());
                return None;
            }
            // Somebody else had it sign a newer checkpoint of this log meanwhile.
            Err(unsigned) if unsigned.disagrees.is_some_and(|seen| seen > size && self.has_grown_to(seen)) => {
                return None;
            }
            Err(unsigned) => unsigned,
        };
        if standing.bad(&unsigned, &now) {
            output::notice(&unsigned.failure.message);
        }
        unsigned.disagrees.map(|_| (from.url().to_owned(), unsigned.failure))
    }

    fn has_grown_to(&self, seen: u64) -> bool {
        let note = self.state.checkpoint().unwrap_or_default();
        self.log.open(note.as_bytes()).is_ok_and(|head| head.size() >= seen)
    }
}

/// What one witness answers, in time.
async fn answer(
    state: State,
    log: CheckpointVerifier,
    note: String,
    from: Arc<Reached>,
    old: u64,
    time: Duration,
) -> (Arc<Reached>, Result<String, Unsigned>) {
    let answer = tokio::time::timeout(time, from.ask(&state, &log, &note, old)).await;
    let late = || Err(from.no(&format!("gave no answer within {} seconds", time.as_secs())).into());
    let answer = answer.unwrap_or_else(|_| late());
    (from, answer)
}

/// Keeps its statement, which is verified there. Beside the calls: they share this thread, and a disk can be slow.
async fn kept(state: State, note: String, answer: String, from: Arc<Reached>) -> Result<(), Unsigned> {
    let url = from.no("gave no signature");
    let kept = tokio::task::spawn_blocking(move || witness::keep(&state, &note, &answer, from.known())).await;
    let kept = kept.map_err(Failure::state).and_then(|kept| kept);
    kept.map(drop).map_err(|failure| Failure::new(Code::Audit, format!("{}: {}", url.message, failure.message)).into())
}

async fn written(state: State, standings: BTreeMap<String, Standing>) -> Result<(), Failure> {
    let written = tokio::task::spawn_blocking(move || standing::write(&state, &standings)).await;
    written.map_err(Failure::state).and_then(|written| written)
}

/// Before a host serves: whether the witnesses know this log as it is; then goes on asking for as long as it runs.
pub(crate) async fn begin(state: &State, config: &Config, hallway: &Arc<Hallway>) -> Result<(), Failure> {
    let Some(mut witnesses) = Witnesses::of(state, config)? else { return Ok(()) };
    let alarms = witnesses.round(AT_EITHER_END).await;
    note(hallway, &alarms).await;
    if let Some((_, first)) = alarms.into_iter().next() {
        return Err(Failure::new(
            Code::Audit,
            format!(
                "{}. Nothing is served. Look at `claviger audit log` and at what the witness has, and put the newest copy of {} in its place; or, once you know why, take the witness out of [audit] in claviger.toml",
                first.message.trim_end_matches('.'),
                state.audit().display()
            ),
        ));
    }
    tokio::spawn(watch(witnesses, Arc::downgrade(hallway)));
    Ok(())
}

async fn watch(mut witnesses: Witnesses, hallway: Weak<Hallway>) {
    // Once for each witness: the log is no place for what is said each minute.
    let mut noted = BTreeSet::new();
    loop {
        tokio::time::sleep(witnesses.interval).await;
        let alarms = witnesses.round(MEANWHILE).await;
        let Some(hallway) = hallway.upgrade() else { return };
        let new: Vec<_> = alarms.into_iter().filter(|(url, _)| noted.insert(url.clone())).collect();
        note(&hallway, &new).await;
    }
}

/// An alarm is evidence, so it stands in the log too.
async fn note(hallway: &Hallway, alarms: &[(String, Failure)]) {
    for (url, failure) in alarms {
        let noted = open::note_in(hallway.log(), OperatorAction::WitnessDisagreed, url, Some(&failure.message)).await;
        if let Err(failure) = noted {
            output::notice(&failure.message);
        }
    }
}

/// After a host has ended: its last checkpoint. What does not work is told, and changes nothing about what was done.
pub(crate) fn end(state: &State, config: &Config) {
    let ended = Witnesses::of(state, config).and_then(|witnesses| {
        let Some(mut witnesses) = witnesses else { return Ok(()) };
        crate::block_on(witnesses.round(AT_EITHER_END)).map(drop)
    });
    if let Err(failure) = ended {
        output::notice(&failure.message);
    }
}
