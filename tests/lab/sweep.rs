//! Did a secret of any test turn up in anything that any test left behind?
//!
//! `cargo xtask test` keeps what the tests print and every file that they delete. Afterwards this looks for every secret, in
//! every spelling that the host's own scan knows. Nobody has to remember anything: a [`Canary`] is registered when it is made, and a
//! literal of the sources that looks like a secret is taken for one unless the rules say what it is.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;

use serde::Deserialize;

use crate::canary::Matcher;
use crate::run::files;
use crate::{Canary, LabError};

/// The file that canaries are registered in, one a line. It lies outside everything that is swept.
const REGISTER: &str = "CLAVIGER_TEST_CANARIES";

/// Literals that are taken for secrets: the shortest and the longest, in bytes.
const LITERAL: std::ops::RangeInclusive<usize> = 11..=64;

/// How a program begins (ELF, System V ABI).
const PROGRAM: &[u8] = b"\x7fELF";

/// What is swept, and for what.
#[derive(Clone, Debug)]
pub struct Sweep {
    /// Where canaries were registered.
    pub register: PathBuf,
    /// The directory with everything that the tests left behind.
    pub sinks: PathBuf,
    /// Directories with sources whose literals are looked for.
    pub sources: Vec<PathBuf>,
    /// What literals are, and where secrets may lie: see `tests/vectors/sweep.toml`.
    pub rules: PathBuf,
}

/// What was looked at.
#[derive(Clone, Copy, Debug)]
pub struct Swept {
    /// How many secrets were looked for.
    pub secrets: usize,
    /// In how many files.
    pub files: usize,
    /// In how many bytes.
    pub bytes: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Rules {
    /// Secrets that do not look like one.
    also: Vec<String>,
    /// What looks like a secret and is none: the literal and what it is.
    not_secret: BTreeMap<String, String>,
    /// Where a secret may lie: the words that its path holds, all of them, and why.
    allowed: BTreeMap<String, String>,
}

/// Notes a canary for the sweep at the end of the run, when there is one.
///
/// # Errors
/// [`LabError`] when it cannot be noted: then the sweep would not look for it.
pub(crate) fn register(canary: &Canary) -> Result<(), LabError> {
    let Some(register) = std::env::var_os(REGISTER) else { return Ok(()) };
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(register)?;
    // One write, so that tests that run at the same time do not mix their lines.
    Ok(file.write_all(format!("{}\t{}\n", hex::encode(&canary.value), canary.name).as_bytes())?)
}

impl Sweep {
    /// Looks for everything everywhere.
    ///
    /// # Errors
    /// [`LabError`] that names every file and secret, never a value; or when a file cannot be read.
    pub fn run(&self) -> Result<Swept, LabError> {
        let rules = std::fs::read_to_string(&self.rules)?;
        let rules: Rules = toml::from_str(&rules).map_err(|error| LabError::new(error.to_string()))?;
        let secrets = self.secrets(&rules)?;
        let files = files(&self.sinks)?;
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        // Every so many-th file for each core, since large ones lie side by side.
        let shares: Vec<Share> = std::thread::scope(|scope| {
            let share = |first: usize| {
                let files = files.iter().skip(first).step_by(cores);
                let (secrets, rules) = (&secrets, &rules);
                scope.spawn(move || look(files, secrets, rules))
            };
            let threads: Vec<_> = (0..cores).map(share).collect();
            let join = |thread: std::thread::ScopedJoinHandle<'_, _>| {
                thread.join().unwrap_or_else(|_| Err(LabError::new("a thread of the sweep failed")))
            };
            threads.into_iter().map(join).collect::<Result<_, LabError>>()
        })?;
        let mut swept = Swept { secrets: secrets.len(), files: 0, bytes: 0 };
        for share in &shares {
            (swept.files, swept.bytes) = (swept.files + share.files, swept.bytes + share.bytes);
        }
        let mut found = shares.into_iter().flat_map(|share| share.found).collect::<Vec<_>>();
        found.sort();
        if swept.files == 0 || secrets.is_empty() {
            return Err(LabError::new(
                "there is nothing to sweep, or nothing to look for: the sweep would prove nothing",
            ));
        }
        if found.is_empty() { Ok(swept) } else { Err(LabError::new(format!("secrets got out:\n{}", found.join("\n")))) }
    }

