//! What nobody here wrote, for the tests that use it: an OAuth 2 server from npm, a Redfish server from PyPI, the library
//! that the independent verifier of logs (`tests/verifier`) checks signatures with, a browser from Debian.

use std::path::Path;

use crate::step::{Failed, Step, file, say};

/// Where the tests look for them.
const INSTALLED: &str = "target/servers";
/// Where the tests look for the browser.
const BROWSER: &str = "/usr/bin/chromium";
/// What pins their versions.
const PINS: [&str; 2] = ["package-lock.json", "requirements.txt"];

/// Installs what the servers need, when it is missing or pinned otherwise by now.
///
/// # Errors
/// [`Failed`] at the first step that does.
pub(crate) fn install() -> Result<(), Failed> {
    browser()?;
    system_packages()?;
    let directory = Path::new(INSTALLED);
    if PINS.iter().all(|pin| is_current(directory, pin)) {
        return Ok(());
    }
    file("making the servers' directory", std::fs::create_dir_all(directory))?;
    for name in ["package.json", "package-lock.json"] {
        copy(name, &directory.join(name))?;
    }
    Step::new("installing oidc-provider", Path::new("npm"))
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", INSTALLED])
        .run()?;
    let environment = directory.join("venv");
    Step::new("making a Python environment", Path::new("python3")).args(["-m", "venv"]).args([&environment]).run()?;
    Step::new("installing sushy-tools and cryptography", &environment.join("bin/python"))
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--requirement"])
        .args(["tests/servers/requirements.txt"])
        .run()?;
    let noted = directory.join("installed");
    file("noting what is installed", std::fs::create_dir_all(&noted))?;
    PINS.iter().try_for_each(|pin| copy(pin, &noted.join(pin)))
}

/// The browser that people are played by. A machine without Debian's packages is told what is missing.
fn browser() -> Result<(), Failed> {
    if Path::new(BROWSER).exists() {
        return Ok(());
    }
    say("Chromium is missing; Debian has it, otherwise put one at /usr/bin/chromium");
    apt(&["chromium"])
}

/// Whether an installation of exactly these pins is there; the note is written last.
fn is_current(directory: &Path, pin: &str) -> bool {
    let noted = std::fs::read(directory.join("installed").join(pin)).ok();
    noted.is_some() && noted == std::fs::read(Path::new("tests/servers").join(pin)).ok()
}

fn copy(name: &str, to: &Path) -> Result<(), Failed> {
    file("copying the servers' pins", std::fs::copy(Path::new("tests/servers").join(name), to)).map(|_| ())
}

/// Node.js, npm, Python's venv, strace, which the tests of the log inject faults with, the fingerprint daemon and polkit with
/// the bus that they speak on, and libfido2's programs; from Debian where the machine has none.
fn system_packages() -> Result<(), Failed> {
    // A program, how to see that it works, and the Debian packages that bring it.
    let needed: [(&str, &[&str], &[&str]); 8] = [
        ("node", &["--version"], &["nodejs", "npm"]),
        ("npm", &["--version"], &["npm"]),
        ("python3", &["-c", "import ensurepip, venv"], &["python3", "python3-venv"]),
        ("strace", &["--version"], &["strace"]),
        ("dbus-daemon", &["--version"], &["dbus"]),
        // The daemon itself has no version to tell; its command line comes with it.
        ("sh", &["-c", "test -x /usr/libexec/fprintd"], &["fprintd"]),
        // Nor has polkit's a place on the path.
        ("sh", &["-c", "test -x /usr/lib/polkit-1/polkitd"], &["polkitd"]),
        ("fido2-token", &["-V"], &["fido2-tools"]),
    ];
    let absent = |program: &str, probe: &[&str]| Step::new(program, Path::new(program)).args(probe).output().is_err();
    let missing: Vec<&str> = needed
        .iter()
        .filter(|(program, probe, _)| absent(program, probe))
        .flat_map(|(_, _, packages)| *packages)
        .copied()
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    say("Node.js, Python, strace, dbus, fprintd, polkitd or libfido2's programs are missing; Debian has them");
    apt(&missing)
}

/// Installs Debian packages.
fn apt(packages: &[&str]) -> Result<(), Failed> {
    Step::new("apt-get update", Path::new("apt-get")).args(["update", "--quiet"]).run()?;
    Step::new("apt-get install", Path::new("apt-get"))
        .args(["install", "--quiet", "--yes", "--no-install-recommends"])
        .args(packages)
        .run()
}
