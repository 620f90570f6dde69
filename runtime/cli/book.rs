//! Where an operator's command writes what it is about to do.
//!
//! In the log itself, or, while a host runs and has the log, through that host's door. No record, no act, in both cases; and
//! what the command then changes counts in the host before the command ends.

use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use claviger_approval::EnrolledKey;
use claviger_audit::{Log, OperatorAction};
use claviger_server::{Link, Person};
use claviger_vault::Embedded;
use serde::de::DeserializeOwned;

use crate::door::{Answer, Greeting, MAX_SENTENCE, Near, Note, Sentence, VERSION, Vouched, Wanted, invitation};
use crate::error::{Code, Failure};
use crate::state::State;
use crate::{approver, open, output};

/// How long a host may take over one answer. It writes one entry, or looks at its files once.
const PATIENCE: Duration = Duration::from_secs(20);

/// The log, for one command.
pub(crate) struct Book(Place);

enum Place {
    Mine(Box<Log>),
    Host(Box<Visit>),
}

/// The vault, and what locks it when this ends, where nobody else does.
type Opened = (Arc<Embedded>, Option<open::Unlocked>);

/// A visit at the door of a host that runs. It begins with the first thing to say: who stands there silently is sent away.
struct Visit {
    vault: Opened,
    state: State,
    line: Option<Line>,
}

/// What was said there so far.
pub(crate) struct Line {
    lines: BufReader<UnixStream>,
    nonce: Vec<u8>,
    said: u64,
}

impl Book {
    /// Takes the log; where a host has it, unlocks the vault, which that host wants proof of.
    pub(crate) fn open(state: &State, identity: Option<&Path>) -> Result<Self, Failure> {
        Self::taken(state, || {
            let vault = open::embedded(state, identity)?;
            Ok((vault.shared(), Some(vault)))
        })
    }

    /// The same for a command that has unlocked the vault itself.
    pub(crate) fn open_with(state: &State, vault: &open::Unlocked) -> Result<Self, Failure> {
        Self::taken(state, || Ok((vault.shared(), None)))
    }

    fn taken(state: &State, vault: impl FnOnce() -> Result<Opened, Failure>) -> Result<Self, Failure> {
        match open::log_unless_held(state)? {
            Some(log) => Ok(Self(Place::Mine(Box::new(log)))),
            // Another command may have it, or a host without a door. Said before anybody types a passphrase.
            None if !state.door().exists() => Err(open::held(state)),
            None => Ok(Self(Place::Host(Box::new(Visit { vault: vault()?, state: state.clone(), line: None })))),
        }
    }

    /// Records what is about to be done.
    pub(crate) async fn note(
        &mut self,
        action: OperatorAction,
        subject: &str,
        detail: Option<&str>,
    ) -> Result<(), Failure> {
        match &mut self.0 {
            Place::Mine(log) => open::note_in(log, action, subject, detail).await,
            Place::Host(visit) => {
                visit.say(Note { action, subject: subject.to_owned(), detail: detail.map(str::to_owned) })
            }
        }
    }

    /// The same for commands that do nothing else at once.
    pub(crate) fn note_now(
        &mut self,
        action: OperatorAction,
        subject: &str,
        detail: Option<&str>,
    ) -> Result<(), Failure> {
        crate::block_on(self.note(action, subject, detail))?
    }

    /// Has somebody enrol a passkey on the page of a host that runs, which writes it down. Nothing where there is none.
    pub(crate) fn enrol(
        &mut self,
        person: &Person,
        patience: Duration,
        invite: impl FnOnce(&Link),
    ) -> Result<Option<EnrolledKey>, Failure> {
        match &mut self.0 {
            Place::Mine(_) => Ok(None),
            Place::Host(visit) => visit.enrol(person, patience, invite),
        }
    }

    /// Tells of what a host that runs does not take up: what a client was told of its tools stays so.
    pub(crate) fn counts_later(&self, what: &str) {
        if matches!(self.0, Place::Host(_)) {
            output::notice(&format!("a host runs; {what} counts from its next start on"));
        }
    }

    /// Says that everything is done, and waits until a host that runs goes by it.
    pub(crate) fn close(self) -> Result<(), Failure> {
        match self.0 {
            Place::Mine(_) => Ok(()),
            Place::Host(visit) => visit.line.map_or(Ok(()), Line::end),
        }
    }
}

impl Visit {
    fn say(&mut self, note: Note) -> Result<(), Failure> {
        let vault = Arc::clone(&self.vault.0);
        self.line()?.say(&vault, note)
    }

    fn line(&mut self) -> Result<&mut Line, Failure> {
        match &mut self.line {
            Some(line) => Ok(line),
            none => Ok(none.insert(Line::begin(&self.state)?)),
        }
    }

