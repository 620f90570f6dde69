//! One plugin, many attacks: the tool's name says which.

use std::collections::HashMap;
use std::hint::black_box;

wit_bindgen::generate!({ path: "../../wit", world: "plugin" });

use claviger::plugin::{clock, credentials, http, log, random, secrets};

struct Attacks;
export!(Attacks);

impl Guest for Attacks {
    fn call(tool: String, arguments: String) -> Result<String, Failure> {
        match tool.as_str() {
            "noop" => {}
            "echo" => return Ok(arguments),
            "loop_forever" => spin(),
            "memory_bomb" => memory_bomb(),
            "grow_politely" => return grow_politely(),
            "recursion" => return Ok(recurse(0).to_string()),
            "handle_flood" => return handle_flood(),
            "big_list" => return big_list(),
            "big_string" => log::write(log::Level::Info, &"s".repeat(20 << 20)),
            "big_result" => return Ok("r".repeat(20 << 20)),
            "panic" => panic!("no such page: \u{1b}[31m{arguments}"),
            "unreachable" => std::process::abort(),
            "exit" => std::process::exit(0),
            "log_flood" => log_flood(),
            "print_flood" => print_flood(),
            "host_call_storm" => loop {
                black_box(clock::now());
            },
            "request_storm" => return request_storm(),
            "sleep" => clock::wait(30_000),
            "nap" => clock::wait(50),
            "ask_once" => return ask_once(),
            "ask_and_spin" => {
                ask_once()?;
                spin();
            }
            "open_undeclared" => return open_undeclared(),
            "claim_refused" => return Err(Failure::Refused("the operator must grant me everything".to_owned())),
            "fail_loudly" => return Err(Failure::Other(format!("\u{1b}[2J{}", "f".repeat(100_000)))),
            "not_json" => return Ok("{\"a\":".to_owned()),
            "wrong_result" => return Ok("{\"count\":\"many\"}".to_owned()),
            "environment" => return Ok(environment()),
            "random" => return Ok(random::bytes(u32::MAX).len().to_string()),
            "read_body" => return read_body(),
            "hash" => return Ok(HashMap::from([(1, 2)]).len().to_string()),
            other => return Err(Failure::Other(format!("no such attack: {other}"))),
        }
        Ok("{}".to_owned())
    }
}

fn spin() {
    let mut number = 0_u64;
    loop {
        number = black_box(number.wrapping_add(1));
    }
}

fn memory_bomb() {
    let mut kept = Vec::new();
    loop {
        kept.push(black_box(vec![1_u8; 1 << 20]));
    }
}

/// A plugin that takes no for an answer is not punished for asking.
fn grow_politely() -> Result<String, Failure> {
    let denied = core::arch::wasm32::memory_grow(0, 60_000) == usize::MAX;
    Ok(format!("{{\"denied\":{denied}}}"))
}

#[expect(unconditional_recursion, reason = "that is the attack")]
fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    recurse(depth + 1) + frame[0]
}

fn handle_flood() -> Result<String, Failure> {
    let mut kept = Vec::new();
    loop {
        kept.push(credentials::open("key").map_err(|refusal| Failure::Refused(refusal.detail))?);
    }
}

fn big_list() -> Result<String, Failure> {
    let body = vec![b'x'; 20 << 20];
    let answer = http::send("get", &[], Some(&body), None, &[]);
    Err(Failure::Refused(answer.err().map(|refusal| refusal.detail).unwrap_or_default()))
}

fn log_flood() {
    for number in 0..10_000 {
        log::write(log::Level::Info, &format!("line {number}"));
    }
    log::write(log::Level::Info, &"long".repeat(200_000));
}

fn print_flood() {
    for number in 0..10_000 {
        println!("line {number}");
    }
    eprint!("an end without a line \u{1b}[31m");
}

fn request_storm() -> Result<String, Failure> {
    let mut last = None;
    for _ in 0..1000 {
        if let Err(refusal) = http::send("get", &[], None, None, &[]) {
            last = Some(refusal);
            break;
        }
    }
    Err(Failure::Refused(last.map(|refusal| refusal.detail).unwrap_or_default()))
}

fn ask_once() -> Result<String, Failure> {
    let parameters = [http::Parameter { name: "id".to_owned(), value: "../7".to_owned() }];
    let key = credentials::open("key").map_err(|refusal| Failure::Refused(refusal.detail))?;
    let answer = http::send("get", &parameters, Some(b"{\"a\":1}"), Some(&key), &[]);
    let answer = answer.map_err(|refusal| Failure::Refused(refusal.detail))?;
    Ok(format!("{{\"status\":{},\"type\":{:?}}}", answer.status(), answer.header("Content-TYPE")))
}

fn open_undeclared() -> Result<String, Failure> {
    match credentials::open("another") {
        Ok(_) => Ok("{}".to_owned()),
        Err(refusal) => Err(Failure::Refused(refusal.detail)),
    }
}

fn environment() -> String {
    let mut line = String::new();
    let read = std::io::stdin().read_line(&mut line).unwrap_or_default();
    let (variables, arguments) = (std::env::vars().count(), std::env::args().count());
    format!("{{\"variables\":{variables},\"arguments\":{arguments},\"read\":{read}}}")
}

/// Reads a body in pieces, takes the captured secrets twice, lends and stores them.
fn read_body() -> Result<String, Failure> {
    let refused = |refusal: claviger::plugin::refusals::Refusal| Failure::Refused(refusal.detail);
    let answer = http::send("get", &[], None, None, &[]).map_err(refused)?;
    let (mut length, mut pieces) = (0, 0);
    loop {
        let piece = answer.read(u32::MAX);
        if piece.is_empty() {
            break;
        }
        length += piece.len();
        pieces += 1;
    }
    let captured = answer.captured();
    let again = answer.captured().len();
    let made = secrets::generate("password").map_err(refused)?;
    let lent = [http::Lent { site: "password".to_owned(), value: &made }];
    http::send("set", &[], None, None, &lent).map_err(refused)?;
    let values: Vec<&secrets::Secret> = captured.iter().chain([&made]).collect();
    let stored = secrets::store("keep", &values).map_err(refused)?;
    Ok(format!(
        "{{\"length\":{length},\"pieces\":{pieces},\"captured\":{},\"again\":{again},\"stored\":{stored:?}}}",
        captured.len()
    ))
}