    fn secrets(&self, rules: &Rules) -> Result<Vec<Canary>, LabError> {
        let mut secrets = BTreeMap::new();
        let register = std::fs::read_to_string(&self.register)?;
        for (index, line) in register.lines().enumerate() {
            let (value, name) =
                line.split_once('\t').ok_or_else(|| LabError::new("a line of the register is broken"))?;
            let value = hex::decode(value).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            let value = value.ok_or_else(|| LabError::new("a line of the register is broken"))?;
            secrets.entry(value).or_insert_with(|| format!("{name} (canary {})", index + 1));
        }
        for path in self.sources.iter().map(|directory| files(directory)).collect::<Result<Vec<_>, _>>()?.concat() {
            if path.extension().is_none_or(|ending| ending != "rs") {
                continue;
            }
            for (number, line) in std::fs::read_to_string(&path)?.lines().enumerate() {
                for literal in literals(line) {
                    let place = format!("the literal of {}:{}", path.display(), number + 1);
                    secrets.entry(literal.to_owned()).or_insert(place);
                }
            }
        }
        secrets.extend(
            rules.also.iter().enumerate().map(|(index, value)| (value.clone(), format!("`also` {}", index + 1))),
        );
        secrets.retain(|value, _| !rules.not_secret.contains_key(value));
        Ok(secrets.into_iter().map(|(value, name)| Canary { name, value }).collect())
    }
}

/// What was looked at by one thread, and what was found.
#[derive(Default)]
struct Share {
    found: Vec<String>,
    files: usize,
    bytes: usize,
}

fn look<'a>(files: impl Iterator<Item = &'a PathBuf>, secrets: &[Canary], rules: &Rules) -> Result<Share, LabError> {
    let (mut matcher, mut share) = (Matcher::new(secrets), Share::default());
    for path in files {
        let shown = path.display().to_string();
        if rules.allowed.keys().any(|words| words.split(' ').all(|word| shown.contains(word))) {
            continue;
        }
        let bytes = std::fs::read(path)?;
        // A copy of a program that was built before any secret was made.
        if bytes.starts_with(PROGRAM) {
            continue;
        }
        share.files += 1;
        share.bytes += bytes.len();
        share.found.extend(matcher.found_in(&bytes).into_iter().map(|secret| format!("{secret} in {shown}")));
    }
    Ok(share)
}

/// The words in the string literals of a line that look like secrets.
fn literals(line: &str) -> impl Iterator<Item = &str> {
    let in_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
    let quoted = line.split('"').skip(1).step_by(2);
    quoted.flat_map(move |text| text.split(move |letter| !in_word(letter))).filter(|word| looks_secret(word))
}

