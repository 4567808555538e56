//! Numbers for event names, so that JavaScript creates the string of a name once and not for each event.
//!
//! Clients choose the names, so the table is bounded: when it is full, it is cleared and numbering starts again.

use std::collections::HashMap;

use bellwire_core::socketio::EventName;

use crate::batch::{Batch, Kind, Numbers};

/// The maximum number of names in the table.
const MOST: usize = 1024;

/// The maximum length of a name in the table, in bytes. A longer name gets the number 0, for one event.
const LONGEST: usize = 64;

/// The table of event names.
#[derive(Debug, Default)]
pub(crate) struct Names {
    numbers: HashMap<Box<str>, u32>,
}

impl Names {
    /// Returns the number of a name. If JavaScript does not know the number yet, adds a `Name` record to the batch.
    pub(crate) fn number(&mut self, name: EventName<'_>, batch: &mut Batch) -> u32 {
        if let Some(literal) = name.literal() {
            // Rare: like a long name, it gets the number 0, for one event.
            let numbers = Numbers {
                c: 1,
                ..Numbers::default()
            };
            batch.push(Kind::Name, numbers, literal.as_bytes(), b"");
            return 0;
        }
        let name = name.text();
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = if name.len() > LONGEST {
            0
        } else {
            if self.numbers.len() == MOST {
                self.numbers.clear();
            }
            let number = self.numbers.len() as u32 + 1;
            self.numbers.insert(name.into(), number);
            number
        };
        let numbers = Numbers {
            a: number,
            ..Numbers::default()
        };
        batch.push(Kind::Name, numbers, name.as_bytes(), b"");
        number
    }
}
