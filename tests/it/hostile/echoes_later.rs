//! B29: the upstream keeps the secret, and gives it to a call that never had it.

use serde_json::json;

use super::echoes::leaked;
use super::{Siege, get, run, say};

#[test]
fn a_secret_that_another_call_reads_later() {
    let siege = Siege::lost();
    // Within one call, every secret that it has touched is looked for, whichever was sent last.
    siege.says(say::body(&siege.password.value));
    let mut agent = siege.agent();
    let mut steps = get("pair first", "pair");
    siege.upstream.then({
        let password = siege.password.value.clone();
        move |request| say::body(if request.path.contains("first") { "{}" } else { password.as_str() })
    });
    steps.as_array_mut().unwrap().extend(get("then the key", "key").as_array().unwrap().clone());
    let told = run(&mut agent, "script", &steps);
    assert_eq!((&told[1]["status"], &told[3]), (&json!(200), &leaked()), "B29.1");
    drop(agent);
    for secret in ["password", "user"] {
        siege.lift_if_listed("script", secret);
    }
    // In another call of the same session too.
    let mut agent = siege.agent();
    assert_eq!(run(&mut agent, "script", &get("pair first", "pair"))[1]["status"], 200);
    let told = run(&mut agent, "script", &get("then the key", "key"));
    assert_eq!(told[1], leaked(), "B29.2");
}

impl Siege {
    fn lift_if_listed(&self, connection: &str, secret: &str) {
        if self.quarantined().as_array().unwrap().iter().any(|entry| entry["secret"] == secret) {
            self.lift(connection, secret);
        }
    }
}
