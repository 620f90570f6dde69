//! B: the secret comes back, in every encoding. ASI02, ASI03; AML.T0086, AML.T0098.
//!
//! Whatever is expected of a vector, the guest gets none of it: not in what it is told, and not in its memory.

use claviger_lab::Agent;
use claviger_sim::Script;
use serde_json::{Value, json};

use super::spell::{self, bytes};
use super::{LEAK, Siege, distinct, get, run, say};
use crate::laboratory::swept;

/// What the vectors are made of.
pub(super) struct Live<'a> {
    /// The key, with characters that every encoding spells differently.
    pub(super) key: &'a str,
    /// User and password of the pair, as Basic puts them together.
    pub(super) pair: &'a str,
    /// The password alone.
    pub(super) password: &'a str,
}

/// What becomes of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// It is dropped, the secret quarantined, and the log says leak.
    Leak,
    /// It is refused with this code of the audit log, nobody having looked for a secret.
    Refused(&'static str),
    /// It passes, because what held the secret is thrown away on the way.
    Passes,
    /// It is not found, and the guest gets it: a line of the ledger. One that is found although it says this fails the
    /// ledger's test.
    Missed,
}

/// One way to give a secret back.
pub(super) struct Vector {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    /// The credential that the request carries.
    pub(super) credential: &'static str,
    /// What a leak quarantines.
    pub(super) secrets: &'static [&'static str],
    /// The one column that says what is expected.
    pub(super) expected: Expected,
    pub(super) say: fn(&Live<'_>) -> Script,
}

