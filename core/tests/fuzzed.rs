//! The fuzz targets of `core/fuzz`, on their seeds and on thousands of mutated seeds. Every run uses the same inputs.

use std::panic::{AssertUnwindSafe, catch_unwind};

#[path = "../fuzz/src/lib.rs"]
#[expect(unreachable_pub, reason = "the files are those of a library")]
mod fuzz;

use fuzz::{TARGETS, Target};

const ROUNDS: u64 = 20_000;
/// The longest input, in bytes.
const LONGEST: usize = 4096;

/// The pseudorandom generator SplitMix64, which gives the same numbers in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

fn change(input: &mut Vec<u8>, target: &Target, random: &mut Random) {
    let at = random.below(input.len() + 1);
    let to = at + random.below((input.len() - at).min(16) + 1);
    match random.below(10) {
        0 | 1 => {
            let word = random.of(target.words).bytes();
            input.splice(at..at, word);
        }
        2 => {
            let word = random.of(target.words).bytes();
            input.splice(at..to, word);
        }
        3 if at < input.len() => input[at] ^= 1 << random.below(8),
        4 if at < input.len() => input[at] = random.next() as u8,
        5 => input.insert(at, random.next() as u8),
        6 => drop(input.drain(at..to)),
        7 => {
            let piece = input[at..to].to_vec();
            let place = random.below(input.len() + 1);
            input.splice(place..place, piece);
        }
        8 => {
            let other = random.of(target.seeds);
            let from = random.below(other.len());
            input.truncate(at);
            input.extend_from_slice(&other[from..]);
        }
        _ => input.truncate(at),
    }
    input.truncate(LONGEST);
}

fn run(name: &str) {
    let target = fuzz::target(name);
    let mut random = Random(ROUNDS);
    // Mutated inputs are mutated again; the seeds stay in the pool.
    let mut pool: Vec<Vec<u8>> = target.seeds.iter().map(|seed| seed.to_vec()).collect();
    pool.iter().for_each(|seed| run_on(target, seed));
    for _ in 0..ROUNDS {
        let mut input = random.of(&pool).clone();
        for _ in 0..=random.below(4) {
            change(&mut input, target, &mut random);
        }
        run_on(target, &input);
        if pool.len() < 200 {
            pool.push(input);
        } else if random.below(4) == 0 {
            let place = target.seeds.len() + random.below(pool.len() - target.seeds.len());
            pool[place] = input;
        }
    }
}

fn run_on(target: &Target, input: &[u8]) {
    let outcome = catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
    assert!(
        outcome.is_ok(),
        "{} does not hold for b\"{}\"",
        target.name,
        input.escape_ascii()
    );
}

#[test]
fn cookie() {
    run("cookie");
}

#[test]
fn cors() {
    run("cors");
}

#[test]
fn cursors() {
    run("cursors");
}

#[test]
fn forwarded() {
    run("forwarded");
}

#[test]
fn frames() {
    run("frames");
}

#[test]
fn handshake() {
    run("handshake");
}

#[test]
fn json() {
    run("json");
}

#[test]
fn options() {
    run("options");
}

#[test]
fn packets() {
    run("packets");
}

#[test]
fn payload() {
    run("payload");
}

#[test]
fn placeholders() {
    run("placeholders");
}

#[test]
fn pointers() {
    run("pointers");
}

#[test]
fn requests() {
    run("requests");
}

#[test]
fn routing() {
    run("routing");
}

#[test]
fn no_target_is_left_out() {
    let names = TARGETS.map(|target| target.name);
    let expected = [
        "cookie",
        "cors",
        "cursors",
        "forwarded",
        "frames",
        "handshake",
        "json",
        "options",
        "packets",
        "payload",
        "placeholders",
        "pointers",
        "requests",
        "routing",
    ];
    assert_eq!(names, expected);
}
