//! Files of the state directory, read and written so that nothing of them is lost or seen by others.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use claviger_manifest::Malformed;

use crate::error::Failure;

/// Whoever can write the directory can put another approver or another grant into it.
pub(crate) fn only_its_owner_writes(root: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::MetadataExt as _;
    let found = fs::metadata(root).map_err(|error| Failure::file(root, &error))?;
    if found.mode() & 0o022 == 0 {
        return Ok(());
    }
    Err(Failure::state(format!(
        "others can write {0}; `chmod go= {0}`, and see that everything in it is yours",
        root.display()
    )))
}

/// Parses a TOML file of the state directory. Errors name the place and never a value.
pub(crate) fn parse<T: serde::de::DeserializeOwned>(path: &Path, text: &str) -> Result<T, Failure> {
    toml::from_str(text).map_err(|error| Failure::state(format!("{}: {}", path.display(), Malformed::of(text, &error))))
}

/// Reads a text file of the state directory.
pub(crate) fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| Failure::file(path, &error))
}

/// Makes a directory that only its owner enters, if it is not there. Its name is durable before anything is in it.
pub(crate) fn private_directory(path: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::DirBuilderExt as _;
    if path.is_dir() {
        return Ok(());
    }
    let above = path.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
    private_directory(above)?;
    // Recursive only so that whoever makes it at the same moment is no error.
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|error| Failure::file(path, &error))?;
    sync(above)
}

/// Writes a file whole or not at all, readable by its owner only: a new file beside it, synced, then renamed.
pub(crate) fn write(path: &Path, contents: &[u8]) -> Result<(), Failure> {
    // The directory of a bare name is the empty path, which cannot be opened.
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let written = (|| {
        let mut staged = tempfile::NamedTempFile::new_in(directory)?;
        staged.write_all(contents)?;
        staged.as_file().sync_all()?;
        staged.persist(path).map_err(|error| error.error)?;
        fs::File::open(directory)?.sync_all()
    })();
    written.map_err(|error| Failure::file(path, &error))
}

/// Makes new names in a directory durable.
pub(crate) fn sync(directory: &Path) -> Result<(), Failure> {
    let synced = fs::File::open(directory).and_then(|directory| directory.sync_all());
    synced.map_err(|error| Failure::file(directory, &error))
}

/// The names of the entries of a directory that end in `suffix`, without it, sorted. A missing directory has none.
pub(crate) fn names(directory: &Path, suffix: &str) -> Result<Vec<String>, Failure> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Failure::file(directory, &error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| Failure::file(directory, &error))?;
        if let Some(name) = entry.file_name().to_str().and_then(|name| name.strip_suffix(suffix)) {
            names.push(name.to_owned());
        }
    }
    names.sort();
    Ok(names)
}
