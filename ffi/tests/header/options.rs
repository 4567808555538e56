//! The comments of the options in the header, made from the option table of the core.

use bellwire_core::config::{OptionInfo, OptionKind};

/// How long a line of a comment may be.
const WIDTH: usize = 92;

/// Puts a comment above each enumerator `BW_OPT_NAME = number`.
pub(crate) fn with_comments(header: &str) -> String {
    let mut out = String::with_capacity(header.len());
    for line in header.lines() {
        let number = line
            .trim_start()
            .strip_prefix("BW_OPT_")
            .and_then(|rest| rest.split_once(" = "))
            .and_then(|(_, number)| number.trim_end_matches(',').parse().ok());
        if let Some(number) = number {
            out.push_str(&comment(number, header));
        }
        out.push_str(line);
        out.push('\n');
    }
    out
}

fn comment(number: u32, header: &str) -> String {
    let all = OptionInfo::all();
    let info = all
        .iter()
        .find(|info| info.number == number)
        .unwrap_or_else(|| panic!("option {number} is in the table"));
    let setter = match info.kind {
        OptionKind::Bool => "bool",
        OptionKind::Int => "int",
        OptionKind::Str => "str",
        OptionKind::Json => "json",
    };
    let default = match info.default_text.as_str() {
        "" => "an empty text",
        text => text,
    };
    let mut lines = wrapped(&in_c(&info.doc, all, header));
    let constants = match number {
        10 => "; as a number, BW_TR_* bits",
        81 => "; as a number, a BW_DELIVER_* constant",
        91 => "; as a number, a BW_FULL_* constant",
        _ => "",
    };
    lines.extend(wrapped(&format!("Takes {}{constants}.", info.takes)));
    lines.extend(wrapped(&format!(
        "Type {setter}; default {default}; in JSON \"{}\".",
        info.name
    )));
    let lines: String = lines.iter().map(|line| format!("   * {line}\n")).collect();
    format!("  /**\n{lines}   */\n")
}

/// The text with the names of options, functions and headers as C has them, and without links.
fn in_c(doc: &str, all: &[OptionInfo], header: &str) -> String {
    let mut text = String::new();
    for (index, part) in doc.split('`').enumerate() {
        let option = all.iter().find(|info| info.name == part);
        match option {
            Some(info) if index % 2 == 1 => text.push_str(&name_of(info.number, header)),
            _ => text.push_str(part),
        }
    }
    match text.split_once("; see [") {
        Some((before, _)) => format!("{before}."),
        None => text,
    }
}

fn name_of(number: u32, header: &str) -> String {
    let end = format!(" = {number},");
    let line = header
        .lines()
        .find(|line| line.trim_start().starts_with("BW_OPT_") && line.ends_with(&end))
        .unwrap_or_else(|| panic!("option {number} is declared"));
    line.trim().trim_end_matches(&end).to_owned()
}

fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is a line");
        if line.len() + 1 + word.len() > WIDTH && !line.is_empty() {
            lines.push(word.to_owned());
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}
