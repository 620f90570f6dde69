//! Why a security key did not do what was asked. Every text is safe to log and says what to do next.

/// What went wrong between the host and a security key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecurityKeyError {
    /// The programs are not there.
    #[error(
        "there is no program {0}; install libfido2's (Debian: fido2-tools), or name their directory as `programs` under [security-key] in claviger.toml"
    )]
    NotInstalled(String),
    /// The configuration cannot be used.
    #[error("claviger.toml, [security-key]: {0}")]
    Configuration(&'static str),
    /// Nothing is there.
    #[error("no security key is plugged in; plug yours in and call again")]
    NoKey,
    /// Which one is meant?
    #[error(
        "several security keys are plugged in ({0}); leave one, or name it as `device` under [security-key] in claviger.toml"
    )]
    SeveralKeys(String),
    /// It would not know its user.
    #[error(
        "the security key at {0} cannot verify who touches it: it has no fingerprint reader and no PIN; set a PIN with `fido2-token -S {0}`"
    )]
    CannotVerify(String),
    /// Somebody else's, or a new one.
    #[error(
        "no key that is plugged in is enrolled for this; `claviger approver list` shows those that are, `approver add --security-key` enrols one"
    )]
    NotEnrolled,
    /// Everybody whose key counts here has agreed.
    #[error("everybody whose security key is enrolled has agreed already; somebody else must enrol one")]
    NobodyElse,
    /// An enrolled key is somebody's.
    #[error("the key needs the name of its person; give one with --name")]
    Nameless,
    /// The PIN was wrong.
    #[error("the PIN was wrong; the key counts wrong ones, and becomes useless after some")]
    WrongPin,
    /// Too many wrong ones in a row.
    #[error("the PIN was wrong too often; take the key out, plug it in again, and think before the next one")]
    PinPaused,
    /// Too many wrong ones.
    #[error("the key takes no PIN any more; it must be reset, which deletes what is on it, and enrolled again")]
    PinBlocked,
    /// The finger was not recognised.
    #[error("the key did not recognise the finger; call again")]
    Finger,
    /// Too many of them.
    #[error("the key's reader is blocked after too many fingers that it does not know; its PIN opens it again")]
    FingerBlocked,
    /// Nobody touched it.
    #[error("nobody touched the key in time; call again")]
    NotTouched,
    /// Nobody waits any more.
    #[error("the question was taken back before the key had answered")]
    Withdrawn,
    /// The program did not end.
    #[error("the security key, or the program that talks to it, took too long and was given up; plug the key in again")]
    Hangs,
    /// It says that it failed.
    #[error("the security key failed or was taken out ({0}); plug it in and call again")]
    Failed(String),
    /// What came back is not what the manual pages describe.
    #[error("{program} gave an answer that means nothing ({what}); see whether it is libfido2's")]
    Nonsense {
        /// Which program.
        program: &'static str,
        /// What is wrong with it.
        what: &'static str,
    },
}

impl SecurityKeyError {
    /// What a program's complaint means: the name of libfido2's error at the end of it. The rest may hold anything.
    pub(crate) fn of_complaint(complaint: &str) -> Self {
        match error_name(complaint) {
            Some("NO_CREDENTIALS") => Self::NotEnrolled,
            Some("PIN_INVALID" | "PIN_POLICY_VIOLATION") => Self::WrongPin,
            Some("PIN_AUTH_BLOCKED") => Self::PinPaused,
            Some("PIN_BLOCKED") => Self::PinBlocked,
            Some("UV_INVALID") => Self::Finger,
            Some("UV_BLOCKED") => Self::FingerBlocked,
            Some("ACTION_TIMEOUT" | "USER_ACTION_TIMEOUT" | "OPERATION_DENIED" | "TIMEOUT") => Self::NotTouched,
            Some(name) => Self::Failed(name.to_owned()),
            None if complaint.contains("invalid PIN length") => Self::WrongPin,
            None => Self::Failed("without a reason".to_owned()),
        }
    }
}

/// The last `FIDO_ERR_…` of a text, without its beginning.
fn error_name(text: &str) -> Option<&str> {
    /// Longer than the longest that libfido2 has.
    const MAX: usize = 40;
    let (_, rest) = text.rsplit_once("FIDO_ERR_")?;
    let end = rest.find(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')).unwrap_or(rest.len());
    rest.get(..end).filter(|name| !name.is_empty() && name.len() <= MAX)
}

#[cfg(test)]
mod tests {
    use super::SecurityKeyError;

    #[test]
    fn a_complaint_is_read_by_its_name_and_never_repeated() {
        for (complaint, means) in [
            ("fido2-assert: fido_dev_get_assert: FIDO_ERR_NO_CREDENTIALS\n", SecurityKeyError::NotEnrolled),
            ("FIDO_ERR_UV_BLOCKED then FIDO_ERR_PIN_INVALID", SecurityKeyError::WrongPin),
            ("fido2-assert: invalid PIN length", SecurityKeyError::WrongPin),
            ("FIDO_ERR_RX", SecurityKeyError::Failed("RX".to_owned())),
            ("FIDO_ERR_lower\u{1b}[2J", SecurityKeyError::Failed("without a reason".to_owned())),
            ("\u{1b}]0;title\u{7}", SecurityKeyError::Failed("without a reason".to_owned())),
        ] {
            assert_eq!(SecurityKeyError::of_complaint(complaint), means, "{complaint:?}");
        }
        let endless = format!("FIDO_ERR_{}", "A".repeat(4_000));
        assert_eq!(SecurityKeyError::of_complaint(&endless), SecurityKeyError::Failed("without a reason".to_owned()));
    }
}
