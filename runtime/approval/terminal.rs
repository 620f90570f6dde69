//! Asking on the terminal.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::task::spawn_blocking;

use crate::authenticator_data::UP;
use crate::device::{Device, Silence};
use crate::signer::Signer;
use crate::{
    Approver, ApproverKind, Ask, Assertion, Decision, EnrolledKey, EnrolmentError, Refused, UnusableSeed, render,
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
    device: PathBuf,
    signer: Signer,
    /// Two questions at once could be answered crosswise; the next one waits until the terminal is free again.
    turn: Arc<Mutex<()>>,
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
        Self::on(TERMINAL.into(), seed)
    }

    fn on(device: PathBuf, seed: &[u8; 32]) -> Result<Self, UnusableSeed> {
        Ok(Self { device, signer: Signer::host_asserted(seed)?, turn: Arc::default() })
    }

    /// How this prompt's key is enrolled.
    ///
    /// # Errors
    /// [`EnrolmentError::NoName`] when the name is empty.
    pub fn enrolment(&self, name: &str) -> Result<EnrolledKey, EnrolmentError> {
        self.signer.enrolment(name)
    }

    async fn ask(&self, ask: &Ask) -> Result<Assertion, Refused> {
        let question = render(ask);
        if question.len() > MAX_QUESTION {
            return Err(Refused::TooLongToShow { limit: MAX_QUESTION });
        }
        let turn = Arc::clone(&self.turn).lock_owned().await;
        let expected = Expected { lease: ask.as_lease().is_some(), code: ask.match_code().map(str::to_owned) };
        let answer = self.converse(question, expected, turn).await?;
        let chosen = match answer {
            Answer::Once => Some(ask),
            Answer::Lease => ask.as_lease(),
            Answer::No => None,
        };
        let failed = Refused::ApproverFailed { kind: self.kind() };
        self.signer.sign(chosen.ok_or(Refused::Denied)?, UP, 0).ok_or(failed)
    }

    /// Talks on a thread of its own. When the desk gives up, this future is dropped, and the thread notices.
    async fn converse(
        &self,
        question: String,
        expected: Expected,
        turn: OwnedMutexGuard<()>,
    ) -> Result<Answer, Refused> {
        let withdrawal = Withdrawal::default();
        let withdrawn = Arc::clone(&withdrawal.0);
        let device = self.device.clone();
        let talk = spawn_blocking(move || {
            let _turn = turn;
            let mut device = Device::open(&device)?;
            exchange(&mut device, &question, &expected, &withdrawn).map_err(|silence| ended(&mut device, &silence))
        });
        talk.await.map_err(|_| Refused::ApproverFailed { kind: self.kind() })?
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
struct Withdrawal(Arc<AtomicBool>);

impl Drop for Withdrawal {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

fn exchange(
    device: &mut Device,
    question: &str,
    expected: &Expected,
    withdrawn: &AtomicBool,
) -> Result<Answer, Silence> {
    device.say(question, withdrawn)?;
    // What was typed before the question stood there answers something else.
    device.forget_input()?;
    let answer = meaning(&device.line(withdrawn)?, expected);
    let outcome = match answer {
        Answer::Once => "  Approved, once.\n",
        Answer::Lease => "  Approved, as a lease.\n",
        Answer::No => "  Denied.\n",
    };
    device.say(outcome, withdrawn)?;
    Ok(answer)
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
mod tests;
