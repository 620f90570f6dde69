//! The door of a host that runs, for the commands of its operator.
//!
//! One process writes the log, and while a host runs, that is the host. A command that has to be in the log before it acts
//! says so at this door: a socket in the state directory, which only its owner enters. Whoever knocks proves with every
//! sentence that they can open the vault, so that a program which runs as the same user, an agent among them, says nothing
//! here. The host writes what it is told and acts on nothing else: what the command changes, it finds in the files.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

use claviger_approval::EnrolledKey;
use claviger_audit::OperatorAction;
use claviger_pipeline::Hallway;
use claviger_server::{Enrolling, Inviter, Link, Person};
use claviger_vault::Embedded;
use rustix::fs::{Mode, OFlags};
use rustix::process::geteuid;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::error::Failure;
use crate::state::State;
use crate::{approver, open};

/// The version of what is spoken here.
pub(crate) const VERSION: u8 = 1;

/// The longest sentence, in bytes: a connection's file is the longest thing that is noted, and has 256 KiB at most.
pub(crate) const MAX_SENTENCE: u64 = 512 * 1024;

/// How long a visitor may take to say the first thing. Commands have it ready when they knock.
const FIRST: Duration = Duration::from_secs(5);

/// How long a command may take over what it does: 1Password may be asked in between, and asks a person.
const PATIENCE: Duration = Duration::from_secs(3 * 60);

/// How long nobody is let in when the system lets nobody in.
const PAUSE: Duration = Duration::from_millis(200);

/// Visitors at once. Commands are typed one by one.
const MAX_VISITORS: usize = 8;

/// What the host says first.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Greeting {
    pub(crate) v: u8,
    /// 32 random bytes in hexadecimal: what was proved to one host at one time is worth nothing at another.
    pub(crate) nonce: String,
}

/// What a command says.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Sentence {
    /// What it is about to do.
    Note(Vouched),
    /// That somebody is to enrol a passkey on this host's page.
    Enrol(Wanted),
    /// That this host is to do nothing any more. It needs no proof: whoever can say it can end the process as well.
    Lock,
}

/// Whom a command invites, with the proof.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    pub(crate) name: String,
    pub(crate) role: Option<String>,
    /// Over the nonce, the number of this sentence and who it is, in hexadecimal.
    pub(crate) proof: String,
}

/// A note with its proof.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Vouched {
    pub(crate) note: Note,
    /// Over the nonce, the number of this sentence and the note, in hexadecimal.
    pub(crate) proof: String,
}

/// What is to be in the log.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Note {
    pub(crate) action: OperatorAction,
    pub(crate) subject: String,
    pub(crate) detail: Option<String>,
}

/// What comes back.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Answer {
    /// It is in the log, and durable.
    Noted,
    /// Where whoever is invited makes a passkey, without and with the ticket. The key follows.
    Invited(String, String),
    /// The key that they made; it is in the log and counts.
    Enrolled(Box<EnrolledKey>),
    /// This host has no page.
    NoPage,
    /// Nothing is done here any more, and what did not work on the way.
    Locked(Vec<String>),
    /// It was not done, and why.
    Refused(String),
}

impl Note {
    /// What is vouched for. Written anew from what was understood, so that both sides mean the same.
    pub(crate) fn statement(&self, number: u64) -> Option<Vec<u8>> {
        serde_json::to_vec(&(VERSION, number, self)).ok()
    }
}

/// What is vouched for when somebody is invited.
pub(crate) fn invitation(number: u64, name: &str, role: Option<&str>) -> Option<Vec<u8>> {
    serde_json::to_vec(&(VERSION, number, "enrol", name, role)).ok()
}

/// A socket that listens, until it is dropped.
pub(crate) struct Door {
    listener: UnixListener,
    path: PathBuf,
}

/// What the host is to do, for somebody who waits until it is done.
#[derive(Debug)]
pub(crate) enum Errand {
    /// A visitor has gone: whatever they changed is in the files.
    Look(oneshot::Sender<()>),
    /// Nothing any more.
    Lock(oneshot::Sender<Vec<String>>),
}

