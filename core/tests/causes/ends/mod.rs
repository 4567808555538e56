//! Ways to lose a connection, each with the cause that the host is told.

mod connections;
mod packets;
mod polling;
mod slow;

use bellwire_core::cause::CauseKind;

use crate::DELIVERIES;
use crate::host::{End, Host, Stage};
use crate::peer::{Peer, joined};
use crate::record::is_warned_of;

/// One way to lose a connection.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) options: &'static str,
    /// What the client does. What it returns stays open until the end was told.
    pub(crate) act: fn(&Host) -> Vec<Peer>,
    pub(crate) reason: &'static str,
    pub(crate) kind: CauseKind,
    pub(crate) option: Option<(&'static str, u64)>,
    pub(crate) seen: Option<u64>,
    pub(crate) text: &'static str,
    pub(crate) counter: Option<&'static str>,
}

const TABLES: [&[Row]; 4] = [packets::ROWS, connections::ROWS, polling::ROWS, slow::ROWS];

fn rows() -> impl Iterator<Item = &'static Row> {
    TABLES.into_iter().flatten()
}

impl Row {
    fn check(&self, delivery: &str) {
        let name = format!("{} ({delivery})", self.name);
        let host = Host::new(delivery, self.options);
        let peers = (self.act)(&host);
        for stage in [Stage::Disconnecting, Stage::Disconnected] {
            let end = host.end(stage);
            let end = end.unwrap_or_else(|| panic!("{name}: no event {stage:?}"));
            let expected = End {
                reason: self.reason,
                kind: Some(self.kind),
                option: self.option.map(|(option, _)| option),
                limit: self.option.map(|(_, limit)| limit),
                seen: self.seen,
                text: self.text.to_owned(),
            };
            assert_eq!(end, expected, "{name}");
        }
        if let Some(counter) = self.counter {
            assert_eq!(host.counted(counter), 1, "{name}: {counter}");
        }
        for start in [
            " disconnected from / from 127.0.0.1:",
            " closed from 127.0.0.1:",
        ] {
            let line = host.line(start);
            let line = line.unwrap_or_else(|| panic!("{name}: there is no line with {start:?}"));
            let why = format!("{}: {}", self.reason, self.text);
            assert!(line.contains(&why), "{name}: {line}");
            if let Some((option, limit)) = self.option {
                assert!(
                    line.contains(&format!("{option} is {limit}")),
                    "{name}: {line}"
                );
            }
        }
        drop(peers);
    }
}

#[test]
fn the_end_of_a_connection_names_its_cause() {
    for delivery in DELIVERIES {
        for row in rows() {
            row.check(delivery);
        }
    }
    assert!(is_warned_of(&[
        "session ",
        " from 127.0.0.1:",
        " was closed at a limit: "
    ]));
}

/// What ends as it should has no cause.
#[test]
fn a_usual_end_has_no_cause() {
    for delivery in DELIVERIES {
        let acts: [fn(&mut Peer); 2] = [
            |peer| peer.text("41"),
            |peer| peer.frame(0x88, &1000_u16.to_be_bytes()),
        ];
        for act in acts {
            let host = Host::new(delivery, "{}");
            let mut peer = joined(&host);
            act(&mut peer);
            drop(peer);
            let end = host.end(Stage::Disconnected).expect("the socket ends");
            assert_eq!((end.kind, end.text.as_str()), (None, ""), "{}", end.reason);
        }
    }
}

/// Every option that a cause names is one.
#[test]
fn causes_name_options_that_there_are() {
    let options = rows().filter_map(|row| row.option);
    for (option, _) in options {
        assert!(
            bellwire_core::config::OptionInfo::number_of(option).is_some(),
            "{option}"
        );
    }
}
