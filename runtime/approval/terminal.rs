//! Asking on the terminal.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::task::spawn_blocking;

use crate::authenticator_data::UP;
use crate::device::{Device, Silence};
use crate::fprintd::Fprintd;
use crate::polkit::Polkit;
use crate::presence::Presence;
use crate::signer::Signer;
use crate::{
    Approver, ApproverKind, Ask, Assertion, Decision, EnrolledKey, EnrolmentError, HostMethod, Refused, SystemBus,
    SystemDialog, UnusableSeed, render,
};

/// The terminal that a process was started on, whatever its standard streams are.
const TERMINAL: &str = "/dev/tty";

/// The longest question, in bytes: some eight hundred lines, more than anybody reads. A longer request is refused instead
/// of cut, because what was cut would be approved unseen.
const MAX_QUESTION: usize = 64 * 1024;

/// Asks on the process's terminal and signs with a key of the host. What it proves is that the host says so, and its
/// receipts are marked `host-asserted`, with the flag "user verified" clear.
#[derive(Debug)]
pub struct TerminalPrompt {
    talk: Conversation,
    signer: Signer,
    /// Who must recognise the person besides, if anybody.
    presence: Option<Box<dyn Presence>>,
}

/// Questions on a terminal, and what is typed under them.
#[derive(Debug)]
pub(crate) struct Conversation {
    device: PathBuf,
    /// Two questions at once could be answered crosswise; the next one waits until the terminal is free again.
    turn: Arc<Mutex<()>>,
}

/// A yes that was typed. The terminal is this question's until it is dropped.
pub(crate) struct Typed<'a> {
    /// The question, or its lease.
    pub(crate) chosen: &'a Ask,
    pub(crate) turn: OwnedMutexGuard<()>,
    answer: Answer,
}

/// What a person may type.
struct Expected {
    lease: bool,
    /// The digits that stand for a yes instead of the word.
    code: Option<String>,
}

/// What a person's line means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Once,
    Lease,
    No,
}

impl TerminalPrompt {
    /// A prompt that signs with the host's approval key, 32 secret bytes.
    ///
    /// # Errors
    /// [`UnusableSeed`] for the few seeds that are no key.
    pub fn new(seed: &[u8; 32]) -> Result<Self, UnusableSeed> {
        Self::on(TERMINAL.into(), seed, None)
    }

    /// A prompt whose yes counts only when the fingerprint daemon recognises a finger of this user after it.
    ///
    /// # Errors
    /// [`UnusableSeed`] for the few seeds that are no key.
    pub fn with_fprintd(seed: &[u8; 32], bus: SystemBus) -> Result<Self, UnusableSeed> {
        Self::on(TERMINAL.into(), seed, Some(Box::new(Fprintd::new(bus))))
    }

    /// A prompt whose yes counts only when this user authenticates in the dialog of a polkit agent after it.
    ///
    /// # Errors
    /// [`UnusableSeed`] for the few seeds that are no key.
    pub fn with_polkit(seed: &[u8; 32], bus: SystemBus) -> Result<Self, UnusableSeed> {
        Self::on(TERMINAL.into(), seed, Some(Box::new(Polkit::new(bus))))
    }

    /// A prompt whose yes counts only when this user is recognised in the system's own dialog after it.
    ///
    /// # Errors
    /// [`UnusableSeed`] for the few seeds that are no key.
    pub fn with_system_dialog(seed: &[u8; 32], dialog: SystemDialog) -> Result<Self, UnusableSeed> {
        Self::on(TERMINAL.into(), seed, Some(Box::new(dialog)))
    }

    pub(crate) fn on(
        device: PathBuf,
        seed: &[u8; 32],
        presence: Option<Box<dyn Presence>>,
    ) -> Result<Self, UnusableSeed> {
        let method = presence.as_ref().map_or(HostMethod::Terminal, |presence| presence.method());
        Ok(Self { talk: Conversation::on(device), signer: Signer::host_asserted(seed, method)?, presence })
    }

    /// How this prompt's key is enrolled.
    ///
    /// # Errors
    /// [`EnrolmentError::NoName`] when the name is empty.
    pub fn enrolment(&self, name: &str) -> Result<EnrolledKey, EnrolmentError> {
        self.signer.enrolment(name)
    }

    async fn ask(&self, ask: &Ask) -> Result<Assertion, Refused> {
        let invitation = self.presence.as_ref().map(|presence| presence.invitation());
        let Typed { chosen, turn, answer } = self.talk.question(ask, invitation).await?;
        if let Some(presence) = &self.presence {
            // The terminal stays this question's: whoever touches or types now means this one.
            let confirmed = presence.confirm(ask, chosen).await;
            self.talk.tell(outcome(answer, confirmed.is_ok()), turn).await;
            confirmed?;
        }
        // "User verified" stays clear: no authenticator vouches for it.
        self.signer.sign(chosen, UP, 0).ok_or(Refused::ApproverFailed { kind: self.kind() })
    }
}