impl Door {
    /// Opens the door. Whoever has the log has the right to: a socket that is there was left by a host that is no more.
    pub(crate) fn open(state: &State) -> io::Result<Self> {
        let path = state.door();
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = Near::new(&path)?.listen()?;
        Ok(Self { listener, path })
    }

    /// Lets visitors in, as long as there is a hallway. What they want the host to do goes to `errands`.
    pub(crate) async fn attend(self, host: Host, errands: mpsc::Sender<Errand>) {
        let places = Arc::new(tokio::sync::Semaphore::new(MAX_VISITORS));
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            let Ok((stream, _)) = self.listener.accept().await else {
                // Too many files are open, for example: that passes.
                tokio::time::sleep(PAUSE).await;
                continue;
            };
            let host = host.clone();
            let errands = errands.clone();
            tokio::spawn(async move {
                let _place = place;
                // Whatever goes wrong with a visitor concerns them alone; they see that the line is cut.
                let _cut = host.receive(stream, &errands).await;
            });
        }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        // One that is left behind is taken away by the next host.
        let _left = std::fs::remove_file(&self.path);
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Door({})", self.path.display())
    }
}

/// The path of a socket by its directory's descriptor: the kernel takes 108 bytes (unix(7)), and directories are longer.
pub(crate) struct Near {
    _directory: rustix::fd::OwnedFd,
    path: PathBuf,
}

impl Near {
    pub(crate) fn new(path: &Path) -> io::Result<Self> {
        use std::os::fd::AsRawFd as _;
        let none = || io::Error::from(io::ErrorKind::InvalidInput);
        let (above, name) = path.parent().zip(path.file_name()).ok_or_else(none)?;
        let directory = rustix::fs::open(above, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        let path = Path::new("/proc/self/fd").join(directory.as_raw_fd().to_string()).join(name);
        Ok(Self { _directory: directory, path })
    }

    fn listen(&self) -> io::Result<UnixListener> {
        UnixListener::bind(&self.path)
    }

    pub(crate) fn connect(&self) -> io::Result<std::os::unix::net::UnixStream> {
        std::os::unix::net::UnixStream::connect(&self.path)
    }
}

/// What a visitor meets.
#[derive(Clone)]
pub(crate) struct Host {
    pub(crate) state: State,
    pub(crate) hallway: Weak<Hallway>,
    pub(crate) vault: Arc<Embedded>,
    /// Where people enrol while this host runs.
    pub(crate) page: Option<Inviter>,
}

impl Host {
    async fn receive(&self, mut stream: UnixStream, errands: &mpsc::Sender<Errand>) -> Result<(), Failure> {
        // The directory's permissions say it already; this says it where somebody loosened them.
        if stream.peer_cred().map_err(cut)?.uid() != geteuid().as_raw() {
            return Ok(());
        }
        let nonce = crate::keys::random()?;
        say(&mut stream, &Greeting { v: VERSION, nonce: hex::encode(nonce) }).await?;
        let (heard, mut spoken) = stream.split();
        let mut lines = BufReader::new(heard);
        let (mut number, mut patience) = (0, FIRST);
        while let Some(sentence) = timeout(patience, hear(&mut lines)).await.map_err(cut)?? {
            let answer = match sentence {
                Sentence::Note(vouched) => self.note(&nonce, number, &vouched).await,
                Sentence::Enrol(wanted) => match self.invite(&nonce, number, &wanted) {
                    Err(answer) => answer,
                    Ok((link, enrolling)) => {
                        say(&mut spoken, &Answer::Invited(link.page, link.with_ticket)).await?;
                        self.enrol(enrolling, &mut lines).await
                    }
                },
                Sentence::Lock => {
                    let (locked, done) = oneshot::channel();
                    errands.send(Errand::Lock(locked)).await.map_err(cut)?;
                    Answer::Locked(done.await.map_err(cut)?)
                }
            };
            say(&mut spoken, &answer).await?;
            if !matches!(answer, Answer::Noted | Answer::Enrolled(_) | Answer::NoPage) {
                return Ok(());
            }
            (number, patience) = (number + 1, PATIENCE);
        }
        let (looked, done) = oneshot::channel();
        errands.send(Errand::Look(looked)).await.map_err(cut)?;
        done.await.map_err(cut)
    }

