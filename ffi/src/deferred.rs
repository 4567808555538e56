//! Questions: their listeners are asked one after the other, and each answers once, at once or later.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use bellwire_core::error::{Error, ErrorKind};
use bellwire_core::json;
use bellwire_core::socketio::message::json_error;
use bellwire_core::socketio::question::{Closed, WeakQuestion};
use bellwire_core::socketio::{Question, Rejection};

use crate::error::{Result, bw_status};
use crate::handle::{Object, registry};
use crate::listeners::Listener;
use crate::panic::entry;
use crate::payload::DEPTH;
use crate::registry::{Ended, Kind};
use crate::types::{bw_deferred, bw_str};

/// What a listener may set before it accepts a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extras {
    None,
    /// Response headers.
    Headers,
}

/// The object behind a bw_deferred.
#[derive(Debug, Clone)]
pub(crate) struct Deferred {
    question: WeakQuestion,
    extras: Extras,
}

/// The state of this crate that belongs to a question.
pub(crate) struct QuestionHost(Mutex<Asking>);

struct Asking {
    /// The listeners that have not been asked yet. All were registered when the question was asked first.
    left: VecDeque<Arc<Listener>>,
    /// The bw_deferred of the listener that is being asked.
    id: u64,
}

impl QuestionHost {
    /// The listener to ask next, if one is left.
    pub(crate) fn next(
        question: &Question,
        listeners: impl FnOnce() -> VecDeque<Arc<Listener>>,
    ) -> Option<Arc<Listener>> {
        let host = question.host().get_or_init(|| {
            Self(Mutex::new(Asking {
                left: listeners(),
                id: 0,
            }))
        })?;
        let mut asking = host.lock();
        // Listeners that were removed in the meantime are not asked.
        while asking.left.front().is_some_and(|next| next.is_removed()) {
            asking.left.pop_front();
        }
        asking.left.pop_front()
    }

    /// A new bw_deferred for the question.
    pub(crate) fn ask(question: &Question, extras: Extras) -> Result<bw_deferred> {
        let host = question.host().get_or_init(|| {
            Self(Mutex::new(Asking {
                left: VecDeque::new(),
                id: 0,
            }))
        });
        let host = host.ok_or_else(|| Error::from(ErrorKind::Internal))?;
        let question = question.downgrade();
        let id = registry()?.insert(Object::Deferred(Deferred { question, extras }))?;
        host.lock().id = id;
        Ok(id)
    }

    /// The listener that was asked accepts: asks the next one, or accepts the question if none is left.
    pub(crate) fn let_pass(question: &Question) -> std::result::Result<(), Closed> {
        let host = question.host().get::<Self>();
        let is_left = |listener: &Arc<Listener>| !listener.is_removed();
        if host.is_some_and(|host| host.lock().left.iter().any(is_left)) {
            question.pass()
        } else {
            question.accept()
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Asking> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for QuestionHost {
    fn drop(&mut self) {
        let id = self.lock().id;
        if let Ok(registry) = registry() {
            registry.remove(id, Ended::Gone);
        }
    }
}

/// Answers a question by its bw_deferred, which cannot be used again.
fn answer(
    id: bw_deferred,
    with: impl FnOnce(&Question) -> std::result::Result<(), Closed>,
) -> Result<()> {
    let registry = registry()?;
    let object = registry.claim(id, Kind::Deferred)?;
    registry.remove(id, Ended::Completed);
    let Object::Deferred(deferred) = object else {
        return Err(ErrorKind::Handle.into());
    };
    let question = deferred
        .question
        .upgrade()
        .ok_or_else(|| closed(Closed::Expired))?;
    with(&question).map_err(closed)
}

fn closed(closed: Closed) -> Error {
    match closed {
        Closed::Answered => ErrorKind::Already.into(),
        Closed::Expired => Error::new(
            ErrorKind::Gone,
            "the question is closed: its deadline has passed, or its client has left",
        ),
    }
}

/// [any] Answers a question with yes. The question is then put to the next listener; the engine
/// goes on when the last one has accepted. An unanswered question is refused after
/// BW_OPT_DEFERRED_TIMEOUT. If the last listener of MIDDLEWARE gets BW_OK, CONNECTION and later
/// DISCONNECT follow, even if the client leaves first; after an error neither follows.
/// Returns BW_OK, BW_E_HANDLE, BW_E_ALREADY, BW_E_GONE, BW_E_FORKED or a common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_deferred_accept(d: bw_deferred) -> bw_status {
    entry(|| answer(d, QuestionHost::let_pass))
}

/// [any] Answers a question with no. For MIDDLEWARE, the client's connect_error has message and
/// data_json, which is JSON or empty. For ALLOW_REQUEST, code is the HTTP status, from 400 to 599;
/// 0 means the default, and other numbers return BW_E_ARG.
/// Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_ALREADY, BW_E_UTF8, BW_E_JSON, BW_E_TOO_BIG,
/// BW_E_GONE, BW_E_FORKED or a common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_deferred_reject(
    d: bw_deferred,
    code: i32,
    message: bw_str,
    data_json: bw_str,
) -> bw_status {
    entry(|| {
        let status = u16::try_from(code)
            .ok()
            .filter(|code| *code == 0 || (400..600).contains(code));
        let status = status.ok_or_else(|| {
            let text = format!("code is {code}: a refusal is 0 or from 400 to 599");
            Error::new(ErrorKind::Argument, text)
        })?;
        let message = message.text("message")?;
        let data = data_json.bytes("data_json")?;
        if !data.is_empty() {
            json::check(data, DEPTH).map_err(|error| json_error(&error))?;
        }
        let rejection = Rejection {
            status,
            message: (!message.is_empty()).then(|| message.to_owned()),
            data: data.to_vec(),
        };
        answer(d, |question| question.reject(rejection))
    })
}

/// [any] Adds a header to the response that BW_EV_HEADERS is about, before the question is
/// accepted. BW_E_ARG: name or value is not allowed in a header. BW_E_STATE: the question is not
/// BW_EV_HEADERS.
/// Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_STATE, BW_E_ALREADY, BW_E_UTF8, BW_E_TOO_BIG,
/// BW_E_GONE, BW_E_FORKED or a common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_deferred_set_header(d: bw_deferred, name: bw_str, value: bw_str) -> bw_status {
    entry(|| {
        let (name, value) = (name.text("name")?, value.text("value")?);
        let is_token =
            |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(is_token) {
            let text = format!("name is not a header name: {name:?}");
            return Err(Error::new(ErrorKind::Argument, text));
        }
        if value
            .bytes()
            .any(|byte| byte < b' ' && byte != b'\t' || byte == 0x7f)
        {
            let text = "value holds a control character";
            return Err(Error::new(ErrorKind::Argument, text));
        }
        let deferred = registry()?.with(d, Kind::Deferred, |object| match object {
            Object::Deferred(deferred) => Some(deferred.clone()),
            _ => None,
        })?;
        let deferred = deferred.ok_or_else(|| Error::from(ErrorKind::Handle))?;
        if deferred.extras != Extras::Headers {
            let text = "only the answer to BW_EV_HEADERS takes headers";
            return Err(Error::new(ErrorKind::State, text));
        }
        let question = deferred
            .question
            .upgrade()
            .ok_or_else(|| closed(Closed::Expired))?;
        question.set_header(name, value).map_err(closed)
    })
}
