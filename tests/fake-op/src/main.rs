//! A faithful `op`: the commands that Claviger drives, with the texts, the exit codes and the traps of 1Password's own.
//!
//! Its world is a JSON file, because a caller that starts from an empty environment gives it no other way to know one:
//! `$XDG_CONFIG_HOME/op/fake-op.json` (or under `$HOME/.config`) holds `{"state": PATH, "record": PATH}`. The state holds
//! the account, its vaults and items, and how it behaves ([`state::State`]); every run is recorded with its arguments,
//! the names of its environment and the kind of its standard input, so that a test can look for what must not be there.

mod arguments;
mod commands;
mod failure;
mod items;
mod record;
mod state;

use std::io::Write;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

use arguments::Arguments;
use failure::Failure;
use state::{Behaviour, Mode, State, World};

/// What `op --version` prints without a state file.
const VERSION: &str = "2.31.1";
/// Long enough that every caller gives up first.
const FOREVER: Duration = Duration::from_secs(600);
/// Longer than any answer that a caller should read.
const TOO_MUCH: usize = 64 * 1024 * 1024;

fn main() -> ExitCode {
    match run() {
        Ok(bytes) => {
            // A caller that stops reading is its own business.
            let _ = std::io::stdout().write_all(&bytes);
            ExitCode::SUCCESS
        }
        Err(failure) => {
            let _ = std::io::stderr().write_all(failure.text.as_bytes());
            ExitCode::from(failure.code)
        }
    }
}

fn run() -> Result<Vec<u8>, Failure> {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let world = World::find();
    let state = world.as_ref().map(World::read).transpose()?;
    if given == ["--version"] {
        let version = state.map_or_else(|| VERSION.to_owned(), |state| state.version);
        return Ok(format!("{version}\n").into_bytes());
    }
    let (Some(world), Some(state)) = (world, state) else { return Err(Failure::signed_out()) };
    record::run(&world, &given)?;
    let arguments = Arguments::parse(&given)?;
    refuse_secrets(&given, &state)?;
    behave(&world, &state)?;
    authenticate(&world, &state, &arguments)?;
    sleep(Duration::from_millis(state.delay_ms));
    commands::run(&world, &state, &arguments)
}

/// The real `op` takes a secret in argv, where every process of the machine can read it. This one does not.
fn refuse_secrets(given: &[String], state: &State) -> Result<(), Failure> {
    let shown = |value: &String| value.len() >= 8 && given.iter().any(|argument| argument.contains(value.as_str()));
    let assigned = given
        .iter()
        .any(|argument| !argument.starts_with('-') && argument.contains('=') && !argument.contains("op://"));
    if assigned || state.items.iter().flat_map(|item| &item.fields).filter_map(|field| field.value.as_ref()).any(shown)
    {
        return Err(Failure::plain(9, "fake-op: a secret on the command line is visible to every process\n"));
    }
    Ok(())
}

/// The ways in which nothing works, whatever is asked.
fn behave(world: &World, state: &State) -> Result<(), Failure> {
    match state.behaviour {
        Behaviour::Normal | Behaviour::Mangles => Ok(()),
        Behaviour::Warns => {
            let _ = std::io::stderr().write_all(b"[WARN] 2031/04/05 06:07:08 account is not signed in\n");
            Ok(())
        }
        Behaviour::SignedOut => Err(Failure::signed_out()),
        Behaviour::Locked => Err(Failure::locked()),
        Behaviour::Dismissed => {
            sleep(Duration::from_millis(state.prompt_ms));
            record::prompt(world)?;
            Err(Failure::dismissed())
        }
        Behaviour::RateLimited => Err(Failure::rate_limited()),
        Behaviour::Revoked => Err(Failure::revoked()),
        Behaviour::BadRequest => Err(Failure::bad_request()),
        Behaviour::Unheard => Err(Failure::error("the flux capacitor is empty")),
        Behaviour::Slow => {
            sleep(FOREVER);
            Err(Failure::dismissed())
        }
        Behaviour::Talks => {
            let _ = std::io::stdout().write_all(&vec![b'x'; TOO_MUCH]);
            Ok(())
        }
    }
}

/// Who asks, and whether a human has to agree first.
fn authenticate(world: &World, state: &State, arguments: &Arguments) -> Result<(), Failure> {
    if let Some(account) = arguments.value("account").filter(|account| *account != state.account) {
        return Err(Failure::no_account(account));
    }
    let token = std::env::var("OP_SERVICE_ACCOUNT_TOKEN").ok();
    match (state.mode, token) {
        (Mode::ServiceAccount, Some(token)) if !token.starts_with("ops_") => Err(Failure::panic()),
        (Mode::ServiceAccount, Some(token)) if Some(&token) == state.token.as_ref() => Ok(()),
        (Mode::ServiceAccount, Some(_)) => Err(Failure::revoked()),
        (Mode::ServiceAccount, None) => Err(Failure::signed_out()),
        (Mode::Desktop, _) if state.unlocked => Ok(()),
        (Mode::Desktop, _) => {
            // The app's dialogue. Whoever comes while it is open raises another one, as the real one does.
            record::prompt(world)?;
            sleep(Duration::from_millis(state.prompt_ms));
            world.change(|state| state.unlocked = true)
        }
    }
}