    async fn note(&self, nonce: &[u8], number: u64, vouched: &Vouched) -> Answer {
        let Vouched { note, proof } = vouched;
        if let Err(refused) = self.believe(nonce, note.statement(number), proof) {
            return refused;
        }
        if !note.action.is_a_command() {
            return Answer::Refused("hosts say that of themselves; no command does".to_owned());
        }
        let Some(hallway) = self.hallway.upgrade() else {
            return Answer::Refused("the host has just ended; run the command again".to_owned());
        };
        match open::note_in(hallway.log(), note.action, &note.subject, note.detail.as_deref()).await {
            Ok(()) => Answer::Noted,
            Err(failure) => Answer::Refused(failure.message),
        }
    }

    fn believe(&self, nonce: &[u8], statement: Option<Vec<u8>>, proof: &str) -> Result<(), Answer> {
        let (statement, proof) = (statement.unwrap_or_default(), hex::decode(proof).unwrap_or_default());
        match self.vault.is_vouched(nonce, &statement, &proof) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Answer::Refused("whoever asks has not shown that they can open the vault".to_owned())),
            Err(_) => Err(Answer::Refused("it is locked; end it, and run the command again".to_owned())),
        }
    }

    fn invite(&self, nonce: &[u8], number: u64, wanted: &Wanted) -> Result<(Link, Enrolling), Answer> {
        let Wanted { name, role, proof } = wanted;
        self.believe(nonce, invitation(number, name, role.as_deref()), proof)?;
        let page = self.page.as_ref().ok_or(Answer::NoPage)?;
        let invited = page.invite(Person { name: name.clone(), role: role.clone() });
        invited.map_err(|error| Answer::Refused(error.to_string()))
    }

    /// Waits for the key, as long as the command does. The command says for how long: it ends.
    async fn enrol(&self, mut enrolling: Enrolling, visitor: &mut (impl tokio::io::AsyncBufRead + Unpin)) -> Answer {
        let keep = async |key: &EnrolledKey| {
            let hallway = self.hallway.upgrade().ok_or_else(|| cut("the host has just ended"))?;
            let detail = approver::detail(key);
            let noted = open::note_in(hallway.log(), OperatorAction::ApproverAdded, key.name(), Some(&detail));
            approver::keep(&self.state, key, noted).await
        };
        let made = tokio::select! {
            made = enrolling.complete(keep) => made,
            // Whatever comes before the answer, an end above all, is an end to waiting.
            _ = visitor.fill_buf() => None,
        };
        match made {
            Some(Ok(key)) => Answer::Enrolled(Box::new(key)),
            Some(Err(failure)) => Answer::Refused(failure.message),
            None => Answer::Refused("nobody waits for the key any more".to_owned()),
        }
    }
}

async fn say(stream: &mut (impl tokio::io::AsyncWrite + Unpin), what: &impl Serialize) -> Result<(), Failure> {
    let mut line = serde_json::to_vec(what).map_err(cut)?;
    line.push(b'\n');
    stream.write_all(&line).await.map_err(cut)
}

/// The next sentence; nothing when the visitor is done.
async fn hear(lines: &mut (impl tokio::io::AsyncBufRead + Unpin)) -> Result<Option<Sentence>, Failure> {
    let mut line = Vec::new();
    let read = lines.take(MAX_SENTENCE).read_until(b'\n', &mut line).await.map_err(cut)?;
    if read == 0 { Ok(None) } else { serde_json::from_slice(&line).map(Some).map_err(cut) }
}

/// Nobody reads this: the visitor sees that the line is cut.
fn cut(why: impl fmt::Display) -> Failure {
    Failure::state(why)
}
