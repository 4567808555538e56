//! The members and rooms of one namespace: an index in both directions, which selects the members of a target without
//! allocating.
//!
//! The id of a member is also a room, with that one member. It is found in the index of ids, so it takes no memory of
//! its own.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::socketio::id::SocketId;
use crate::socketio::key::SocketKey;
use crate::socketio::target::Target;

/// Whether targets select a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Visibility {
    /// The member is still joining: it may join rooms, but is not selected.
    Hidden,
    Visible,
}

#[derive(Debug)]
struct Slot<M> {
    generation: u32,
    /// Equal to the current epoch if the current selection has visited or excluded the slot.
    mark: u32,
    member: Option<Member<M>>,
}

#[derive(Debug)]
struct Member<M> {
    value: M,
    id: SocketId,
    visibility: Visibility,
    rooms: Vec<Membership>,
}

/// A room of a member: its index, and the member's place in it.
#[derive(Debug, Clone, Copy)]
struct Membership {
    room: u32,
    at: u32,
}

#[derive(Debug)]
struct Room {
    name: Arc<str>,
    members: Vec<RoomMember>,
}

/// A member of a room: its slot, and the index of the room among the member's rooms.
#[derive(Debug, Clone, Copy)]
struct RoomMember {
    slot: u32,
    membership: u32,
}

/// What a join or a leave has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    None,
    /// The membership.
    Member,
    /// The membership, and the room was created or deleted.
    MemberAndRoom,
}

/// The index of members and rooms of a namespace.
#[derive(Debug)]
pub struct Rooms<M> {
    slots: Vec<Slot<M>>,
    /// Used from the front, so that a slot stays unused as long as possible.
    free: VecDeque<u32>,
    ids: HashMap<SocketId, SocketKey>,
    names: HashMap<Arc<str>, u32>,
    rooms: Vec<Room>,
    free_rooms: Vec<u32>,
    visible: usize,
    epoch: u32,
}

impl<M> Default for Rooms<M> {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            free: VecDeque::new(),
            ids: HashMap::new(),
            names: HashMap::new(),
            rooms: Vec::new(),
            free_rooms: Vec::new(),
            visible: 0,
            epoch: 0,
        }
    }
}

impl<M> Rooms<M> {
    /// Adds a member that is not visible.
    pub fn insert(&mut self, id: SocketId, value: M) -> SocketKey {
        let member = Member {
            value,
            id,
            visibility: Visibility::Hidden,
            rooms: Vec::new(),
        };
        let slot = self.free.pop_front().unwrap_or_else(|| {
            self.slots.push(Slot {
                generation: 0,
                mark: 0,
                member: None,
            });
            (self.slots.len() - 1) as u32
        });
        let entry = &mut self.slots[slot as usize];
        entry.member = Some(member);
        let key = SocketKey {
            slot,
            generation: entry.generation,
        };
        self.ids.insert(id, key);
        key
    }

    /// Makes a member visible. Returns false if it has been removed.
    pub fn show(&mut self, key: SocketKey) -> bool {
        let Some(member) = self.member_mut(key) else {
            return false;
        };
        if member.visibility == Visibility::Hidden {
            member.visibility = Visibility::Visible;
            self.visible += 1;
        }
        true
    }

    /// Removes a member. Returns the rooms that it was in, and whether each was deleted.
    pub fn remove(&mut self, key: SocketKey) -> Option<Vec<(Arc<str>, Change)>> {
        self.member_mut(key)?;
        let mut left = Vec::new();
        while let Some(membership) = self
            .member_mut(key)
            .and_then(|member| member.rooms.last().copied())
        {
            let name = Arc::clone(&self.rooms[membership.room as usize].name);
            let change = self.remove_membership(key.slot, membership);
            left.push((name, change));
        }
        left.reverse();
        let slot = &mut self.slots[key.slot as usize];
        let member = slot.member.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        if member.visibility == Visibility::Visible {
            self.visible -= 1;
        }
        self.ids.remove(&member.id);
        self.free.push_back(key.slot);
        Some(left)
    }

