//! A section of the console as plain data: the host says what there is, the page shows it.
//!
//! This room opens neither the log nor the state directory. Every text in here is shown as a quotation is: what could hide,
//! move or imitate is spelled out, whoever wrote it.

use std::collections::BTreeMap;

use claviger_manifest::Effect;

/// What the console has beside the questions that wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// What each connection is and may do.
    Connections,
    /// Who may do what, and how it is asked.
    Grants,
    /// What happened.
    Log,
    /// What somebody should look at.
    Alerts,
    /// How often people were asked.
    Prompts,
}

impl Section {
    /// Every section, in the order of the navigation.
    pub const ALL: [Self; 5] = [Self::Connections, Self::Grants, Self::Log, Self::Alerts, Self::Prompts];

    /// Its path.
    pub fn path(self) -> &'static str {
        match self {
            Self::Connections => "/connections",
            Self::Grants => "/grants",
            Self::Log => "/log",
            Self::Alerts => "/alerts",
            Self::Prompts => "/prompts",
        }
    }

    /// Its title.
    pub fn title(self) -> &'static str {
        match self {
            Self::Connections => "Connections",
            Self::Grants => "Grants",
            Self::Log => "Log",
            Self::Alerts => "Alerts",
            Self::Prompts => "Prompts",
        }
    }
}

/// One value on the page.
#[derive(Clone, Debug)]
pub enum Cell {
    /// A text as it is.
    Text(String),
    /// A text in quotation marks: a value.
    Quoted(String),
    /// A count or an index.
    Number(u64),
    /// An effect.
    Effect(Effect),
    /// Something as it should be.
    Good(String),
    /// Something that somebody should look at.
    Bad(String),
    /// A command or a digest.
    Code(String),
    /// Another page of this console.
    Link {
        /// Its path.
        to: String,
        /// What it is called.
        text: String,
    },
    /// Several, one below the other.
    Several(Vec<Cell>),
}

/// A piece of a page.
#[derive(Clone, Debug)]
pub enum Part {
    /// A sentence.
    Note(String),
    /// Labels and their values.
    Facts {
        /// What they are about.
        title: String,
        /// In order.
        rows: Vec<(String, Cell)>,
    },
    /// Columns and rows.
    Table {
        /// What it is about.
        title: String,
        /// The columns.
        head: Vec<String>,
        /// As many cells in each as there are columns.
        rows: Vec<Vec<Cell>>,
        /// What is said when there is none.
        none: String,
    },
    /// Choices of what is shown: each is a link, one of each group is the present one.
    Choices {
        /// What is chosen.
        title: String,
        /// Text, path, whether it is the present one.
        options: Vec<(String, String, bool)>,
    },
    /// Text to be copied, byte for byte. Characters that would not show are spelled out on the page alone.
    Copy {
        /// What it is.
        title: String,
        /// The text.
        text: String,
    },
}

/// What somebody asks to see: the pairs behind `?` in the address.
pub type Asked = BTreeMap<String, String>;

/// Whoever knows what the console shows. It only reads, and may block: it is called on a thread of its own.
pub trait Books: Send + Sync {
    /// A section.
    ///
    /// # Errors
    /// What to tell the person at the page.
    fn section(&self, section: Section, asked: &Asked) -> Result<Vec<Part>, String>;

    /// One entry of the log, with its proof.
    ///
    /// # Errors
    /// What to tell the person at the page.
    fn entry(&self, index: u64) -> Result<Vec<Part>, String>;

    /// A word that is another one whenever something changed. Cheap: it is asked for twice a second by each open page.
    fn mark(&self) -> String;
}
