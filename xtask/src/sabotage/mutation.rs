//! The mutations, as data.

use std::fmt;
use std::path::Path;

use serde::Deserialize;

use crate::step::{Failed, file};

/// The mutations of one room: one file.
#[derive(Debug)]
pub(crate) struct Room {
    pub(crate) name: String,
    pub(crate) mutations: Vec<Mutation>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Document {
    /// The package whose unit tests kill, where a mutation names no other.
    package: String,
    mutation: Vec<Raw>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Raw {
    id: String,
    promise: u8,
    removes: String,
    file: String,
    find: String,
    replace: String,
    test: String,
    #[serde(default)]
    expect: Expect,
    package: Option<String>,
    integration: Option<String>,
}

/// One control, taken away.
#[derive(Debug)]
pub(crate) struct Mutation {
    pub(crate) id: String,
    /// The promise of `SECURITY.md` that it breaks.
    pub(crate) promise: u8,
    /// What is missing then, in words.
    pub(crate) removes: String,
    pub(crate) file: String,
    /// Occurs exactly once in the file.
    pub(crate) find: String,
    pub(crate) replace: String,
    pub(crate) expect: Expect,
    package: String,
    integration: Option<String>,
    test: String,
}

/// What must stop it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Expect {
    /// A test that fails.
    #[default]
    Test,
    /// The compiler: what is taken away is a proof that the types demand. Said aloud, because a mutation with a slip of
    /// the pen does not compile either.
    Compile,
    /// The time limit: without the control, the code does not end.
    Timeout,
}

/// The tests that are run for a mutation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Command {
    pub(crate) package: String,
    /// The integration test; unit tests where there is none.
    pub(crate) integration: Option<String>,
    /// Names of tests, or parts of them, separated by spaces.
    pub(crate) filter: String,
}

impl Mutation {
    /// The tests that must notice.
    pub(crate) fn command(&self) -> Command {
        Command { package: self.package.clone(), integration: self.integration.clone(), filter: self.test.clone() }
    }

    /// The file with the mutation in it.
    ///
    /// # Errors
    /// [`Failed::Gate`] when the text does not occur exactly once: the code moved on, and the mutation has to follow.
    pub(crate) fn apply(&self, text: &str) -> Result<String, Failed> {
        let found = text.matches(&self.find).count();
        if found == 1 && self.find != self.replace {
            return Ok(text.replacen(&self.find, &self.replace, 1));
        }
        let why = format!("its text occurs {found} times in {}", self.file);
        Err(Failed::Gate(format!("mutation {} no longer applies: {why}; update it", self.id)))
    }
}

impl fmt::Display for Command {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.integration {
            Some(test) => write!(formatter, "{} --test {test} {}", self.package, self.filter),
            None => write!(formatter, "{} --lib {}", self.package, self.filter),
        }
    }
}

/// Reads every room's file.
///
/// # Errors
/// [`Failed`] when a file cannot be read, is malformed, or repeats an id.
pub(crate) fn load(directory: &Path) -> Result<Vec<Room>, Failed> {
    let mut rooms = Vec::new();
    let listed = file("the mutations", std::fs::read_dir(directory))?;
    for entry in listed {
        let path = file("the mutations", entry)?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            rooms.push(room(name, &file(&format!("mutations of {name}"), std::fs::read_to_string(&path))?)?);
        }
    }
    rooms.sort_by(|one, other| one.name.cmp(&other.name));
    let mut ids: Vec<&str> = rooms.iter().flat_map(|room| &room.mutations).map(|one| one.id.as_str()).collect();
    ids.sort_unstable();
    match ids.windows(2).find(|pair| pair.first() == pair.last()) {
        Some(pair) => Err(Failed::Gate(format!("two mutations are called {}", pair.concat()))),
        None => Ok(rooms),
    }
}

fn room(name: &str, text: &str) -> Result<Room, Failed> {
    let document: Document =
        toml::from_str(text).map_err(|error| Failed::Gate(format!("tests/sabotage/{name}.toml: {error}")))?;
    let package = document.package;
    let mutations = document.mutation.into_iter().map(|raw| Mutation {
        package: raw.package.unwrap_or_else(|| package.clone()),
        id: raw.id,
        promise: raw.promise,
        removes: raw.removes,
        file: raw.file,
        find: raw.find,
        replace: raw.replace,
        test: raw.test,
        expect: raw.expect,
        integration: raw.integration,
    });
    Ok(Room { name: name.to_owned(), mutations: mutations.collect() })
}

/// Holds every mutation against the code as it is.
///
/// # Errors
/// [`Failed::Gate`] with all that do not apply any more.
pub(crate) fn check(rooms: &[Room], root: &Path) -> Result<(), Failed> {
    let mut wrong = Vec::new();
    for mutation in rooms.iter().flat_map(|room| &room.mutations) {
        let text = std::fs::read_to_string(root.join(&mutation.file)).unwrap_or_default();
        wrong.extend(mutation.apply(&text).err().map(|error| error.to_string()));
    }
    if wrong.is_empty() { Ok(()) } else { Err(Failed::Gate(wrong.join("\n  "))) }
}

/// A mutation for the tests of the modules beside this one.
#[cfg(test)]
pub(crate) fn tests_support(number: usize, file: &str) -> Mutation {
    Mutation {
        id: number.to_string(),
        promise: 1,
        removes: String::new(),
        file: file.to_owned(),
        find: String::new(),
        replace: String::new(),
        expect: Expect::Test,
        package: String::new(),
        integration: None,
        test: String::new(),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]
mod tests {
    use super::{Command, Expect, check, load, room};

    const ONE: &str = r#"
        package = "p"
        [[mutation]]
        id = "a"
        promise = 2
        removes = "the check"
        file = "x.rs"
        find = "if bad { stop() }"
        replace = ""
        test = "tests::bad"
    "#;

    #[test]
    fn a_mutation_applies_once_or_says_that_it_does_not() {
        let mutation = &room("r", ONE).unwrap().mutations[0];
        assert_eq!(mutation.apply("a; if bad { stop() } b").unwrap(), "a;  b");
        for text in ["a; b", "if bad { stop() } if bad { stop() }", ""] {
            assert!(mutation.apply(text).unwrap_err().to_string().contains("a no longer applies"), "{text}");
        }
    }

    #[test]
    fn unit_tests_of_the_room_kill_unless_it_says_otherwise() {
        let mutation = &room("r", ONE).unwrap().mutations[0];
        let command = Command { package: "p".to_owned(), integration: None, filter: "tests::bad".to_owned() };
        assert_eq!((mutation.command(), mutation.expect), (command, Expect::Test));
        let other = ONE.replace("promise", "integration = \"it\"\npackage = \"q\"\nexpect = \"compile\"\npromise");
        let mutation = &room("r", &other).unwrap().mutations[0];
        assert_eq!(mutation.command().to_string(), "q --test it tests::bad");
        assert_eq!(mutation.expect, Expect::Compile);
    }

    #[test]
    fn unknown_keys_are_an_error() {
        assert!(room("r", &ONE.replace("removes", "remove")).is_err());
    }

    /// Part of every test run: whoever changes the code finds out at once, not when the gate runs.
    #[test]
    fn every_mutation_applies_to_the_code_as_it_is() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let rooms = load(&root.join("tests/sabotage")).unwrap();
        assert!(rooms.len() > 5);
        check(&rooms, &root).unwrap();
        for promise in 1..=10 {
            assert!(rooms.iter().flat_map(|room| &room.mutations).any(|one| one.promise == promise), "{promise}");
        }
    }
}
