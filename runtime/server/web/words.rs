//! Text of others, and plain words for what is asked.

use claviger_approval::{plain, quote};
use claviger_grant::{ActionFacts, Facts};
use claviger_manifest::Effect;
use maud::{Markup, html};

/// Text that somebody else wrote, isolated from the direction of what is around it. What could hide, move or imitate is
/// spelled out and marked, so that an escape is seen to be one.
pub(crate) fn shown(text: &str) -> Markup {
    marked(&plain(text))
}

/// The same in quotation marks, for values: blanks at their ends are seen.
pub(crate) fn quoted(text: &str) -> Markup {
    marked(&quote(text))
}

/// A leaf of a body. A string is shown as the text it is; other leaves have one spelling already.
pub(crate) fn leaf(json: &str) -> Markup {
    serde_json::from_str::<String>(json).map_or_else(|_| shown(json), |text| quoted(&text))
}

/// Text of several lines that is read as it is, JSON above all: lines stay lines and a backslash stands once, as it does in
/// what is copied. What could hide is still spelled out.
pub(crate) fn verbatim(text: &str) -> Markup {
    let whole = |piece: &str| plain(piece).replace("\\\"", "\"");
    let line = |line: &str| line.split('\\').map(whole).collect::<Vec<_>>().join("\\");
    marked(&text.split('\n').map(line).collect::<Vec<_>>().join("\n"))
}

fn marked(escaped: &str) -> Markup {
    html! {
        bdi {
            @for part in parts(escaped) {
                @match part {
                    Part::Plain(text) => (text),
                    Part::Escape(text) => span.esc title="a character that would not show, or not as what it is" { (text) },
                }
            }
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Part<'a> {
    Plain(&'a str),
    Escape(&'a str),
}

/// Splits escaped text at its escapes. A doubled backslash is a backslash of the text itself.
fn parts(escaped: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let (mut rest, mut from) = (escaped, 0);
    while let Some(at) = rest.get(from..).and_then(|tail| tail.find('\\')).map(|at| at + from) {
        let escape = rest.get(at..).filter(|tail| tail.starts_with("\\u{")).and_then(|tail| tail.find('}'));
        let Some(length) = escape else {
            from = at + 2;
            continue;
        };
        let (before, tail) = rest.split_at(at);
        let (escape, after) = tail.split_at(length + 1);
        parts.extend([Part::Plain(before), Part::Escape(escape)]);
        (rest, from) = (after, 0);
    }
    parts.push(Part::Plain(rest));
    parts
}

/// One word for an effect, and what it means.
pub(crate) fn effect(effect: Effect) -> (&'static str, &'static str) {
    match effect {
        Effect::Read => ("read", "By its manifest it looks and changes nothing."),
        Effect::Write => ("write", "It changes something."),
        Effect::Destroy => ("destroy", "It takes something away for good."),
        Effect::Mint => ("mint", "It makes a new credential."),
    }
}

/// What is asked, as a sentence whose every word is the host's or quoted.
pub(crate) fn headline(facts: &Facts) -> Markup {
    let plugin = facts.plugin.name.as_str();
    match &facts.action {
        ActionFacts::Send(send) => {
            let verb = match facts.effect {
                Effect::Read => "read from",
                Effect::Write => "change something at",
                Effect::Destroy => "delete something for good at",
                Effect::Mint => "make a new credential at",
            };
            html! { (plugin) " wants to " (verb) " " span.host { (shown(host(&send.origin))) } }
        }
        ActionFacts::Store(store) => {
            html! { (plugin) " wants to store a new item in vault " span.host { (quoted(&store.vault)) } }
        }
    }
}

/// The host of an origin, with its port where it has one.
pub(crate) fn host(origin: &str) -> &str {
    origin.split_once("://").map_or(origin, |(_, host)| host)
}

#[cfg(test)]
mod tests {
    use super::{Part, parts, quoted, shown, verbatim};

    #[test]
    fn escapes_are_marked_and_text_that_looks_like_one_is_not() {
        assert_eq!(parts("a\\u{202e}b"), [Part::Plain("a"), Part::Escape("\\u{202e}"), Part::Plain("b")]);
        assert_eq!(parts("a\\\\u{202e}b"), [Part::Plain("a\\\\u{202e}b")]);
        assert_eq!(parts("\\\\\\u{7}"), [Part::Plain("\\\\"), Part::Escape("\\u{7}"), Part::Plain("")]);
        assert_eq!(parts(""), [Part::Plain("")]);
        assert_eq!(parts("\\\"\\"), [Part::Plain("\\\"\\")]);
    }

    #[test]
    fn what_is_read_line_by_line_keeps_its_lines_and_backslashes() {
        let page = verbatim("{\n \"a\": \"\\n \u{202e}<b>\"\n}").into_string();
        assert!(page.contains("{\n &quot;a&quot;: &quot;\\n "), "{page}");
        assert!(page.contains("\\u{202e}</span>&lt;b&gt;&quot;\n}"), "{page}");
    }

    #[test]
    fn markup_of_others_is_text() {
        let page = quoted("<img src=x onerror=alert(1)>\"'&").into_string();
        assert!(!page.contains("<img") && page.contains("&lt;img"), "{page}");
        assert!(shown("p\u{430}x8.com").into_string().contains("\\u{430}</span>"));
    }
}
