//! What a scan has found.

use super::echo::Spelling;

/// The values that were found, and, where somebody asked, how they were spelled.
#[derive(Default)]
pub(super) struct Finds {
    owners: Vec<bool>,
    /// Whether the text is a header name. Those come in lower case.
    pub(super) name: bool,
    /// The encoding that the view being looked at has undone.
    pub(super) undone: Spelling,
    spellings: Option<Vec<Spelling>>,
    /// How the first of those was spelled that were found since somebody asked.
    latest: Option<Spelling>,
}

impl Finds {
    /// Room for so many values. Finding one takes no memory then.
    pub(super) fn new(owners: usize) -> Self {
        Self { owners: vec![false; owners], ..Self::default() }
    }

    /// The same, and every spelling is told.
    pub(super) fn telling(owners: usize) -> Self {
        Self { spellings: Some(Vec::new()), ..Self::new(owners) }
    }

    /// Whether finding this would say anything new.
    pub(super) fn wants(&self, owner: usize, spelling: Spelling) -> bool {
        let known = self.owners.get(owner).copied().unwrap_or(true) && self.spellings.is_none();
        !known && (self.name || spelling != Spelling::HeaderName)
    }

    pub(super) fn add(&mut self, owner: usize, spelling: Spelling) {
        if let Some(found) = self.owners.get_mut(owner) {
            *found = true;
        }
        // The innermost encoding says most: base64 inside JSON is base64.
        let spelling = if spelling == Spelling::Raw { self.undone } else { spelling };
        self.latest = self.latest.or(Some(spelling));
        if let Some(spellings) = self.spellings.as_mut().filter(|spellings| !spellings.contains(&spelling)) {
            spellings.push(spelling);
        }
    }

    pub(super) fn any(&self) -> bool {
        self.owners.contains(&true)
    }

    /// The numbers of the values that were found.
    pub(super) fn owners(&self) -> impl Iterator<Item = usize> {
        self.owners.iter().enumerate().filter(|(_, found)| **found).map(|(owner, _)| owner)
    }

    /// The first spelling since the last time this was asked.
    pub(super) fn take_latest(&mut self) -> Option<Spelling> {
        self.latest.take()
    }

    /// Nothing found yet, for the same values.
    pub(super) fn fresh(&self) -> Self {
        Self::new(self.owners.len())
    }

    /// Adds what was found here and not there.
    pub(super) fn add_beyond(&mut self, here: &Self, there: &Self) {
        for ((all, here_too), known) in self.owners.iter_mut().zip(&here.owners).zip(&there.owners) {
            if *here_too && !known && !*all {
                *all = true;
                self.latest = self.latest.or(here.latest);
            }
        }
    }

    /// The spellings since the last time this was asked.
    pub(super) fn take_spellings(&mut self) -> Vec<Spelling> {
        self.spellings.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Forgets what was found.
    pub(super) fn clear(&mut self) {
        self.owners.fill(false);
        self.latest = None;
        self.take_spellings();
    }
}
