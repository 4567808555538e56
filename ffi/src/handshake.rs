//! Handshakes: the data that a client connected with, as a counted object that outlives its socket.

use std::sync::{Arc, OnceLock};

use bellwire_core::error::{Error, ErrorKind};
use bellwire_core::json;
use bellwire_core::socketio::{Handshake, Request, Socket};

use crate::error::{Result, bw_status};
use crate::panic::{entry, entry_or};
use crate::pointer::{self, Out};
use crate::types::bw_str;
use crate::value::{Kept, bw_value};

/// Names a part of a handshake; see bw_hs_keys.
pub type bw_hs_key = i32;

/// The parts of a handshake.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub enum bw_hs_keys {
    /// Text: the socket's public id. BW_E_NOT_FOUND before the socket exists.
    BW_HS_SID = 1,
    /// Text: the namespace. BW_E_NOT_FOUND before the socket exists.
    BW_HS_NSP = 2,
    /// Text: the client's IP address.
    BW_HS_ADDRESS = 3,
    /// Text: path and query of the request.
    BW_HS_URL = 4,
    /// Text: when the socket connected, as JavaScript's Date writes it.
    BW_HS_TIME = 5,
    /// Text: the headers as a JSON object with lower-case names.
    BW_HS_HEADERS_JSON = 6,
    /// Text: the query as a JSON object.
    BW_HS_QUERY_JSON = 7,
    /// Text: the auth data that the client sent when it connected, a JSON object.
    BW_HS_AUTH_JSON = 8,
    /// Text: the method of the request.
    BW_HS_METHOD = 9,
    /// Number: 1 when the connection is encrypted.
    BW_HS_SECURE = 20,
    /// Number: 1 if the request has an Origin header, as requests of a page of another origin have.
    BW_HS_XDOMAIN = 21,
    /// Number: when the socket connected, in milliseconds since 1970.
    BW_HS_ISSUED_MS = 22,
    /// Number: the revision of Engine.IO.
    BW_HS_PROTOCOL = 23,
    /// Number: the client's port.
    BW_HS_PORT = 24,
}

/// The only revision of Engine.IO that the library implements.
pub(crate) const PROTOCOL: i64 = 4;

/// The data that a client connected with. Immutable, reference-counted and usable on any thread.
pub struct bw_handshake {
    source: Source,
    /// Texts that are made when they are first read.
    made: [OnceLock<String>; 4],
    queries: Kept<Box<str>>,
    decoded: Kept<usize>,
}

enum Source {
    Socket {
        handshake: Arc<Handshake>,
        sid: Box<str>,
        nsp: Arc<str>,
    },
    Request(Arc<Request>),
}

impl bw_handshake {
    fn new(source: Source) -> Arc<Self> {
        Arc::new(Self {
            source,
            made: [const { OnceLock::new() }; 4],
            queries: Kept::new(),
            decoded: Kept::new(),
        })
    }

    pub(crate) fn of_socket(socket: &Socket) -> Arc<Self> {
        Self::new(Source::Socket {
            handshake: Arc::clone(socket.handshake()),
            sid: socket.id().as_str().into(),
            nsp: Arc::clone(socket.namespace().name()),
        })
    }

    pub(crate) fn of_request(request: &Arc<Request>) -> Arc<Self> {
        Self::new(Source::Request(Arc::clone(request)))
    }

    fn request(&self) -> &Request {
        match &self.source {
            Source::Socket { handshake, .. } => handshake.request(),
            Source::Request(request) => request,
        }
    }

    fn handshake(&self) -> Option<&Handshake> {
        match &self.source {
            Source::Socket { handshake, .. } => Some(handshake),
            Source::Request(_) => None,
        }
    }

    /// The auth data, and its strings that have been decoded.
    pub(crate) fn auth_and_kept(&self) -> (&[u8], &Kept<usize>) {
        (self.auth(), &self.decoded)
    }

