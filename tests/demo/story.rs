//! The steps.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use claviger_lab::{Agent, Canary, Lab, LabError, Upstream};
use serde_json::{Value, json};

/// One line of the story.
pub(crate) fn say(line: &str) {
    // When nobody reads, the story is told to nobody.
    let _unread = writeln!(std::io::stdout(), "{line}");
}

fn chapter(number: u32, title: &str) {
    say(&format!("\n{number}. {title}"));
}

/// Tells all of it.
pub(crate) fn tell() -> Result<(), Box<dyn std::error::Error>> {
    let began = Instant::now();
    let (claviger, packages) = places()?;
    say("Claviger: an agent uses real systems, and neither it nor a plugin ever sees a secret.");

    chapter(1, "A throw-away state directory, three simulated upstreams over TLS, secrets into the vault");
    let lab = Lab::new(&claviger, &packages)?;
    let psa = lab.psa(0)?;
    let pve = lab.hypervisor()?;
    let pax8 = lab.pax8(Duration::from_secs(3600), 0)?;
    say(&indent(&lab.must(&["secret", "list"])?.stdout));

    chapter(2, "Three signed plugins, installed and granted; what may which of them do?");
    say(&indent(&lab.must(&["plugin", "list"])?.stdout));
    say(&indent(&lab.must(&["grant", "show", "psa"])?.stdout));

    chapter(3, "A technician: claviger call psa.search_tickets");
    let arguments = r#"{"company":"Acme","open_only":true}"#;
    let tickets = lab.must(&["call", "psa.search_tickets", "--args", arguments])?;
    say(&format!("   what the plugin returned: {}", shortened(&tickets.json())));
    say(&format!("   what the upstream saw:    {}", saw(&psa)));

    chapter(4, "An agent, over the Model Context Protocol: licences of a client");
    agent(&lab)?;
    say(&format!("   what the upstream saw:    {}", saw(&pax8)));

    chapter(5, "A hypervisor's API token is rotated: minted, stored unseen, verified, the old one revoked");
    rotate(&lab, &pve)?;

    chapter(6, "What the log holds");
    say(&indent(&lab.must(&["audit", "log", "--last", "12"])?.stdout));
    say(&indent(&lab.must(&["audit", "verify"])?.stdout));

    chapter(7, "A copy of the log is tampered with");
    tamper(&lab)?;

    chapter(8, "Did a secret get out?");
    sweep(&lab)?;
    say(&format!("\ndone in {:.1} s", began.elapsed().as_secs_f64()));
    Ok(())
}

/// The program beside this one, and the signed packages of the workspace.
fn places() -> Result<(PathBuf, PathBuf), Box<dyn std::error::Error>> {
    let this = std::env::current_exe()?;
    let beside = this.parent().ok_or("this program has no directory")?;
    let packages = beside.parent().ok_or("this program's directory has no parent")?.join("packages");
    for needed in [&beside.join("claviger"), &packages] {
        if !needed.exists() {
            return Err(format!("{} is missing; run `cargo xtask demo`", needed.display()).into());
        }
    }
    Ok((beside.join("claviger"), packages))
}

fn agent(lab: &Lab) -> Result<(), LabError> {
    let mut agent = Agent::start(lab)?;
    let tools = agent.tools()?;
    let names: Vec<&str> = tools.iter().filter_map(|tool| tool.get("name").and_then(Value::as_str)).collect();
    say(&format!("   tools it sees: {}", names.join(", ")));
    let companies = agent.call("pax8_list_companies", &json!({ "name": "Acme" }))?;
    let company = companies.pointer("/structuredContent/companies/0/id").cloned().unwrap_or_default();
    let licences = agent.call("pax8_license_summary", &json!({ "company": company }))?;
    say(&format!("   what the model got:       {}", shortened(licences.get("structuredContent").unwrap_or(&licences))));
    Ok(())
}

fn rotate(lab: &Lab, pve: &Upstream) -> Result<(), Box<dyn std::error::Error>> {
    let arguments = r#"{"userid":"claviger@pve","old_token":"agent","new_token":"agent-2"}"#;
    let rotated = lab.must(&["call", "pve.rotate_api_token", "--args", arguments])?;
    say(&format!("   what the model gets: {}", shortened(&rotated.json())));
    let minted = minted(pve).ok_or("the upstream minted nothing")?;
    lab.know(Canary::given("the minted token", &minted)?);
    let references: Vec<String> =
        strings(&rotated.json()).into_iter().filter(|text| text.starts_with("op://")).collect();
    let bindings: Vec<String> = references
        .iter()
        .filter_map(|reference| Some(format!("{}={reference}", reference.rsplit('/').next()?)))
        .collect();
    let mut bind = vec!["connection", "bind", "pve"];
    bind.extend(bindings.iter().map(String::as_str));
    say(&indent(&lab.must(&bind)?.stdout));
    let machines = lab.must(&["call", "pve.list_vms", "--args", r#"{"status":"running"}"#])?;
    say(&format!("   and with the new token: {}", shortened(&machines.json())));
    Ok(())
}

/// The token that the upstream's last requests came with: the minted one.
fn minted(pve: &Upstream) -> Option<String> {
    let seen = pve.running.seen();
    let header = seen.last()?.header("authorization")?.to_owned();
    header.rsplit('=').next().map(str::to_owned)
}

fn tamper(lab: &Lab) -> Result<(), Box<dyn std::error::Error>> {
    let bundle = lab.beside("bundle");
    let path = bundle.to_str().ok_or("a path is not UTF-8")?;
    lab.must(&["audit", "export", path])?;
    say(&indent(&lab.must(&["audit", "verify", path])?.stdout));
    let log = bundle.join("log.jsonl");
    let text = fs::read_to_string(&log)?;
    fs::write(&log, text.replacen("Acme", "Evil", 1))?;
    let broken = lab.run(&["audit", "verify", path])?;
    if broken.code == 0 {
        return Err("verification did not notice the tampering".into());
    }
    say(&format!("   one word changed: exit code {}, {}", broken.code, broken.stderr.trim()));
    Ok(())
}

fn sweep(lab: &Lab) -> Result<(), Box<dyn std::error::Error>> {
    let found = lab.sweep()?;
    if !found.is_empty() {
        return Err(format!("secrets got out: {}", found.join("; ")).into());
    }
    say(&format!(
        "   {} secrets, searched in every frame, output and file of the state directory, in 14 forms: 0 found",
        lab.canaries()
    ));
    Ok(())
}

/// How the upstream was authenticated with, without printing it.
fn saw(upstream: &Upstream) -> String {
    let seen = upstream.running.seen();
    let Some(request) = seen.last() else { return "nothing".to_owned() };
    let scheme = request.header("authorization").and_then(|value| value.split(' ').next()).unwrap_or("none");
    format!("{} {} with `authorization: {scheme} …`, placed by the host", request.method, request.path)
}

fn shortened(value: &Value) -> String {
    let text = value.to_string();
    let cut: String = text.chars().take(180).collect();
    if cut.len() < text.len() { format!("{cut}…") } else { cut }
}

fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(strings).collect(),
        Value::Object(map) => map.values().flat_map(strings).collect(),
        _ => Vec::new(),
    }
}

fn indent(text: &str) -> String {
    text.lines().map(|line| format!("   {line}\n")).collect::<String>().trim_end().to_owned()
}
