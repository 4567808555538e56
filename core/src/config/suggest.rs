//! The known name that a misspelt one was meant to be.

/// `; did you mean "..."?`, or nothing when no name is near.
pub(super) fn did_you_mean<'a>(
    wrong: &str,
    scope: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> String {
    nearest(wrong, scope, names)
        .map(|name| format!("; did you mean \"{name}\"?"))
        .unwrap_or_default()
}

/// The nearest name. Names inside the scope, `engine.` for example, are nearer than others,
/// but the right name in the wrong place is found as well.
fn nearest<'a>(
    wrong: &str,
    scope: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    // Nobody misspells a name into one of this length, and the comparison is quadratic.
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

/// Letters to insert, remove or replace to get from one name to the other; case costs nothing.
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
