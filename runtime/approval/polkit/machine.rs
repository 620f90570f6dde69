//! A machine with polkit on it, for tests: Debian's daemon on a bus of its own, and an agent.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]

use std::collections::HashMap;
use std::fs;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Gid, Uid};
use tokio::process::{Child, Command};
use tokio::sync::Notify;
use zbus::{OwnedVariant, Proxy, Variant};

use super::{ACTION, AUTHORITY};
use crate::system_bus::tests::{PATIENCE, PrivateBus, started};

/// Where Debian's polkitd has its daemon.
const DAEMON: &str = "/usr/lib/polkit-1/polkitd";

/// The daemon reads policies and rules at fixed places: it is shown other directories there, and nobody else is.
const ELSEWHERE: &str = r#"mount --bind "$1" /usr/share/polkit-1/actions && mount --bind "$2" /etc/polkit-1/rules.d && exec "$3" --no-debug"#;

/// An ordinary user, for what root is never asked: `nobody` on every distribution.
pub(crate) const NOBODY: u32 = 65_534;

/// What the person at the agent does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Person {
    Authenticates,
    Fails,
    Closes,
    Waits,
}

/// What the agent saw.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) messages: Mutex<Vec<String>>,
    pub(crate) asked: Notify,
    pub(crate) cancelled: Notify,
}

/// What an agent says when its dialog was closed.
#[derive(Debug, zbus::DBusError)]
#[zbus(prefix = "org.freedesktop.PolicyKit1.Error")]
enum Closed {
    #[zbus(error)]
    Bus(zbus::Error),
    Cancelled(String),
}

/// A polkit agent (`org.freedesktop.PolicyKit1.AuthenticationAgent`). It may vouch for the person because it is root, as
/// polkit's own helper is.
struct Agent {
    person: Person,
    seen: Arc<Seen>,
}

#[zbus::interface(name = "org.freedesktop.PolicyKit1.AuthenticationAgent")]
impl Agent {
    #[expect(clippy::too_many_arguments, reason = "polkit's interface")]
    async fn begin_authentication(
        &self,
        action: String,
        message: String,
        _icon: String,
        _details: HashMap<String, String>,
        cookie: String,
        identities: Vec<(String, HashMap<String, OwnedVariant>)>,
        #[zbus(connection)] connection: &zbus::Connection,
    ) -> Result<(), Closed> {
        assert_eq!(action, ACTION);
        self.seen.messages.lock().unwrap().push(message);
        self.seen.asked.notify_one();
        match self.person {
            Person::Authenticates => {
                let authority = authority(connection).await;
                let said: zbus::Result<()> =
                    authority.call("AuthenticationAgentResponse2", &(0_u32, cookie, identities.first().unwrap())).await;
                said.unwrap();
                Ok(())
            }
            Person::Fails => Ok(()),
            Person::Closes => Err(Closed::Cancelled("the person closed it".to_owned())),
            Person::Waits => std::future::pending().await,
        }
    }

    fn cancel_authentication(&self, _cookie: String) {
        self.seen.cancelled.notify_one();
    }
}

pub(crate) async fn authority(connection: &zbus::Connection) -> Proxy<'static> {
    Proxy::new(connection, AUTHORITY.0, AUTHORITY.1, AUTHORITY.2).await.unwrap()
}

/// When this process began, as polkit tells processes apart (proc_pid_stat(5), field 22).
fn start_time() -> u64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    stat.rsplit_once(')').unwrap().1.split_whitespace().nth(19).unwrap().parse().unwrap()
}

/// A bus with polkit on it.
pub(crate) struct Machine {
    pub(crate) bus: PrivateBus,
    pub(crate) daemon: Child,
}

impl Machine {
    /// With this policy, and a rule that gives this answer.
    pub(crate) async fn start(policy: Option<String>, rule: Option<&str>) -> Self {
        let bus = PrivateBus::start().await;
        let (actions, rules) = (bus.at("actions"), bus.at("rules"));
        for directory in [&actions, &rules] {
            fs::create_dir(directory).unwrap();
        }
        if let Some(policy) = policy {
            fs::write(actions.join("org.claviger.approve.policy"), policy).unwrap();
        }
        if let Some(result) = rule {
            let rule = format!(
                "polkit.addRule(function(action, subject) {{ if (action.id == '{ACTION}') return polkit.Result.{result}; }});"
            );
            fs::write(rules.join("10-claviger.rules"), rule).unwrap();
        }
        let mut daemon = Command::new("unshare");
        daemon.args(["--mount", "sh", "-c", ELSEWHERE, "sh"]).args([actions, rules]).arg(DAEMON);
        let daemon = started(daemon.env("DBUS_SYSTEM_BUS_ADDRESS", &bus.address));
        let machine = Self { bus, daemon };
        machine.answers().await;
        machine
    }

    async fn answers(&self) {
        let connection = self.connection().await;
        let begin = Instant::now();
        while authority(&connection).await.get_property::<String>("BackendName").await.is_err() {
            assert!(
                begin.elapsed() < PATIENCE,
                "polkitd never answered: these tests are root's, and need polkitd, which `cargo xtask test` installs"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn connection(&self) -> zbus::Connection {
        zbus::connection::Builder::address(self.bus.address.as_str()).build().await.unwrap()
    }

    /// Somebody sits at this process's agent.
    pub(crate) async fn agent(&self, person: Person) -> (zbus::Connection, Arc<Seen>) {
        let seen = Arc::new(Seen::default());
        let agent = Agent { person, seen: Arc::clone(&seen) };
        let connection = zbus::connection::Builder::address(self.bus.address.as_str());
        let connection = connection.serve_at("/agent", agent).build().await.unwrap();
        let subject = HashMap::from([
            ("pid", Variant::from(std::process::id())),
            ("start-time", Variant::from(start_time())),
            ("uid", Variant::from(i32::try_from(NOBODY).unwrap())),
        ]);
        let registered: zbus::Result<()> = authority(&connection)
            .await
            .call("RegisterAuthenticationAgent", &(("unix-process", subject), "C", "/agent"))
            .await;
        registered.unwrap();
        (connection, seen)
    }
}

/// Runs something as somebody who is not root. A thread has a user of its own, and the bus asks the kernel for it.
pub(crate) async fn as_nobody<T, F>(task: impl FnOnce() -> F + Send + 'static) -> T
where
    T: Send + 'static,
    F: Future<Output = T>,
{
    let (done, result) = tokio::sync::oneshot::channel();
    thread::spawn(move || {
        let (uid, gid) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
        rustix::thread::set_thread_res_gid(gid, gid, gid).unwrap();
        rustix::thread::set_thread_res_uid(uid, uid, uid).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let _unheard = done.send(runtime.block_on(task()));
    });
    tokio::time::timeout(PATIENCE, result).await.expect("polkit never answered").unwrap()
}
