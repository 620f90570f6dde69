//! What somebody who is elsewhere is told: that a request waits, and where to look at it. Nothing that would let them, or
//! whoever reads over their shoulder, answer it.

use serde_json::{Value, json};

use crate::{Ask, plain};

/// The most characters of one value. A name is shorter; what is longer is looked at on the page.
const VALUE: usize = 64;

/// What every message begins with. It is a constant, because it is all that a lock screen shows.
const HEADLINE: &str = "Claviger: a request waits for an approval";

/// How a receiver wants to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeFormat {
    /// ntfy: the text as it is, published to a topic.
    Ntfy,
    /// Slack's incoming webhooks: a rich text block, whose text elements are not parsed as mrkdwn.
    Slack,
    /// Teams' workflow webhooks: an Adaptive Card with text runs, the one element in which Markdown means nothing.
    Teams,
}

impl NoticeFormat {
    /// The format as it is written in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ntfy => "ntfy",
            Self::Slack => "slack",
            Self::Teams => "teams",
        }
    }

    /// The media type of a message.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Ntfy => "text/plain; charset=utf-8",
            Self::Slack | Self::Teams => "application/json",
        }
    }

    /// Headers of a message. None of them holds a word that somebody else wrote.
    pub fn headers(self) -> Vec<(String, String)> {
        match self {
            Self::Ntfy => vec![("title".to_owned(), HEADLINE.to_owned())],
            Self::Slack | Self::Teams => Vec::new(),
        }
    }
}

/// That a request waits: who asks, with which plugin, for what, with which effect and for which client. No parameter, no
/// reference, no match code, no digest, no ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    lines: Vec<(&'static str, String)>,
}

impl Notice {
    /// The notice about a question. `page` is where it can be answered, if others can reach that; `untold` is how many
    /// requests nobody was told of since the last notice.
    pub fn new(ask: &Ask, page: Option<&str>, untold: u32) -> Self {
        let facts = ask.facts();
        let mut lines = vec![
            ("who", tame(&facts.principal)),
            ("client", facts.client.as_deref().map_or_else(|| "none".to_owned(), tame)),
            ("plugin", tame(facts.plugin.name.as_str())),
            ("operation", tame(facts.action_name().as_str())),
            ("effect", facts.effect.as_str().to_owned()),
        ];
        if ask.need() > 1 {
            lines.push(("people", format!("{} must agree", ask.need())));
        }
        if untold > 0 {
            lines.push(("untold", format!("{untold} more requests since the last message")));
        }
        // The operator's own words, not a caller's.
        lines.extend(page.map(|page| ("page", page.to_owned())));
        Self { lines }
    }

    /// The body of a message.
    pub fn body(&self, format: NoticeFormat) -> Vec<u8> {
        match format {
            NoticeFormat::Ntfy => self.text().into_bytes(),
            NoticeFormat::Slack => self.slack().to_string().into_bytes(),
            NoticeFormat::Teams => self.teams().to_string().into_bytes(),
        }
    }

    fn text(&self) -> String {
        let lines: Vec<String> = self.lines.iter().map(|(label, value)| format!("{label}: {value}")).collect();
        lines.join("\n")
    }

    /// `text` is what notifications show, and is parsed as mrkdwn: a constant.
    fn slack(&self) -> Value {
        let element = json!({ "type": "text", "text": self.text() });
        let section = json!({ "type": "rich_text_section", "elements": [element] });
        json!({ "text": HEADLINE, "blocks": [{ "type": "rich_text", "elements": [section] }] })
    }

    fn teams(&self) -> Value {
        let run = |text: &str| json!({ "type": "RichTextBlock", "inlines": [{ "type": "TextRun", "text": text }] });
        let lines = self.lines.iter().map(|(label, value)| run(&format!("{label}: {value}")));
        let body: Vec<Value> = std::iter::once(run(HEADLINE)).chain(lines).collect();
        let card = json!({ "$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard",
            "version": "1.4", "body": body });
        let attachment = json!({ "contentType": "application/vnd.microsoft.card.adaptive", "content": card });
        json!({ "type": "message", "attachments": [attachment] })
    }
}

/// A name that somebody else chose, with nothing left in it that any of these receivers could take for a mention, a link or
/// a format: letters, digits and a few marks. A dot inside a word stands as a middle dot unless the word is an address, so
/// that no program makes a link of it.
fn tame(text: &str) -> String {
    let shown: String = plain(text).chars().map(|one| if is_harmless(one) { one } else { '?' }).collect();
    let words: Vec<String> = shown.split(' ').map(|word| unlinked(word, is_address(word))).collect();
    let whole = words.join(" ");
    let cut = whole.chars().count() > VALUE;
    whole.chars().take(VALUE).chain(cut.then_some('…')).collect()
}

fn is_harmless(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, ' ' | '@' | '.' | '-' | '+' | '\'' | '_')
}

fn is_address(word: &str) -> bool {
    word.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.') && !host.contains('@'))
}

fn unlinked(word: &str, is_address: bool) -> String {
    // An `@` at the start of a word is how people are called in all of them.
    let word = if is_address { word.to_owned() } else { word.replace('@', "(at)") };
    let mut rest = word.chars().peekable();
    let mut shown = String::with_capacity(word.len());
    while let Some(character) = rest.next() {
        let joins = character == '.' && rest.peek().is_some_and(|next| next.is_alphanumeric());
        shown.push(if joins && !is_address { '·' } else { character });
    }
    shown
}

#[cfg(test)]
mod tests;
