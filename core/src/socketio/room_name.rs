//! Names of rooms in languages whose strings can have lone surrogates. Names in the engine are UTF-8. The encoding is
//! reversible: two different strings of the host have different names.
//!
//! A lone surrogate `u` is written as U+10FFFF and the character U+100000 + (`u` - 0xD800). U+10FFFF itself is written
//! twice. Other characters are unchanged.

const MARK: char = '\u{10ffff}';
const FIRST_HALF: u32 = 0xd800;
const SHIFTED: u32 = 0x10_0000;

/// The name for a string of these code points.
pub fn encode(points: impl IntoIterator<Item = u32>) -> String {
    let mut name = String::new();
    for point in points {
        match char::from_u32(point) {
            Some(MARK) => name.extend([MARK, MARK]),
            Some(character) => name.push(character),
            None => {
                let half = char::from_u32(SHIFTED + point.saturating_sub(FIRST_HALF));
                name.extend([MARK, half.unwrap_or(char::REPLACEMENT_CHARACTER)]);
            }
        }
    }
    name
}

/// Whether a UTF-8 string is equal to its name, which is nearly always true.
pub fn is_plain(text: &str) -> bool {
    !text.contains(MARK)
}

/// The code points of the string with that name.
pub fn decode(name: &str) -> impl Iterator<Item = u32> {
    let mut characters = name.chars();
    std::iter::from_fn(move || {
        let character = characters.next()?;
        if character != MARK {
            return Some(u32::from(character));
        }
        Some(match characters.next() {
            Some(half) if half != MARK => FIRST_HALF + (u32::from(half) - SHIFTED.min(half.into())),
            _ => u32::from(MARK),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_string_has_its_own_name() {
        let points = [
            0x61, 0xd83d, 0xde00, 0xd800, 0xdfff, 0xfffd, 0x10_0000, 0x10_ffff,
        ];
        let mut names = HashSet::new();
        for first in points {
            for second in points {
                for string in [vec![first], vec![first, second], vec![first, second, first]] {
                    let name = encode(string.iter().copied());
                    assert_eq!(decode(&name).collect::<Vec<_>>(), string);
                    names.insert(name);
                }
            }
        }
        assert_eq!(names.len(), points.len() + 2 * points.len().pow(2));
        assert_eq!(
            encode("gr\u{fc}n \u{1f600}".chars().map(u32::from)),
            "gr\u{fc}n \u{1f600}"
        );
        assert!(is_plain("gr\u{fc}n") && !is_plain("\u{10ffff}"));
    }
}
