//! The statement that a publisher signs: which files make up which plugin.
//!
//! It is the text of a C2SP signed note: a first line that says what is signed, so that a signature can never be taken for
//! one of something else, then name and version, then one digest per file. One package has exactly one such text.

use std::collections::BTreeMap;
use std::fmt;

use crate::check::is_schema_path;
use crate::{Digest, Name};

const FIRST_LINE: &str = "claviger plugin v1";

/// What a publisher signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Statement {
    pub(crate) name: Name,
    pub(crate) version: semver::Version,
    pub(crate) manifest: Digest,
    pub(crate) component: Digest,
    pub(crate) schemas: BTreeMap<String, Digest>,
}

impl Statement {
    /// Reads a statement. Any other spelling of the same statement is refused.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        if lines.next()? != FIRST_LINE {
            return None;
        }
        let name = lines.next()?.parse().ok()?;
        let version = lines.next()?.parse().ok()?;
        let manifest = lines.next()?.strip_prefix("manifest ")?.parse().ok()?;
        let component = lines.next()?.strip_prefix("component ")?.parse().ok()?;
        let schemas = lines.map(schema_line).collect::<Option<_>>()?;
        let statement = Self { name, version, manifest, component, schemas };
        (statement.to_string() == text).then_some(statement)
    }
}

fn schema_line(line: &str) -> Option<(String, Digest)> {
    let (path, digest) = line.strip_prefix("schema ")?.split_once(' ')?;
    if is_schema_path(path) { Some((path.to_owned(), digest.parse().ok()?)) } else { None }
}

impl fmt::Display for Statement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{FIRST_LINE}\n{}\n{}", self.name, self.version)?;
        writeln!(formatter, "manifest {}\ncomponent {}", self.manifest, self.component)?;
        self.schemas.iter().try_for_each(|(path, digest)| writeln!(formatter, "schema {path} {digest}"))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::Statement;
    use crate::Digest;

    fn text() -> String {
        let (one, two) = (Digest::of(b"1"), Digest::of(b"2"));
        format!(
            "claviger plugin v1\npsa\n1.0.0\nmanifest {one}\ncomponent {two}\nschema schemas/a.json {one}\nschema schemas/b.json {two}\n"
        )
    }

    #[test]
    fn a_statement_has_one_spelling() {
        assert_eq!(Statement::parse(&text()).unwrap().to_string(), text());
        let lines: Vec<String> = text().lines().map(str::to_owned).collect();
        let mut swapped = lines.clone();
        swapped.swap(5, 6);
        let mut doubled = lines.clone();
        doubled.extend(lines.last().cloned());
        for other in [swapped.join("\n") + "\n", doubled.join("\n") + "\n", lines.join("\n"), text() + "\n"] {
            assert!(Statement::parse(&other).is_none(), "{other}");
        }
    }

    #[test]
    fn anything_else_is_not_a_statement() {
        for (from, to) in [
            ("claviger plugin v1", "claviger plugin v2"),
            ("psa", "PSA"),
            ("1.0.0", "1"),
            ("manifest sha256", "manifest md5"),
            ("schemas/a.json", "../a.json"),
            ("schema schemas/b", "extra schemas/b"),
        ] {
            assert!(text().contains(from));
            assert!(Statement::parse(&text().replace(from, to)).is_none(), "{to}");
        }
        assert!(Statement::parse("").is_none());
    }
}
