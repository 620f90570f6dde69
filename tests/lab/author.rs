//! A plugin's author: has a key of their own, and signs what this project's publisher would not.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::run::path_text;
use crate::{Lab, LabError, Ran};

/// Somebody who signs plugins.
#[derive(Clone, Debug)]
pub struct Publisher {
    key: PathBuf,
    /// The file with the verification key, for `--trust`.
    pub public: PathBuf,
}

/// The files of a package before they are signed.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The manifest's text; packing fills in the component's digest.
    pub manifest: String,
    /// The schemas by their file name.
    pub schemas: BTreeMap<String, Vec<u8>>,
    /// The component.
    pub component: Vec<u8>,
}

impl Draft {
    /// Manifest and schemas of a directory, with a component from elsewhere.
    ///
    /// # Errors
    /// [`LabError`] when a file cannot be read.
    pub fn new(directory: &Path, component: Vec<u8>) -> Result<Self, LabError> {
        let mut schemas = BTreeMap::new();
        for entry in fs::read_dir(directory.join("schemas"))? {
            let entry = entry?;
            schemas.insert(entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path())?);
        }
        Ok(Self { manifest: fs::read_to_string(directory.join("manifest.toml"))?, schemas, component })
    }

    /// The files of a package, to be signed by somebody else.
    ///
    /// # Errors
    /// [`LabError`] when a file cannot be read.
    pub fn of(package: &Path) -> Result<Self, LabError> {
        Self::new(package, fs::read(package.join("component.wasm"))?)
    }

    /// Replaces a text of the manifest that occurs exactly once.
    ///
    /// # Errors
    /// [`LabError`] when it does not: then the test would not test what it says.
    pub fn with(mut self, from: &str, to: &str) -> Result<Self, LabError> {
        if self.manifest.matches(from).count() != 1 {
            return Err(LabError::new(format!("the manifest does not have {from:?} exactly once")));
        }
        self.manifest = self.manifest.replace(from, to);
        Ok(self)
    }

    /// Adds lines to the end of the manifest.
    #[must_use]
    pub fn and(mut self, lines: &str) -> Self {
        self.manifest.push_str(lines);
        self
    }
}

impl Lab {
    /// A publisher of this name with a new key, which lies in files called `file`.
    ///
    /// # Errors
    /// [`LabError`] when the program makes no key.
    pub fn publisher(&self, name: &str, file: &str) -> Result<Publisher, LabError> {
        let key = self.beside(&format!("{file}.key"));
        self.must(&["plugin", "key", name, "--out", path_text(&key)?])?;
        Ok(Publisher { public: key.with_extension("pub"), key })
    }

    /// Packs and signs; gives what the program said and where the package lies, if it was made.
    ///
    /// # Errors
    /// [`LabError`] when the files cannot be written.
    pub fn try_pack(&self, publisher: &Publisher, draft: &Draft, name: &str) -> Result<(Ran, PathBuf), LabError> {
        let (source, package) = (self.beside(&format!("{name}.source")), self.beside(&format!("{name}.package")));
        fs::create_dir_all(source.join("schemas"))?;
        fs::write(source.join("manifest.toml"), &draft.manifest)?;
        for (file, schema) in &draft.schemas {
            fs::write(source.join("schemas").join(file), schema)?;
        }
        let component = self.file(&format!("{name}.wasm"), &draft.component)?;
        let [source, component] = [path_text(&source)?, path_text(&component)?];
        let (key, out) = (path_text(&publisher.key)?, path_text(&package)?);
        let ran = self.run(&["plugin", "pack", source, "--component", component, "--key", key, "--out", out])?;
        Ok((ran, package))
    }

    /// Packs and signs, and has to succeed.
    ///
    /// # Errors
    /// [`LabError`] with what the program said when it does not.
    pub fn pack(&self, publisher: &Publisher, draft: &Draft, name: &str) -> Result<PathBuf, LabError> {
        let (ran, package) = self.try_pack(publisher, draft, name)?;
        if ran.code == 0 { Ok(package) } else { Err(LabError::new(format!("{name} was not packed: {}", ran.stderr))) }
    }

    /// Tries to install a package.
    ///
    /// # Errors
    /// [`LabError`] when the program cannot be started.
    pub fn try_install(&self, package: &Path, trust: Option<&Publisher>) -> Result<Ran, LabError> {
        let mut arguments = vec!["plugin", "install", path_text(package)?];
        if let Some(publisher) = trust {
            arguments.extend(["--trust", path_text(&publisher.public)?]);
        }
        self.run(&arguments)
    }

    /// Packs, signs and installs, and trusts the publisher.
    ///
    /// # Errors
    /// [`LabError`] with what the program said when it refuses.
    pub fn adopt(&self, publisher: &Publisher, draft: &Draft, name: &str) -> Result<PathBuf, LabError> {
        let package = self.pack(publisher, draft, name)?;
        let ran = self.try_install(&package, Some(publisher))?;
        if ran.code == 0 {
            Ok(package)
        } else {
            Err(LabError::new(format!("{name} was not installed: {}", ran.stderr)))
        }
    }
}

/// A hostile guest of `tests/hostile`, by its file name without an ending. A missing one is an error that says how to build
/// it, never a test that is skipped.
///
/// # Errors
/// [`LabError`] when it was not built.
pub fn hostile_guest(name: &str) -> Result<Vec<u8>, LabError> {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../hostile/target");
    let places = ["wasm32-wasip2/release/examples", "wat"].map(|place| built.join(place).join(format!("{name}.wasm")));
    let path = places.iter().find(|path| path.exists());
    let path = path.ok_or_else(|| LabError::new(format!("the guest {name} is not built: run `cargo xtask test`")))?;
    Ok(fs::read(path)?)
}
