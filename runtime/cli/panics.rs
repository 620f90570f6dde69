//! What is said when the program has a fault.

use std::panic::{self, PanicHookInfo};

use crate::output;

/// From now on a panic says where it was and nothing else. The text that it comes with may quote what the code stumbled
/// over: the standard library quotes text that is cut inside a character, and `unwrap` quotes errors whole.
pub(crate) fn say_only_where() {
    panic::set_hook(Box::new(|fault| output::notice(&said(fault))));
}

fn said(fault: &PanicHookInfo<'_>) -> String {
    let place = fault.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    format!(
        "a fault in the program, at {place}; please report it. What it was about is not shown: it may hold a secret"
    )
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::process::Command;

    /// How the child finds its secret.
    const SECRET: &str = "CLAVIGER_TEST_SECRET";

    #[test]
    #[ignore = "the body of a process that the test below starts"]
    fn runs_a_command_and_panics_over_a_secret() {
        crate::run(["claviger".into(), "--version".into()]);
        let text = format!("é{}", std::env::var(SECRET).unwrap());
        let inside = text.find('é').unwrap() + 1;
        std::hint::black_box(&text[inside..]);
    }

    #[test]
    fn a_panic_says_where_and_not_what() {
        // Sixteen random bytes, so that no literal looks like a secret.
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).unwrap();
        let secret = hex::encode(bytes);
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "panics::tests::runs_a_command_and_panics_over_a_secret", "--ignored", "--nocapture"]);
        let output = child.env(SECRET, &secret).env("RUST_BACKTRACE", "full").output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert!(
            !output.status.success() && said.contains("a fault in the program, at ") && said.contains("panics.rs:")
        );
        assert!(!said.contains(&secret), "{said}");
    }
}
