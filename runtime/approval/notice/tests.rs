#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

use claviger_manifest::Effect;
use proptest::prelude::*;
use serde_json::Value;

use super::{HEADLINE, Notice, NoticeFormat, tame};
use crate::fixtures::{self, moment};

const FORMATS: [NoticeFormat; 3] = [NoticeFormat::Ntfy, NoticeFormat::Slack, NoticeFormat::Teams];

/// The text that a receiver shows, whatever the format wraps around it.
fn shown(notice: &Notice, format: NoticeFormat) -> String {
    let body = String::from_utf8(notice.body(format)).unwrap();
    let value = || serde_json::from_str::<Value>(&body).unwrap();
    match format {
        NoticeFormat::Ntfy => body,
        NoticeFormat::Slack => value()["blocks"][0]["elements"][0]["elements"][0]["text"].as_str().unwrap().to_owned(),
        NoticeFormat::Teams => {
            let value = value();
            let blocks = value["attachments"][0]["content"]["body"].as_array().unwrap();
            let texts = blocks[1..].iter().map(|block| block["inlines"][0]["text"].as_str().unwrap().to_owned());
            texts.collect::<Vec<_>>().join("\n")
        }
    }
}

#[test]
fn it_says_who_asks_for_what_and_nothing_that_would_answer() {
    let mut facts = fixtures::facts();
    facts.effect = Effect::Mint;
    let ask = fixtures::ask(&facts, &moment(1_700_000_000, 7)).unwrap();
    let notice = Notice::new(&ask, None, 0);
    for format in FORMATS {
        assert_eq!(
            shown(&notice, format),
            "who: anna@msp.example\nclient: Acme\nplugin: pax8\noperation: list-subscriptions\neffect: mint"
        );
        let body = String::from_utf8(notice.body(format)).unwrap();
        let code = format!("\"{}\"", ask.match_code().unwrap());
        for kept in ["active", "op://", "/v1/", "api.pax8.com", "session-41", &hex::encode(ask.digest()), &code] {
            assert!(!body.contains(kept), "{kept} is in {body}");
        }
    }
}

#[test]
fn the_page_and_what_nobody_was_told_are_said() {
    let ask = fixtures::ask(&fixtures::facts(), &moment(1, 7)).unwrap();
    let notice = Notice::new(&ask, Some("https://approve.msp.example"), 3);
    for format in FORMATS {
        let text = shown(&notice, format);
        assert!(text.ends_with("untold: 3 more requests since the last message\npage: https://approve.msp.example"));
    }
}

#[test]
fn what_slack_and_a_lock_screen_parse_is_a_constant() {
    let mut facts = fixtures::facts();
    facts.client = Some("<!channel> *now*".to_owned());
    let ask = fixtures::ask(&facts, &moment(1, 7)).unwrap();
    let slack: Value = serde_json::from_slice(&Notice::new(&ask, None, 0).body(NoticeFormat::Slack)).unwrap();
    assert_eq!(slack["text"], HEADLINE);
    assert!(NoticeFormat::Ntfy.headers().iter().all(|(_, value)| value == HEADLINE && value.is_ascii()));
}

#[test]
fn names_call_nobody_link_nowhere_and_format_nothing() {
    for (text, tamed) in [
        ("<!channel>", "??channel?"),
        ("@here", "(at)here"),
        ("<@U012AB3CD>", "?(at)U012AB3CD?"),
        ("[sign in](https://evil.example/x)", "?sign in??https???evil·example?x?"),
        ("evil.example", "evil·example"),
        ("Acme Inc. London", "Acme Inc. London"),
        ("anna@msp.example", "anna@msp.example"),
        ("**bold** _it_ `code`", "??bold?? _it_ ?code?"),
        ("a\r\nX-Priority: 5", "a?u?d??u?a?X-Priority? 5"),
        ("Müller & Söhne", "Müller ? Söhne"),
    ] {
        assert_eq!(tame(text), tamed);
    }
    assert_eq!(tame(&"a".repeat(100)).chars().count(), 65);
}

proptest! {
    #[test]
    fn no_name_makes_a_line_or_a_mark(text in any::<String>()) {
        let tamed = tame(&text);
        prop_assert!(tamed.chars().count() <= 65);
        prop_assert!(!tamed.chars().any(|one| one.is_control() || "<>&|*`~#[]{}\\/:!".contains(one)), "{tamed}");
    }

    /// ntfy makes an attachment of what has more than 4096 bytes; Teams takes 28 KB.
    #[test]
    fn it_is_short_enough_for_every_receiver(client in any::<String>(), principal in any::<String>()) {
        let mut facts = fixtures::facts();
        facts.client = Some(client);
        facts.principal = principal;
        let ask = fixtures::ask(&facts, &moment(1, 7)).unwrap();
        for format in FORMATS {
            prop_assert!(Notice::new(&ask, None, u32::MAX).body(format).len() <= 4_096);
        }
    }
}