    fn enrol(
        &mut self,
        person: &Person,
        patience: Duration,
        invite: impl FnOnce(&Link),
    ) -> Result<Option<EnrolledKey>, Failure> {
        let vault = Arc::clone(&self.vault.0);
        let line = self.line()?;
        let Person { name, role } = person.clone();
        let proof = line.proof(&vault, invitation(line.said, &name, role.as_deref()))?;
        match line.ask(&Sentence::Enrol(Wanted { name, role, proof }))? {
            Answer::NoPage => return Ok(None),
            Answer::Invited(page, with_ticket) => invite(&Link { page, with_ticket, code: None }),
            other => return Err(unexpected(other)),
        }
        // A person is waited for now.
        line.waits(patience)?;
        let made = hear(&mut line.lines);
        line.waits(PATIENCE)?;
        match made.map_err(|_| approver::nobody())? {
            Answer::Enrolled(key) => Ok(Some(*key)),
            other => Err(unexpected(other)),
        }
    }
}

impl Line {
    /// Knocks.
    pub(crate) fn begin(state: &State) -> Result<Self, Failure> {
        let stream = Near::new(&state.door()).and_then(|near| near.connect()).map_err(|_| open::held(state))?;
        let limits = stream.set_read_timeout(Some(PATIENCE)).and_then(|()| stream.set_write_timeout(Some(PATIENCE)));
        limits.map_err(|error| silent(&error))?;
        let mut lines = BufReader::new(stream);
        let Greeting { v, nonce } = hear(&mut lines)?;
        let nonce = hex::decode(nonce).ok().filter(|_| v == VERSION);
        let nonce = nonce.ok_or_else(|| {
            Failure::state("the host that runs is of another version; end it, and run the command again")
        })?;
        Ok(Self { lines, nonce, said: 0 })
    }

    fn say(&mut self, vault: &Embedded, note: Note) -> Result<(), Failure> {
        let proof = self.proof(vault, note.statement(self.said))?;
        match self.ask(&Sentence::Note(Vouched { note, proof }))? {
            Answer::Noted => Ok(()),
            other => Err(unexpected(other)),
        }
    }

    fn proof(&self, vault: &Embedded, statement: Option<Vec<u8>>) -> Result<String, Failure> {
        let statement = statement.ok_or_else(|| Failure::state("this cannot be said to a host"))?;
        Ok(hex::encode(vault.vouch(&self.nonce, &statement).map_err(Failure::state)?))
    }

    fn waits(&self, limit: Duration) -> Result<(), Failure> {
        self.lines.get_ref().set_read_timeout(Some(limit)).map_err(|error| silent(&error))
    }

    /// Asks the host to do nothing any more, and gives what did not work.
    pub(crate) fn lock(mut self) -> Result<Vec<String>, Failure> {
        match self.ask(&Sentence::Lock)? {
            Answer::Locked(trouble) => Ok(trouble),
            other => Err(unexpected(other)),
        }
    }

    fn ask(&mut self, sentence: &Sentence) -> Result<Answer, Failure> {
        let mut line = serde_json::to_vec(sentence).map_err(Failure::state)?;
        line.push(b'\n');
        self.lines.get_mut().write_all(&line).map_err(|error| silent(&error))?;
        self.said += 1;
        hear(&mut self.lines)
    }

    fn end(mut self) -> Result<(), Failure> {
        let stream = self.lines.get_mut();
        stream.shutdown(Shutdown::Write).map_err(|error| unseen(&error))?;
        // It closes its side when it has looked.
        self.lines.read_to_end(&mut Vec::new()).map(|_| ()).map_err(|error| unseen(&error))
    }
}

fn hear<T: DeserializeOwned>(lines: &mut BufReader<UnixStream>) -> Result<T, Failure> {
    let mut line = Vec::new();
    lines.take(MAX_SENTENCE).read_until(b'\n', &mut line).map_err(|error| silent(&error))?;
    serde_json::from_slice(&line).map_err(|_| silent(&ErrorKind::UnexpectedEof.into()))
}

fn unexpected(answer: Answer) -> Failure {
    let why = match answer {
        Answer::Refused(why) => why,
        _ => "it answered something else".to_owned(),
    };
    Failure::new(Code::Audit, format!("the host that runs did not do it: {why}"))
}

fn silent(error: &std::io::Error) -> Failure {
    Failure::new(
        Code::Audit,
        format!("the host that runs does not answer ({error}); nothing was done; end it, or try again"),
    )
}

fn unseen(error: &std::io::Error) -> Failure {
    Failure::state(format!(
        "done, but the host that runs may not know yet ({error}); it looks by itself within a second"
    ))
}