    /// Adds a member to a room. Returns `None` if the member has been removed.
    pub fn join(&mut self, key: SocketKey, room: &str) -> Option<Change> {
        let member = self.member(key)?;
        if member.id.as_str() == room {
            return Some(Change::None);
        }
        let known = self.names.get(room).copied();
        if let Some(known) = known
            && member
                .rooms
                .iter()
                .any(|membership| membership.room == known)
        {
            return Some(Change::None);
        }
        let index = known.unwrap_or_else(|| self.make_room(room));
        let at = self.rooms[index as usize].members.len() as u32;
        let member = self.member_mut(key)?;
        let membership = member.rooms.len() as u32;
        member.rooms.push(Membership { room: index, at });
        self.rooms[index as usize].members.push(RoomMember {
            slot: key.slot,
            membership,
        });
        Some(if known.is_some() {
            Change::Member
        } else {
            Change::MemberAndRoom
        })
    }

    /// Removes a member from a room. Returns `None` if the member has been removed.
    pub fn leave(&mut self, key: SocketKey, room: &str) -> Option<Change> {
        let member = self.member(key)?;
        let Some(&index) = self.names.get(room) else {
            return Some(Change::None);
        };
        match member
            .rooms
            .iter()
            .find(|membership| membership.room == index)
            .copied()
        {
            Some(membership) => Some(self.remove_membership(key.slot, membership)),
            None => Some(Change::None),
        }
    }

    /// The rooms that a member has joined, without its own.
    pub fn rooms_of(&self, key: SocketKey) -> impl Iterator<Item = &Arc<str>> {
        let memberships = self.member(key).map_or(&[][..], |member| &member.rooms);
        memberships
            .iter()
            .map(|membership| &self.rooms[membership.room as usize].name)
    }

    /// The visible member with that id.
    pub fn find(&self, id: &SocketId) -> Option<&M> {
        let member = self.member(*self.ids.get(id)?)?;
        (member.visibility == Visibility::Visible).then_some(&member.value)
    }

    /// The number of visible members.
    pub fn visible(&self) -> usize {
        self.visible
    }

    /// The number of rooms, without the members' own.
    pub fn room_count(&self) -> usize {
        self.names.len()
    }

    /// Calls `visit` once for every visible member of the target.
    pub fn select(&mut self, target: &Target<'_>, mut visit: impl FnMut(&M)) {
        let skip = target
            .skip
            .and_then(|id| self.ids.get(&id))
            .map_or(u32::MAX, |key| key.slot);
        match (target.rooms, target.except) {
            ([room], []) => {
                for slot in slots_of(&self.names, &self.rooms, &self.ids, room) {
                    visit_slot(&self.slots[slot as usize], slot == skip, &mut visit);
                }
            }
            ([], []) => {
                for (slot, entry) in self.slots.iter().enumerate() {
                    visit_slot(entry, slot as u32 == skip, &mut visit);
                }
            }
            _ => self.select_marked(target, skip, visit),
        }
    }

    /// Selects with several rooms, or with excepted ones: the slots that are visited or excepted are marked.
    fn select_marked(&mut self, target: &Target<'_>, skip: u32, mut visit: impl FnMut(&M)) {
        let epoch = self.next_epoch();
        let Self {
            slots,
            names,
            rooms,
            ids,
            ..
        } = self;
        for room in target.except {
            for slot in slots_of(names, rooms, ids, room) {
                slots[slot as usize].mark = epoch;
            }
        }
        for room in target.rooms {
            for slot in slots_of(names, rooms, ids, room) {
                let entry = &mut slots[slot as usize];
                if entry.mark != epoch {
                    entry.mark = epoch;
                    visit_slot(entry, slot == skip, &mut visit);
                }
            }
        }
        if target.rooms.is_empty() {
            for (slot, entry) in slots.iter().enumerate() {
                let left_out = slot as u32 == skip || entry.mark == epoch;
                visit_slot(entry, left_out, &mut visit);
            }
        }
    }

    fn member(&self, key: SocketKey) -> Option<&Member<M>> {
        let slot = self.slots.get(key.slot as usize)?;
        if slot.generation == key.generation {
            slot.member.as_ref()
        } else {
            None
        }
    }