impl Typed<'_> {
    /// What the person is told when something confirmed this yes, or did not.
    pub(crate) fn outcome(&self, confirmed: bool) -> &'static str {
        outcome(self.answer, confirmed)
    }
}

fn outcome(answer: Answer, confirmed: bool) -> &'static str {
    if confirmed { said(answer) } else { "  Not confirmed, so this was denied.\n" }
}

impl Conversation {
    /// On the terminal that this process was started on.
    pub(crate) fn here() -> Self {
        Self::on(TERMINAL.into())
    }

    pub(crate) fn on(device: PathBuf) -> Self {
        Self { device, turn: Arc::default() }
    }

    /// The terminal.
    pub(crate) fn device(&self) -> &Path {
        &self.device
    }

    /// Shows a question and waits for a yes. With an invitation, something else must follow the yes: the person is told what.
    pub(crate) async fn question<'a>(
        &self,
        ask: &'a Ask,
        invitation: Option<&'static str>,
    ) -> Result<Typed<'a>, Refused> {
        let question = render(ask);
        if question.len() > MAX_QUESTION {
            return Err(Refused::TooLongToShow { limit: MAX_QUESTION });
        }
        let turn = Arc::clone(&self.turn).lock_owned().await;
        let expected = Expected { lease: ask.as_lease().is_some(), code: ask.match_code().map(str::to_owned) };
        let (answer, turn) = self.converse(question, expected, invitation, turn).await?;
        let chosen = match answer {
            Answer::Once => Some(ask),
            Answer::Lease => ask.as_lease(),
            Answer::No => None,
        };
        Ok(Typed { chosen: chosen.ok_or(Refused::Denied)?, turn, answer })
    }

    /// For the person alone: nothing depends on whether it is read.
    pub(crate) async fn tell(&self, outcome: &'static str, turn: OwnedMutexGuard<()>) {
        let device = self.device.clone();
        let told = spawn_blocking(move || {
            let _turn = turn;
            Device::open(&device).map(|mut device| device.say(outcome, &AtomicBool::new(true)))
        });
        let _untold = told.await;
    }

    /// Talks on a thread of its own. When the desk gives up, this future is dropped, and the thread notices.
    async fn converse(
        &self,
        question: String,
        expected: Expected,
        invitation: Option<&'static str>,
        turn: OwnedMutexGuard<()>,
    ) -> Result<(Answer, OwnedMutexGuard<()>), Refused> {
        let withdrawal = Withdrawal::default();
        let withdrawn = withdrawal.flag();
        let device = self.device.clone();
        let talk = spawn_blocking(move || {
            let mut device = Device::open(&device)?;
            let answer = exchange(&mut device, &question, &expected, invitation, &withdrawn);
            Ok((answer.map_err(|silence| ended(&mut device, &silence))?, turn))
        });
        talk.await.map_err(|_| Refused::NoTerminal { why: "the conversation on it broke off" })?
    }
}

impl Approver for TerminalPrompt {
    fn kind(&self) -> ApproverKind {
        self.signer.kind()
    }

    fn decide<'a>(&'a self, ask: &'a Ask) -> Decision<'a> {
        Box::pin(self.ask(ask))
    }
}

/// Withdraws the question when it is dropped.
#[derive(Default)]
pub(crate) struct Withdrawal(Arc<AtomicBool>);

impl Withdrawal {
    /// What becomes true.
    pub(crate) fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }
}

impl Drop for Withdrawal {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

fn exchange(
    device: &mut Device,
    question: &str,
    expected: &Expected,
    invitation: Option<&str>,
    withdrawn: &AtomicBool,
) -> Result<Answer, Silence> {
    device.say(question, withdrawn)?;
    // What was typed before the question stood there answers something else.
    device.forget_input()?;
    let answer = meaning(&device.line(withdrawn)?, expected);
    match invitation.filter(|_| answer != Answer::No) {
        Some(invitation) => device.say(&format!("  {invitation}\n"), withdrawn)?,
        None => device.say(said(answer), withdrawn)?,
    }
    Ok(answer)
}

fn said(answer: Answer) -> &'static str {
    match answer {
        Answer::Once => "  Approved, once.\n",
        Answer::Lease => "  Approved, as a lease.\n",
        Answer::No => "  Denied.\n",
    }
}

fn meaning(line: &[u8], expected: &Expected) -> Answer {
    match line.trim_ascii() {
        typed if expected.code.is_some() => match expected.code.as_deref() == str::from_utf8(typed).ok() {
            true => Answer::Once,
            false => Answer::No,
        },
        b"yes" => Answer::Once,
        b"lease" if expected.lease => Answer::Lease,
        _ => Answer::No,
    }
}

fn ended(device: &mut Device, silence: &Silence) -> Refused {
    match silence {
        Silence::Withdrawn => {
            // For whoever comes back to the terminal. Nobody waits for this line, so it does not matter if it fails.
            let _ = device.say("\n  Nobody answered in time, so this was denied.\n", &AtomicBool::new(true));
            Refused::Expired
        }
        Silence::Gone => Refused::NoTerminal { why: "the terminal went away" },
    }
}

#[cfg(test)]
pub(crate) mod tests;
