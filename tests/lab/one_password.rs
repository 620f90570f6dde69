//! An account of 1Password, behind the faithful `op` of `tests/fake-op`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::run::path_text;
use crate::{Lab, LabError};

/// The account that the configuration pins.
const ACCOUNT: &str = "acme.1password.eu";

/// An account with one vault. `op` finds it through its environment: see [`OnePassword::environment`].
#[derive(Debug)]
pub struct OnePassword {
    home: PathBuf,
}

impl OnePassword {
    /// Makes an account with an empty vault of this name, and lets the laboratory's program keep that vault there.
    /// `behaviour` is one of the fake's own: `normal`, `slow` (no answer), `signed-out`, …
    ///
    /// # Errors
    /// [`LabError`] when `op` cannot be built or a file cannot be written.
    pub fn configure(lab: &Lab, vault: &str, behaviour: &str) -> Result<Self, LabError> {
        let account = Self { home: lab.beside("1password") };
        fs::create_dir_all(account.home.join("op"))?;
        let world = json!({ "state": account.home.join("state.json"), "record": account.record() });
        fs::write(account.home.join("op/fake-op.json"), world.to_string())?;
        account.write(&json!({ "account": ACCOUNT, "unlocked": true, "behaviour": behaviour, "items": [],
            "vaults": [{ "id": "v2gk7mqw4x5p6r7t3d5f6h7jkn", "name": vault }] }))?;
        let config = lab.state().join("claviger.toml");
        let op = built(lab)?;
        let lines = format!(
            "\n[op]\npath = \"{}\"\naccount = \"{ACCOUNT}\"\n[vaults.{vault}]\nprovider = \"op\"\n",
            path_text(&op)?
        );
        fs::write(&config, fs::read_to_string(&config)? + &lines)?;
        Ok(account)
    }

    /// What the program's environment needs, so that its `op` finds this account.
    #[must_use]
    pub fn environment(&self) -> (&'static str, &Path) {
        ("XDG_CONFIG_HOME", &self.home)
    }

    /// The processes of `op` that ran with this account so far: their identifiers and arguments.
    ///
    /// # Errors
    /// [`LabError`] when the record is not readable.
    pub fn runs(&self) -> Result<Vec<Value>, LabError> {
        if !self.record().exists() {
            return Ok(Vec::new());
        }
        let text = fs::read_to_string(self.record())?;
        let parse = |line| serde_json::from_str(line).map_err(|_| LabError::new("the record of op is not JSON"));
        let lines: Vec<Value> = text.lines().map(parse).collect::<Result<_, _>>()?;
        Ok(lines.into_iter().filter(|line| line.get("run").is_some()).collect())
    }

    fn record(&self) -> PathBuf {
        self.home.join("record")
    }

    fn write(&self, state: &Value) -> Result<(), LabError> {
        Ok(fs::write(self.home.join("state.json"), state.to_string())?)
    }
}

/// The program of `tests/fake-op`, in the target directory of the program under test. Cargo names it to nobody but its own
/// package, so it is built here; a build that is up to date takes a moment.
fn built(lab: &Lab) -> Result<PathBuf, LabError> {
    let target = lab.target().ok_or_else(|| LabError::new("the program lies in no target directory"))?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--quiet", "--package", "claviger-fake-op", "--target-dir"]).arg(target);
    build.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."));
    if !build.status()?.success() {
        return Err(LabError::new("tests/fake-op was not built"));
    }
    Ok(target.join("debug/op"))
}
