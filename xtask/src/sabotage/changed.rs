//! What differs from an earlier commit.

use std::collections::BTreeSet;
use std::path::Path;

use crate::step::{Failed, Step};

/// The tree without any file, which every git repository knows (the hash of an empty tree object).
const EMPTY_TREE: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

/// What differs, and from what.
pub(crate) struct Changes {
    /// The commit, in words.
    pub(crate) base: String,
    /// Changed, new and deleted files, committed or not.
    pub(crate) files: BTreeSet<String>,
    /// A number that is another one after each commit.
    pub(crate) turn: u64,
}

/// What differs from `base`, or from the most sensible commit there is.
///
/// # Errors
/// [`Failed`] when git cannot be asked, or knows no such commit.
pub(crate) fn since(base: &str) -> Result<Changes, Failed> {
    let (commit, words) = match base {
        "" => found(),
        base => (base.to_owned(), format!("{base}, as asked")),
    };
    let changed = git(&["diff", "--name-only", "--no-renames", &commit, "--"])?;
    let new = git(&["ls-files", "--others", "--exclude-standard"])?;
    let files = changed.lines().chain(new.lines()).map(str::to_owned).collect();
    let head = git(&["rev-parse", "HEAD"])?;
    let turn = head.get(..8).and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or_default();
    Ok(Changes { base: words, files, turn })
}

/// Where the branch left its upstream's default branch; else the commit before the last one; else nothing, so that
/// everything is new.
fn found() -> (String, String) {
    for upstream in ["@{upstream}", "origin/HEAD", "origin/main"] {
        let (Some(began), Some(head)) = (known(&["merge-base", "HEAD", upstream]), known(&["rev-parse", "HEAD"]))
        else {
            continue;
        };
        if began != head {
            let words = format!("{began}, where the branch left {upstream}");
            return (began, words);
        }
    }
    match known(&["rev-parse", "--verify", "--quiet", "HEAD~1"]) {
        Some(commit) => (commit.clone(), format!("{commit}, the commit before the last one")),
        None => (EMPTY_TREE.to_owned(), "nothing: there is one commit only".to_owned()),
    }
}

fn git(arguments: &[&str]) -> Result<String, Failed> {
    Step::new("asking git what changed", Path::new("git")).args(arguments).output()
}

/// An answer of git that may be that there is none.
fn known(arguments: &[&str]) -> Option<String> {
    let answer = std::process::Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
    (answer.status.success() && !text.is_empty()).then_some(text)
}
