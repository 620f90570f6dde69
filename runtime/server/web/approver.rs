//! Asking in the browser.

use std::sync::Arc;
use std::time::SystemTime;

use claviger_approval::{Approver, ApproverKind, Ask, Assertion, Decision, Refused};

use super::id::Id;
use super::site::Site;

/// The longest question, in bytes of its canonical form: some thousand lines on the page. A longer request is refused
/// instead of cut, because what was cut would be approved unseen.
const MAX_QUESTION: usize = 128 * 1024;

/// Where a person answers.
#[derive(Clone, Debug)]
pub struct Link {
    /// The page of the question. It opens in a browser that has a session.
    pub page: String,
    /// The same with a ticket that opens a session, once. For the person's browser and nobody else's eyes.
    pub with_ticket: String,
    /// The two digits that are typed on the page, to be shown where the call was made and nowhere else.
    pub code: Option<String>,
}

/// Tells a person that there is a question: opens a browser, prints the link.
pub type Summon = Arc<dyn Fn(&Link) + Send + Sync>;

/// Asks on the page. The passkey's own assertion is the answer, so anyone can verify it; the page verifies it too, before
/// it hands it on, so that a wrong one costs nobody their turn.
pub struct WebApprover {
    site: Arc<Site>,
    summon: Summon,
}

impl WebApprover {
    pub(crate) fn new(site: Arc<Site>, summon: Summon) -> Self {
        Self { site, summon }
    }

    async fn ask(&self, ask: &Ask) -> Result<Assertion, Refused> {
        if ask.canonical().len() > MAX_QUESTION {
            return Err(Refused::TooLongToShow { limit: MAX_QUESTION });
        }
        let failed = Refused::ApproverFailed { kind: self.kind() };
        let id = Id::random().map_err(|_| failed.clone())?;
        let mut link = self.site.link(&format!("/approve/{id}"), SystemTime::now()).ok_or(failed.clone())?;
        link.code = ask.match_code().map(str::to_owned);
        // Up before anybody is told. When the desk gives up, this future is dropped and takes the question down.
        let mut waiting = self.site.board.put(id, ask);
        (self.summon)(&link);
        waiting.answer().await.unwrap_or(Err(failed))
    }
}

impl Approver for WebApprover {
    fn kind(&self) -> ApproverKind {
        ApproverKind::Webauthn
    }

    fn decide<'a>(&'a self, ask: &'a Ask) -> Decision<'a> {
        Box::pin(self.ask(ask))
    }
}
