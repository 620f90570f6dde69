//! `[audit] witness`: a host has its checkpoints signed by itself, calls notice nothing of it, and a log that was rolled back
//! or rewritten serves nobody.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use claviger_lab::{Agent, Lab};
use serde_json::{Value, json};

use super::witness::Witness;
use crate::cli::variant::configure;
use crate::laboratory::{lab, swept};

/// How long anything is waited for here.
const PATIENCE: Duration = Duration::from_secs(30);

/// What an answer in a script does.
enum Says {
    Bytes(String),
    /// The same byte, without end.
    Endless,
    /// Nothing, on a connection that stays open.
    Silence,
}

/// A witness that says what a script says to the first, the second, … request, whatever is asked.
fn scripted(script: impl Fn(usize) -> Says + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let mut open = Vec::new();
        for (count, stream) in listener.incoming().map_while(Result::ok).enumerate() {
            let says = script(count);
            open.push(std::thread::spawn(move || say(stream, says)));
        }
    });
    address
}

fn say(mut stream: TcpStream, says: Says) {
    let _read = stream.read(&mut [0; 64 * 1024]);
    match says {
        Says::Bytes(text) => drop(stream.write_all(text.as_bytes())),
        Says::Endless => {
            let _begun = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
            while stream.write_all(&[b'x'; 4096]).is_ok() {}
        }
        // Until the host hangs up.
        Says::Silence => while stream.read(&mut [0; 4096]).is_ok_and(|read| read > 0) {},
    }
}

