//! Who looks at a page, and what of the console is theirs to see.
//!
//! What waits for an answer is everybody's who may answer. The books (connections, grants, log, alerts, prompts) say what the
//! whole team and its clients do; on a team's page they are for those whose enrolment says that this is their work. On a page
//! of this machine, whoever has a ticket can read the state directory anyway.

use super::session::Session;
use super::sign_in;
use super::site::Site;

/// The roles, as `claviger approver add --role` wrote them, of people who see the books.
const ROLES: [&str; 2] = ["operator", "auditor"];

/// Somebody in front of a page.
#[derive(Clone, Debug)]
pub(crate) struct Reader {
    /// Who signed in. `None`: a ticket opened the session.
    pub(crate) name: Option<String>,
    /// The token with which they sign out.
    pub(crate) sign_out: String,
    /// Whether the books are theirs to see.
    pub(crate) sees_books: bool,
}

impl Reader {
    /// Whoever has this session, by the keys that count now.
    pub(crate) fn of(site: &Site, session: Session) -> Self {
        let is_role = |role: &str| ROLES.contains(&role);
        let sees_books = !site.signs_in() || site.has_key_of(session, |key| key.role().is_some_and(is_role));
        let sign_out = site.sessions.token(session, sign_in::OUT);
        Self { name: site.sessions.person(session), sign_out, sees_books }
    }
}
