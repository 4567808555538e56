//! The block scanner against the byte scanner: both agree on what the block scanner accepts, and it accepts all
//! ordinary values.

use pulp::x86::V3;

use crate::json::blocks;
use crate::json::scan::{self, Scanned};

const DEPTH: usize = 40;

/// Tokens of JSON, and texts that resemble them.
const SAMPLE: &str = r#"{"alive":true,"id":1000,"name":"a-\"é\\","_placeholder" : [ -0.25e+1,0,10, {} , [ ] ,null],"x":{"y":-480,"t":["a",false,""]}}"#;

/// Bytes with a meaning outside or inside strings.
const TELLING: &[u8] = b"[]{},:\"\\ \n-+.019eu_\0\x1f\xc3";

/// Scans a text with both scanners, and checks that they agree.
fn agreed(text: &[u8], max_depth: usize) -> Option<Scanned> {
    let found = blocks::value(text, 0, max_depth);
    if let Some(found) = found {
        let expected = scan::bytewise(text, 0, max_depth);
        assert_eq!(expected, Ok(found), "{}", text.escape_ascii());
    }
    found
}

/// Checks that the block scanner accepts the text, if the processor has the instructions.
#[track_caller]
fn accepted(text: &[u8], max_depth: usize) {
    let expected = scan::bytewise(text, 0, max_depth).ok();
    assert!(expected.is_some(), "{}", text.escape_ascii());
    let expected = expected.filter(|_| V3::is_available());
    assert_eq!(agreed(text, max_depth), expected, "{}", text.escape_ascii());
}

