//! Messages: a name, arguments and binaries that can be kept, sent and read.
//!
//! The message of an event is a view that lives on the dispatching thread's stack; it becomes a
//! counted object only if the host retains it. Every function takes both.

use std::sync::Arc;

use bellwire_core::error::{Error, ErrorKind};
use bellwire_core::socketio::event::Form;
use bellwire_core::socketio::message::Payload;
use bellwire_core::socketio::{Message, MessageRef};

use crate::error::{Result, bw_status};
use crate::panic::{entry, entry_or};
use crate::payload::{Parts, bw_payload};
use crate::pointer::{self, Out};
use crate::types::{bw_bytes, bw_str};
use crate::value::{Kept, bw_value};

/// An event's name, arguments and binaries. Immutable, reference-counted and usable on any thread.
pub struct bw_message<'a> {
    body: Body<'a>,
    /// Decoded strings, by their offset.
    kept: Kept<usize>,
}

enum Body<'a> {
    /// On the stack of a dispatch.
    Borrowed(MessageRef<'a>),
    /// On the heap, counted.
    Counted(Arc<Message>, Form),
}

impl<'a> bw_message<'a> {
    pub(crate) const fn borrowed(view: MessageRef<'a>) -> Self {
        Self {
            body: Body::Borrowed(view),
            kept: Kept::new(),
        }
    }

    pub(crate) fn view(&self) -> MessageRef<'_> {
        match &self.body {
            Body::Borrowed(view) => *view,
            Body::Counted(message, form) => MessageRef {
                form: *form,
                name: message.name(),
                name_literal: message.name_literal(),
                args: match form {
                    Form::Event => message.args(),
                    Form::Text | Form::Binary => message.payload().args_json(),
                },
                arg_count: None,
                attachments: message.attachments(),
            },
        }
    }

    /// The view of an event, which has arguments.
    ///
    /// # Errors
    /// `State` for a message of an Engine.IO server.
    pub(crate) fn arguments(&self) -> Result<MessageRef<'_>> {
        let view = self.view();
        if view.form == Form::Event {
            return Ok(view);
        }
        let text = "a message of an Engine.IO server has no arguments";
        Err(Error::new(ErrorKind::State, text))
    }

    /// Decoded strings, by their offset in the arguments.
    pub(crate) fn kept(&self) -> &Kept<usize> {
        &self.kept
    }

    /// The message of the core; a copy if this one is on the stack.
    pub(crate) fn shared(&self) -> Arc<Message> {
        match &self.body {
            Body::Borrowed(view) => Arc::new(view.to_message()),
            Body::Counted(message, _) => Arc::clone(message),
        }
    }

    /// The payload to send. It was validated when it was created or received.
    pub(crate) fn payload(&self) -> Payload<'_> {
        match &self.body {
            Body::Borrowed(view) => view.payload(),
            Body::Counted(message, _) => message.payload(),
        }
    }

    /// The counted message, or `None` for a message on the stack.
    pub(crate) fn counted_message(&self) -> Option<&Arc<Message>> {
        match &self.body {
            Body::Borrowed(_) => None,
            Body::Counted(message, _) => Some(message),
        }
    }
}

impl bw_message<'static> {
    pub(crate) fn counted(message: Arc<Message>, form: Form) -> Arc<Self> {
        Arc::new(Self {
            body: Body::Counted(message, form),
            kept: Kept::new(),
        })
    }
}

impl std::fmt::Debug for bw_message<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("bw_message")
            .field("name", &self.view().name)
            .finish_non_exhaustive()
    }
}

/// [any] Creates a message from a payload, which is checked and encoded once, to be sent any number
/// of times. Release *out with bw_message_release.
/// Returns BW_OK, BW_E_ARG, BW_E_ABI, BW_E_UTF8, BW_E_JSON, BW_E_NAME, BW_E_PLACEHOLDER,
/// BW_E_TOO_BIG or a common status.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn bw_message_new(
    payload: *const bw_payload,
    out: *mut *const bw_message<'static>,
) -> bw_status {
    entry(|| {
        let parts = Parts::of_event(payload);
        let out = Out::new(out, "out", std::ptr::null())?;
        let message = parts?.payload()?.to_message();
        out.set(Arc::into_raw(bw_message::counted(
            Arc::new(message),
            Form::Event,
        )));
        Ok(())
    })
}

