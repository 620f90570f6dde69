//! What differs from an earlier commit.

use std::collections::BTreeSet;
use std::path::Path;

use crate::sabotage::git;
use crate::step::Failed;

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

/// What differs from `base`, or from the most sensible commit there is. Without a history, everything does.
///
/// # Errors
/// [`Failed`] when git knows no such commit, or the files cannot be listed.
pub(crate) fn since(root: &Path, base: &str) -> Result<Changes, Failed> {
    let (commit, words) = match base {
        "" => found(root),
        base => (base.to_owned(), format!("{base}, as asked")),
    };
    let head = git::ask(root, &["rev-parse", "HEAD"]).unwrap_or_default();
    let turn = head.get(..8).and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or_default();
    let Some(changed) = git::ask(root, &["diff", "--name-only", "--no-renames", &commit, "--"]) else {
        if !base.is_empty() {
            return Err(Failed::Gate(format!("git knows no commit {base} here; fetch it, or name another one")));
        }
        let words = "nothing: git has no history here".to_owned();
        return Ok(Changes { base: words, files: git::files(root)?, turn });
    };
    let new = git::ask(root, &["ls-files", "--others", "--exclude-standard"]).unwrap_or_default();
    let files = changed.lines().chain(new.lines()).map(str::to_owned).collect();
    Ok(Changes { base: words, files, turn })
}

/// Where the branch left its upstream's default branch; else the commit before the last one; else nothing, so that
/// everything is new. A shallow clone may have none of them.
fn found(root: &Path) -> (String, String) {
    let known = |arguments: &[&str]| git::ask(root, arguments).filter(|answer| !answer.is_empty());
    let head = known(&["rev-parse", "HEAD"]);
    for upstream in ["@{upstream}", "origin/HEAD", "origin/main"] {
        let began = known(&["merge-base", "HEAD", upstream]);
        if let Some(began) = began.filter(|began| Some(began) != head.as_ref()) {
            let words = format!("{began}, where the branch left {upstream}");
            return (began, words);
        }
    }
    match known(&["rev-parse", "--verify", "--quiet", "HEAD~1"]) {
        Some(commit) => (commit.clone(), format!("{commit}, the commit before the last one")),
        None => (EMPTY_TREE.to_owned(), "nothing: there is one commit only".to_owned()),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::path::Path;

    use super::since;
    use crate::sabotage::git;

    /// A change of one file, committed.
    fn commit(root: &Path, name: &str) {
        std::fs::write(root.join(name), name).unwrap();
        for arguments in [
            &["add", "."][..],
            &["-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "--quiet", "-m", name],
        ] {
            assert!(git::ask(root, arguments).is_some(), "{arguments:?}");
        }
    }

    fn changed(root: &Path) -> Vec<String> {
        since(root, "").unwrap().files.into_iter().collect()
    }

    #[test]
    fn a_clean_checkout_of_any_depth_has_changes() {
        let directory = tempfile::tempdir().unwrap();
        let (origin, shallow) = (directory.path().join("origin"), directory.path().join("shallow"));
        std::fs::create_dir(&origin).unwrap();
        std::fs::write(origin.join("a"), "").unwrap();
        assert_eq!(changed(&origin), ["a"], "an export without a history");
        git::ask(&origin, &["init", "--quiet", "--initial-branch", "main"]).unwrap();
        assert_eq!(changed(&origin), ["a"], "no commit yet");
        commit(&origin, "a");
        assert_eq!(changed(&origin), ["a"], "one commit");
        commit(&origin, "b");
        assert_eq!(changed(&origin), ["b"]);
        git::ask(&origin, &["checkout", "--quiet", "--detach"]).unwrap();
        assert_eq!(changed(&origin), ["b"], "no branch");
        let (from, to) = (format!("file://{}", origin.display()), shallow.to_str().unwrap());
        git::ask(directory.path(), &["clone", "--quiet", "--depth", "1", &from, to]).unwrap();
        assert_eq!(changed(&shallow), ["a", "b"], "one commit of a longer history");
        commit(&shallow, "c");
        assert_eq!(changed(&shallow), ["c"]);
        std::fs::write(shallow.join("d"), "").unwrap();
        assert_eq!(changed(&shallow), ["c", "d"], "not committed yet");
        assert!(since(&shallow, "0123456789").is_err());
    }
}
