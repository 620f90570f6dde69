//! Which mutations are tried, and in what order.

use std::time::Duration;

use crate::sabotage::changed::Changes;
use crate::sabotage::mutation::{Mutation, Room};

/// How many mutations of one changed room CI tries. The lint, the tests and the demo share its 90 minutes; a mutation
/// of the largest room takes some 10 seconds on two cores.
const PER_ROOM: usize = 10;

/// After this, CI starts no other one.
const TIME: Duration = Duration::from_secs(8 * 60);

/// What is tried.
pub(crate) struct Choice<'a> {
    /// By room, so that a build is reused by the next mutation.
    pub(crate) rooms: Vec<(&'a str, Vec<&'a Mutation>)>,
    /// Mutations of chosen rooms that are not tried this time.
    pub(crate) left_out: usize,
    /// When no other mutation is begun.
    pub(crate) time: Option<Duration>,
}

impl Choice<'_> {
    /// True when there is nothing to do.
    pub(crate) fn is_empty(&self) -> bool {
        self.rooms.is_empty()
    }
}

/// Every mutation.
pub(crate) fn all(rooms: &[Room]) -> Choice<'_> {
    filtered(rooms, |_, _| true)
}

/// Those of one room.
pub(crate) fn room<'a>(rooms: &'a [Room], name: &str) -> Choice<'a> {
    filtered(rooms, |room, _| room.name == name)
}

/// The one with this id.
pub(crate) fn one<'a>(rooms: &'a [Room], id: &str) -> Choice<'a> {
    filtered(rooms, |_, mutation| mutation.id == id)
}

fn filtered<'a>(rooms: &'a [Room], wanted: impl Fn(&Room, &Mutation) -> bool) -> Choice<'a> {
    let of = |room: &'a Room| room.mutations.iter().filter(|mutation| wanted(room, mutation)).collect();
    let rooms = rooms.iter().map(|room| (room.name.as_str(), of(room)));
    let rooms = rooms.filter(|(_, mutations): &(_, Vec<_>)| !mutations.is_empty()).collect();
    Choice { rooms, left_out: 0, time: None }
}

/// Some of each changed room: first those of changed files, then the others in turn, beginning at another one after
/// each commit, so that all of them are tried in time. Rooms too: the last one is what there may be no time for.
pub(crate) fn limited<'a>(rooms: &'a [Room], changes: &Changes) -> Choice<'a> {
    let mut choice = Choice { rooms: Vec::new(), left_out: 0, time: Some(TIME) };
    for room in rooms.iter().filter(|room| is_changed(room, changes)) {
        let count = room.mutations.len();
        let turn = usize::try_from(changes.turn).unwrap_or_default().checked_rem(count).unwrap_or_default();
        let mut order: Vec<&Mutation> = room.mutations.iter().collect();
        order.rotate_left(turn);
        // Stable: within both parts the turn is kept.
        order.sort_by_key(|mutation| !changes.files.contains(&mutation.file));
        order.truncate(PER_ROOM);
        choice.left_out += count - order.len();
        choice.rooms.push((&room.name, order));
    }
    let count = choice.rooms.len();
    choice.rooms.rotate_left(usize::try_from(changes.turn).unwrap_or_default().checked_rem(count).unwrap_or_default());
    choice
}

/// A room is changed when one of its files is, or its mutations are.
fn is_changed(room: &Room, changes: &Changes) -> bool {
    let (code, data) = (format!("runtime/{}/", room.name), format!("tests/sabotage/{}.toml", room.name));
    changes.files.iter().any(|file| file.starts_with(&code) || *file == data)
}

#[cfg(test)]
mod tests {
    use super::{PER_ROOM, limited};
    use crate::sabotage::changed::Changes;
    use crate::sabotage::mutation::{Room, tests_support};

    fn rooms() -> Vec<Room> {
        let mutations = (0..PER_ROOM + 5).map(|number| tests_support(number, &format!("runtime/vault/{number}.rs")));
        vec![
            Room { name: "vault".to_owned(), mutations: mutations.collect() },
            Room { name: "grant".to_owned(), mutations: vec![tests_support(99, "runtime/grant/x.rs")] },
        ]
    }

    fn tried(files: &[&str], turn: u64) -> Vec<String> {
        let rooms = rooms();
        let files = files.iter().map(|file| (*file).to_owned()).collect();
        let choice = limited(&rooms, &Changes { base: String::new(), files, turn });
        choice.rooms.iter().flat_map(|(_, mutations)| mutations.iter().map(|one| one.id.clone())).collect()
    }

    #[test]
    fn only_changed_rooms_and_their_changed_files_first() {
        assert!(tried(&["README.md"], 0).is_empty());
        assert_eq!(tried(&["runtime/grant/lib.rs"], 3), ["99"]);
        assert_eq!(tried(&["tests/sabotage/grant.toml"], 3), ["99"]);
        let order = tried(&["runtime/vault/12.rs"], 0);
        assert_eq!((order.len(), order.first().map(String::as_str)), (PER_ROOM, Some("12")));
    }

    #[test]
    fn every_mutation_gets_its_turn() {
        let seen: std::collections::BTreeSet<String> =
            (0..20).flat_map(|turn| tried(&["runtime/vault/lib.rs"], turn)).collect();
        assert_eq!(seen.len(), PER_ROOM + 5);
    }
}