    fn member_mut(&mut self, key: SocketKey) -> Option<&mut Member<M>> {
        let slot = self.slots.get_mut(key.slot as usize)?;
        if slot.generation == key.generation {
            slot.member.as_mut()
        } else {
            None
        }
    }

    fn make_room(&mut self, name: &str) -> u32 {
        let name: Arc<str> = name.into();
        let room = Room {
            name: Arc::clone(&name),
            members: Vec::new(),
        };
        let index = match self.free_rooms.pop() {
            Some(index) => {
                self.rooms[index as usize] = room;
                index
            }
            None => {
                self.rooms.push(room);
                (self.rooms.len() - 1) as u32
            }
        };
        self.names.insert(name, index);
        index
    }

    /// The last member of the room takes the freed place; the indexes in its own list, and of the member's later rooms,
    /// are corrected.
    fn remove_membership(&mut self, slot: u32, membership: Membership) -> Change {
        let Self {
            slots,
            rooms,
            names,
            free_rooms,
            ..
        } = self;
        let room = &mut rooms[membership.room as usize];
        let gone = room.members.swap_remove(membership.at as usize);
        if let Some(moved) = room.members.get(membership.at as usize)
            && let Some(member) = &mut slots[moved.slot as usize].member
        {
            member.rooms[moved.membership as usize].at = membership.at;
        }
        if let Some(member) = &mut slots[slot as usize].member {
            // A socket's rooms stay in the order in which it joined them.
            member.rooms.remove(gone.membership as usize);
            for (index, later) in member
                .rooms
                .iter()
                .enumerate()
                .skip(gone.membership as usize)
            {
                rooms[later.room as usize].members[later.at as usize].membership = index as u32;
            }
        }
        let room = &mut rooms[membership.room as usize];
        if !room.members.is_empty() {
            return Change::Member;
        }
        names.remove(&room.name);
        room.members = Vec::new();
        free_rooms.push(membership.room);
        Change::MemberAndRoom
    }

    fn next_epoch(&mut self) -> u32 {
        self.epoch = self.epoch.wrapping_add(1);
        if self.epoch == 0 {
            self.slots.iter_mut().for_each(|slot| slot.mark = 0);
            self.epoch = 1;
        }
        self.epoch
    }
}

/// The slots of the members of a room, which can be the id of a member.
fn slots_of<'a>(
    names: &HashMap<Arc<str>, u32>,
    rooms: &'a [Room],
    ids: &HashMap<SocketId, SocketKey>,
    room: &str,
) -> impl Iterator<Item = u32> + use<'a> {
    let members = names
        .get(room)
        .map_or(&[][..], |index| &rooms[*index as usize].members);
    let own = SocketId::parse(room)
        .and_then(|id| ids.get(&id))
        .map(|key| key.slot);
    members.iter().map(|member| member.slot).chain(own)
}

