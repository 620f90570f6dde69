//! `claviger approver`: whose yes counts.

use std::future::Future;
use std::path::Path;
use std::time::Duration;

use claviger_approval::{ApproverKind, Enrolled, EnrolledKey};
use claviger_audit::OperatorAction;
use claviger_server::{Person, Web};
use serde_json::{Value, json};

use crate::book::Book;
use crate::error::{Code, Failure};
use crate::output::{self, Output};
use crate::state::{self, Config, State};
use crate::{open, web};

/// How long a person may take to make a passkey.
const PATIENCE: Duration = Duration::from_secs(5 * 60);

/// The same for somebody elsewhere, whom the link has to reach first.
const TEAM_PATIENCE: Duration = Duration::from_secs(15 * 60);

/// Characters of an identifier that tell keys apart on a list.
const SHOWN_ID: usize = 12;

/// Whether anybody can approve in the browser.
pub(crate) fn has_passkey(enrolled: &Enrolled) -> bool {
    enrolled.keys().iter().any(is_of_a_page)
}

/// Every key that counts or counted.
pub(crate) fn ever(state: &State) -> Result<Enrolled, Failure> {
    let keys = open::enrolled(state)?.keys().iter().chain(revoked(state)?.keys()).cloned().collect::<Vec<_>>();
    Enrolled::new(keys).map_err(Failure::state)
}

fn revoked(state: &State) -> Result<Enrolled, Failure> {
    let path = state.revoked_approvers();
    if path.exists() { state::parse(&path, &state::read(&path)?) } else { Ok(Enrolled::default()) }
}

/// Enrols a passkey in the browser. The vault is unlocked first: who can use its secrets decides who approves their use.
pub(crate) fn add(
    state: &State,
    identity: Option<&Path>,
    name: Option<&str>,
    role: Option<&str>,
) -> Result<Output, Failure> {
    let config = state.config()?;
    let vault = open::embedded(state, identity)?;
    let mut book = Book::open_with(state, &vault)?;
    let person = Person { name: name.unwrap_or(&config.principal).to_owned(), role: role.map(str::to_owned) };
    let patience = if config.web.origin.is_some() { TEAM_PATIENCE } else { PATIENCE };
    let key = match book.enrol(&person, patience, |link| web::invite(&config, link))? {
        Some(key) => key,
        None => crate::block_on(enrol(state, &config, &mut book, person, patience))??,
    };
    book.close()?;
    let said = format!(
        "{} approves with passkey {}\nrequests are approved in the browser from now on; a second passkey, for when one is lost: claviger approver add",
        key.name(),
        short(&key)
    );
    Output::new(said, &told(&key))
}

/// On a page of this command's, where no host serves one.
async fn enrol(
    state: &State,
    config: &Config,
    book: &mut Book,
    person: Person,
    patience: Duration,
) -> Result<EnrolledKey, Failure> {
    let (place, tickets) = (web::place(config)?, web::tickets(state)?);
    let served = Web::enrol(place, tickets, web::roll(state), person).await;
    let (page, link, mut enrolling) = served.map_err(Failure::state)?;
    web::invite(config, &link);
    let written = async |key: &EnrolledKey| keep(state, key, added(book, key)).await;
    let made = tokio::time::timeout(patience, enrolling.complete(written)).await;
    page.close().await;
    made.ok().flatten().unwrap_or_else(|| Err(nobody()))
}

pub(crate) async fn added(book: &mut Book, key: &EnrolledKey) -> Result<(), Failure> {
    book.note(OperatorAction::ApproverAdded, key.name(), Some(&detail(key))).await
}

pub(crate) fn nobody() -> Failure {
    Failure::new(Code::Refused, "nobody made a passkey in time; run the command again")
}

/// Noted first, then written: no record, no act.
pub(crate) async fn keep(
    state: &State,
    key: &EnrolledKey,
    noted: impl Future<Output = Result<(), Failure>>,
) -> Result<(), Failure> {
    let mut enrolled = open::enrolled(state)?;
    enrolled.add(key.clone()).map_err(Failure::state)?;
    noted.await?;
    write(&state.approvers(), &enrolled)
}

fn write(path: &Path, keys: &Enrolled) -> Result<(), Failure> {
    state::write(path, toml::to_string(keys).map_err(Failure::state)?.as_bytes())
}

/// What the log says of a key: enough to recognise it without the file.
pub(crate) fn detail(key: &EnrolledKey) -> String {
    let role = key.role().map(|role| format!(", role {role}")).unwrap_or_default();
    let origins: Vec<&str> = key.origins().iter().map(String::as_str).collect();
    format!("{} {} for {} at {}{role}", key.kind(), key.credential_id(), key.rp_id(), origins.join(" "))
}

