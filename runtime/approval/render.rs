//! A question in words, for a terminal.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use claviger_grant::{ActionFacts, BodyFacts, CredentialFacts, Facts, SendFacts, StoreFacts};
use claviger_manifest::Effect;

use crate::escape::{plain, quote};
use crate::{Ask, Scope};

/// Columns of a value. Labels and indentation make it 78, so that no terminal of 80 breaks a line by itself: a value that
/// reached the edge could imitate the next line.
const WIDTH: usize = 64;

/// Characters of the plugin author's description that are shown. It is not what is approved, so it may be cut.
const DESCRIPTION: usize = 400;

/// Shows a question: what the host knows first, and the plugin author's words last, in a box that says whose they are.
/// Pure; the text holds no control character but line feeds, and no value reaches the first column of a line.
pub fn render(ask: &Ask) -> String {
    let mut page = Page::default();
    page.text.push_str("\n=== A plugin asks for approval ===\n\n");
    page.who(ask.facts());
    match &ask.facts().action {
        ActionFacts::Send(send) => page.send(send),
        ActionFacts::Store(store) => page.store(store),
    }
    page.people(ask);
    page.changes(ask);
    page.row("expires", &format!("in {} seconds", ask.wait().as_secs()));
    page.digests(ask);
    if let Some(description) = &ask.facts().description {
        page.boxed(description);
    }
    page.question(ask);
    page.text
}

#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    /// One fact. What does not fit continues behind a mark, never at the margin.
    fn row(&mut self, label: &str, value: &str) {
        for (index, line) in wrap(value).into_iter().enumerate() {
            let (label, mark) = if index == 0 { (label, ' ') } else { ("", '>') };
            let _ = writeln!(self.text, "  {label:<10}{mark} {line}");
        }
    }

    fn pairs<'a>(&mut self, label: &str, pairs: impl IntoIterator<Item = (String, &'a str, String)>) {
        for (name, sign, value) in pairs {
            self.row(label, &format!("{name} {sign} {value}"));
        }
    }

    fn who(&mut self, facts: &Facts) {
        self.row("effect", effect(facts.effect));
        self.row("who", &format!("{} in session {}", quote(&facts.principal), quote(&facts.session)));
        self.row("client", &facts.client.as_deref().map_or_else(|| "none".to_owned(), quote));
        self.row("connection", facts.connection.as_str());
        self.row("plugin", &format!("{} {}, tool {}", facts.plugin.name, plain(&facts.plugin.version), facts.tool));
    }

    /// What people compare only when something is wrong.
    fn digests(&mut self, ask: &Ask) {
        self.row("manifest", &ask.facts().plugin.manifest.to_string());
        self.row("component", &ask.facts().plugin.component.to_string());
        self.row("challenge", &hex::encode(ask.digest()));
    }

    fn people(&mut self, ask: &Ask) {
        if ask.need() > 1 {
            let signed: Vec<String> = ask.signed_by().iter().map(|name| quote(name)).collect();
            let signed =
                if signed.is_empty() { "nobody has yet".to_owned() } else { format!("agreed: {}", signed.join(", ")) };
            self.row("people", &format!("{} different ones must agree; {signed}", ask.need()));
        }
    }

    /// What is the same as the last time is what people look at least.
    fn changes(&mut self, ask: &Ask) {
        let Some(changes) = ask.changes() else { return self.row("last time", "no earlier approval is known") };
        if changes.is_empty() {
            self.row("last time", "the same was approved");
        }
        for change in changes {
            let side = |text: &Option<String>| text.as_deref().map_or_else(|| "nothing".to_owned(), leaf);
            let place = plain(&change.place);
            self.row("differs", &format!("{place}: {} instead of {}", side(&change.after), side(&change.before)));
        }
    }

    fn send(&mut self, send: &SendFacts) {
        self.row("operation", send.operation.as_str());
        self.row("request", &format!("{} {}{}", plain(&send.method), plain(&send.origin), plain(&send.path)));
        self.pairs("query", send.query.iter().map(|(name, value)| (plain(name), "=", quote(value))));
        self.pairs("header", send.headers.iter().map(|(name, value)| (plain(name), "=", quote(value))));
        if let Some(body) = &send.body {
            self.body(body);
        }
        match &send.credential {
            Some(credential) => self.credential(credential),
            None => self.row("secrets", "none"),
        }
        self.pairs("places", send.lent.iter().map(|(pointer, slot)| (plain(pointer), "=", format!("slot {slot}"))));
        self.pairs("keeps", send.captures.iter().map(|(slot, place)| (format!("slot {slot}"), "from", quote(place))));
        if let Some(address) = &send.connect {
            self.row("dials", &format!("{} instead of resolving the host", plain(address)));
        }
        if let Some(digest) = &send.trust {
            self.row("trusts", &format!("only the certificate authority with SHA-256 {}", plain(digest)));
        }
        for pin in &send.pins {
            self.row("expects", &plain(pin));
        }
    }

    fn body(&mut self, body: &BodyFacts) {
        self.row("body", &format!("{}, SHA-256 {}", body.encoding, body.sha256));
        self.pairs("field", body.fields.iter().map(|(pointer, json)| (plain(pointer), "=", leaf(json))));
    }

    fn credential(&mut self, credential: &CredentialFacts) {
        self.row("signs in", &format!("with {} ({})", credential.name, credential.scheme));
        self.pairs("secret", strings(&credential.secrets));
        if let Some(endpoint) = &credential.token_endpoint {
            self.row("token from", &plain(endpoint));
        }
        for (label, request) in [("logs in", &credential.login), ("logs out", &credential.logout)] {
            if let Some(request) = request {
                self.row(label, &plain(request));
            }
        }
    }

    fn store(&mut self, store: &StoreFacts) {
        self.row("write-back", store.write_back.as_str());
        self.row("stores", &format!("a new item {} in vault {}", quote(&store.title), quote(&store.vault)));
        self.pairs("field", store.fields.iter().map(|(label, slot)| (quote(label), "=", format!("slot {slot}"))));
    }

    fn boxed(&mut self, description: &str) {
        self.text.push_str("\n  +-- the plugin author says, and nobody has checked:\n");
        let mut shown: String = description.chars().take(DESCRIPTION).collect();
        let left = description.chars().count().saturating_sub(DESCRIPTION);
        shown = plain(&shown);
        for line in wrap(&shown) {
            let _ = writeln!(self.text, "  | {line}");
        }
        if left > 0 {
            let _ = writeln!(self.text, "  | ({left} more characters)");
        }
        self.text.push_str("  +--\n");
    }

    fn question(&mut self, ask: &Ask) {
        self.text.push('\n');
        if let Some(Scope::Lease { seconds, limit, uses, .. }) = ask.as_lease().map(Ask::scope) {
            let (minutes, hours) = (seconds / 60, limit / 3_600);
            let _ = writeln!(
                self.text,
                "  `lease` also allows this operation with other parameters and the same\n  \
                 secrets, for the same person, session, client and plugin version: {uses}\n  \
                 requests, until {minutes} minutes after the last one, {hours} hours at most."
            );
            self.text.push_str("  Type yes or lease and Enter; anything else denies: ");
        } else if ask.match_code().is_some() {
            self.text.push_str("  Type the two digits that are shown where the call was made, and Enter,\n  to allow this once; anything else denies: ");
        } else {
            self.text.push_str("  Type yes and Enter to allow this once; anything else denies: ");
        }
    }
}

