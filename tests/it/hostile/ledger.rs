//! B31: what is not stopped, written down, so that nobody claims more than holds.
//!
//! An upstream that wants to help a plugin needs only to agree on a code with it: the upstream has the secret. Here are
//! the simplest such codes, and the spellings of B10 that the scanner does not undo. Each is shown to get through; one that
//! does not any more has to leave this list. `runtime/vault/scan/ledger.rs` has the whole list.

use claviger_sim::Script;

use super::echoes::{self, Expected, Live, leaked};
use super::{Siege, get, run, say, spell};

/// Writes the answer.
type Say = fn(&Live<'_>) -> Script;

/// Out of scope for ever: identifier, title, and how it is written.
const OUT_OF_SCOPE: [(&str, &str, Say); 6] = [
    ("B31.1", "reversed", |live| say::json(live.password.chars().rev().collect::<String>())),
    ("B31.3", "rot13", |live| say::json(rotated(live.password))),
    ("B31.4", "in two fields", |live| {
        let (first, second) = live.password.split_at(20);
        say::body(format!("{{\"a\":\"{first}\",\"b\":\"{second}\"}}"))
    }),
    ("B31.6", "every byte changed by a constant", |live| say::json(spell::separated(&rotated(live.password), "!"))),
    ("B31.7", "seven eighths of it", |live| say::json(&live.password[..35])),
    ("B31.8", "decimal numbers", |live| say::body(spell::bytes(live.password, |byte| format!("{byte},")))),
];

fn rotated(value: &str) -> String {
    let turn = |byte: u8, first: u8| char::from(first + (byte - first + 13) % 26);
    let letter = |byte: u8| if byte.is_ascii_lowercase() { turn(byte, b'a') } else { char::from(byte) };
    value.bytes().map(letter).collect()
}

#[test]
fn what_is_not_stopped_is_what_is_written_down() {
    let siege = Siege::lost();
    let pair = format!("{}:{}", siege.user.value, siege.password.value);
    let live = Live { key: &siege.key.value, pair: &pair, password: &siege.password.value };
    let mut stopped = Vec::new();
    let unknown = echoes::SPELLINGS.iter().filter(|vector| vector.expected == Expected::Missed);
    let unknown = unknown.map(|vector| (vector.id, vector.title, vector.credential, vector.say));
    let never = OUT_OF_SCOPE.map(|(id, title, say)| (id, title, "pair", say));
    for (id, title, credential, say) in unknown.chain(never) {
        siege.says(say(&live));
        let mut agent = siege.agent();
        let told = run(&mut agent, "script", &get("lost", credential));
        drop(agent);
        if told[1] == leaked() {
            for entry in siege.quarantined().as_array().unwrap() {
                siege.lift("script", entry["secret"].as_str().unwrap());
            }
            stopped.push(format!("{id} {title}"));
        } else {
            assert_eq!(told[1]["status"], 200, "{id} {title}");
        }
    }
    assert!(stopped.is_empty(), "stopped by now, so take it out of the ledger: {stopped:#?}");
}
