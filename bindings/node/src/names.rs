//! Names of events as numbers, so that JavaScript makes the string of a name once and not for each event.
//!
//! Clients choose the names, so they are not kept for ever: when there are many, all are forgotten and numbered anew.

use std::collections::HashMap;

use bellwire_core::socketio::EventName;

use crate::batch::{Batch, Kind, Numbers};

/// So many names are kept at once.
const MOST: usize = 1024;

/// A name that is longer is numbered for one event only, as 0.
const LONGEST: usize = 64;

/// See the module's documentation.
#[derive(Debug, Default)]
pub(crate) struct Names {
    numbers: HashMap<Box<str>, u32>,
}

impl Names {
    /// The number of a name; the batch gets a record of what it means if that is new.
    pub(crate) fn number(&mut self, name: EventName<'_>, batch: &mut Batch) -> u32 {
        if let Some(literal) = name.literal() {
            // It is numbered for this event only, too.
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
