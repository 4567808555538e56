//! Placeholders: objects such as `{"_placeholder":true,"num":0}` that represent an attachment.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::json::decode::literal_is;
use crate::json::error::PlaceholderError;
use crate::json::{scan, walk};

/// Checks that every placeholder in a valid text names one of `attachments` attachments. Returns the number of
/// different attachments that are named.
///
/// A placeholder is an object whose member `_placeholder` is `true`. If a name is repeated, the last member counts.
///
/// # Errors
/// The first placeholder to end whose `num` is missing, not an integer or out of range.
pub fn check_placeholders(text: &[u8], attachments: usize) -> Result<usize, PlaceholderError> {
    match count_ordinary(text, attachments) {
        Some(count) => Ok(count),
        None => check_each(text, attachments),
    }
}

/// An object that has the form of a placeholder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placeholder {
    /// The place of the object.
    pub range: Range<usize>,
    /// The place of the `true` of its member `_placeholder`.
    pub mark: usize,
    /// The attachment that the object names, if its `num` is an integer that is not negative.
    pub num: Option<usize>,
}

/// All objects in a valid text that have the form of a placeholder, in the order of their ends.
///
/// In a packet without attachments they are data, not placeholders.
#[must_use]
pub fn placeholders(text: &[u8]) -> Vec<Placeholder> {
    // A name with an escape may be an escaped `_placeholder`.
    if memchr::memchr(b'\\', text).is_none()
        && memchr::memmem::find(text, scan::PLACEHOLDER).is_none()
    {
        return Vec::new();
    }
    let mut found = Vec::new();
    let visited = each(text, |object, end| {
        found.push(Placeholder {
            range: object.start..end,
            mark: object.mark.unwrap_or_default(),
            num: object.attachment(text, MOST).ok(),
        });
        Ok(())
    });
    debug_assert_eq!(visited, Ok(()), "nothing fails");
    found
}

/// Appends a valid value in which each placeholder gets the number that `number` returns for it. A placeholder without
/// a number is data and stays unchanged; it is returned, as the place of its `true` in `out` and the attachment that it
/// names.
///
/// A placeholder inside another one is a part of the outer one.
pub fn renumber(
    value: &[u8],
    out: &mut Vec<u8>,
    mut number: impl FnMut(usize) -> Option<usize>,
) -> Vec<(usize, usize)> {
    let mut found = placeholders(value);
    found.sort_by_key(|placeholder| placeholder.range.start);
    let (mut replaced, mut marks, mut done) = (Vec::new(), Vec::new(), 0);
    for Placeholder { range, mark, num } in found {
        let Some(num) = num.filter(|_| range.start >= done) else {
            continue;
        };
        match number(num) {
            Some(new) => {
                done = range.end;
                replaced.push((range, new));
            }
            None => marks.push((mark, num)),
        }
    }
    marks.sort_unstable();
    let mut marks = marks.into_iter().peekable();
    let (mut data, mut at) = (Vec::new(), 0);
    for (range, new) in replaced {
        while let Some((mark, num)) = marks.next_if(|(mark, _)| *mark < range.start) {
            data.push((out.len() + mark - at, num));
        }
        out.extend_from_slice(&value[at..range.start]);
        write_placeholder(out, new);
        at = range.end;
    }
    data.extend(marks.map(|(mark, num)| (out.len() + mark - at, num)));
    out.extend_from_slice(&value[at..]);
    data
}

/// Appends the placeholder of an attachment.
pub fn write_placeholder(out: &mut Vec<u8>, number: usize) {
    out.extend_from_slice(ORDINARY);
    out.extend_from_slice(number.to_string().as_bytes());
    out.push(b'}');
}

/// More attachments than a packet can have.
const MOST: usize = 1 << 53;

fn check_each(text: &[u8], attachments: usize) -> Result<usize, PlaceholderError> {
    let mut found = Found::default();
    each(text, |object, _| {
        found.add(object.attachment(text, attachments)?);
        Ok(())
    })?;
    Ok(found.count())
}