fn strings<K: ToString>(map: &BTreeMap<K, String>) -> impl Iterator<Item = (String, &'static str, String)> {
    map.iter().map(|(name, value)| (name.to_string(), "=", quote(value)))
}

/// A string is shown as the text it is; other leaves have one spelling already.
fn leaf(json: &str) -> String {
    serde_json::from_str::<String>(json).map_or_else(|_| plain(json), |text| quote(&text))
}

fn effect(effect: Effect) -> &'static str {
    match effect {
        Effect::Read => "READ: by its manifest it looks and changes nothing",
        Effect::Write => "WRITE: it changes something",
        Effect::Destroy => "DESTROY: it takes something away for good",
        Effect::Mint => "MINT: it makes a new credential",
    }
}

/// Breaks escaped text into lines of [`WIDTH`] columns. A character that is not ASCII counts two, as wide ones take.
fn wrap(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut column = 0;
    for character in text.chars() {
        let columns = if character.is_ascii() { 1 } else { 2 };
        if column + columns > WIDTH {
            lines.push(std::mem::take(&mut line));
            column = 0;
        }
        line.push(character);
        column += columns;
    }
    lines.push(line);
    lines
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use claviger_grant::Facts;
    use claviger_manifest::Effect;

    use super::render;
    use crate::fixtures::{self, moment};

    fn rendered(facts: &Facts) -> String {
        render(&fixtures::ask(facts, &moment(1_700_000_000, 7)).unwrap())
    }

    /// The value that a label introduces, its continuation lines joined.
    fn row(text: &str, label: &str) -> String {
        let start = format!("  {label:<10}  ");
        let mut lines = text.lines().skip_while(|line| !line.starts_with(&start));
        let first = lines.next().unwrap_or_default().get(14..).unwrap_or_default().to_owned();
        let rest = lines.map_while(|line| line.strip_prefix("            > "));
        [first].into_iter().chain(rest.map(str::to_owned)).collect()
    }

    #[test]
    fn everything_that_is_approved_is_shown() {
        let facts = fixtures::facts();
        let text = rendered(&facts);
        let value = serde_json::to_value(&facts).unwrap();
        for (label, shown) in [
            ("effect", "READ: by its manifest it looks and changes nothing"),
            ("who", "\"anna@msp.example\" in session \"session-41\""),
            ("client", "\"Acme\""),
            ("connection", "acme-pax8"),
            ("plugin", "pax8 1.2.0, tool license_summary"),
            ("operation", "list-subscriptions"),
            ("request", "GET https://api.pax8.com/v1/subscriptions"),
            ("query", "page = \"1\""),
            ("header", "accept = \"application/json\""),
            ("field", "/filter = \"active\""),
            ("signs in", "with partner (oauth2-client-credentials)"),
            ("secret", "client-id = \"op://MSP/Pax8/client id\""),
            ("token from", "https://api.pax8.com/v1/token"),
            ("places", "/password = slot new-password"),
            ("keeps", "slot session-token from \"header:x-auth-token\""),
            ("dials", "192.0.2.7:443 instead of resolving the host"),
            ("expires", "in 60 seconds"),
        ] {
            assert_eq!(row(&text, label), shown, "{text}");
        }
        let joined = text.replace("\n            > ", "");
        for place in ["/plugin/manifest", "/plugin/component", "/action/trust", "/action/body/sha256"] {
            assert!(joined.contains(value.pointer(place).unwrap().as_str().unwrap()), "{place}");
        }
        assert!(text.contains("size = \"50\"") && text.contains("/limit = 12"), "{text}");
        assert!(text.contains("client-secret = \"op://MSP/Pax8/client secret\""), "{text}");
    }

    #[test]
    fn a_store_says_what_and_where() {
        let text = rendered(&fixtures::store_facts());
        assert_eq!(row(&text, "stores"), "a new item \"acme api token 2026-01-02 030405\" in vault \"MSP\"");
        assert_eq!(row(&text, "field"), "\"credential\" = slot session-token");
    }

    #[test]
    fn only_reads_are_offered_a_lease() {
        let mut facts = fixtures::facts();
        assert!(rendered(&facts).contains("Type yes or lease"));
        for effect in [Effect::Write, Effect::Destroy, Effect::Mint] {
            facts.effect = effect;
            let text = rendered(&facts);
            assert!(!text.contains("lease") && text.contains("allow this once"), "{text}");
        }
    }

    #[test]
    fn the_authors_words_stay_in_their_box() {
        let mut facts = fixtures::facts();
        facts.description = Some("harmless\n  +--\n\n  effect      READ\n\u{1b}[1A\rApproved.".to_owned());
        let text = rendered(&facts);
        assert_eq!(text.matches("\n  effect ").count(), 1);
        assert!(text.contains("harmless\\u{a}  +--\\u{a}"), "{text}");
        let inside = text.lines().skip_while(|line| !line.starts_with("  +-- the plugin author")).skip(1);
        assert!(inside.take_while(|line| *line != "  +--").all(|line| line.starts_with("  | ")));
    }

    #[test]
    fn a_long_description_is_cut_and_says_so() {
        let mut facts = fixtures::facts();
        facts.description = Some("blah ".repeat(2_000_000));
        let text = rendered(&facts);
        assert!(text.len() < 10_000 && text.contains("(9999600 more characters)"));
    }

    #[test]
    fn a_value_cannot_reach_the_margin_or_move_the_cursor() {
        let hostile = format!("1{}  client      \"Globex\"\u{202e}\u{1b}[2K\r\n  who", " ".repeat(200));
        let mut facts = fixtures::facts();
        let send = fixtures::send(&mut facts);
        send.query = vec![("page".to_owned(), hostile.clone())];
        send.captures.values_mut().for_each(|place| place.clone_from(&hostile));
        facts.principal.clone_from(&hostile);
        facts.session.clone_from(&hostile);
        let text = rendered(&facts);
        assert_eq!(text.matches("\n  client ").count(), 1);
        assert_eq!(text.matches("\n  who ").count(), 1);
        assert!(text.lines().all(|line| line.chars().count() <= 78));
        assert!(text.chars().all(|character| character == '\n' || !character.is_control()));
        assert!(!text.contains('\u{202e}'));
    }

    #[test]
    fn wide_characters_do_not_make_a_terminal_break_the_line() {
        let mut facts = fixtures::facts();
        facts.client = Some("漢".repeat(100));
        let text = rendered(&facts);
        let longest = text.lines().filter(|line| line.contains('漢')).map(|line| line.matches('漢').count()).max();
        assert!(longest.unwrap() <= 32);
    }
}