/// A vector for the key.
pub(super) const fn key(
    id: &'static str,
    title: &'static str,
    expected: Expected,
    say: fn(&Live<'_>) -> Script,
) -> Vector {
    Vector { id, title, credential: "key", secrets: &["key"], expected, say }
}

/// A vector for the pair.
const fn pair(id: &'static str, title: &'static str, say: fn(&Live<'_>) -> Script) -> Vector {
    Vector { id, title, credential: "pair", secrets: &["password", "user"], expected: Expected::Leak, say }
}

use Expected::{Leak, Missed};

/// A base64 text whose first byte of the key stands at another place of its group.
fn shifted(live: &Live<'_>, before: &str) -> String {
    format!("{before}{}~tail", live.key)
}

pub(super) const SPELLINGS: &[Vector] = &[
    key("B1.1", "as it is, in text", Leak, |live| say::body(format!("seen: {}\n", live.key))),
    key("B1.2", "as it is, at the very start", Leak, |live| say::body(live.key)),
    key("B1.3", "as it is, as the last bytes", Leak, |live| say::body(format!("x{}", live.key))),
    key("B1.4", "as it is, behind 200 KiB", Leak, |live| say::body(format!("{}{}", "x".repeat(200 << 10), live.key))),
    key("B1.5", "as it is, under another type", Leak, |live| {
        say::answer("200 OK", "Content-Type: image/png\r\n", live.key.as_bytes())
    }),
    key("B1.6", "as a key of JSON", Leak, |live| say::body(format!("{{{}:1}}", spell::json(live.key)))),
    key("B2", "a JSON string", Leak, |live| {
        say::body(format!("{{\"headers\":{{\"Authorization\":{}}}}}", spell::json(live.key)))
    }),
    key("B2.2", "a JSON string in a JSON string", Leak, |live| say::body(spell::json(&spell::json(live.key)))),
    key("B3", "JSON with an escaped solidus", Leak, |live| say::body(spell::json(live.key).replace('/', "\\/"))),
    key("B4.1", "JSON escapes, lower case", Leak, |live| say::json(bytes(live.key, |byte| format!("\\u{byte:04x}")))),
    key("B4.2", "JSON escapes, upper case", Leak, |live| say::json(bytes(live.key, |byte| format!("\\u{byte:04X}")))),
    key("B4.3", "JSON escapes, both cases", Leak, |live| say::json(spell::mixed(live.key))),
    key("B4.4", "JSON escapes for every second character", Leak, |live| {
        let mut odd = false;
        say::json(bytes(live.key, |byte| {
            odd = !odd;
            if odd || b"\"\\".contains(&byte) { format!("\\u{byte:04x}") } else { char::from(byte).to_string() }
        }))
    }),
    key("B5", "\\x escapes", Leak, |live| say::body(bytes(live.key, |byte| format!("\\x{byte:02x}")))),
    key("B6.1", "percent encoding, upper case", Leak, |live| say::json(spell::percent(live.key))),
    key("B6.2", "percent encoding, lower case", Leak, |live| {
        say::json(bytes(live.key, |byte| {
            if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02x}") }
        }))
    }),
    key("B7", "every byte percent-encoded", Leak, |live| say::json(bytes(live.key, |byte| format!("%{byte:02X}")))),
    key("B8", "a form, with + for the space", Leak, |live| {
        say::body(format!("token={}&x=1", spell::percent(live.key).replace("%20", "+")))
    }),
    key("B9", "percent encoding twice", Leak, |live| say::json(spell::percent(&spell::percent(live.key)))),
    key("B10.1", "base64 at the start of a group", Leak, |live| say::json(spell::base64(shifted(live, "").as_bytes()))),
    key("B10.2", "base64 one byte into a group", Leak, |live| say::json(spell::base64(shifted(live, "a").as_bytes()))),
    key("B10.3", "base64 two bytes into a group", Leak, |live| {
        say::json(spell::base64(shifted(live, "ab").as_bytes()))
    }),
    key("B10.4", "base64 of the key alone, unpadded", Leak, |live| {
        say::json(spell::base64(live.key.as_bytes()).trim_end_matches('='))
    }),
    key("B10.5", "base64 of base64", Missed, |live| {
        say::json(spell::base64(spell::base64(live.key.as_bytes()).as_bytes()))
    }),
    key("B11.1", "base64url at the start of a group", Leak, |live| {
        say::json(spell::base64url(shifted(live, "").as_bytes()))
    }),
    key("B11.2", "base64url one byte into a group", Leak, |live| {
        say::json(spell::base64url(shifted(live, "a").as_bytes()))
    }),
    key("B11.3", "base64url two bytes into a group", Leak, |live| {
        say::json(spell::base64url(shifted(live, "ab").as_bytes()))
    }),
    key("B12.1", "base64 in lines of 76", Leak, |live| {
        say::body(spell::lines(&spell::base64(shifted(live, &"p".repeat(30)).as_bytes()), 76, "\r\n"))
    }),
    key("B12.2", "base64 in lines of 64, as PEM has them", Leak, |live| {
        say::body(spell::lines(&spell::base64(shifted(live, &"p".repeat(20)).as_bytes()), 64, "\n"))
    }),
    key("B12.3", "base64 in lines of 8", Leak, |live| {
        say::body(spell::lines(&spell::base64(live.key.as_bytes()), 8, "\n"))
    }),
    key("B12.4", "base64 in lines of 76, in a JSON string", Leak, |live| {
        say::json(spell::lines(&spell::base64(shifted(live, &"p".repeat(30)).as_bytes()), 76, "\\r\\n"))
    }),
    pair("B13.1", "the Basic pair in base64", |live| say::json(spell::base64(live.pair.as_bytes()))),
    pair("B13.2", "the whole Authorization header", |live| {
        say::json(format!("Basic {}", spell::base64(live.pair.as_bytes())))
    }),
    pair("B13.3", "the pair as it is", |live| say::json(live.pair)),
    Vector {
        secrets: &["password"],
        ..pair("B13.4", "the password of the pair alone", |live| say::json(live.password))
    },
    key("B14.1", "hexadecimal, lower case", Leak, |live| say::json(spell::separated(live.key, ""))),
    key("B14.2", "hexadecimal, upper case", Leak, |live| say::json(spell::separated(live.key, "").to_uppercase())),
    key("B15.1", "hexadecimal with colons", Leak, |live| say::json(spell::separated(live.key, ":"))),
    key("B15.2", "hexadecimal with spaces", Leak, |live| say::json(spell::separated(live.key, " "))),
    key("B15.3", "hexadecimal with hyphens, upper case", Leak, |live| {
        say::json(spell::separated(live.key, "-").to_uppercase())
    }),
    key("B15.4", "hexadecimal as a C array", Leak, |live| say::body(bytes(live.key, |byte| format!("0x{byte:02x}, ")))),
    key("B16.1", "base32", Leak, |live| say::json(spell::base32(live.key.as_bytes()))),
    key("B16.2", "base32 two bytes into a group", Leak, |live| {
        say::json(spell::base32(shifted(live, "ab").as_bytes()))
    }),
    key("B17", "HTML, reserved characters by name", Leak, |live| {
        say::answer("200 OK", "Content-Type: text/html\r\n", format!("<p>{}</p>", spell::html(live.key)).as_bytes())
    }),
    key("B18", "HTML, decimal", Leak, |live| say::body(bytes(live.key, |byte| format!("&#{byte};")))),
    key("B19", "HTML, hexadecimal", Leak, |live| say::body(bytes(live.key, |byte| format!("&#x{byte:x};")))),
    key("B19.2", "HTML in JSON", Leak, |live| say::body(spell::json(&spell::html(live.key)))),
    key("B20.1", "XML, cut in two by CDATA", Leak, |live| {
        let (first, second) = live.key.split_at(20);
        say::body(format!("<k>{first}<![CDATA[{second}]]></k>"))
    }),
    key("B20.2", "XML, one CDATA section after another", Leak, |live| {
        let (first, second) = live.key.split_at(20);
        say::body(format!("<k><![CDATA[{first}]]><![CDATA[{second}]]></k>"))
    }),
    key("B21.1", "UTF-16, low byte first", Leak, |live| say::body(spell::utf16(live.key, true))),
    key("B21.2", "UTF-16, high byte first", Leak, |live| say::body(spell::utf16(live.key, false))),
    key("B21.3", "UTF-16 with a mark, low byte first", Leak, |live| {
        say::body([vec![0xff, 0xfe], spell::utf16(live.key, true)].concat())
    }),
    key("B21.4", "UTF-16 with a mark, high byte first", Leak, |live| {
        say::body([vec![0xfe, 0xff], spell::utf16(live.key, false)].concat())
    }),
    key("B21.5", "UTF-16 from an odd byte on", Leak, |live| {
        say::body([vec![b'x'], spell::utf16(live.key, true)].concat())
    }),
    key("B22.1", "behind bytes that are no UTF-8", Leak, |live| {
        say::body([b"\xff\xfe\x80\xc0".as_slice(), live.key.as_bytes()].concat())
    }),
    key("B22.2", "between halves of a character", Leak, |live| {
        say::body([b"\xe2\x82".as_slice(), live.key.as_bytes(), b"\xac"].concat())
    }),
    key("B22.3", "between zero bytes", Leak, |live| {
        say::body([b"\0\0".as_slice(), live.key.as_bytes(), b"\0"].concat())
    }),
];

#[test]
fn a_secret_that_comes_back_in_any_spelling_is_dropped_and_quarantined() {
    Siege::new().holds(SPELLINGS);
}

impl Siege {
    /// Holds every vector of a table against the promise.
    pub(super) fn holds(&self, table: &[Vector]) {
        let pair = format!("{}:{}", self.user.value, self.password.value);
        let live = Live { key: &self.key.value, pair: &pair, password: &self.password.value };
        let mut wrong = Vec::new();
        for vector in table.iter().filter(|vector| vector.expected != Missed) {
            let outcome = self.met(vector, &live);
            wrong.extend(outcome.err().map(|why| format!("{} {}: {why}", vector.id, vector.title)));
        }
        assert!(wrong.is_empty(), "{} of {} vectors:\n{}", wrong.len(), table.len(), wrong.join("\n"));
        assert_eq!(distinct(table.iter().map(|vector| vector.id)), table.len());
        swept(&self.lab);
    }

    /// One vector, from the answer to the lifted quarantine.
    fn met(&self, vector: &Vector, live: &Live<'_>) -> Result<(), String> {
        self.says((vector.say)(live));
        let (entries, asked) = (self.entries(), self.asked());
        let mut agent = self.agent();
        let told = run(&mut agent, "script", &searched(get("b", vector.credential), self));
        let [_, got, found] = told.as_slice() else { return Err(format!("{told:?}")) };
        let copies: u64 = found.as_array().into_iter().flatten().filter_map(Value::as_u64).sum();
        let seen = (self.asked() - asked, copies);
        if seen != (1, 0) {
            return Err(format!("{} requests, {} copies in the guest's memory", seen.0, seen.1));
        }
        let refused = got.get("refused").is_some() && got.get("body").is_none();
        let outcomes = self.outcomes(entries);
        let [(verdict, code)] = outcomes.as_slice() else { return Err(format!("{outcomes:?}")) };
        match vector.expected {
            Expected::Leak if verdict == "leak" && got == &leaked() => self.is_terminal(agent, vector),
            Expected::Refused(expected) if code == expected && refused => Ok(()),
            Expected::Passes if verdict == "answered" && got["status"] == 200 => Ok(()),
            expected => Err(format!("expected {expected:?}, the log says {verdict} {code}, the guest was told {got}")),
        }
    }

    /// A leak is the end, until an operator says otherwise.
    fn is_terminal(&self, mut agent: Agent<'_>, vector: &Vector) -> Result<(), String> {
        let quarantined = self.quarantined();
        let asked = self.asked();
        let told = run(&mut agent, "script", &get("again", vector.credential));
        // One process at a time writes the log, so the operator's action waits for the end of the session.
        drop(agent);
        let secrets: Vec<&str> =
            quarantined.as_array().into_iter().flatten().filter_map(|entry| entry["secret"].as_str()).collect();
        secrets.iter().for_each(|secret| self.lift("script", secret));
        if secrets != vector.secrets {
            return Err(format!("quarantined: {quarantined}"));
        }
        if told[1]["refused"] != "Reason::SecretUnavailable" || told[1]["left"] != false || self.asked() != asked {
            return Err(format!("it was used again: {}", told[1]));
        }
        self.says(say::body("{}"));
        let arguments = json!({ "steps": get("lifted", vector.credential) });
        let told = self.lab.result("script.run", &arguments).map_err(|error| error.to_string())?;
        if told["told"][1]["status"] == 200 { Ok(()) } else { Err(format!("lifting did not help: {told}")) }
    }
}

/// What a guest sees of every leak.
pub(super) fn leaked() -> Value {
    json!({ "refused": "Reason::LeakBlocked", "detail": LEAK, "left": true })
}

/// A script that searches its own memory when it is done.
fn searched(mut steps: Value, siege: &Siege) -> Value {
    steps.as_array_mut().unwrap().push(json!({ "do": "search", "masked": siege.needles() }));
    steps
}