/// Visits all objects that have the form of a placeholder, with their ends.
fn each(
    text: &[u8],
    mut visit: impl FnMut(&Members, usize) -> Result<(), PlaceholderError>,
) -> Result<(), PlaceholderError> {
    // Nearly all placeholders are in objects that are not nested, and name one of the first few attachments: neither
    // allocates.
    let mut object: Option<Members> = None;
    let mut around: Vec<Members> = Vec::new();
    let mut depth = 0;
    let mut at = 0;
    while at < text.len() {
        match text[at] {
            b'[' => depth += 1,
            b'{' => {
                depth += 1;
                around.extend(object.replace(Members::new(at, depth)));
            }
            b']' => depth = depth.saturating_sub(1),
            b'}' => {
                depth = depth.saturating_sub(1);
                if let Some(object) = object.take()
                    && object.mark.is_some()
                {
                    visit(&object, at + 1)?;
                }
                object = around.pop();
            }
            b'"' => {
                at = match &mut object {
                    Some(object) if object.depth == depth => object.read(text, at),
                    _ => scan::skip(text, at),
                };
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    Ok(())
}

/// The text of a placeholder up to its number, as client encoders write it.
const ORDINARY: &[u8] = br#"{"_placeholder":true,"num":"#;

/// The number of attachments that are named, if every placeholder is written as [`ORDINARY`] and names one of the first
/// ten.
///
/// In a valid text without a backslash, a quote before an underscore opens a string, so that a brace before it opens an
/// object; and the brace after the number closes the object, so a second `num` cannot follow.
fn count_ordinary(text: &[u8], attachments: usize) -> Option<usize> {
    if memchr::memchr(b'\\', text).is_some() {
        return None;
    }
    let mut found = Found::default();
    let mut at = 0;
    while let Some(next) = memchr::memchr(b'_', &text[at..]) {
        let underscore = at + next;
        at = underscore + 1;
        let name = scan::PLACEHOLDER.len();
        if text.get(underscore..underscore + name) != Some(scan::PLACEHOLDER) {
            continue;
        }
        let after = text[..underscore].strip_suffix(br#"{""#).map(<[u8]>::len)?;
        let [digit, b'}', ..] = text[after..].strip_prefix(ORDINARY)? else {
            return None;
        };
        let num = usize::from(digit.checked_sub(b'0')?);
        if num > 9 || num >= attachments {
            return None;
        }
        found.add(num);
    }
    Some(found.count())
}

/// The attachments that are named.
#[derive(Default)]
struct Found {
    few: u64,
    more: BTreeSet<usize>,
}

impl Found {
    fn add(&mut self, attachment: usize) {
        if attachment < 64 {
            self.few |= 1 << attachment;
        } else {
            self.more.insert(attachment);
        }
    }

    fn count(&self) -> usize {
        self.few.count_ones() as usize + self.more.len()
    }
}

/// The state of an object that is not closed yet.
struct Members {
    start: usize,
    /// The number of open arrays and objects, including this object.
    depth: usize,
    /// The place of the `true` that makes the object a placeholder.
    mark: Option<usize>,
    num: Option<usize>,
}

impl Members {
    fn new(start: usize, depth: usize) -> Self {
        Self {
            start,
            depth,
            mark: None,
            num: None,
        }
    }

    /// Reads the member that starts at `at`, without its value if that is an array or object. Returns the place to
    /// continue.
    fn read(&mut self, text: &[u8], at: usize) -> usize {
        let (name, value) = walk::member(text, at);
        let name = &text[name];
        if literal_is(name, scan::PLACEHOLDER) {
            self.mark = (scan::byte(text, value) == b't').then_some(value);
        } else if literal_is(name, b"num") {
            self.num = Some(value);
        }
        match scan::byte(text, value) {
            b'[' | b'{' => value,
            _ => scan::skip(text, value),
        }
    }

    /// The number of the attachment that this placeholder represents.
    fn attachment(&self, text: &[u8], attachments: usize) -> Result<usize, PlaceholderError> {
        let offset = self.start;
        let num = self
            .num
            .and_then(|start| integer(text, start))
            .ok_or(PlaceholderError::NotAnInteger { offset })?;
        // Both bounds are exact: a number of attachments is far below 2^53.
        if num < 0.0 || num >= attachments as f64 {
            return Err(PlaceholderError::OutOfRange { offset });
        }
        Ok(num as usize)
    }
}

/// The number that starts at `start`, if its value is an integer in any notation.
fn integer(text: &[u8], start: usize) -> Option<f64> {
    // The number is nearly always one digit.
    let digit = scan::byte(text, start);
    if digit.is_ascii_digit() && matches!(scan::byte(text, start + 1), b'}' | b',') {
        return Some(f64::from(digit - b'0'));
    }
    let end = scan::number(text, start).ok()?;
    let number: f64 = std::str::from_utf8(&text[start..end]).ok()?.parse().ok()?;
    (number.fract() == 0.0).then_some(number)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn document() -> impl Strategy<Value = String> {
        let scalar = prop_oneof![
            Just(r#"{"_placeholder":true,"num":0}"#),
            Just(r#"{"_placeholder":true,"num":1}"#),
            Just(r#"{"_placeholder":true,"num":7}"#),
            Just(r#"{"_placeholder":true,"num":1,"num":0}"#),
            Just(r#"{"_placeholder":true,"num":0 }"#),
            Just(r#"{"_placeholder":true}"#),
            Just(r#"{"_placeholder":false,"num":0}"#),
            Just(r#"{"num":0,"_placeholder":true}"#),
            Just(r#"{"\u005fplaceholder":true,"num":1}"#),
            Just(r#"{"_placeholder2":true,"num":0}"#),
            Just(r#"{"__placeholder":true,"num":0}"#),
            Just(r#"{"a":"_placeholder"}"#),
            Just(r#""_placeholder""#),
            Just(r#""{""#),
            Just(r#""{\"_placeholder\":true,\"num\":0}""#),
            Just("1"),
        ];
        scalar
            .prop_map(str::to_owned)
            .prop_recursive(3, 24, 4, |inner| {
                let items = prop::collection::vec(inner, 0..4);
                prop_oneof![
                    items
                        .clone()
                        .prop_map(|items| format!("[{}]", items.join(","))),
                    items.prop_map(|items| {
                        let member = |(n, item)| format!(r#""_{n}":{item}"#);
                        let members: Vec<_> = items.iter().enumerate().map(member).collect();
                        format!("{{{}}}", members.join(","))
                    }),
                ]
            })
    }

    proptest! {
        /// The fast path and the slow path agree on texts as encoders write them.
        #[test]
        fn the_short_way_and_the_long_way_agree(text in document(), attachments in 0..3_usize) {
            crate::json::check(text.as_bytes(), 100).unwrap();
            if let Some(count) = count_ordinary(text.as_bytes(), attachments) {
                prop_assert_eq!(check_each(text.as_bytes(), attachments), Ok(count));
            }
        }
    }

    #[test]
    fn all_are_found_with_their_marks() {
        let text = br#"[{"_placeholder":true,"num":7},{"num":-1,"_placeholder":true},{"a":{"\u005fplaceholder": true,"num":1e0},"_placeholder":true}]"#;
        let found = placeholders(text);
        assert!(
            found
                .iter()
                .all(|one| text[one.mark..].starts_with(b"true"))
        );
        let told: Vec<_> = found
            .iter()
            .map(|one| (text[one.range.clone()].len(), one.num))
            .collect();
        assert_eq!(told, [(29, Some(7)), (30, None), (37, Some(1)), (63, None)]);
        for text in [
            &b"[]"[..],
            br#"{"_placeholder":false}"#,
            br#"["\n","_placeholder"]"#,
        ] {
            assert_eq!(placeholders(text), []);
        }
    }

    #[test]
    fn the_short_way_is_taken() {
        for text in [
            r#"["bin",{"_placeholder":true,"num":0}]"#,
            r#"["a_b",{"_c":{"_placeholder":true,"num":0}}]"#,
        ] {
            assert_eq!(count_ordinary(text.as_bytes(), 1), Some(1));
        }
    }
}