    fn text(&self, key: bw_hs_key) -> Option<&str> {
        use bw_hs_keys as k;
        let request = self.request();
        let is = |wanted: bw_hs_keys| wanted as i32 == key;
        if is(k::BW_HS_SID) || is(k::BW_HS_NSP) {
            let Source::Socket { sid, nsp, .. } = &self.source else {
                return None;
            };
            Some(if is(k::BW_HS_SID) { sid } else { nsp })
        } else if is(k::BW_HS_ADDRESS) {
            Some(self.made[0].get_or_init(|| request.address().to_string()))
        } else if is(k::BW_HS_URL) {
            Some(request.url())
        } else if is(k::BW_HS_TIME) {
            let handshake = self.handshake()?;
            Some(self.made[1].get_or_init(|| handshake.time()))
        } else if is(k::BW_HS_HEADERS_JSON) {
            Some(self.made[2].get_or_init(|| request.headers_json()))
        } else if is(k::BW_HS_QUERY_JSON) {
            Some(self.made[3].get_or_init(|| request.query_json()))
        } else if is(k::BW_HS_AUTH_JSON) {
            std::str::from_utf8(self.auth()).ok()
        } else if is(k::BW_HS_METHOD) {
            Some(request.method())
        } else {
            None
        }
    }

    fn number(&self, key: bw_hs_key) -> Option<i64> {
        use bw_hs_keys as k;
        let request = self.request();
        let is = |wanted: bw_hs_keys| wanted as i32 == key;
        if is(k::BW_HS_SECURE) {
            Some(request.secure().into())
        } else if is(k::BW_HS_XDOMAIN) {
            Some(request.xdomain().into())
        } else if is(k::BW_HS_ISSUED_MS) {
            i64::try_from(self.handshake()?.issued_ms()).ok()
        } else if is(k::BW_HS_PROTOCOL) {
            Some(PROTOCOL)
        } else if is(k::BW_HS_PORT) {
            Some(request.port().into())
        } else {
            None
        }
    }

    fn auth(&self) -> &[u8] {
        self.handshake().map_or(b"{}", Handshake::auth)
    }

    /// The handshake as one JSON object.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        use bw_hs_keys as k;
        let mut out = Vec::with_capacity(512);
        let name = |out: &mut Vec<u8>, name: &str| {
            out.push(if out.is_empty() { b'{' } else { b',' });
            json::write_string(out, name);
            out.push(b':');
        };
        for (key, member) in [
            (k::BW_HS_HEADERS_JSON, "headers"),
            (k::BW_HS_QUERY_JSON, "query"),
            (k::BW_HS_AUTH_JSON, "auth"),
        ] {
            name(&mut out, member);
            out.extend_from_slice(self.text(key as i32).unwrap_or("{}").as_bytes());
        }
        for (key, member) in [
            (k::BW_HS_TIME, "time"),
            (k::BW_HS_ADDRESS, "address"),
            (k::BW_HS_URL, "url"),
        ] {
            name(&mut out, member);
            json::write_string(&mut out, self.text(key as i32).unwrap_or_default());
        }
        for (key, member) in [(k::BW_HS_SECURE, "secure"), (k::BW_HS_XDOMAIN, "xdomain")] {
            name(&mut out, member);
            let is_true = self.number(key as i32) == Some(1);
            out.extend_from_slice(if is_true { b"true" } else { b"false" });
        }
        name(&mut out, "issued");
        let issued = self.number(k::BW_HS_ISSUED_MS as i32).unwrap_or(0);
        out.extend_from_slice(issued.to_string().as_bytes());
        out.push(b'}');
        out
    }
}

impl std::fmt::Debug for bw_handshake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("bw_handshake")
    }
}

/// [any] Adds an owner and returns hs. Returns NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn bw_handshake_retain(hs: *const bw_handshake) -> *const bw_handshake {
    entry_or(std::ptr::null(), || {
        pointer::borrow(hs, "hs")?;
        pointer::retain_raw(hs);
        Ok(hs)
    })
}

/// [any] Removes an owner and sets *hs to NULL. Does nothing for NULL. Do not release the handshake
/// of an event that you have not retained.
#[unsafe(no_mangle)]
pub extern "C" fn bw_handshake_release(hs: *mut *const bw_handshake) {
    entry(|| {
        if let Some(handshake) = pointer::take_arc(hs) {
            pointer::release_raw(handshake);
        }
        Ok(())
    });
}

fn no_key(key: bw_hs_key, what: &str) -> Error {
    let known = (1..=9).contains(&key) || (20..=24).contains(&key);
    if !known {
        return Error::new(
            ErrorKind::Argument,
            format!("{key} is not a key of a handshake, BW_HS_*"),
        );
    }
    let text = format!("key {key} of a handshake is not a {what}, or is not set yet");
    Error::new(ErrorKind::NotFound, text)
}

