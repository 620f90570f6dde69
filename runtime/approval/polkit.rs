//! A person who authenticates in the dialog of their desktop, as polkit's authority sees it
//! (`org.freedesktop.PolicyKit1.Authority`, polkit's D-Bus reference).
//!
//! The authority answers "may this process do that", and for most of what it is asked nobody is asked in turn. Here only an
//! answer counts for which a person had to authenticate, now and for this one request: what a rule says by itself, or what
//! was said before, is nobody's yes.

use std::collections::HashMap;

use tokio::sync::oneshot;
use zbus::{Connection, Proxy, Variant};

use crate::dialog::{Words, reach};
use crate::presence::{Confirmation, HostMethod, Presence};
use crate::system_bus::SystemBus;
use crate::{Ask, Refused, Scope};

/// The action that the authority is asked about.
const ACTION: &str = "org.claviger.approve";

/// The authority's name on the bus, its object and its interface.
const AUTHORITY: (&str, &str, &str) =
    ("org.freedesktop.PolicyKit1", "/org/freedesktop/PolicyKit1/Authority", "org.freedesktop.PolicyKit1.Authority");

/// `CheckAuthorizationFlags`: whether an agent may show its dialog.
const ASK_NOBODY: u32 = 0;
const ALLOW_USER_INTERACTION: u32 = 1;

/// Names this connection's one question, to take it back.
const CANCELLATION: &str = "question";

/// What the dialog says. Agents are shown this text and none of the details, so it names what it stands for; values are put
/// in by the authority, once, and what they hold is not looked at again.
const MESSAGE: &str = "You said yes on the terminal, $(scope), to the question whose challenge begins with $(challenge): plugin $(plugin), operation $(operation), effect $(effect), client $(client). Authenticate only if this is the one.";

/// Where agents would look for a translation. There is none, and without a name polkit would look for one elsewhere.
const TRANSLATIONS: &str = "claviger";

/// The file that tells the authority of the action, for a person with this user id. Without it the authority knows no such
/// action; without the user in it, it lets nobody but root say what a dialog shows.
pub fn policy(uid: u32) -> String {
    include_str!("polkit/org.claviger.approve.policy").replace("@UID@", &uid.to_string())
}

/// Asks polkit's authority.
#[derive(Debug)]
pub(crate) struct Polkit {
    bus: SystemBus,
}

/// `AuthorizationResult`: may, could after a challenge, and what else there is to say.
type Answer = (bool, bool, HashMap<String, String>);

/// What the dialog is made of.
type Details = HashMap<&'static str, String>;

impl Polkit {
    pub(crate) fn new(bus: SystemBus) -> Self {
        Self { bus }
    }

    /// The exchange runs on a task of its own, so that the dialog is closed also when nobody waits any more.
    async fn ask(&self, details: Details) -> Result<(), Refused> {
        let (waiting, withdrawn) = oneshot::channel::<()>();
        let bus = self.bus.clone();
        let asked = tokio::spawn(async move { exchange(&bus, &details, withdrawn).await }).await;
        drop(waiting);
        asked.unwrap_or(Err("the exchange with polkit broke off; call again")).map_err(unverified)
    }
}

impl Presence for Polkit {
    fn method(&self) -> HostMethod {
        HostMethod::Polkit
    }

    fn invitation(&self) -> &'static str {
        "Now authenticate in the dialog."
    }

    fn confirm<'a>(&'a self, ask: &'a Ask, chosen: &'a Ask) -> Confirmation<'a> {
        Box::pin(self.ask(details(ask, chosen.scope())))
    }
}

fn unverified(why: &'static str) -> Refused {
    Refused::Unverified { method: HostMethod::Polkit, why }
}

fn details(ask: &Ask, scope: &Scope) -> Details {
    let Words { plugin, operation, effect, client, challenge } = Words::of(ask);
    HashMap::from([
        ("polkit.message", MESSAGE.to_owned()),
        ("polkit.gettext_domain", TRANSLATIONS.to_owned()),
        ("scope", reach(scope).to_owned()),
        ("challenge", challenge),
        ("plugin", plugin),
        ("operation", operation),
        ("effect", effect.to_owned()),
        ("client", client),
    ])
}

