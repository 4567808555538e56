//! The order of the header: a section for each source file, its heading, and the table of contents.

/// A source file, and the heading of its functions; none for files that only declare types.
pub(crate) struct Section {
    pub(crate) source: &'static str,
    heading: Option<(&'static str, &'static str)>,
}

const fn functions(source: &'static str, title: &'static str, line: &'static str) -> Section {
    Section {
        source,
        heading: Some((title, line)),
    }
}

const fn types(source: &'static str) -> Section {
    Section {
        source,
        heading: None,
    }
}

/// In the order of the header.
pub(crate) const SECTIONS: [Section; 22] = [
    types("types"),
    functions(
        "version",
        "Version",
        "The library's version and features, and giving memory back.",
    ),
    functions(
        "error",
        "Errors",
        "Names and texts of statuses, and the message of the last error.",
    ),
    functions(
        "log",
        "Log",
        "Log lines of the library, given to one callback of the process.",
    ),
    functions(
        "config",
        "Options",
        "The configuration of a server, set by number or as JSON.",
    ),
    functions(
        "server",
        "Servers",
        "Creating, listening, statistics, closing and freeing.",
    ),
    functions(
        "poll",
        "Polling",
        "Taking events on a thread of the host (BW_DELIVER_POLLED).",
    ),
    functions(
        "wakeup",
        "Wake-up",
        "Ending a wait in bw_server_poll, also from a signal handler.",
    ),
    functions(
        "namespace",
        "Namespaces",
        "Creating and finding namespaces.",
    ),
    types("event"),
    functions(
        "on",
        "Listening",
        "Callbacks for the events of a server, namespace or socket.",
    ),
    functions(
        "deferred",
        "Questions",
        "Answering a question, at once or later, on any thread.",
    ),
    types("value"),
    functions(
        "message",
        "Messages",
        "Keeping the message of an event, and reading values in it.",
    ),
    functions(
        "cursor",
        "Cursors",
        "Iterating over the elements of an array or object.",
    ),
    types("payload"),
    functions(
        "args",
        "Arguments",
        "Writing arguments without a JSON library.",
    ),
    types("broadcast"),
    functions(
        "emit",
        "Sending",
        "Events, acknowledgements, broadcasts, and rooms of sockets.",
    ),
    functions(
        "op",
        "Operations",
        "Cancelling what has a callback for its outcome.",
    ),
    functions(
        "socket",
        "Sockets",
        "Properties of a socket, its rooms, data and disconnection.",
    ),
    functions(
        "handshake",
        "Handshakes",
        "What the client sent when it connected.",
    ),
];

impl Section {
    /// The comment above the first function of the section; empty for types.
    fn comment(&self) -> String {
        self.heading.map_or_else(String::new, |(title, line)| {
            let rule = "-".repeat(76 - title.len());
            format!("/* ---- {title} {rule}\n * {line}\n */\n\n")
        })
    }
}

/// The table of contents, as lines of the comment at the top.
pub(crate) fn contents() -> String {
    let titles = SECTIONS.iter().filter_map(|section| section.heading);
    titles
        .map(|(title, line)| format!(" *   {title:<12} {line}\n"))
        .collect()
}

/// Puts the heading of each section above its first function.
pub(crate) fn with_headings(header: &str, first_function: impl Fn(&str) -> String) -> String {
    let mut header = header.to_owned();
    for section in SECTIONS.iter().filter(|section| section.heading.is_some()) {
        let name = first_function(section.source);
        let declaration = header
            .match_indices(&format!("{name}("))
            .map(|(at, _)| at)
            .find(|at| {
                let before = &header[..*at];
                let comment = before.rfind("*/\n").map_or(0, |end| end + 3);
                before[comment..].starts_with("BW_")
            })
            .unwrap_or_else(|| panic!("{name} is declared"));
        let comment = header[..declaration]
            .rfind("/**")
            .unwrap_or_else(|| panic!("{name} is documented"));
        header.insert_str(comment, &section.comment());
    }
    header
}
