use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

struct Thing(Kind, u32);

impl Named for Thing {
    fn kind(&self) -> Kind {
        self.0
    }
}

fn kind_of<T>(result: Result<T>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

fn number(registry: &Registry<Thing>, id: u64, kind: Kind) -> Result<u32> {
    registry.with(id, kind, |thing| thing.1)
}

#[test]
fn a_handle_names_one_thing_until_it_is_gone() {
    let registry = Registry::new(0);
    let id = registry.insert(Thing(Kind::Socket, 7)).unwrap();
    assert_eq!(number(&registry, id, Kind::Socket).unwrap(), 7);
    assert_eq!(
        kind_of(number(&registry, id, Kind::Nsp)),
        Some(ErrorKind::Handle)
    );
    assert_eq!(registry.remove(id, Ended::Gone).unwrap().1, 7);
    assert!(registry.remove(id, Ended::Gone).is_none());
    assert_eq!(
        kind_of(number(&registry, id, Kind::Socket)),
        Some(ErrorKind::Gone)
    );
}

#[test]
fn what_was_never_given_out_is_no_handle() {
    let registry = Registry::new(0);
    let id = registry.insert(Thing(Kind::Ack, 1)).unwrap();
    let as_socket = id & !(15 << 60) | 3 << 60;
    for wrong in [
        0,
        1,
        u64::MAX,
        id + 1,
        id + (1 << 32),
        as_socket,
        id & !(0xfff_ffff << 32),
    ] {
        assert_eq!(
            kind_of(number(&registry, wrong, Kind::Socket)),
            Some(ErrorKind::Handle)
        );
    }
}

#[test]
fn a_claim_is_seen_as_completed_and_can_be_taken_back() {
    let registry = Registry::new(0);
    let id = registry.insert(Thing(Kind::Ack, 1)).unwrap();
    let thing = registry.claim(id, Kind::Ack).unwrap();
    assert_eq!(
        kind_of(registry.claim(id, Kind::Ack)),
        Some(ErrorKind::Already)
    );
    assert!(registry.restore(id, thing).is_none());
    let thing = registry.claim(id, Kind::Ack).unwrap();
    assert!(registry.remove(id, Ended::Completed).is_none());
    assert_eq!(
        kind_of(registry.claim(id, Kind::Ack)),
        Some(ErrorKind::Already)
    );
    assert!(registry.restore(id, thing).is_some());
}

#[test]
fn slots_below_the_base_are_the_parents() {
    let registry = Registry::new(10);
    let id = registry.insert(Thing(Kind::Op, 1)).unwrap();
    assert_eq!(id as u32, 10);
    assert_eq!(
        kind_of(number(&registry, id - 1, Kind::Op)),
        Some(ErrorKind::Forked)
    );
}

#[test]
fn a_million_others_never_get_a_kept_handle() {
    let registry = Registry::new(0);
    let kept = registry.insert(Thing(Kind::Socket, 1)).unwrap();
    registry.remove(kept, Ended::Gone);
    for n in 0..1_000_000 {
        let id = registry.insert(Thing(Kind::Socket, n)).unwrap();
        assert_ne!(id, kept);
        registry.remove(id, Ended::Gone);
    }
    assert_eq!(
        kind_of(number(&registry, kept, Kind::Socket)),
        Some(ErrorKind::Gone)
    );
    assert!(registry.end() < 3000, "slots are used again");
}

#[test]
fn a_slot_without_generations_is_retired() {
    let registry = Registry::new(0);
    let id = registry.insert(Thing(Kind::Socket, 1)).unwrap();
    lock(registry.slot(0).unwrap()).generation = GENERATIONS;
    let last = id | u64::from(GENERATIONS) << 32;
    assert!(registry.remove(last, Ended::Gone).is_some());
    assert!(lock(&registry.free).is_empty());
}

proptest! {
    #[test]
    fn it_behaves_like_a_map(steps in prop::collection::vec((0..4u8, any::<prop::sample::Index>()), 1..300)) {
        let registry = Registry::new(0);
        let mut live: HashMap<u64, u32> = HashMap::new();
        let mut all: Vec<u64> = Vec::new();
        for (count, (step, index)) in steps.into_iter().enumerate() {
            let count = count as u32;
            match step {
                0 | 1 => {
                    let kind = KINDS[count as usize % KINDS.len()];
                    let id = registry.insert(Thing(kind, count)).unwrap();
                    prop_assert!(live.insert(id, count).is_none());
                    all.push(id);
                }
                _ if all.is_empty() => {}
                2 => {
                    let id = all[index.index(all.len())];
                    let removed = registry.remove(id, Ended::Gone).map(|thing| thing.1);
                    prop_assert_eq!(removed, live.remove(&id));
                }
                _ => {
                    let id = all[index.index(all.len())];
                    let kind = Kind::of(id).unwrap();
                    let seen = number(&registry, id, kind);
                    match live.get(&id) {
                        Some(expected) => prop_assert_eq!(seen.unwrap(), *expected),
                        None => prop_assert_eq!(kind_of(seen), Some(ErrorKind::Gone)),
                    }
                }
            }
        }
    }
}

#[test]
fn threads_do_not_disturb_one_another() {
    let registry = Registry::new(0);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let registry = &registry;
            scope.spawn(move || {
                for n in 0..20_000 {
                    let id = registry
                        .insert(Thing(Kind::Socket, thread << 24 | n))
                        .unwrap();
                    assert_eq!(
                        number(registry, id, Kind::Socket).unwrap(),
                        thread << 24 | n
                    );
                    assert!(registry.remove(id, Ended::Gone).is_some());
                }
            });
        }
    });
}