/// Letters and digits, and from one kind of character to another at every fourth character or more often.
fn looks_secret(word: &str) -> bool {
    let kind = |byte: u8| (byte.is_ascii_digit(), byte.is_ascii_uppercase(), byte.is_ascii_lowercase());
    let count = |is: fn(&u8) -> bool| word.as_bytes().iter().filter(|byte| is(byte)).count();
    let changes = word.as_bytes().windows(2).filter(|pair| matches!(pair, [a, b] if kind(*a) != kind(*b))).count();
    LITERAL.contains(&word.len())
        && count(u8::is_ascii_digit) >= 3
        && count(u8::is_ascii_alphabetic) >= 3
        && changes * 4 >= word.len()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::fs;

    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;

    use super::{Sweep, literals};

    /// A run of the sweep in a directory of its own, over one sink.
    struct Run {
        directory: tempfile::TempDir,
        secret: String,
    }

    impl Run {
        /// The secret is known to this run's register alone, so that the sweep of the whole suite does not look for it.
        fn new() -> Self {
            let mut bytes = [0_u8; 20];
            getrandom::fill(&mut bytes).unwrap();
            let run = Self { directory: tempfile::tempdir().unwrap(), secret: hex::encode(bytes) };
            for directory in ["sinks/tmp", "sources"] {
                fs::create_dir_all(run.directory.path().join(directory)).unwrap();
            }
            run.write("register", &format!("{}\tplanted\n", hex::encode(&run.secret)));
            run.write("rules", "also = []\n[not-secret]\n[allowed]\n\"fake-store\" = \"it is a store\"\n");
            run.write("sinks/tmp/clean", "nothing here");
            run
        }

        fn write(&self, name: &str, text: &str) {
            fs::write(self.directory.path().join(name), text).unwrap();
        }

        fn sweep(&self) -> Result<super::Swept, crate::LabError> {
            let at = |name: &str| self.directory.path().join(name);
            Sweep { register: at("register"), sinks: at("sinks"), sources: vec![at("sources")], rules: at("rules") }
                .run()
        }
    }

    #[test]
    fn a_planted_secret_fails_the_run_in_each_of_three_encodings() {
        let run = Run::new();
        let clean = run.sweep().unwrap();
        assert_eq!((clean.secrets, clean.files), (1, 1));
        for (form, planted) in [
            ("raw", format!("token={}", run.secret)),
            ("base64", BASE64_STANDARD.encode(format!("user:{}", run.secret))),
            ("hex", hex::encode(&run.secret)),
        ] {
            run.write("sinks/tmp/stdout", &format!("before {planted} after"));
            let told = run.sweep().unwrap_err().to_string();
            assert!(told.contains("planted (canary 1) in ") && told.contains("sinks/tmp/stdout"), "{form}: {told}");
            assert!(!told.contains(&run.secret) && !told.contains(&planted), "the finding gives the secret away");
        }
        // The same where a secret may lie, and where nobody may know it.
        fs::rename(run.directory.path().join("sinks/tmp/stdout"), run.directory.path().join("sinks/tmp/fake-store"))
            .unwrap();
        run.sweep().unwrap();
    }

    #[test]
    fn a_literal_of_a_source_is_looked_for_without_a_word_from_anybody() {
        let run = Run::new();
        // A letter and a digit in turn, from the run's own randomness: it always looks like a secret.
        let letters = run.secret.bytes().map(|byte| char::from(b'g' + byte % 16));
        let literal: String = letters.zip('0'..='9').flat_map(|(letter, digit)| [letter, digit]).collect();
        run.write("register", "");
        run.write("sources/some_tests.rs", &format!("    let key = \"{literal}\";\n"));
        run.write("sinks/tmp/log", &format!("{{\"key\":\"{literal}\"}}"));
        let told = run.sweep().unwrap_err().to_string();
        assert!(told.contains("the literal of") && told.contains("some_tests.rs:1 in "), "{told}");
    }

    #[test]
    fn a_sweep_over_nothing_is_a_failure() {
        let run = Run::new();
        fs::remove_dir_all(run.directory.path().join("sinks/tmp")).unwrap();
        assert!(run.sweep().unwrap_err().to_string().contains("nothing to sweep"));
    }

    #[test]
    fn words_and_numbers_are_no_secrets() {
        let found = |line: &str| literals(line).map(str::to_owned).collect::<Vec<_>>();
        let key = ["kR7vQ2", "pXw9Lm"].concat();
        assert_eq!(found(&format!("put(\"{key}\", \"oauth2-client-credentials\", \"2031-04-05 060708\")")), [key]);
        assert!(found("let name = \"a_secret_that_comes_back_in_any_spelling\"; // 1234 aB3dE5fG7hI9").is_empty());
    }
}
