//! A made-up service desk on this machine, for a first call by hand.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use claviger_lab::Canary;
use claviger_sim::{Connectwise, ConnectwiseConfig, Running, TestCa};
use rustix::fs::{CWD, Mode};

use crate::story::say;

/// How often is looked whether somebody asked.
const PAUSE: Duration = Duration::from_millis(100);

/// Its credentials, in the order in which they are handed out.
const CREDENTIALS: [&str; 4] = ["company", "public-key", "private-key", "client-id"];

/// Starts it, says where things are, and shows what reaches it until somebody ends the program.
pub(crate) fn keep(directory: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let values = CREDENTIALS.map(|name| Canary::new(name).map(|canary| canary.value));
    let [company, public_key, private_key, client_id] = values;
    let config = ConnectwiseConfig {
        company: company?,
        public_key: public_key?,
        private_key: private_key?,
        client_id: client_id?,
        throttle: 0,
        names: vec!["api-na.myconnectwise.net".to_owned()],
    };
    let lines = format!("{}\n{}\n{}\n{}\n", config.company, config.public_key, config.private_key, config.client_id);
    let ca = TestCa::new()?;
    let desk = Connectwise::start(&ca, config)?;
    fs::create_dir_all(directory)?;
    fs::write(directory.join("ca.pem"), ca.pem())?;
    fs::write(directory.join("address"), desk.addr.to_string())?;
    hand_out(directory, lines)?;
    say(&format!("a made-up service desk listens on {}; its files are in {}", desk.addr, directory.display()));
    say("go on in another terminal with README, \"Your first approval\"; Ctrl-C ends this one");
    show(&desk)
}

/// Whoever reads `credentials` gets them. It is a pipe: they never lie on the disk.
fn hand_out(directory: &Path, lines: String) -> std::io::Result<()> {
    let path = directory.join("credentials");
    fresh_pipe(&path)?;
    std::thread::spawn(move || {
        // Opening waits for a reader. The next one gets a pipe of its own: this one may keep this pipe open for long.
        while let Ok(mut pipe) = OpenOptions::new().write(true).open(&path) {
            if fresh_pipe(&path).is_err() {
                break;
            }
            let _read_in_part = pipe.write_all(lines.as_bytes());
        }
    });
    Ok(())
}

/// A new pipe that only this user can open, in place of what was there.
fn fresh_pipe(path: &Path) -> std::io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    Ok(rustix::fs::mkfifoat(CWD, path, Mode::RUSR | Mode::WUSR)?)
}

/// What reaches the desk, a line for each request.
fn show(desk: &Running) -> Result<(), Box<dyn std::error::Error>> {
    let mut shown = 0;
    loop {
        let seen = desk.seen();
        for request in seen.iter().skip(shown) {
            let scheme = request.header("authorization").and_then(|value| value.split(' ').next()).unwrap_or("none");
            say(&format!("{} {} with `authorization: {scheme} …`", request.method, request.path));
        }
        shown = seen.len();
        std::thread::sleep(PAUSE);
    }
}