/// The sample at this distance from the start of the text.
fn shifted(by: usize) -> Vec<u8> {
    let before = "x".repeat(by);
    format!(r#"["{before}",{SAMPLE}]"#).into_bytes()
}

#[test]
fn every_byte_is_judged_at_every_place_of_a_block() {
    for by in 0..64 {
        let text = shifted(by);
        accepted(&text, DEPTH);
        for at in by + 3..text.len() {
            let mut wrong = text.clone();
            for &byte in TELLING {
                wrong[at] = byte;
                agreed(&wrong, DEPTH);
            }
            wrong.remove(at);
            agreed(&wrong, DEPTH);
            agreed(&text[..at], DEPTH);
        }
    }
}

#[test]
fn what_follows_the_value_does_not_matter() {
    for by in 0..64 {
        let before = "x".repeat(by);
        let value = format!(r#"{{"{before}":[0]}}"#);
        let expected = agreed(value.as_bytes(), DEPTH);
        let followed = format!(r#"{value} ,{{"_placeholder":0}}],"b":[1.5e-7 ,"\n",]}}"#);
        assert_eq!(agreed(followed.as_bytes(), DEPTH), expected);
        for more in [
            r#", "_placeholder" : 0, [{"_placeholder":0}], "\n", 1.5e-7"#,
            r#","_placeholder":"#,
            "]}",
            "\"",
            "\\",
            "{[",
            "1.e",
            "\n\0",
        ] {
            let text = [&value, more, more].concat();
            assert_eq!(agreed(text.as_bytes(), DEPTH).or(expected), expected);
            let text = format!("{value}{:64}{more}", "");
            assert_eq!(agreed(text.as_bytes(), DEPTH), expected);
        }
    }
}

#[test]
fn placeholders_are_seen_in_names_only() {
    for by in 0..80 {
        let before = "x".repeat(by);
        for (inside, placeholders) in [
            (r#""_placeholder":1"#, true),
            (r#""a":{"_placeholder" :1}"#, true),
            (r#""a":"_placeholder""#, false),
            (r#""a":["_placeholder"]"#, false),
            (r#""a":[["_placeholder"],1]"#, false),
            (r#""_placeholdes":1,"b":2"#, false),
            (r#""a":"bcdefgh","i":"",":_placeholder":1"#, false),
        ] {
            let text = format!(r#"{{"{before}":0,{inside}}}"#);
            accepted(text.as_bytes(), DEPTH);
            let expected = scan::bytewise(text.as_bytes(), 0, DEPTH);
            assert_eq!(expected.map(|value| value.placeholders), Ok(placeholders));
        }
        for name in [
            "_placeholde\\u0072",
            "\\u005fplaceholder",
            "_plac\\/eholder",
        ] {
            agreed(format!(r#"{{"{before}":0,"{name}":1}}"#).as_bytes(), DEPTH);
        }
    }
}

#[test]
fn depth_is_bounded() {
    for depth in 1..100 {
        let text = ["[".repeat(depth), "]".repeat(depth)].concat();
        if depth <= 62 {
            accepted(text.as_bytes(), depth);
            accepted(text.as_bytes(), usize::MAX);
        }
        agreed(text.as_bytes(), usize::MAX);
        assert_eq!(agreed(text.as_bytes(), depth - 1), None);
        let text = [r#"{"a":[0,"#.repeat(depth), "]}".repeat(depth)].concat();
        agreed(text.replace(",]", "]").as_bytes(), usize::MAX);
        assert_eq!(agreed(text.as_bytes(), depth * 2 - 1), None);
    }
}

#[test]
fn long_strings_are_passed() {
    for len in 0..700 {
        let plain = "x".repeat(len);
        accepted(
            format!(r#"{{"{plain}":"{plain}","b":["{plain}"]}}"#).as_bytes(),
            DEPTH,
        );
        for special in ["\n", "\\", "\"", "\\n"] {
            agreed(format!(r#"["{plain}{special}{plain}"]"#).as_bytes(), DEPTH);
        }
    }
}

#[test]
fn random_documents_agree() {
    let mut random = Random(1);
    for _ in 0..3_000 {
        let text = document(&mut random);
        accepted(&text, DEPTH);
        for _ in 0..8 {
            agreed(&changed(&text, &mut random), DEPTH);
        }
    }
}

/// SplitMix64: pseudo-random numbers, the same in every run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ mixed >> 31) % bound as u64) as usize
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }
}

/// An ordinary document: no escapes in names, and little depth.
pub(crate) fn document(random: &mut Random) -> Vec<u8> {
    let mut writer = Writer {
        spacing: random.of(&[Spacing::None, Spacing::Some, Spacing::Much]),
        plain: random.below(2) == 0,
        left: random.below(60),
        random,
        out: Vec::new(),
    };
    writer.container(0);
    writer.out
}

#[derive(Clone, Copy)]
enum Spacing {
    None,
    Some,
    Much,
}

struct Writer<'a> {
    random: &'a mut Random,
    spacing: Spacing,
    /// Whether strings have no escapes.
    plain: bool,
    /// The number of values that may follow.
    left: usize,
    out: Vec<u8>,
}

impl Writer<'_> {
    fn container(&mut self, depth: usize) {
        let is_object = self.random.below(2) == 0;
        self.token(if is_object { "{" } else { "[" });
        let most = if depth == 0 { 60 } else { 6 };
        for index in 0..self.random.below(most) {
            if self.left == 0 {
                break;
            }
            self.left -= 1;
            if index > 0 {
                self.token(",");
            }
            if is_object {
                self.name();
                self.token(":");
            }
            self.value(depth + 1);
        }
        self.token(if is_object { "}" } else { "]" });
    }

    fn value(&mut self, depth: usize) {
        match self.random.below(9) {
            0..3 if depth < DEPTH => self.container(depth),
            0..5 => self.string(),
            5 => {
                let word = self.random.of(&["true", "false", "null"]);
                self.token(word);
            }
            _ => self.number(),
        }
    }

    fn name(&mut self) {
        if self.random.below(3) == 0 {
            let name = self
                .random
                .of(&["", "id", "_id", "_placeholder", "placeholder_", "é"]);
            self.token(&format!("\"{name}\""));
        } else {
            let plain = std::mem::replace(&mut self.plain, true);
            self.string();
            self.plain = plain;
        }
    }

    fn string(&mut self) {
        let most = self.random.of(&[2, 12, 12, 20, 80, 300]);
        let mut text = String::from("\"");
        for _ in 0..self.random.below(most) {
            let kinds = if self.plain { 10 } else { 13 };
            text.push_str(match self.random.below(kinds) {
                0 => self
                    .random
                    .of(&["é", "€", "\u{1f600}", "\u{7f}", "\u{80}", "\u{2028}"]),
                1 => self
                    .random
                    .of(&["[", "]", "{", "}", ",", ":", " ", "0", "-", "_", "/"]),
                10 => self.random.of(&[r"\n", r"\t", r"\r", r"\b", r"\f", r"\/"]),
                11 => self.random.of(&[r#"\""#, r"\\", r#"\\\""#]),
                12 => self.random.of(&[r"\u00e9", r"\ud83d\uDE00", r"\u0000"]),
                _ => self.random.of(&["a", "b", "c", "true", "xyz"]),
            });
        }
        text.push('"');
        self.token(&text);
    }

    fn number(&mut self) {
        let mut text = String::new();
        text.push_str(self.random.of(&["", "", "-"]));
        text.push_str(
            self.random
                .of(&["0", "7", "10", "480", "1000", "12345678901234567890"]),
        );
        text.push_str(
            self.random
                .of(&["", "", "", ".0", ".5", ".125", ".00900719925474099"]),
        );
        text.push_str(self.random.of(&["", "", "", "", "e5", "E-07", "e+10"]));
        self.token(&text);
    }

    fn token(&mut self, token: &str) {
        self.out.extend_from_slice(token.as_bytes());
        let bound = match self.spacing {
            Spacing::None => return,
            Spacing::Some => 2,
            Spacing::Much => self.random.of(&[1, 2, 9, 9, 140]),
        };
        for _ in 0..self.random.below(bound) {
            let space = self.random.of(b"  \n\t\r");
            self.out.push(space);
        }
    }
}

/// The text with one or two changes.
pub(crate) fn changed(text: &[u8], random: &mut Random) -> Vec<u8> {
    let mut text = text.to_vec();
    for _ in 0..=random.below(2) {
        let at = random.below(text.len() + 1);
        let to = at + random.below((text.len() - at).min(8) + 1);
        let byte = match random.below(4) {
            0 => random.below(256) as u8,
            _ => random.of(TELLING),
        };
        match random.below(8) {
            0..3 if at < text.len() => text[at] = byte,
            0..4 => text.insert(at, byte),
            4 => drop(text.drain(at..to)),
            5 => {
                let piece = text[at..to].to_vec();
                let place = random.below(text.len() + 1);
                text.splice(place..place, piece);
            }
            6 if at < text.len() => {
                let other = random.below(text.len());
                text.swap(at, other);
            }
            6 => text.push(byte),
            _ if random.below(4) == 0 => text.truncate(at),
            _ => drop(text.splice(at..to, [byte])),
        }
        if text.is_empty() {
            return text;
        }
    }
    text
}