/// [any] Adds an owner and returns the message to keep. Keep the RETURNED pointer: for the message
/// of an event it is a copy that outlives the event. Release it with bw_message_release. Returns
/// NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn bw_message_retain(msg: *const bw_message<'static>) -> *const bw_message<'static> {
    entry_or(std::ptr::null(), || {
        let message = pointer::borrow(msg, "msg")?;
        Ok(match &message.body {
            Body::Counted(..) => {
                pointer::retain_raw(msg);
                msg
            }
            Body::Borrowed(view) => {
                Arc::into_raw(bw_message::counted(Arc::new(view.to_message()), view.form))
            }
        })
    })
}

/// [any] Removes an owner and sets *msg to NULL. Does nothing for NULL, and for the message of an
/// event that was not retained.
#[unsafe(no_mangle)]
pub extern "C" fn bw_message_release(msg: *mut *const bw_message<'static>) {
    entry(|| {
        if let Some(message) = pointer::take_arc(msg)
            && matches!(pointer::borrow(message, "msg")?.body, Body::Counted(..))
        {
            pointer::release_raw(message);
        }
        Ok(())
    });
}

/// [any] Sets *out to the event's name, which is valid as long as msg.
/// Returns BW_OK, BW_E_ARG or a common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_message_name(msg: *const bw_message<'static>, out: *mut bw_str) -> bw_status {
    entry(|| {
        let out = Out::new(out, "out", bw_str::EMPTY)?;
        out.set(bw_str::view(pointer::borrow(msg, "msg")?.view().name));
        Ok(())
    })
}

/// [any] Sets *out to the arguments, a JSON array, or to the text of a message of an Engine.IO
/// server. The text is valid as long as msg.
/// Returns BW_OK, BW_E_ARG or a common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_message_args(msg: *const bw_message<'static>, out: *mut bw_str) -> bw_status {
    entry(|| {
        let out = Out::new(out, "out", bw_str::EMPTY)?;
        out.set(bw_str::view_bytes(pointer::borrow(msg, "msg")?.view().args));
        Ok(())
    })
}

/// [any] Sets *out to the binary with this index, which is valid as long as msg. Indices begin at
/// 0; BW_E_NOT_FOUND: i is past the last binary.
/// Returns BW_OK, BW_E_ARG, BW_E_NOT_FOUND or a common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_message_bin(
    msg: *const bw_message<'static>,
    i: usize,
    out: *mut bw_bytes,
) -> bw_status {
    entry(|| {
        let out = Out::new(out, "out", bw_bytes::view(&[]))?;
        let bins = pointer::borrow(msg, "msg")?.view().attachments;
        let bin = bins.get(i).ok_or_else(|| {
            let text = format!("there are {} binaries, not number {i}", bins.len());
            Error::new(ErrorKind::NotFound, text)
        })?;
        out.set(bw_bytes::view(bin));
        Ok(())
    })
}

/// [any] Sets *out to the value at an RFC 6901 pointer into the arguments, for example "/0" or
/// "/0/pos/x". value_size is sizeof(bw_value). What *out points to is valid as long as msg. Each
/// call reads the arguments from their beginning; use bw_cursor_first for all elements of an array.
/// BW_E_ARG: the pointer is malformed. BW_E_NOT_FOUND: no value is at the pointer.
/// BW_E_STATE: a message of an Engine.IO server has no arguments.
/// Returns BW_OK, BW_E_ARG, BW_E_STATE, BW_E_ABI, BW_E_UTF8, BW_E_TOO_BIG, BW_E_NOT_FOUND or a
/// common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_message_get(
    msg: *const bw_message<'static>,
    pointer: bw_str,
    out: *mut bw_value,
    value_size: usize,
) -> bw_status {
    entry(|| {
        let found = get(msg, pointer);
        let value = found.as_ref().copied().unwrap_or(bw_value::NOTHING);
        pointer::write_sized(out, value_size, &value, "out")?;
        found.map(|_| ())
    })
}

fn get(msg: *const bw_message<'static>, path: bw_str) -> Result<bw_value> {
    let message = pointer::borrow(msg, "msg")?;
    let view = message.arguments()?;
    bw_value::find(
        view.args,
        path.text("pointer")?,
        view.attachments,
        &message.kept,
    )
}
