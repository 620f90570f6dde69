//! An approver that is no human, for tests and demonstrations.

use std::future::pending;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::authenticator_data::{UP, UV};
use crate::signer::Signer;
use crate::{
    Approver, ApproverKind, Ask, Assertion, Batch, Decision, EnrolledKey, EnrolmentError, Refused, Throwaway,
    UnusableSeed,
};

/// What the software passkey does when it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SimulatedAnswer {
    /// Says yes, once.
    Approve,
    /// Says yes, and gives the lease where one may be given.
    ApproveWithLease,
    /// Says no.
    Deny,
    /// Does not answer.
    Never,
}

/// A passkey in software: true signatures, no human. Its receipts are marked `simulated`, it can be made only with the
/// proof of a throw-away directory, and a desk without such a proof refuses it.
#[derive(Debug)]
pub struct SoftwarePasskey {
    signer: Signer,
    answer: SimulatedAnswer,
    counter: AtomicU32,
}

impl SoftwarePasskey {
    /// A passkey from 32 secret bytes.
    ///
    /// # Errors
    /// [`UnusableSeed`] for the few seeds that are no key.
    pub fn new(seed: &[u8; 32], answer: SimulatedAnswer, _proof: &Throwaway) -> Result<Self, UnusableSeed> {
        Ok(Self { signer: Signer::simulated(seed)?, answer, counter: AtomicU32::new(0) })
    }

    /// How this passkey is enrolled.
    ///
    /// # Errors
    /// [`EnrolmentError::NoName`] when the name is empty.
    pub fn enrolment(&self, name: &str) -> Result<EnrolledKey, EnrolmentError> {
        self.signer.enrolment(name)
    }

    /// One gesture for several questions: the same assertion answers each of them.
    ///
    /// # Errors
    /// [`Refused::ApproverFailed`] when it cannot sign.
    pub fn sign_batch(&self, batch: &Batch) -> Result<Assertion, Refused> {
        let signed = self.signer.sign_batch(batch, UP | UV, self.next());
        signed.ok_or(Refused::ApproverFailed { kind: self.kind() })
    }

    fn sign(&self, ask: &Ask) -> Result<Assertion, Refused> {
        let signed = self.signer.sign(ask, UP | UV, self.next());
        signed.ok_or(Refused::ApproverFailed { kind: self.kind() })
    }

    fn next(&self) -> u32 {
        self.counter.fetch_add(1, Ordering::Relaxed).wrapping_add(1)
    }
}

impl Approver for SoftwarePasskey {
    fn kind(&self) -> ApproverKind {
        self.signer.kind()
    }

    fn decide<'a>(&'a self, ask: &'a Ask) -> Decision<'a> {
        Box::pin(async move {
            match self.answer {
                SimulatedAnswer::Approve => self.sign(ask),
                SimulatedAnswer::ApproveWithLease => self.sign(ask.as_lease().unwrap_or(ask)),
                SimulatedAnswer::Deny => Err(Refused::Denied),
                SimulatedAnswer::Never => pending().await,
            }
        })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::{SimulatedAnswer, SoftwarePasskey};
    use crate::fixtures::{self, SEED, moment};
    use crate::{Approver as _, ApproverKind, Receipt, Throwaway, verify};

    #[tokio::test]
    async fn its_signatures_verify_are_marked_and_counted() {
        let directory = tempfile::tempdir().unwrap();
        let proof = Throwaway::create(directory.path()).unwrap();
        let passkey = SoftwarePasskey::new(&SEED, SimulatedAnswer::Approve, &proof).unwrap();
        let key = passkey.enrolment("demo").unwrap();
        let ask = fixtures::ask(&fixtures::facts(), &moment(1, 1)).unwrap();
        for counter in 1..=3 {
            let receipt = Receipt::new(&ask, passkey.decide(&ask).await.unwrap(), &key);
            assert_eq!(receipt.kind, ApproverKind::Simulated);
            let verified = verify(&receipt, &key).unwrap();
            assert_eq!((verified.counter(), verified.user_verified()), (counter, true));
        }
    }
}
