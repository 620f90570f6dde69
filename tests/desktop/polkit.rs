//! polkit's own daemon.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Gid, Uid};
use tokio::process::{Child, Command};
use zbus::{Connection, Proxy};

use crate::bus::{PATIENCE, PrivateBus, started};
use crate::{Agent, Person};

/// Where Debian's polkitd has it.
const DAEMON: &str = "/usr/lib/polkit-1/polkitd";

/// The daemon reads policies and rules at fixed places: it is shown other directories there, and nobody else is.
const ELSEWHERE: &str = r#"mount --bind "$1" /usr/share/polkit-1/actions && mount --bind "$2" /etc/polkit-1/rules.d && exec "$3" --no-debug"#;

/// An ordinary user, for what root is never asked: `nobody` on every distribution.
pub const NOBODY: u32 = 65_534;

/// A bus with polkit on it.
#[derive(Debug)]
pub struct Polkit {
    /// The bus.
    pub bus: PrivateBus,
    daemon: Child,
}

impl Polkit {
    /// Starts it with this policy alone, and with a rule that gives this answer (a name of `polkit.Result`) for an action of
    /// Claviger's.
    ///
    /// # Panics
    /// When it does not answer: it is installed, and the test is root's.
    pub async fn start(policy: Option<&str>, rule: Option<&str>) -> Self {
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
                "polkit.addRule(function(action) {{ if (action.id == 'org.claviger.approve') return polkit.Result.{result}; }});"
            );
            fs::write(rules.join("10-claviger.rules"), rule).unwrap();
        }
        let mut daemon = Command::new("unshare");
        daemon.args(["--mount", "sh", "-c", ELSEWHERE, "sh"]).args([actions, rules]).arg(DAEMON);
        let daemon = started(daemon.env("DBUS_SYSTEM_BUS_ADDRESS", bus.address()));
        let polkit = Self { bus, daemon };
        polkit.answers().await;
        polkit
    }

    async fn answers(&self) {
        let connection = self.bus.connection().await;
        let begin = Instant::now();
        while authority(&connection).await.get_property::<String>("BackendName").await.is_err() {
            assert!(
                begin.elapsed() < PATIENCE,
                "polkitd never answered: these tests are root's, and need polkitd, which `cargo xtask test` installs"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Somebody sits at an agent for this process of [`NOBODY`]'s.
    pub async fn agent(&self, process: u32, person: Person) -> Agent {
        Agent::register(self.bus.address(), process, person).await
    }

    /// The daemon is killed.
    ///
    /// # Panics
    /// When it is not there any more.
    pub async fn kill(&mut self) {
        self.daemon.kill().await.unwrap();
    }
}

/// The daemon, as it is spoken to.
pub(crate) async fn authority(connection: &Connection) -> Proxy<'static> {
    let (name, path) = ("org.freedesktop.PolicyKit1", "/org/freedesktop/PolicyKit1/Authority");
    Proxy::new(connection, name, path, "org.freedesktop.PolicyKit1.Authority").await.unwrap()
}

/// Runs something as somebody who is not root. A thread has a user of its own, and a bus asks the kernel for it.
///
/// # Panics
/// When it does not end.
pub async fn as_nobody<T, F>(task: impl FnOnce() -> F + Send + 'static) -> T
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
    tokio::time::timeout(PATIENCE, result).await.expect("nothing ever came of it").unwrap()
}
