//! What is wrong with a command line, without repeating it: a secret is pasted into the wrong place sooner or later, and
//! standard error ends up in other people's logs.

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::error::Failure;

/// Stands for what was given.
const UNSAID: &str = "…";

/// What clap has to say: help and versions go to standard output, everything else is a failure.
pub(crate) fn usage(mut error: clap::Error) -> Result<(), Failure> {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        // A reader that has seen enough is no failure.
        let _unread = error.print();
        return Ok(());
    }
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return Err(Failure::usage(format!("a command is missing\n\n{}", error.render())));
    }
    hide(&mut error);
    let text = error.render().to_string();
    Err(Failure::usage(text.strip_prefix("error: ").unwrap_or(&text).trim_end()))
}

/// Takes values out of an error. Names of flags stay, because they help.
fn hide(error: &mut clap::Error) {
    let is_said = |value: &ContextValue| !matches!(value, ContextValue::String(text) if text.is_empty());
    if error.get(ContextKind::InvalidValue).is_some_and(is_said) {
        error.insert(ContextKind::InvalidValue, ContextValue::String(UNSAID.to_owned()));
    }
    let is_positional = |value: &ContextValue| matches!(value, ContextValue::String(text) if !text.starts_with('-'));
    if error.kind() == ErrorKind::UnknownArgument && error.get(ContextKind::InvalidArg).is_some_and(is_positional) {
        error.insert(ContextKind::InvalidArg, ContextValue::String(UNSAID.to_owned()));
    }
}

/// Whether the command line asks for JSON, for command lines that cannot be parsed.
pub(crate) fn asks_for_json(argv: &[std::ffi::OsString]) -> bool {
    argv.iter().skip(1).take_while(|argument| *argument != "--").any(|argument| argument == "--json")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use clap::Parser as _;

    use super::{asks_for_json, usage};
    use crate::arguments::Arguments;

    const PASTED: &str = "gv9Qx2Lw7Tz4Rk8Pn3Bd";

    fn complaint(argv: &[&str]) -> String {
        let argv = ["claviger"].iter().chain(argv);
        usage(Arguments::try_parse_from(argv).err().unwrap()).unwrap_err().message
    }

    #[test]
    fn a_value_in_the_wrong_place_is_not_repeated() {
        for argv in [
            &["secret", "put", "op://MSP/item/field", PASTED][..],
            &["secret", "put", PASTED],
            &["connection", "add", "x", "--plugin", "psa", "--secret", &format!("key={PASTED}")],
            &["connection", "add", "x", "--plugin", "psa", "--connect", PASTED],
            &["connection", "bind", "x", &format!("key={PASTED}")],
            &["secret", "put", "op://MSP/item/field", &format!("--value={PASTED}")],
        ] {
            let said = complaint(argv);
            assert!(!said.contains(PASTED), "{said}");
            assert!(said.contains("--help"), "nothing says what to do next: {said}");
        }
        assert!(complaint(&["secret", "put", "op://MSP/item/field", "--value=x"]).contains("'--value'"));
        assert!(complaint(&["secret", "puts"]).contains("puts"));
        assert!(complaint(&["--state", "", "secret", "list"]).contains("a value is required for '--state <DIR>'"));
    }

    #[test]
    fn json_is_asked_for_before_the_end_of_the_flags() {
        let asks = |argv: &[&str]| asks_for_json(&argv.iter().map(Into::into).collect::<Vec<_>>());
        assert!(asks(&["claviger", "nonsense", "--json"]));
        assert!(!asks(&["claviger", "nonsense", "--", "--json"]));
        assert!(!asks(&["--json"]));
    }
}
