//! Placeholders: objects such as `{"_placeholder":true,"num":0}` that stand for an attachment.

use std::collections::BTreeSet;

use crate::json::decode::literal_is;
use crate::json::error::PlaceholderError;
use crate::json::{scan, walk};

/// Checks that every placeholder in a checked text stands for one of `attachments` attachments,
/// and returns how many different ones are referred to.
///
/// A placeholder is an object whose member `_placeholder` is `true`. Of members with the same name
/// the last one counts.
///
/// # Errors
/// The first placeholder to end whose `num` is missing, not an integer or out of range.
pub fn check_placeholders(text: &[u8], attachments: usize) -> Result<usize, PlaceholderError> {
    // Nearly all are in objects that are in no other, and refer to one of the first few: neither takes memory.
    let mut object: Option<Members> = None;
    let mut around: Vec<Members> = Vec::new();
    let mut found = Found::default();
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
                    && object.marked
                {
                    found.add(object.attachment(text, attachments)?);
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
    Ok(found.count())
}

/// The attachments that are referred to.
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

/// What is known of an object that is not over yet.
struct Members {
    start: usize,
    /// How many arrays and objects are open, this one included.
    depth: usize,
    marked: bool,
    num: Option<usize>,
}

impl Members {
    fn new(start: usize, depth: usize) -> Self {
        Self {
            start,
            depth,
            marked: false,
            num: None,
        }
    }

    /// Reads the member that starts at `at`, its value only if it is neither array nor object;
    /// returns where to go on.
    fn read(&mut self, text: &[u8], at: usize) -> usize {
        let (name, value) = walk::member(text, at);
        let name = &text[name];
        if literal_is(name, scan::PLACEHOLDER) {
            self.marked = scan::byte(text, value) == b't';
        } else if literal_is(name, b"num") {
            self.num = Some(value);
        }
        match scan::byte(text, value) {
            b'[' | b'{' => value,
            _ => scan::skip(text, value),
        }
    }

    /// The number of the attachment that this placeholder stands for.
    fn attachment(&self, text: &[u8], attachments: usize) -> Result<usize, PlaceholderError> {
        let offset = self.start;
        let num = self
            .num
            .and_then(|start| integer(text, start))
            .ok_or(PlaceholderError::NotAnInteger { offset })?;
        // Both ends are exact: a number of attachments is far below 2^53.
        if num < 0.0 || num >= attachments as f64 {
            return Err(PlaceholderError::OutOfRange { offset });
        }
        Ok(num as usize)
    }
}

/// The number that starts at `start` if its value is an integer, however it is written.
fn integer(text: &[u8], start: usize) -> Option<f64> {
    // Nearly always one digit.
    let digit = scan::byte(text, start);
    if digit.is_ascii_digit() && matches!(scan::byte(text, start + 1), b'}' | b',') {
        return Some(f64::from(digit - b'0'));
    }
    let end = scan::number(text, start).ok()?;
    let number: f64 = std::str::from_utf8(&text[start..end]).ok()?.parse().ok()?;
    (number.fract() == 0.0).then_some(number)
}