/// Asks twice: first so that nobody can be asked, which must end in a challenge, then so that somebody is. The connection is
/// this exchange's alone, and it is the subject: the bus knows whose it is, and no other process can be meant.
async fn exchange(bus: &SystemBus, details: &Details, withdrawn: oneshot::Receiver<()>) -> Result<(), &'static str> {
    let connection = bus.connect().await?;
    let (name, path, interface) = AUTHORITY;
    let authority = Proxy::new(&connection, name, path, interface).await;
    let authority = authority.map_err(|_| "polkit does not answer; install polkitd, or choose another approver")?;
    let asked = async {
        a_challenge(&check(&connection, &authority, details, ASK_NOBODY).await?)?;
        a_persons(&check(&connection, &authority, details, ALLOW_USER_INTERACTION).await?)
    };
    tokio::select! { biased;
        _ = withdrawn => {
            // Its answer would change nothing: nobody waits.
            let _closed: zbus::Result<()> = authority.call("CancelCheckAuthorization", &(CANCELLATION,)).await;
            Err("nobody authenticated in time")
        }
        asked = asked => asked,
    }
}

async fn check(
    connection: &Connection,
    authority: &Proxy<'_>,
    details: &Details,
    flags: u32,
) -> Result<Answer, &'static str> {
    let name = connection.unique_name().map(|name| name.to_string()).unwrap_or_default();
    let subject = ("system-bus-name", HashMap::from([("name", Variant::from(name))]));
    let answer: zbus::Result<(Answer,)> =
        authority.call("CheckAuthorization", &(subject, ACTION, details, flags, CANCELLATION)).await;
    answer.map(|(answer,)| answer).map_err(|error| why(&error))
}

/// Whether it takes a person, each time.
fn a_challenge((is_authorized, is_challenge, details): &Answer) -> Result<(), &'static str> {
    if *is_authorized {
        return Err(
            "polkit says yes without asking anybody: root is never asked, and a rule in polkit-1/rules.d may answer for org.claviger.approve; run claviger as an ordinary user, or remove the rule",
        );
    }
    if !is_challenge {
        return Err(
            "polkit says no without asking anybody; see what the policy and the rules say of org.claviger.approve, and whether this session is the active one",
        );
    }
    if details.contains_key("polkit.retains_authorization_after_challenge") {
        return Err(
            "polkit would keep the yes for the next request too; let the rule for org.claviger.approve say AUTH_SELF, without _KEEP",
        );
    }
    // Older ones do not say what they would do.
    if details.get("polkit.result").is_some_and(|result| result != "auth_self") {
        return Err(
            "polkit would let somebody else authenticate; let the policy and the rules for org.claviger.approve say auth_self",
        );
    }
    Ok(())
}

/// Whether a person authenticated for this request. The rules may have changed since the first answer, so what it ruled out
/// is ruled out again where this one can show it.
fn a_persons((is_authorized, is_challenge, details): &Answer) -> Result<(), &'static str> {
    let kept = ["polkit.temporary_authorization_id", "polkit.retains_authorization_after_challenge"];
    match (is_authorized, is_challenge) {
        (true, false) if !kept.iter().any(|key| details.contains_key(*key)) => Ok(()),
        (true, _) => Err("polkit's yes is one that it keeps, not one for this request; call again"),
        (false, true) => Err(
            "no dialog can be shown: this session has no polkit agent; start the desktop's, or `pkttyagent --process` with this process's id in another terminal",
        ),
        (false, false) if details.contains_key("polkit.dismissed") => Err("the dialog was closed"),
        (false, false) => Err("the person in the dialog did not authenticate"),
    }
}

/// The authority's reasons that a person can do something about.
fn why(error: &zbus::Error) -> &'static str {
    match error {
        // It tells an ordinary user of an action that it does not know what it tells of one that is not theirs.
        zbus::Error::MethodError(name, _, _) if name.as_str().starts_with("org.freedesktop.PolicyKit1.Error.") => {
            "polkit knows no org.claviger.approve that is this user's; install the policy that `claviger approver add --polkit` writes"
        }
        zbus::Error::FDO(error) if matches!(**error, zbus::fdo::Error::ServiceUnknown(_)) => {
            "there is no polkit; install polkitd, or choose another approver"
        }
        _ => "polkit stopped before it had an answer; call again",
    }
}

#[cfg(test)]
mod tests;
