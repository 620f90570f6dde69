//! A polkit agent, and who sits there.

use std::collections::HashMap;
use std::fs;
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;
use zbus::connection::Builder;
use zbus::{Connection, OwnedVariant, Proxy, Variant};

use crate::polkit::authority;
use crate::{NOBODY, PATIENCE};

/// Where the agent is on its connection.
const PATH: &str = "/agent";

/// What the person does in each dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Person {
    /// They give their password.
    Authenticates,
    /// They give another.
    Fails,
    /// They close it.
    Closes,
    /// They let it stand.
    Waits,
}

/// What was seen at the agent.
#[derive(Debug, Default)]
struct Seen {
    messages: Mutex<Vec<String>>,
    asked: Notify,
    withdrawn: Notify,
}

/// An agent for one process (`org.freedesktop.PolicyKit1.AuthenticationAgent`). It may vouch for the person because it is
/// root, as polkit's own helper is.
#[derive(Debug)]
pub struct Agent {
    connection: Connection,
    seen: Arc<Seen>,
}

/// The dialogs of an agent.
struct Dialogs {
    person: Person,
    seen: Arc<Seen>,
}

/// What an agent says when its dialog was closed.
#[derive(Debug, zbus::DBusError)]
#[zbus(prefix = "org.freedesktop.PolicyKit1.Error")]
enum Closed {
    #[zbus(error)]
    Bus(zbus::Error),
    Cancelled(String),
}

#[zbus::interface(name = "org.freedesktop.PolicyKit1.AuthenticationAgent")]
impl Dialogs {
    #[expect(clippy::too_many_arguments, reason = "polkit's interface")]
    async fn begin_authentication(
        &self,
        _action: String,
        message: String,
        _icon: String,
        _details: HashMap<String, String>,
        cookie: String,
        identities: Vec<(String, HashMap<String, OwnedVariant>)>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<(), Closed> {
        self.seen.messages.lock().unwrap().push(message);
        self.seen.asked.notify_one();
        match self.person {
            Person::Authenticates => {
                let response = (0_u32, cookie, identities.first().unwrap());
                let vouched: zbus::Result<()> =
                    authority(connection).await.call("AuthenticationAgentResponse2", &response).await;
                Ok(vouched?)
            }
            Person::Fails => Ok(()),
            Person::Closes => Err(Closed::Cancelled("the person closed it".to_owned())),
            Person::Waits => std::future::pending().await,
        }
    }

    fn cancel_authentication(&self, _cookie: String) {
        self.seen.withdrawn.notify_one();
    }
}

impl Agent {
    /// Registers it for a process of the ordinary user's.
    pub(crate) async fn register(address: &str, process: u32, person: Person) -> Self {
        let seen = Arc::new(Seen::default());
        let dialogs = Dialogs { person, seen: Arc::clone(&seen) };
        let connection = Builder::address(address).serve_at(PATH, dialogs).build().await.unwrap();
        let subject = HashMap::from([
            ("pid", Variant::from(process)),
            ("start-time", Variant::from(start_time(process))),
            ("uid", Variant::from(i32::try_from(NOBODY).unwrap())),
        ]);
        let authority: Proxy<'_> = authority(&connection).await;
        let registered: zbus::Result<()> =
            authority.call("RegisterAuthenticationAgent", &(("unix-process", subject), "C", PATH)).await;
        registered.unwrap();
        Self { connection, seen }
    }

    /// What the dialogs said, from the first on.
    ///
    /// # Panics
    /// When another test thread broke off while it looked.
    pub fn messages(&self) -> Vec<String> {
        self.seen.messages.lock().unwrap().clone()
    }

    /// Waits for a dialog.
    ///
    /// # Panics
    /// When none comes.
    pub async fn asked(&self) {
        tokio::time::timeout(PATIENCE, self.seen.asked.notified()).await.expect("no dialog came");
    }

    /// Waits until a dialog is closed because nobody needs its answer.
    pub async fn withdrawn(&self) {
        self.seen.withdrawn.notified().await;
    }

    /// The person logs out.
    ///
    /// # Panics
    /// When the bus is gone.
    pub async fn leave(self) {
        self.connection.close().await.unwrap();
    }
}

/// When a process began, as polkit tells processes apart (proc_pid_stat(5), field 22).
fn start_time(process: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    stat.rsplit_once(')').unwrap().1.split_whitespace().nth(19).unwrap().parse().unwrap()
}
