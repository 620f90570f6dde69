//! What each configured witness said last, in a file beside the log: for the console and for who looks, not for proof.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::Failure;
use crate::state::{self, State};
use crate::witness_ask::Unsigned;

/// Where one witness stands.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Standing {
    /// How many entries were under the checkpoint that it signed last, and when that came back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) signed: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) at: Option<String>,
    /// Why it has not signed since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) trouble: Option<Trouble>,
}

/// Why a witness does not sign.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Trouble {
    pub(crate) since: String,
    pub(crate) why: String,
    /// Whether it says that the log is another one than it has signed.
    pub(crate) disagrees: bool,
}

impl Standing {
    /// It signed.
    pub(crate) fn good(&mut self, size: u64, now: &str) {
        *self = Self { signed: Some(size), at: Some(now.to_owned()), trouble: None };
    }

    /// It did not. True when that is news: a witness that is down for a day is told of once.
    pub(crate) fn bad(&mut self, unsigned: &Unsigned, now: &str) -> bool {
        let disagrees = unsigned.disagrees.is_some();
        let before = self.trouble.as_ref();
        let is_news = before.is_none_or(|before| disagrees && !before.disagrees);
        let since = before.filter(|_| !is_news).map_or(now, |before| before.since.as_str()).to_owned();
        self.trouble = Some(Trouble { since, why: unsigned.failure.message.clone(), disagrees });
        is_news
    }
}

/// By address. A file that is not there or cannot be read says nothing: it is written anew.
pub(crate) fn read(state: &State) -> BTreeMap<String, Standing> {
    let text = std::fs::read(state.witnesses()).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

/// Writes them down.
pub(crate) fn write(state: &State, standings: &BTreeMap<String, Standing>) -> Result<(), Failure> {
    let text = serde_json::to_vec_pretty(standings).map_err(Failure::state)?;
    state::write(&state.witnesses(), &text)
}

#[cfg(test)]
mod tests {
    use super::Standing;
    use crate::error::Failure;
    use crate::witness_ask::Unsigned;

    fn unsigned(why: &str, disagrees: Option<u64>) -> Unsigned {
        Unsigned { failure: Failure::state(why), disagrees }
    }

    #[test]
    fn trouble_is_news_once_and_an_alarm_always_once_more() {
        let (mut standing, first, later) = (Standing::default(), "at first", "later");
        assert!(standing.bad(&unsigned("gone", None), first));
        assert!(!standing.bad(&unsigned("still gone", None), later));
        let trouble = standing.trouble.clone();
        assert_eq!(
            trouble.map(|trouble| (trouble.since, trouble.why)),
            Some((first.to_owned(), "still gone".to_owned()))
        );
        assert!(standing.bad(&unsigned("rolled back", Some(9)), later));
        assert!(!standing.bad(&unsigned("rolled back", Some(9)), later));
        standing.good(4, later);
        assert_eq!((standing.signed, standing.trouble.is_none()), (Some(4), true));
        assert!(standing.bad(&unsigned("gone again", None), later));
        assert_eq!(standing.signed, Some(4), "what it signed before it has signed");
    }
}
