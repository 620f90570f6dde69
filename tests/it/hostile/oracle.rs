//! R2, E13: no answer tells a guest anything about a secret but that it was there, and that is the end.

use std::time::{Duration, Instant};

use claviger_lab::Canary;
use claviger_sim::SeenRequest;
use serde_json::{Value, json};

use super::echoes::leaked;
use super::{LEAK, Siege, get, run, say, spell};
use crate::laboratory::swept;

/// Asks the upstream to reflect a guess, and reads the answer.
fn guess(guess: &str) -> Value {
    json!([
        { "do": "open", "name": "pair", "as": "k" },
        { "do": "send", "operation": "get", "parameters": [["case", "reflect"], ["q", guess]], "credential": "k" },
    ])
}

/// An upstream that writes back what the plugin sent, and nothing that the host placed.
fn reflects(siege: &Siege) {
    siege.upstream.then(|request: &SeenRequest| {
        let pairs = claviger_lab::pairs(request.query.as_deref().unwrap_or_default());
        say::body(pairs.into_iter().next().map(|(_, value)| value).unwrap_or_default())
    });
}

#[test]
fn a_wrong_guess_and_a_nearly_right_one_are_answered_alike() {
    // The plugin writes its guesses itself, and the log keeps what a plugin asked for: nothing here is a secret that got out.
    let siege = Siege::lost();
    reflects(&siege);
    let mut agent = siege.agent();
    let right = siege.password.value.clone();
    let letter = |text: &str| if text.ends_with('0') { '1' } else { '0' };
    let guesses = [
        "f".repeat(40),
        // All but the last character, and all but the first: the longest prefix and suffix that a search would find.
        format!("{}{}", &right[..39], letter(&right)),
        format!("{}{}", letter(&right[..1]), &right[1..]),
        right[..39].to_owned(),
        right[1..].to_owned(),
        right[..20].to_owned(),
    ];
    let mut took: Vec<Duration> = Vec::new();
    for text in guesses {
        let started = Instant::now();
        let told = run(&mut agent, "script", &guess(&text));
        took.push(started.elapsed());
        let expected = json!({ "status": 200, "headers": {}, "length": text.len(), "captured": 0, "body": text });
        // A part of a secret is not a secret: the guest wrote it itself, and it comes back untouched.
        assert!(told[1] == expected, "a guess was answered otherwise");
    }
    let told = run(&mut agent, "script", &guess(&right));
    assert_eq!(told[1], leaked());
    // One hit is the end: what is right is told once, and then the secret is useless.
    let told = run(&mut agent, "script", &guess(&"f".repeat(40)));
    assert_eq!((&told[1]["refused"], &told[1]["left"]), (&json!("Reason::SecretUnavailable"), &json!(false)));
}

#[test]
fn neither_an_error_nor_an_answer_tells_how_long_a_secret_is() {
    let siege = Siege::new();
    let long = Canary::given("cona", &Canary::new("half").unwrap().value.repeat(12)).unwrap();
    siege.lab.know(long.clone());
    let short = Canary::given("conb", &Canary::new("half").unwrap().value[..16]).unwrap();
    siege.lab.know(short.clone());
    let mut seen: Vec<Vec<Value>> = Vec::new();
    for canary in [&long, &short] {
        siege.lab.put(&format!("op://MSP/Lengths/{}", canary.name), canary).unwrap();
        siege.connect(&canary.name, &[]);
        siege
            .lab
            .must(&["connection", "bind", &canary.name, &format!("key=op://MSP/Lengths/{}", canary.name)])
            .unwrap();
        let mut agent = siege.agent();
        let mut all = Vec::new();
        for (case, credential, value) in [
            ("clean", "key", "nothing".to_owned()),
            ("size", "key", "x".repeat(300 << 10)),
            ("leak", "key", canary.value.clone()),
            ("quarantined", "key", "nothing".to_owned()),
        ] {
            siege.says(say::body(value));
            let result =
                agent.call(&format!("{}_run", canary.name), &json!({ "steps": get(case, credential) })).unwrap();
            // The connection's own name is the only thing that may differ.
            let text = result.to_string().replace(&canary.name, "connection");
            all.push(serde_json::from_str::<Value>(&text).unwrap());
        }
        seen.push(all);
    }
    assert!(seen[0].iter().any(|result| result.to_string().contains(LEAK)));
    assert_eq!(seen[0], seen[1]);
    swept(&siege.lab);
}

#[test]
fn how_the_secret_was_spelled_and_where_is_not_told() {
    let siege = Siege::new();
    let mut told = Vec::new();
    for script in [
        say::body(&siege.key.value),
        say::answer("500 Internal Server Error", "", siege.key.value.as_bytes()),
        say::body(format!("{}{}", "x".repeat(100_000), spell::base64(siege.key.value.as_bytes()))),
        say::answer("200 OK", &format!("X-Echo: {}\r\n", siege.key.value), b"{}"),
    ] {
        siege.says(script);
        let ran = siege.lab.call("script.run", &json!({ "steps": get("spelled", "key") })).unwrap();
        siege.lift("script", "key");
        told.push((ran.code, ran.stdout, ran.stderr));
    }
    assert!(told.windows(2).all(|pair| pair[0] == pair[1]), "{told:#?}");
    swept(&siege.lab);
}
