//! Each function that returns a status lists all statuses that it can return, in one form:
//! "Returns BW_OK, BW_E_ARG, BW_E_GONE or a common status."

use std::collections::BTreeSet;

/// A declaration of the header, and its comment as one line.
struct Function {
    name: String,
    result: String,
    parameters: Vec<String>,
    comment: String,
}

const IDS: [&str; 8] = [
    "bw_server",
    "bw_nsp",
    "bw_socket",
    "bw_scope",
    "bw_listener",
    "bw_op",
    "bw_ack",
    "bw_deferred",
];

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn functions(header: &str) -> Vec<Function> {
    let mut functions = Vec::new();
    for (at, _) in header.match_indices("\nBW_API") {
        let comment = &header[header[..at].rfind("/**").unwrap() + 3..at];
        let comment = comment.trim_end().trim_end_matches("*/");
        let comment: String = comment
            .lines()
            .map(|line| line.trim_start().trim_start_matches("* ").to_owned() + " ")
            .collect();
        let declaration = header[at..].split(';').next().unwrap();
        let (before, parameters) = declaration.split_once('(').unwrap();
        let words = one_line(&before.replace("BW_API", "").replace("BW_NODISCARD", ""));
        let at_name = words.rfind([' ', '*']).unwrap() + 1;
        functions.push(Function {
            name: words[at_name..].to_owned(),
            result: words[..at_name].trim().to_owned(),
            parameters: parameters
                .trim_end_matches(')')
                .split(',')
                .map(one_line)
                .collect(),
            comment: one_line(&comment),
        });
    }
    functions
}

/// The names of the statuses, in the order of the header.
fn statuses(header: &str) -> Vec<&str> {
    let (_, after) = header.split_once("enum bw_status_values {").unwrap();
    let (body, _) = after.split_once("\n}").unwrap();
    body.lines()
        .filter_map(|line| line.trim().strip_suffix(','))
        .filter_map(|line| line.split_once(" = "))
        .map(|(name, _)| name)
        .collect()
}

fn mentioned(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| word.starts_with("BW_E_") || *word == "BW_OK")
}

impl Function {
    fn returns_status(&self) -> bool {
        let is_status = matches!(self.result.as_str(), "bw_status" | "int32_t");
        is_status && self.name != "bw_last_error_code"
    }

    fn has_tag(&self, tag: &str) -> bool {
        self.comment.starts_with(&format!("[{tag}] "))
    }

    /// The listed statuses: those of the last sentence.
    fn listed(&self) -> Vec<&str> {
        let Self { name, comment, .. } = self;
        let start = if self.result == "int32_t" {
            " Returns the number of handled events, BW_E_"
        } else {
            " Returns BW_OK, BW_E_"
        };
        let at = comment
            .rfind(start)
            .unwrap_or_else(|| panic!("{name} has a line \"{}...\"", start.trim()));
        let sentence = &comment[at..];
        assert_eq!(sentence.matches(". ").count(), 0, "{name}: {sentence}");
        let is_common = sentence.ends_with(" or a common status.");
        assert_eq!(is_common, !self.has_tag("signal"), "{name}: {sentence}");
        mentioned(sentence)
            .filter(|status| *status != "BW_OK")
            .collect()
    }

    /// The statuses that follow from the tag and the types of the parameters. The tests in
    /// `tests/capi` provoke them.
    fn implied(&self) -> BTreeSet<&'static str> {
        let mut statuses = BTreeSet::new();
        for parameter in &self.parameters {
            let is_pointer = parameter.contains('*') && !parameter.ends_with("void *user");
            let kind = parameter.trim_start_matches("struct ");
            let kind = kind.split(' ').next().unwrap_or_default();
            let is_text = kind == "bw_str" && !is_pointer;
            let is_variable = self.name == "bw_server_free";
            if IDS.contains(&kind) && (!is_pointer || is_variable) {
                statuses.extend(["BW_E_HANDLE", "BW_E_GONE", "BW_E_FORKED"]);
            }
            if ["bw_ack", "bw_deferred"].contains(&kind) {
                statuses.insert("BW_E_ALREADY");
            }
            if is_pointer || is_text || ["bw_bytes", "bw_blob", "bw_callback"].contains(&kind) {
                statuses.insert("BW_E_ARG");
            }
            // The text of bw_cursor_inside is found by its address.
            if is_text && self.name != "bw_cursor_inside" {
                statuses.extend(["BW_E_TOO_BIG", "BW_E_UTF8"]);
            }
            let is_sized = ["const struct bw_target *", "const struct bw_payload *"]
                .iter()
                .any(|kind| parameter.starts_with(kind));
            if is_sized || parameter.ends_with("_size") {
                statuses.insert("BW_E_ABI");
            }
        }
        if self.has_tag("poll") {
            statuses.extend(["BW_E_BUSY", "BW_E_REENTRANT"]);
        }
        if self.has_tag("out") {
            statuses.insert("BW_E_DEADLOCK");
        }
        statuses
    }
}

#[test]
fn every_function_lists_its_statuses() {
    let header = crate::header();
    let order = statuses(&header);
    let functions = functions(&header);
    assert_eq!(functions.len(), crate::functions(&header).len());
    let mut count = 0;
    for function in functions.iter().filter(|one| one.returns_status()) {
        let name = &function.name;
        let listed = function.listed();
        let places: Vec<usize> = listed
            .iter()
            .map(|status| {
                let place = order.iter().position(|known| known == status);
                place.unwrap_or_else(|| panic!("{name} names {status}, which does not exist"))
            })
            .collect();
        assert!(places.is_sorted_by(|a, b| a < b), "{name}: {listed:?}");
        for status in function.implied() {
            assert!(listed.contains(&status), "{name} does not list {status}");
        }
        count += 1;
    }
    assert!(count > 60, "{count}");
}

#[test]
fn every_function_has_a_thread_tag() {
    for function in functions(&crate::header()) {
        let tags = ["any", "out", "poll", "signal", "one"];
        let has_one = tags.iter().any(|tag| function.has_tag(tag));
        assert!(has_one, "{}: {}", function.name, function.comment);
    }
}

/// A comment says when the function returns a status; the list must have that status.
#[test]
fn statuses_in_comments_exist_and_are_listed() {
    let header = crate::header();
    let known = statuses(&header);
    for status in mentioned(&header) {
        // The name that bw_status_name returns for a number that is not a status.
        let is_unknown = status == "BW_E_UNKNOWN";
        assert!(is_unknown || known.contains(&status), "{status}");
    }
    for function in functions(&header).iter().filter(|one| one.returns_status()) {
        let (name, listed) = (&function.name, function.listed());
        // The statuses of the event that follows are not those of the call.
        if matches!(name.as_str(), "bw_emit_ack" | "bw_op_cancel") {
            continue;
        }
        for status in mentioned(&function.comment).filter(|status| *status != "BW_OK") {
            let is_named_only = name == "bw_ack_drop" && status == "BW_E_GONE";
            assert!(
                is_named_only || listed.contains(&status),
                "{name} does not list {status}"
            );
        }
    }
}
