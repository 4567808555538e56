//! Questions of the core that JavaScript has not answered yet, such as whether a middleware accepts a client.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bellwire_core::error::Error;
use bellwire_core::socketio::question::WeakQuestion;
use bellwire_core::socketio::{Question, Rejection};
use napi::sys::napi_value;

use crate::call::{Call, Native};
use crate::error::misuse;

#[derive(Debug, Default)]
struct Open {
    next: u32,
    by_number: HashMap<u32, WeakQuestion>,
}

/// Pending questions by number. The core owns them; a question that expires removes itself.
#[derive(Debug, Clone, Default)]
pub(crate) struct Questions(Arc<Mutex<Open>>);

/// The host data of a question: removes the question from the map when the core drops it.
struct Entry {
    number: u32,
    questions: Questions,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.questions.open().by_number.remove(&self.number);
    }
}

impl Questions {
    /// Registers a question and returns its number.
    pub(crate) fn add(&self, question: &Question) -> u32 {
        let number = {
            let mut open = self.open();
            open.next = open.next.wrapping_add(1);
            let number = open.next;
            open.by_number.insert(number, question.downgrade());
            number
        };
        question.host().get_or_init(|| Entry {
            number,
            questions: self.clone(),
        });
        number
    }

    /// The number of pending questions.
    pub(crate) fn count(&self) -> usize {
        self.open().by_number.len()
    }

    fn take(&self, number: u32) -> Option<Question> {
        let question = self.open().by_number.remove(&number);
        question?.upgrade()
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `answer(question, accepted, message?, data?, headers?)`: answers a question. `message` and `data` (JSON) are for the
/// rejected client; without a message, it gets the default text. `headers` are names and values of header fields, for a
/// question about a response. Does nothing if the question has expired.
pub(crate) struct AnswerQuestion;

impl Native for AnswerQuestion {
    const NAME: &'static str = "answer";

    fn run(call: &Call<'_>) -> Result<napi_value, Error> {
        let Some(question) = call.engine.host.questions.take(call.number(0)?) else {
            return Ok(call.undefined());
        };
        // The question may have expired meanwhile, for example because the client disconnected.
        let _ = if call.flag(1)? {
            for header in call.strings(4)?.chunks_exact(2) {
                let _ = question.set_header(&header[0], &header[1]);
            }
            question.accept()
        } else {
            let data = call.optional_string(3)?.unwrap_or_default().into_bytes();
            if !data.is_empty() && bellwire_core::json::check(&data, usize::MAX).is_err() {
                return Err(misuse("the data of a rejection must be JSON"));
            }
            question.reject(Rejection {
                status: 0,
                message: call.optional_string(2)?,
                data,
            })
        };
        Ok(call.undefined())
    }
}