fn visit_slot<M>(slot: &Slot<M>, left_out: bool, visit: &mut impl FnMut(&M)) {
    if let Some(member) = &slot.member
        && member.visibility == Visibility::Visible
        && !left_out
    {
        visit(&member.value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    fn select(
        rooms: &mut Rooms<u32>,
        to: &[&str],
        except: &[&str],
        skip: Option<SocketId>,
    ) -> Vec<u32> {
        let mut selected = Vec::new();
        rooms.select(
            &Target {
                rooms: to,
                except,
                skip,
                ..Target::ALL
            },
            |member| selected.push(*member),
        );
        selected.sort_unstable();
        selected
    }

    fn with_members(count: u32) -> (Rooms<u32>, Vec<(SocketKey, SocketId)>) {
        let mut rooms = Rooms::default();
        let keys = (0..count)
            .map(|n| {
                let id = SocketId::random().unwrap();
                let key = rooms.insert(id, n);
                rooms.show(key);
                (key, id)
            })
            .collect();
        (rooms, keys)
    }

    #[test]
    fn a_target_is_a_union_without_the_excepted() {
        let (mut rooms, keys) = with_members(4);
        for (member, room) in [(0, "a"), (1, "a"), (1, "b"), (2, "b")] {
            rooms.join(keys[member].0, room);
        }
        let own = keys[3].1;
        assert_eq!(select(&mut rooms, &[], &[], None), [0, 1, 2, 3]);
        assert_eq!(select(&mut rooms, &["a", "b"], &[], None), [0, 1, 2]);
        assert_eq!(select(&mut rooms, &["a"], &["b"], None), [0]);
        assert_eq!(select(&mut rooms, &[], &["a"], None), [2, 3]);
        assert_eq!(select(&mut rooms, &[own.as_str()], &[], None), [3]);
        assert_eq!(
            select(&mut rooms, &["b", own.as_str()], &[], None),
            [1, 2, 3]
        );
        assert_eq!(select(&mut rooms, &[], &[own.as_str()], None), [0, 1, 2]);
        assert_eq!(select(&mut rooms, &["a"], &[], Some(keys[0].1)), [1]);
        assert_eq!(select(&mut rooms, &["nowhere"], &[], None), [0u32; 0]);
    }

    #[test]
    fn a_hidden_member_joins_but_is_not_found() {
        let mut rooms = Rooms::default();
        let id = SocketId::random().unwrap();
        let key = rooms.insert(id, 7);
        assert_eq!(rooms.join(key, "a"), Some(Change::MemberAndRoom));
        assert!(select(&mut rooms, &["a"], &[], None).is_empty() && rooms.find(&id).is_none());
        rooms.show(key);
        assert_eq!(select(&mut rooms, &["a"], &[], None), [7]);
    }

    #[test]
    fn a_stale_key_finds_no_member() {
        let (mut rooms, keys) = with_members(1);
        rooms.remove(keys[0].0);
        let id = SocketId::random().unwrap();
        let next = rooms.insert(id, 9);
        assert_eq!(next.slot, keys[0].0.slot);
        assert_eq!(rooms.join(keys[0].0, "a"), None);
        assert!(rooms.remove(keys[0].0).is_none());
    }

    #[derive(Debug, Clone)]
    enum Op {
        Join(usize, u8),
        Leave(usize, u8),
        Remove(usize),
    }

    proptest! {
        /// The index agrees with a map of sets, whatever is done.
        #[test]
        fn the_index_agrees_with_sets(ops in proptest::collection::vec(prop_oneof![
            (0..6usize, 0..5u8).prop_map(|(m, r)| Op::Join(m, r)),
            (0..6usize, 0..5u8).prop_map(|(m, r)| Op::Leave(m, r)),
            (0..6usize).prop_map(Op::Remove),
        ], 0..80)) {
            let (mut rooms, keys) = with_members(6);
            let mut model: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
            let mut alive: BTreeSet<u32> = (0..6).collect();
            for op in ops {
                match op {
                    Op::Join(member, room) => {
                        let name = format!("r{room}");
                        let change = rooms.join(keys[member].0, &name);
                        if !alive.contains(&(member as u32)) {
                            prop_assert_eq!(change, None);
                            continue;
                        }
                        let created = !model.contains_key(&name);
                        let joined = model.entry(name).or_default().insert(member as u32);
                        prop_assert_eq!(change, Some(match (joined, created) {
                            (false, _) => Change::None,
                            (true, false) => Change::Member,
                            (true, true) => Change::MemberAndRoom,
                        }));
                    }
                    Op::Leave(member, room) => {
                        let name = format!("r{room}");
                        rooms.leave(keys[member].0, &name);
                        if let Some(set) = model.get_mut(&name) {
                            set.remove(&(member as u32));
                            if set.is_empty() { model.remove(&name); }
                        }
                    }
                    Op::Remove(member) => {
                        rooms.remove(keys[member].0);
                        alive.remove(&(member as u32));
                        model.values_mut().for_each(|set| { set.remove(&(member as u32)); });
                        model.retain(|_, set| !set.is_empty());
                    }
                }
                prop_assert_eq!(rooms.room_count(), model.len());
                prop_assert_eq!(rooms.visible(), alive.len());
                for (name, set) in &model {
                    prop_assert_eq!(select(&mut rooms, &[name], &[], None), set.iter().copied().collect::<Vec<_>>());
                }
            }
        }
    }
}
