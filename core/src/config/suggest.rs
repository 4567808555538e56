//! Suggests a known name for a misspelt one.

/// `; did you mean "..."?`, or nothing if no name is similar.
pub(super) fn did_you_mean<'a>(
    wrong: &str,
    scope: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> String {
    nearest(wrong, scope, names)
        .map(|name| format!("; did you mean \"{name}\"?"))
        .unwrap_or_default()
}

/// The most similar name. Names within the scope, for example `engine.`, are preferred, but a name of another scope is
/// found as well.
fn nearest<'a>(
    wrong: &str,
    scope: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    // A longer text is not a misspelt name, and the comparison takes quadratic time.
    if wrong.len() > 64 {
        return None;
    }
    let enough = (wrong.chars().count() / 3).max(1);
    names
        .into_iter()
        .map(|name| {
            let member = name.rsplit_once('.').map_or(name, |(_, member)| member);
            let elsewhere = name.strip_suffix(member) != Some(scope);
            (
                distance(wrong, member).min(distance(wrong, name)),
                elsewhere,
                name,
            )
        })
        .filter(|(distance, ..)| *distance <= enough)
        .min_by_key(|(distance, elsewhere, _)| (*distance, *elsewhere))
        .map(|(.., name)| name)
}

/// The Levenshtein distance of two names, without regard to case.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().map(|c| c.to_ascii_lowercase()).collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, from) in left.chars().map(|c| c.to_ascii_lowercase()).enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, to) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (left, right, expected) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("pingInterva", "pingInterval", 1),
            ("PINGinterval", "pingInterval", 0),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(left, right), expected, "{left} {right}");
        }
    }

    #[test]
    fn nearest_names() {
        let names = ["path", "pingTimeout", "engine.path", "engine.workerThreads"];
        for (wrong, scope, expected) in [
            ("pathh", "", Some("path")),
            ("pathh", "engine.", Some("engine.path")),
            ("pingtimeout", "", Some("pingTimeout")),
            ("workerThreads", "", Some("engine.workerThreads")),
            ("engine.workerThread", "", Some("engine.workerThreads")),
            ("pingTimeout", "engine.", Some("pingTimeout")),
            ("banana", "", None),
            ("", "", None),
        ] {
            assert_eq!(nearest(wrong, scope, names), expected, "{scope}{wrong}");
        }
        assert_eq!(nearest(&"x".repeat(1_000_000), "", names), None);
    }
}
