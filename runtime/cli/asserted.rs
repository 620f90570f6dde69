//! Keys that the host itself signs with, and what has to confirm who agreed before it does.

use std::path::{Path, PathBuf};

use claviger_approval::{HostMethod, polkit_policy};

use crate::book::Book;
use crate::error::Failure;
use crate::output::Output;
use crate::state::{self, State};
use crate::{approver, open};

/// Where polkit looks for policies (polkit(8), "Declaring actions").
const POLKIT_ACTIONS: &str = "/usr/share/polkit-1/actions/";

/// Enrols the host's own key for what it asserts when a service of the machine has confirmed who agreed. The person is the
/// directory's principal: the service knows the user whose process this is, and nobody else.
pub(crate) fn add(state: &State, identity: Option<&Path>, method: HostMethod) -> Result<Output, Failure> {
    let config = state.config()?;
    let vault = open::embedded(state, identity)?;
    let mut book = Book::open_with(state, &vault)?;
    let key = open::asserting(state, &config, method)?.enrolment(&config.principal).map_err(Failure::state)?;
    let besides = match method {
        HostMethod::Terminal => "",
        HostMethod::Fprintd => " with a finger on this machine's reader",
        HostMethod::Polkit => " with polkit's dialog",
        HostMethod::TouchId => " with Touch ID",
        HostMethod::WindowsHello => " with Windows Hello",
    };
    let policy = if method == HostMethod::Polkit { Some(write_policy(state)?) } else { None };
    crate::block_on(approver::keep(state, &key, approver::added(&mut book, &key)))??;
    book.close()?;
    let first = policy.as_deref().map(to_install).unwrap_or_default();
    let said = format!(
        "{} approves on the terminal{besides}, key {}\n{first}let claviger.toml say approver = \"{method}\"; receipts are marked host-asserted",
        key.name(),
        approver::short(&key)
    );
    let mut json = approver::told(&key);
    if let (Some(told), Some(policy)) = (json.as_object_mut(), policy) {
        told.insert("policy".to_owned(), policy.display().to_string().into());
    }
    Output::new(said, &json)
}

/// Writes what polkit has to know of this user. It reads that only where root puts it.
fn write_policy(state: &State) -> Result<PathBuf, Failure> {
    let path = state.polkit_policy();
    state::write(&path, polkit_policy(rustix::process::getuid().as_raw()).as_bytes())?;
    Ok(path)
}

fn to_install(policy: &Path) -> String {
    format!(
        "first tell polkit of it: sudo install -m 644 '{}' {POLKIT_ACTIONS}\n(where others have done so, name this user in theirs instead: one file names everybody)\n",
        policy.display()
    )
}