fn answer(status: &str, body: &str) -> Says {
    let length = body.len();
    Says::Bytes(format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"))
}

/// Has the host ask these each second; each with the key of a file beside the state directory.
fn ask(lab: &Lab, witnesses: &[(&str, &str)]) {
    configure(&lab.state(), |text| {
        let before = text.split("[audit]").next().unwrap().to_owned();
        let each = witnesses
            .iter()
            .map(|(url, key)| format!("[[audit.witness]]\nurl = {url:?}\nkey = {:?}\n", lab.beside(key)));
        format!("{before}[audit]\nwitness-interval = 1\n{}", each.collect::<String>())
    });
}

fn standing(lab: &Lab, url: &str) -> Value {
    let text = fs::read_to_string(lab.state().join("witnesses.json")).unwrap_or_else(|_| "{}".to_owned());
    serde_json::from_str::<Value>(&text).unwrap()[url].clone()
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn works(agent: &mut Agent<'_>) {
    let result = agent.call("psa_search_tickets", &json!({})).unwrap();
    assert_ne!(result["isError"], true, "{result}");
}

/// How many entries say that a witness disagreed.
fn alarms(lab: &Lab) -> usize {
    lab.entries().unwrap().iter().filter(|entry| entry["note"]["action"] == "witness-disagreed").count()
}

#[test]
fn a_host_has_its_checkpoints_signed_while_it_runs_and_when_it_has_ended() {
    let lab = lab();
    let _psa = lab.psa(0).unwrap();
    let witness = Witness::start(&lab);
    ask(&lab, &[(&witness.address, "w1.pub")]);
    let signed = || standing(&lab, &witness.address)["signed"].as_u64().unwrap_or_default();
    let before = super::count(&lab);
    let mut agent = Agent::start(&lab).unwrap();
    assert!(signed() >= before, "it serves before its witness has seen the log");
    works(&mut agent);
    until("the witness did not sign while the host ran", || signed() >= before + 2);
    works(&mut agent);
    drop(agent);
    // The last checkpoint too: an intent and an outcome for each call.
    assert_eq!((signed(), super::count(&lab)), (before + 4, before + 4));
    let public = lab.beside("w1.pub").to_str().unwrap().to_owned();
    let verified = lab.must(&["audit", "verify", "--json", "--witness", &public]).unwrap().json();
    assert_eq!(verified["cosignatures"][0]["witness"], "witness.example/w1");
    let cosigned = fs::read_to_string(lab.state().join("audit/cosigned")).unwrap();
    assert_eq!(cosigned.lines().nth(1), Some((before + 4).to_string().as_str()));
    assert_eq!(cosigned.matches("witness.example/w1").count(), 1, "{cosigned}");
    swept(&lab);
}

#[test]
fn a_log_that_a_witness_knows_otherwise_serves_nobody() {
    let lab = lab();
    let _psa = lab.psa(0).unwrap();
    let witness = Witness::start(&lab);
    ask(&lab, &[(&witness.address, "w1.pub")]);
    let audit = lab.state().join("audit");
    let earlier = ["log.jsonl", "tree.hashes", "checkpoint"].map(|name| (name, fs::read(audit.join(name)).unwrap()));
    let mut agent = Agent::start(&lab).unwrap();
    (0..4).for_each(|_| works(&mut agent));
    drop(agent);

    // Whoever rolls back takes what was kept beside the log along.
    let rolled_back = || {
        earlier.iter().for_each(|(name, bytes)| fs::write(audit.join(name), bytes).unwrap());
        let _kept = fs::remove_file(audit.join("cosigned"));
        let _kept = fs::remove_file(lab.state().join("witnesses.json"));
    };
    rolled_back();
    let refused = lab.run(&["mcp"]).unwrap();
    assert_eq!(refused.code, 5, "{}", refused.stderr);
    for said in ["the log was rolled back", "Nothing is served", "[audit] in claviger.toml"] {
        assert!(refused.stderr.contains(said), "{said}: {}", refused.stderr);
    }
    assert_eq!(alarms(&lab), 1, "the alarm is in the log");

    // Longer than what was signed, under the same key, and another history.
    rolled_back();
    for number in 0..9 {
        assert_eq!(lab.run_with(&["secret", "put", &format!("op://MSP/other/{number}")], b"x").unwrap().code, 0);
    }
    let refused = lab.run(&["mcp"]).unwrap();
    assert!(refused.code == 5 && refused.stderr.contains("rewritten or forked"), "{}", refused.stderr);
    assert!(!audit.join("cosigned").exists(), "nothing was signed");

    // The operator's way on.
    ask(&lab, &[]);
    works(&mut Agent::start(&lab).unwrap());
    swept(&lab);
}

#[test]
fn witnesses_that_are_gone_or_hostile_delay_and_fail_no_call_and_are_told_of_once() {
    let lab = lab();
    let _psa = lab.psa(0).unwrap();
    let honest = Witness::start(&lab);
    let other = lab.beside("other.key").to_str().unwrap().to_owned();
    lab.must(&["audit", "witness", "key", "witness.example/w1", "--out", &other]).unwrap();
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let hostile = [
        (format!("http://{gone}"), "no connection"),
        (scripted(|_| answer("200 OK", "garbage")), "gave no signature"),
        (scripted(|_| answer("200 OK", "— witness.example/w1 9YAsGQAAAABrBLBd\n")), "gave no signature"),
        (scripted(|_| answer("409 Conflict", "many\n")), "did not sign"),
        // It stands elsewhere each time.
        (scripted(|count| answer("409 Conflict", if count % 2 == 0 { "1\n" } else { "2\n" })), "stands elsewhere"),
        (scripted(|_| answer("302 Found", "")), "redirect"),
        (scripted(|_| Says::Endless), "longer than"),
        (scripted(|_| Says::Silence), "gave no answer"),
    ];
    ask(&lab, &hostile.iter().map(|(url, _)| (url.as_str(), "w1.pub")).collect::<Vec<_>>());
    let begin = Instant::now();
    let mut agent = Agent::start(&lab).unwrap();
    assert!(begin.elapsed() < Duration::from_secs(15), "they were waited for: {:?}", begin.elapsed());
    for _ in 0..3 {
        let begin = Instant::now();
        works(&mut agent);
        assert!(begin.elapsed() < Duration::from_secs(3), "a call waited: {:?}", begin.elapsed());
        std::thread::sleep(Duration::from_millis(700));
    }
    let complaints = agent.complaints();
    for (url, why) in &hostile {
        assert_eq!(complaints.matches(url.as_str()).count(), 1, "{url}: {complaints}");
        let told = standing(&lab, url);
        assert!(told["trouble"]["why"].as_str().unwrap().contains(why), "{why}: {told}");
        assert_eq!((&told["trouble"]["disagrees"], &told["signed"]), (&json!(false), &Value::Null), "{told}");
    }
    drop(agent);
    assert!(!lab.state().join("audit/cosigned").exists(), "a line of nobody's was kept");
    // Another key than the one that is known, under the same name; and then the right one beside all the others.
    ask(&lab, &[(&honest.address, "other.pub")]);
    drop(Agent::start(&lab).unwrap());
    assert!(standing(&lab, &honest.address)["trouble"]["why"].as_str().unwrap().contains("gave no signature"));
    ask(&lab, &[(&hostile[1].0, "w1.pub"), (&honest.address, "w1.pub"), (&hostile[6].0, "w1.pub")]);
    let mut agent = Agent::start(&lab).unwrap();
    assert!(agent.complaints().contains("signs again"), "{}", agent.complaints());
    works(&mut agent);
    drop(agent);
    assert_eq!(standing(&lab, &honest.address)["signed"], super::count(&lab));
    assert_eq!(alarms(&lab), 0);
    swept(&lab);
}

#[test]
fn a_witness_that_raises_an_alarm_meanwhile_stops_no_call_and_the_next_start() {
    let lab = lab();
    let _psa = lab.psa(0).unwrap();
    lab.must(&["audit", "witness", "key", "witness.example/w1", "--out", lab.beside("w1.key").to_str().unwrap()])
        .unwrap();
    // At the start it is merely of no use; then it claims to have seen more than there is.
    let liar = scripted(|count| if count == 0 { answer("500 Oops", "") } else { answer("409 Conflict", "99999999\n") });
    ask(&lab, &[(&liar, "w1.pub")]);
    let mut agent = Agent::start(&lab).unwrap();
    works(&mut agent);
    until("no alarm was raised", || standing(&lab, &liar)["trouble"]["disagrees"] == true && alarms(&lab) == 1);
    works(&mut agent);
    // Two rounds more.
    std::thread::sleep(Duration::from_millis(2_500));
    works(&mut agent);
    let complaints = agent.complaints();
    assert_eq!(complaints.matches("99999999 entries").count(), 1, "{complaints}");
    drop(agent);
    assert_eq!(alarms(&lab), 1, "once, however often it is said");
    let refused = lab.run(&["mcp"]).unwrap();
    assert!(refused.code == 5 && refused.stderr.contains("99999999 entries"), "{}", refused.stderr);
    // Whoever looks into it can.
    lab.must(&["audit", "verify"]).unwrap();
    swept(&lab);
}

#[test]
fn a_configuration_that_is_none_is_told_by_its_line() {
    let lab = lab();
    lab.must(&["audit", "witness", "key", "witness.example/w1", "--out", lab.beside("w1.key").to_str().unwrap()])
        .unwrap();
    let url = "https://witness.example/log";
    for witnesses in
        [&[("ftp://w", "w1.pub")][..], &[(url, "missing.pub")], &[(url, "w1.key")], &[(url, "w1.pub"), (url, "w1.pub")]]
    {
        ask(&lab, witnesses);
        let refused = lab.run(&["mcp"]).unwrap();
        assert!(refused.code == 6 && refused.stderr.contains("[audit] witness"), "{witnesses:?}: {}", refused.stderr);
    }
}
