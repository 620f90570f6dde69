//! What git knows. A tree without its history, an export for example, has no git to ask: then every file is there, and new.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use crate::step::{Failed, file};

/// Directories that are built and not written.
const BUILT: [&str; 2] = ["target", ".git"];

/// An answer of git, or nothing: it knows none, has no history here, or is not installed.
pub(crate) fn ask(root: &Path, arguments: &[&str]) -> Option<String> {
    // In a container the tree may belong to another user. It is trusted already: it is what was built and runs here.
    let root = root.canonicalize().ok()?;
    // The history of a directory around the tree is not the tree's.
    let above = root.parent().unwrap_or(&root);
    let mut git = Command::new("git");
    git.args(["-c", "safe.directory=*", "-C"]).arg(&root).args(arguments).env("GIT_CEILING_DIRECTORIES", above);
    let answer = git.output().ok()?;
    answer.status.success().then(|| String::from_utf8_lossy(&answer.stdout).trim().to_owned())
}

/// Every file of the tree that is not built, by its path in it: those of git, or all.
///
/// # Errors
/// [`Failed`] when a directory cannot be read.
pub(crate) fn files(root: &Path) -> Result<BTreeSet<String>, Failed> {
    if let Some(listed) = ask(root, &["ls-files", "-z", "--cached", "--others", "--exclude-standard"]) {
        let names = listed.split('\0').filter(|name| !name.is_empty() && root.join(name).is_file());
        return Ok(names.map(str::to_owned).collect());
    }
    let mut files = BTreeSet::new();
    file("listing the files", walk(root, "", &mut files))?;
    Ok(files)
}

fn walk(root: &Path, below: &str, files: &mut BTreeSet<String>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(root.join(below))? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let path = if below.is_empty() { name.clone() } else { format!("{below}/{name}") };
        // Not through links: `is_dir` of an entry does not follow them.
        if !entry.file_type()?.is_dir() {
            files.insert(path);
        } else if !BUILT.contains(&name.as_str()) {
            walk(root, &path, files)?;
        }
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::path::Path;

    use super::{ask, files};

    fn git(root: &Path, arguments: &[&str]) {
        let author = ["-c", "user.name=t", "-c", "user.email=t@example.org"];
        assert!(ask(root, &[&author, arguments].concat()).is_some(), "{arguments:?}");
    }

    #[test]
    fn files_are_found_with_git_and_without_and_built_ones_are_none() {
        let tree = tempfile::tempdir().unwrap();
        for (name, text) in [("a.rs", ""), ("b/c.rs", ""), ("b/target/d", ""), (".gitignore", "target\n")] {
            let path = tree.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let without = files(tree.path()).unwrap();
        assert_eq!(without.iter().map(String::as_str).collect::<Vec<_>>(), [".gitignore", "a.rs", "b/c.rs"]);
        git(tree.path(), &["init", "--quiet"]);
        assert_eq!(files(tree.path()).unwrap(), without);
        assert_eq!(ask(tree.path(), &["rev-parse", "--verify", "--quiet", "HEAD"]), None);
    }
}
