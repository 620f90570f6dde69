//! What the programs print, and what strangers would.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use proptest::prelude::*;

use super::{Abilities, Socket, abilities, asserted, byte_string, made, sockets, to_blob, verified};

const REQUEST: [&str; 2] = ["aGFzaA==", "claviger:terminal"];

fn data(length: u8) -> String {
    to_blob(&[[0x58, length].as_slice(), &vec![7; usize::from(length)]].concat())
}

#[test]
fn a_list_is_devices_and_nothing_that_a_program_takes_for_something_else() {
    let list = "/dev/hidraw3: vendor=0x1050, product=0x0407 (Yubico YubiKey OTP+FIDO+CCID)\nioreg://4294970921: vendor=0x20a0, product=0x42b2 (Nitrokey)\n";
    let found: Vec<String> = sockets(list).unwrap().iter().map(|socket| socket.as_str().to_owned()).collect();
    assert_eq!(found, ["/dev/hidraw3", "ioreg://4294970921"]);
    assert!(sockets("").unwrap().is_empty());
    for hostile in
        ["-o/etc/passwd: vendor=1", "/dev/a b: vendor=1", "/dev/\u{1b}[2J: vendor=1", "no line of a list", "\n"]
    {
        assert!(sockets(hostile).is_err(), "{hostile:?}");
    }
    assert!(Socket::of(&format!("/{}", "a".repeat(256))).is_none());
}

#[test]
fn what_a_key_can_is_read_word_by_word() {
    let told = |options: &str| abilities(&format!("proto: 0x02\noptions: {options}\nfwversion: 0x0\n")).unwrap();
    let able = |built_in, pin, token| Abilities { built_in, pin, token };
    assert_eq!(told("nork, up, uv"), able(true, false, false));
    assert_eq!(told("rk, up, nouv, clientPin, pinUvAuthToken"), able(false, true, true));
    assert_eq!(told("rk, up, noclientPin, uvToken, bioEnrollx"), able(false, false, false));
    for hostile in ["", "options: uv\noptions: nouv\n", " options: uv\n", "options:uv\n"] {
        assert!(abilities(hostile).is_err(), "{hostile:?}");
    }
}

#[test]
fn an_assertion_has_four_lines_and_repeats_what_was_asked() {
    let [hash, party] = REQUEST;
    let read = asserted(&format!("{hash}\n{party}\n{}\nc2ln\n", data(37)), REQUEST).unwrap();
    assert_eq!((read.authenticator_data.len(), read.signature.as_slice()), (37, b"sig".as_slice()));
    for hostile in [
        String::new(),
        format!("{hash}\n{party}\n{}\n", data(37)),
        format!("{hash}\n{party}\n{}\nc2ln\nmore\n", data(37)),
        format!("{hash}\nclaviger.localhost\n{}\nc2ln\n", data(37)),
        format!("b3RoZXI=\n{party}\n{}\nc2ln\n", data(37)),
        format!("{hash}\n{party}\n{}\nnot base64!\n", data(37)),
        format!("{hash}\n{party}\n{}\n\n", data(37)),
        format!("{hash}\n{party}\n{}\nc2ln\n", to_blob(&[7; 37])),
        format!("{hash}\n{party}\n{}\n{}\n", data(37), "AAAA".repeat(4_000)),
    ] {
        assert!(asserted(&hostile, REQUEST).is_err(), "{hostile:?}");
    }
}

#[test]
fn a_credential_has_six_or_seven_lines() {
    let [hash, party] = REQUEST;
    let whole = format!("{hash}\n{party}\npacked\n{}\naWQ=\nc2ln\n", data(180));
    assert_eq!(made(&whole, REQUEST).unwrap().credential_id, b"id");
    assert!(made(&format!("{whole}Y2VydA==\n"), REQUEST).is_ok());
    for hostile in [
        format!("{whole}Y2VydA==\nbGFyZ2U=\n"),
        whole.replace("c2ln\n", ""),
        whole.replace("aWQ=", "!"),
        whole.replace(party, "another"),
    ] {
        assert!(made(&hostile, REQUEST).is_err(), "{hostile:?}");
    }
    assert_eq!(verified("aWQ=\n-----BEGIN\n").unwrap(), (b"id".to_vec(), "-----BEGIN\n"));
    assert!(verified("aWQ=").is_err() && verified("!\nkey").is_err());
}

proptest! {
    #[test]
    fn whatever_is_printed_is_read_or_refused(text in "(?s).{0,400}", at in 0_usize..200, put in any::<char>()) {
        let [hash, party] = REQUEST;
        let good = format!("{hash}\n{party}\npacked\n{}\naWQ=\nc2ln\n", data(180));
        let mut near: Vec<char> = good.chars().collect();
        near.insert(at.min(near.len()), put);
        for text in [text, near.into_iter().collect()] {
            // What is accepted is written in one way only.
            if let Ok(read) = asserted(&text, REQUEST) {
                prop_assert_eq!(text.lines().nth(3).unwrap(), to_blob(&read.signature));
            }
            if let Ok(read) = made(&text, REQUEST) {
                prop_assert_eq!(text.lines().nth(4).unwrap(), to_blob(&read.credential_id));
            }
            for socket in sockets(&text).unwrap_or_default() {
                prop_assert!(socket.as_str().starts_with(['/', 'i']));
            }
            let _read = (abilities(&text).is_ok(), verified(&text).is_ok());
        }
    }
}

#[test]
fn a_byte_string_has_one_spelling() {
    let of = |length: usize| vec![7; length];
    for (head, length) in [(vec![0x40], 0), (vec![0x57], 23), (vec![0x58, 24], 24), (vec![0x59, 1, 0], 256)] {
        let whole = [head, of(length)].concat();
        assert_eq!(byte_string(&whole), Some(of(length)));
        assert_eq!(byte_string(&[whole.as_slice(), &[0]].concat()), None);
    }
    for other in
        [vec![], vec![0x58], vec![0x58, 2, 7, 7], vec![0x59, 0, 1, 7], vec![0x5F, 0xFF], vec![0x67], vec![0x42, 1]]
    {
        assert_eq!(byte_string(&other), None, "{other:?}");
    }
}
