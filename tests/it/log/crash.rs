//! Killed in the middle: what was under way is known to be unknown.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use claviger_lab::Lab;
use claviger_sim::{Hostile, HostileConfig, Recorder, Running};

use super::entries;
use crate::cli::variant::{install, packed};
use crate::laboratory::{lab, swept};

const PATIENCE: Duration = Duration::from_secs(20);

/// A connection `psa` whose `search_tickets` never gets an answer.
pub(crate) struct Hanging {
    upstream: Running,
}

impl Hanging {
    pub(crate) fn new(lab: &Lab) -> Self {
        let elsewhere = Recorder::start().unwrap().running.addr;
        let names = vec!["api-na.myconnectwise.net".to_owned()];
        let config = HostileConfig { echoed: "authorization".to_owned(), elsewhere, names };
        let upstream = Hostile::start(&lab.ca, config).unwrap();
        install(
            lab,
            &packed(lab, "psa", |manifest| {
                manifest.replacen("\"/v4_6_release/apis/3.0/service/tickets\"", "\"/hang\"", 1)
            }),
        );
        let canaries = ["company", "public-key", "private-key", "client-id"].map(|name| lab.canary(name).unwrap());
        let mut more = Vec::new();
        for canary in &canaries {
            let reference = format!("op://MSP/ConnectWise/{}", canary.name);
            lab.put(&reference, canary).unwrap();
            more.extend(["--secret".to_owned(), format!("{}={reference}", canary.name)]);
        }
        let more: Vec<&str> = more.iter().map(String::as_str).collect();
        lab.connect("psa", "psa", "api", upstream.addr, &more).unwrap();
        Self { upstream }
    }

    /// Waits until the upstream has one more request.
    pub(crate) fn reached(&self, before: usize) {
        let until = Instant::now() + PATIENCE;
        while self.upstream.seen().len() <= before {
            assert!(Instant::now() < until, "the request never arrived");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn call(lab: &Lab) -> Child {
    let mut command = lab.command();
    command.args(["call", "psa.search_tickets"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn a_killed_call_has_an_outcome_that_nobody_knows() {
    let lab = lab();
    let hanging = Hanging::new(&lab);
    let mut child = call(&lab);
    hanging.reached(0);
    child.kill().unwrap();
    let output = child.wait_with_output().unwrap();
    lab.heard(&output.stderr);
    assert!(output.stdout.is_empty());
    let interrupted = &entries(&lab, 1)[0];
    assert_eq!(interrupted["kind"], "intent");
    // Whoever opens the log next says so, and only once.
    let put = lab.run_with(&["secret", "put", "op://MSP/a/b"], b"x").unwrap();
    assert_eq!(put.code, 0, "{}", put.stderr);
    assert!(put.stderr.contains("1 requests have no known outcome"), "{}", put.stderr);
    let log = entries(&lab, 2);
    assert_eq!((&log[0]["kind"], &log[0]["reason"]), (&"outcome-unknown".into(), &"interrupted".into()));
    assert_eq!(log[0]["intent"], interrupted["index"]);
    let again = lab.run_with(&["secret", "put", "op://MSP/a/c"], b"x").unwrap();
    assert_eq!((again.code, again.stderr.as_str()), (0, ""));
    assert_eq!(lab.must(&["audit", "verify", "--json"]).unwrap().json()["open_intents"], 0);
    swept(&lab);
}

#[test]
fn a_line_that_a_crash_tore_is_set_aside_and_said() {
    use std::io::Write as _;
    let lab = lab();
    let before = super::count(&lab);
    let mut log = std::fs::File::options().append(true).open(lab.state().join("audit/log.jsonl")).unwrap();
    log.write_all(b"{\"at\":\"2026-").unwrap();
    drop(log);
    let put = lab.run_with(&["secret", "put", "op://MSP/a/b", "--json"], b"x").unwrap();
    assert_eq!(put.code, 0, "{}", put.stderr);
    let notice: serde_json::Value = serde_json::from_str(put.stderr.trim()).unwrap();
    assert!(
        notice["notice"].as_str().unwrap().contains(&format!("entry {before} of the audit log was cut off")),
        "{notice}"
    );
    assert_eq!(std::fs::read(lab.state().join("audit/torn-1")).unwrap(), b"{\"at\":\"2026-");
    assert_eq!(entries(&lab, 2)[0]["note"]["action"], "log-recovered");
    lab.must(&["audit", "verify"]).unwrap();
}