/// Lists the keys that count.
pub(crate) fn list(state: &State) -> Result<Output, Failure> {
    let here = web::origin(&state.config()?)?.to_string();
    let enrolled = open::enrolled(state)?;
    let row =
        |key: &EnrolledKey| vec![key.name().to_owned(), kind(key), short(key), key.role().unwrap_or("-").to_owned()];
    let rows: Vec<Vec<String>> = enrolled.keys().iter().map(row).collect();
    let json: Vec<Value> = enrolled.keys().iter().map(|key| told_for(key, &here)).collect();
    let list = output::list(&["APPROVER", "KIND", "KEY", "ROLE"], &rows, "nobody can approve");
    Output::new(format!("{list}{}", elsewhere(&enrolled, &here)), &json)
}

/// The kind, and whether a security key on the terminal stands behind it.
fn kind(key: &EnrolledKey) -> String {
    let on_terminal = if key.signs_on_terminal() { ", security key" } else { "" };
    format!("{}{on_terminal}", key.kind())
}

/// Whether a key signs on the page that is configured now, or on the terminal. A passkey is bound to the page that it was made
/// on.
fn signs_on(key: &EnrolledKey, page: &str) -> bool {
    !is_of_a_page(key) || key.origins().contains(page)
}

/// Whether it is a passkey of a page.
fn is_of_a_page(key: &EnrolledKey) -> bool {
    key.kind() == ApproverKind::Webauthn && !key.signs_on_terminal()
}

fn told_for(key: &EnrolledKey, page: &str) -> Value {
    let mut told = told(key);
    if let Some(told) = told.as_object_mut() {
        told.insert("counts".to_owned(), signs_on(key, page).into());
    }
    told
}

/// What the list adds of keys that were made on another page.
fn elsewhere(enrolled: &Enrolled, page: &str) -> String {
    let others = enrolled.keys().iter().filter(|key| !signs_on(key, page));
    let named: Vec<String> = others.map(|key| format!("{} {}", key.name(), short(key))).collect();
    if named.is_empty() {
        return String::new();
    }
    format!(
        "\nmade on another page than {page}, so no approval there: {}; enrol again with `claviger approver add --name …`",
        named.join(", ")
    )
}

pub(crate) fn short(key: &EnrolledKey) -> String {
    key.credential_id().to_string().chars().take(SHOWN_ID).collect()
}

pub(crate) fn told(key: &EnrolledKey) -> Value {
    json!({ "approver": key.name(), "kind": key.kind(), "key": key.credential_id(), "role": key.role(), "origins": key.origins() })
}

/// Lets keys count no more. They are kept aside, because what they signed before stays signed.
pub(crate) fn revoke(state: &State, identity: Option<&Path>, approver: &str) -> Result<Output, Failure> {
    state.config()?;
    let enrolled = open::enrolled(state)?;
    let (gone, left): (Vec<EnrolledKey>, Vec<EnrolledKey>) =
        enrolled.keys().iter().cloned().partition(|key| is_meant(key, approver));
    if gone.is_empty() {
        return Err(Failure::usage(format!(
            "no enrolled key is {approver:?}'s, and none's identifier begins so; `claviger approver list` shows them"
        )));
    }
    let vault = open::embedded(state, identity)?;
    let mut book = Book::open_with(state, &vault)?;
    let mut aside = revoked(state)?;
    for key in &gone {
        book.note_now(OperatorAction::ApproverRevoked, key.name(), Some(&detail(key)))?;
        aside.add(key.clone()).map_err(Failure::state)?;
    }
    // Aside first: a key in both files counts no less than before, one in neither would make the log unverifiable.
    write(&state.revoked_approvers(), &aside)?;
    write(&state.approvers(), &Enrolled::new(left).map_err(Failure::state)?)?;
    book.close()?;
    let names: Vec<String> = gone.iter().map(|key| format!("{} {}", key.name(), short(key))).collect();
    let json: Vec<Value> = gone.iter().map(told).collect();
    Output::new(format!("revoked: {}", names.join(", ")), &json)
}

/// A name means the person's passkeys and security keys; the host's own key at the terminal is named by its identifier.
fn is_meant(key: &EnrolledKey, approver: &str) -> bool {
    let by_name = key.kind() == ApproverKind::Webauthn && key.name() == approver;
    let by_id = approver.len() >= SHOWN_ID && key.credential_id().to_string().starts_with(approver);
    by_name || by_id
}
