//! A question in a few words, for a dialog that the operating system draws.

use claviger_grant::ActionFacts;

use crate::escape::plain;
use crate::{Ask, Scope};

/// Characters of a name that are shown. Names are short; what is longer was read on the terminal.
const SHOWN: usize = 48;

/// Hexadecimal digits of the challenge that tell questions apart: 64 bits, which nobody finds twice while somebody waits.
const DIGITS: usize = 16;

/// What a dialog has room for. Each is bounded, one line, and holds no character that hides, moves, or is markup: some
/// dialogs draw what looks like HTML.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Words {
    /// Name and version.
    pub(crate) plugin: String,
    /// The operation, or the write-back.
    pub(crate) operation: String,
    /// What it does to the world.
    pub(crate) effect: &'static str,
    /// In quotation marks; `none` without them.
    pub(crate) client: String,
    /// How the challenge begins that stands under the question on the terminal.
    pub(crate) challenge: String,
}

impl Words {
    pub(crate) fn of(ask: &Ask) -> Self {
        let facts = ask.facts();
        let operation = match &facts.action {
            ActionFacts::Send(send) => send.operation.as_str(),
            ActionFacts::Store(store) => store.write_back.as_str(),
        };
        Self {
            plugin: tame(&format!("{} {}", facts.plugin.name, facts.plugin.version)),
            operation: tame(operation),
            effect: facts.effect.as_str(),
            client: facts.client.as_deref().map_or_else(|| "none".to_owned(), |client| format!("\"{}\"", tame(client))),
            challenge: hex::encode(ask.digest()).chars().take(DIGITS).collect(),
        }
    }
}

impl Words {
    /// One line that completes "… is trying to", for a dialog that takes a text.
    pub(crate) fn reason(&self, scope: &Scope) -> String {
        let Self { plugin, operation, effect, client, challenge } = self;
        let scope = reach(scope);
        format!(
            "approve, {scope}, operation {operation} ({effect}) of plugin {plugin} for client {client}: the question on the terminal whose challenge begins with {challenge}"
        )
    }
}

/// How far the yes reaches that was typed.
pub(crate) fn reach(scope: &Scope) -> &'static str {
    match scope {
        Scope::Once => "once",
        Scope::Lease { .. } => "with a lease",
    }
}

/// Escaped as everywhere, and what markup is made of besides. What is cut is said to be.
fn tame(text: &str) -> String {
    let shown: String = text.chars().take(SHOWN).collect();
    let shown = plain(&shown).replace('&', "\\u{26}").replace('<', "\\u{3c}").replace('>', "\\u{3e}");
    match text.chars().count().saturating_sub(SHOWN) {
        0 => shown,
        left => format!("{shown}… ({left} more characters)"),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::{SHOWN, Words, tame};
    use crate::fixtures::{self, moment};

    fn words(client: Option<&str>) -> Words {
        let mut facts = fixtures::facts();
        facts.client = client.map(str::to_owned);
        Words::of(&fixtures::ask(&facts, &moment(1, 7)).unwrap())
    }

    #[test]
    fn a_dialog_says_what_the_terminal_says() {
        let shown = words(Some("Acme"));
        assert_eq!((shown.plugin.as_str(), shown.operation.as_str()), ("pax8 1.2.0", "list-subscriptions"));
        assert_eq!((shown.effect, shown.client.as_str()), ("read", "\"Acme\""));
        assert_eq!(words(None).client, "none");
        let ask = fixtures::ask(&fixtures::store_facts(), &moment(1, 7)).unwrap();
        let challenge = Words::of(&ask).challenge;
        assert_eq!(Words::of(&ask).operation, "save-token");
        assert!(
            challenge.len() == 16 && crate::render(&ask).contains(&format!("challenge   {challenge}")),
            "{challenge}"
        );
    }

    #[test]
    fn a_line_says_it_all_and_tells_a_lease_apart() {
        let ask = fixtures::ask(&fixtures::facts(), &moment(1, 7)).unwrap();
        let words = Words::of(&ask);
        let begins = |scope: &str| {
            format!("approve, {scope}, operation list-subscriptions (read) of plugin pax8 1.2.0 for client \"Acme\": ")
        };
        let once = words.reason(ask.scope());
        assert!(once.starts_with(&begins("once")) && once.ends_with(&words.challenge), "{once}");
        assert!(words.reason(ask.as_lease().unwrap().scope()).starts_with(&begins("with a lease")));
    }

    #[test]
    fn hostile_text_is_bounded_and_is_no_markup() {
        let hostile = format!("<b>x</b>&#8238;\u{202e}\n\"$(challenge){}", "y".repeat(10_000));
        let shown = words(Some(&hostile)).client;
        assert!(
            shown.starts_with("\"\\u{3c}b\\u{3e}x\\u{3c}/b\\u{3e}\\u{26}#8238;\\u{202e}\\u{a}\\\"$(challenge)y"),
            "{shown}"
        );
        assert!(shown.chars().count() < 200 && shown.contains(" more characters)"), "{shown}");
        assert!(!shown.contains(['<', '>', '&', '\n', '\u{202e}']));
        assert_eq!(tame(&"z".repeat(SHOWN)), "z".repeat(SHOWN));
    }
}