/// [any] Sets *out to a text of the handshake, BW_HS_*, which is valid as long as hs. BW_E_ARG also
/// for an unknown key. BW_E_NOT_FOUND: the key is a number, or is not set yet.
/// Returns BW_OK, BW_E_ARG, BW_E_NOT_FOUND or a common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_handshake_str(
    hs: *const bw_handshake,
    key: bw_hs_key,
    out: *mut bw_str,
) -> bw_status {
    entry(|| {
        let out = Out::new(out, "out", bw_str::EMPTY)?;
        let text = pointer::borrow(hs, "hs")?.text(key);
        out.set(bw_str::view(text.ok_or_else(|| no_key(key, "text"))?));
        Ok(())
    })
}

/// [any] Sets *out to a number of the handshake, BW_HS_*. BW_E_ARG also for an unknown key.
/// BW_E_NOT_FOUND: the key is a text, or is not set yet.
/// Returns BW_OK, BW_E_ARG, BW_E_NOT_FOUND or a common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_handshake_int(
    hs: *const bw_handshake,
    key: bw_hs_key,
    out: *mut i64,
) -> bw_status {
    entry(|| {
        let out = Out::new(out, "out", 0)?;
        let number = pointer::borrow(hs, "hs")?.number(key);
        out.set(number.ok_or_else(|| no_key(key, "number"))?);
        Ok(())
    })
}

/// [any] Sets *out to the first request header of that name, upper or lower case, which is valid as
/// long as hs. BW_E_NOT_FOUND: the request does not have the header.
/// Returns BW_OK, BW_E_ARG, BW_E_UTF8, BW_E_TOO_BIG, BW_E_NOT_FOUND or a common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_handshake_header(
    hs: *const bw_handshake,
    name: bw_str,
    out: *mut bw_str,
) -> bw_status {
    entry(|| {
        let out = Out::new(out, "out", bw_str::EMPTY)?;
        let (hs, name) = (pointer::borrow(hs, "hs")?, name.text("name")?);
        let value = hs.request().header(name);
        out.set(bw_str::view(value.ok_or_else(|| missing("header", name))?));
        Ok(())
    })
}

/// [any] Sets *out to the last query parameter of that name, decoded, which is valid as long as hs.
/// BW_E_NOT_FOUND: the request does not have the parameter.
/// Returns BW_OK, BW_E_ARG, BW_E_UTF8, BW_E_TOO_BIG, BW_E_NOT_FOUND or a common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_handshake_query(
    hs: *const bw_handshake,
    name: bw_str,
    out: *mut bw_str,
) -> bw_status {
    entry(|| {
        let out = Out::new(out, "out", bw_str::EMPTY)?;
        let (hs, name) = (pointer::borrow(hs, "hs")?, name.text("name")?);
        let find = || {
            hs.request()
                .query(name)
                .ok_or_else(|| missing("query parameter", name))
        };
        out.set(hs.queries.get_or_make(name.into(), find)?);
        Ok(())
    })
}

fn missing(what: &str, name: &str) -> Error {
    Error::new(
        ErrorKind::NotFound,
        format!("the request has no {what} {name:?}"),
    )
}

/// [any] Sets *out to the value at an RFC 6901 pointer into the auth data that the client sent when
/// it connected, for example "/token". value_size is sizeof(bw_value). What *out points to is valid
/// as long as hs. BW_E_ARG: the pointer is malformed. BW_E_NOT_FOUND: no value is at the
/// pointer.
/// Returns BW_OK, BW_E_ARG, BW_E_ABI, BW_E_UTF8, BW_E_TOO_BIG, BW_E_NOT_FOUND or a common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_handshake_auth(
    hs: *const bw_handshake,
    pointer: bw_str,
    out: *mut bw_value,
    value_size: usize,
) -> bw_status {
    entry(|| {
        let find = || -> Result<bw_value> {
            let hs = pointer::borrow(hs, "hs")?;
            bw_value::find(hs.auth(), pointer.text("pointer")?, &[], &hs.decoded)
        };
        let found = find();
        let value = found.as_ref().copied().unwrap_or(bw_value::NOTHING);
        pointer::write_sized(out, value_size, &value, "out")?;
        found.map(|_| ())
    })
}
