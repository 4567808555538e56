//! Sockets: their handles, the state of this crate that belongs to each, and their properties.

use std::collections::{HashSet, VecDeque};
use std::ffi::c_void;
use std::hash::{BuildHasherDefault, Hasher};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bellwire_core::error::{Error, ErrorKind};
use bellwire_core::json::RawJson;
use bellwire_core::socketio::Socket;
use bellwire_core::socketio::message::json_error;
use bellwire_core::{log, notice};
use bytes::Bytes;

use crate::closure::Owned;
use crate::error::{Result, bw_status};
use crate::handle::{self, Object, registry};
use crate::handshake::{PROTOCOL, bw_handshake};
use crate::listeners::ListenerSet;
use crate::namespace::NspHost;
use crate::panic::entry;
use crate::payload::DEPTH;
use crate::pointer::{Out, UserPointer, clear};
use crate::registry::Ended;
use crate::scope::Scope;
use crate::shared::Shared;
use crate::types::{bw_buf, bw_drop_fn, bw_list, bw_nsp, bw_socket, bw_str};

/// The state of this crate that belongs to a socket.
#[derive(Debug)]
pub(crate) struct SocketHost {
    pub(crate) id: u64,
    pub(crate) shared: Arc<Shared>,
    pub(crate) listeners: ListenerSet,
    /// The user pointer, for events.
    user: AtomicPtr<c_void>,
    /// State that many sockets never need.
    kept: Mutex<Option<Box<Kept>>>,
    /// The callbacks of the last event have returned.
    retired: AtomicBool,
}

#[derive(Debug, Default)]
struct Kept {
    /// The user pointer with its drop function.
    user: Option<Owned>,
    /// The handles of the acknowledgements that the client waits for.
    acks: HashSet<u64, BuildHasherDefault<IdHasher>>,
    /// The same handles in the order of their events, and some that have been answered since.
    ack_order: VecDeque<u64>,
}

impl Kept {
    /// Adds a handle. Returns the oldest one if there were `most` already.
    fn add_ack(&mut self, id: u64, most: usize) -> Option<u64> {
        let mut surplus = None;
        while self.acks.len() >= most && surplus.is_none() {
            let oldest = self.ack_order.pop_front()?;
            surplus = self.acks.remove(&oldest).then_some(oldest);
        }
        if self.ack_order.len() > 2 * self.acks.len() + ANSWERED {
            let acks = &self.acks;
            self.ack_order.retain(|id| acks.contains(id));
        }
        self.acks.insert(id);
        self.ack_order.push_back(id);
        surplus
    }

    fn remove_ack(&mut self, id: u64) {
        self.acks.remove(&id);
        if self.acks.is_empty() {
            self.ack_order.clear();
        }
    }
}

/// The least number of acknowledgements of one socket that a host may leave unanswered, also if
/// engine.maxPendingAcks is lower.
const FEW_ACKS: usize = 1024;
/// How many answered handles may stay in the order before it is rebuilt.
const ANSWERED: usize = 64;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SocketHost {
    /// The state of a socket, which is created at the first call.
    #[inline]
    pub(crate) fn of<'a>(socket: &'a Arc<Socket>, shared: &Arc<Shared>) -> Result<&'a Self> {
        if let Some(host) = socket.host().get::<Self>() {
            return Ok(host);
        }
        let registry = registry()?;
        let host = socket.host().get_or_init(|| Self {
            // 0 if no handle is left: then the host cannot refer to the socket.
            id: registry
                .insert(Object::Socket(Arc::downgrade(socket)))
                .unwrap_or(0),
            shared: Arc::clone(shared),
            listeners: ListenerSet::default(),
            user: AtomicPtr::new(null_mut()),
            kept: Mutex::default(),
            retired: AtomicBool::new(false),
        });
        host.ok_or_else(|| Error::from(ErrorKind::Internal))
    }

    /// The state of a socket that was found by its handle.
    #[inline]
    pub(crate) fn of_known(socket: &Socket) -> Result<&Self> {
        socket
            .host()
            .get::<Self>()
            .ok_or_else(|| Error::from(ErrorKind::Gone))
    }

    pub(crate) fn user(&self) -> *mut c_void {
        self.user.load(Ordering::Acquire)
    }

    /// A handle for an acknowledgement that the client waits for.
    pub(crate) fn new_ack(&self, socket: &Arc<Socket>, number: u64) -> Result<u64> {
        let id = registry()?.insert(Object::Ack(Arc::downgrade(socket), number))?;
        let context = socket.namespace().context();
        let most = context.settings.limits.pending_acks.max(FEW_ACKS);
        let surplus = lock(&self.kept).get_or_insert_default().add_ack(id, most);
        if let Some(oldest) = surplus {
            registry()?.remove(oldest, Ended::Gone);
            context.stats.limit_unanswered_total.add(1);
            let _scope = context.log_id.scope();
            notice!(
                log::HOST,
                "{} waits for {most} acknowledgements, as many as engine.maxPendingAcks allows: the oldest cannot be \
                 given any more. Answer each bw_event.ack, or give it back with bw_ack_drop",
                socket.id().as_str()
            );
        }
        Ok(id)
    }

    pub(crate) fn end_ack(&self, id: u64, ended: Ended) {
        if let Some(kept) = &mut *lock(&self.kept) {
            kept.remove_ack(id);
        }
        if let Ok(registry) = registry() {
            registry.remove(id, ended);
        }
    }

    /// Replaces the user pointer and drops the previous one.
    fn set_user(&self, user: Owned) {
        let old = {
            let mut kept = lock(&self.kept);
            self.user.store(user.user().0, Ordering::Release);
            kept.get_or_insert_default().user.replace(user)
        };
        drop(old);
    }

    pub(crate) fn is_retired(&self) -> bool {
        self.retired.load(Ordering::Acquire)
    }

    /// Ends the handles, user pointer and listeners of a socket whose last event has been handled.
    pub(crate) fn retire(&self, socket: &Arc<Socket>) {
        self.end();
        Scope::Socket(Arc::clone(socket)).clear();
    }

    fn end(&self) {
        if self.retired.swap(true, Ordering::AcqRel) {
            return;
        }
        if let Ok(registry) = registry() {
            registry.remove(self.id, Ended::Gone);
        }
        let kept = {
            let mut kept = lock(&self.kept);
            self.user.store(null_mut(), Ordering::Release);
            kept.take()
        };
        let Some(kept) = kept else { return };
        if let Ok(registry) = registry() {
            for ack in &kept.acks {
                registry.remove(*ack, Ended::Gone);
            }
        }
        // No lock is held here, so the drop function of the user pointer can be called.
        drop(kept);
    }
}

impl Drop for SocketHost {
    fn drop(&mut self) {
        // A socket that was refused has no DISCONNECT event.
        self.end();
    }
}

/// Handles are distinct numbers that clients do not choose: mixing their bits is sufficient.
#[derive(Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, id: u64) {
        self.0 = (self.0 ^ id).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 32
    }
}

/// The socket of a handle.
///
/// # Errors
/// `Gone` if the socket has disconnected.
fn present(socket: u64) -> Result<Arc<Socket>> {
    let socket = handle::socket(socket)?;
    if socket.is_gone() {
        return Err(Error::new(ErrorKind::Gone, "the socket has left"));
    }
    Ok(socket)
}

/// [any] Sets *out to the connected socket with this public id. BW_E_NOT_FOUND: the namespace does
/// not have such a socket.
/// Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_UTF8, BW_E_TOO_BIG, BW_E_NOT_FOUND, BW_E_GONE,
/// BW_E_FORKED, BW_E_FULL or a common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_socket_find(nsp: bw_nsp, sid: bw_str, out: *mut bw_socket) -> bw_status {
    entry(|| {
        let out = Out::new(out, "out", 0)?;
        let namespace = handle::namespace(nsp)?;
        let sid = sid.text("sid")?;
        let socket = namespace
            .find(sid)
            .ok_or_else(|| Error::new(ErrorKind::NotFound, format!("no socket {sid:?} is here")))?;
        let shared = &NspHost::of_known(&namespace)?.shared;
        out.set(handle::given(SocketHost::of(&socket, shared)?.id)?);
        Ok(())
    })
}

/// Names a number of a socket; see bw_socket_keys.
pub type bw_socket_key = i32;

/// The numbers of a socket.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub enum bw_socket_keys {
    /// 1 while the socket is connected, otherwise 0.
    BW_SK_CONNECTED = 1,
    /// The bw_nsp of the socket.
    BW_SK_NSP = 2,
    /// BW_TR_POLLING or BW_TR_WEBSOCKET.
    BW_SK_TRANSPORT = 3,
    /// The revision of Engine.IO.
    BW_SK_PROTOCOL = 4,
    /// The number of bytes in the send buffer of the client.
    BW_SK_BUFFERED_BYTES = 5,
    /// The last round trip of ping and pong in microseconds, or 0 before the first.
    BW_SK_RTT_US = 6,
    /// 1 when the state of an earlier connection was recovered. (Never in this version.)
    BW_SK_RECOVERED = 7,
    /// The bw_server of the socket.
    BW_SK_SERVER = 8,
}

/// [any] Sets *out to a number of a socket, BW_SK_*. BW_E_ARG also for an unknown key.
/// Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_GONE, BW_E_FORKED or a common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_socket_int(socket: bw_socket, key: bw_socket_key, out: *mut i64) -> bw_status {
    use bw_socket_keys as k;
    entry(|| {
        let out = Out::new(out, "out", 0)?;
        let socket = handle::socket(socket)?;
        let host = SocketHost::of_known(&socket)?;
        let is = |wanted: bw_socket_keys| wanted as i32 == key;
        let number = if is(k::BW_SK_CONNECTED) {
            socket.is_connected().into()
        } else if is(k::BW_SK_NSP) {
            NspHost::of_known(socket.namespace())?.id as i64
        } else if is(k::BW_SK_TRANSPORT) {
            socket.link().transport() as i64
        } else if is(k::BW_SK_PROTOCOL) {
            PROTOCOL
        } else if is(k::BW_SK_BUFFERED_BYTES) {
            socket.link().mailbox.buffered() as i64
        } else if is(k::BW_SK_RTT_US) {
            socket
                .round_trip()
                .map_or(0, |time| time.as_micros() as i64)
        } else if is(k::BW_SK_RECOVERED) {
            0
        } else if is(k::BW_SK_SERVER) {
            host.shared.id() as i64
        } else {
            let text = format!("{key} is not a key of a socket, BW_SK_*");
            return Err(Error::new(ErrorKind::Argument, text));
        };
        out.set(number);
        Ok(())
    })
}

/// [any] Sets *out to the rooms of the socket, its own first; in BW_EV_DISCONNECT, the rooms it was
/// in. Free *out with bw_list_free.
/// Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_GONE, BW_E_FORKED or a common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_socket_rooms(socket: bw_socket, out: *mut bw_list) -> bw_status {
    entry(|| {
        let out = Out::new(out, "out", bw_list::EMPTY)?;
        out.set(bw_list::new(handle::socket(socket)?.rooms()));
        Ok(())
    })
}

/// [any] Sets *out to the data of the socket, any JSON value, {} by default. bw_fetch_sockets
/// returns it too. Free *out with bw_buf_free.
/// Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_GONE, BW_E_FORKED or a common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_socket_data_get(socket: bw_socket, out: *mut bw_buf) -> bw_status {
    entry(|| {
        let out = Out::new(out, "out", bw_buf::EMPTY)?;
        let data = handle::socket(socket)?.data();
        out.set(bw_buf::new(data.as_bytes()));
        Ok(())
    })
}

/// [any] Replaces the data of the socket by any JSON value.
/// Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_UTF8, BW_E_JSON, BW_E_TOO_BIG, BW_E_GONE, BW_E_FORKED
/// or a common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_socket_data_set(socket: bw_socket, json: bw_str) -> bw_status {
    entry(|| {
        let socket = present(socket)?;
        let text = Bytes::copy_from_slice(json.bytes("json")?);
        let data = RawJson::parse(text, DEPTH).map_err(|error| json_error(&error))?;
        socket.set_data(data);
        Ok(())
    })
}

/// [any] Sets the user pointer of the socket, which its events have as bw_event.user. The drop
/// function of the previous pointer runs when it is replaced, and drop(user) after the callbacks of
/// BW_EV_DISCONNECT have returned. On an error, drop(user) runs before the call returns.
/// Returns BW_OK, BW_E_HANDLE, BW_E_GONE, BW_E_FORKED or a common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_socket_user_set(
    socket: bw_socket,
    user: *mut c_void,
    drop: bw_drop_fn,
) -> bw_status {
    entry(|| {
        let mut user = Owned::new(drop, UserPointer(user));
        let socket = present(socket)?;
        let host = SocketHost::of_known(&socket)?;
        user.settle(&host.shared);
        host.set_user(user);
        Ok(())
    })
}

/// [any] Sets *out to the user pointer of the socket, or to NULL. Outside the callbacks of this
/// socket, or off the polling thread, another thread may drop the pointer at any time: prefer
/// bw_event.user.
/// Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_GONE, BW_E_FORKED or a common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_socket_user_get(socket: bw_socket, out: *mut *mut c_void) -> bw_status {
    entry(|| {
        let out = Out::new(out, "out", null_mut())?;
        let socket = handle::socket(socket)?;
        out.set(SocketHost::of_known(&socket)?.user());
        Ok(())
    })
}

/// [any] Sets *out to the handshake of the socket, which outlives the socket. Release *out with
/// bw_handshake_release.
/// Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_GONE, BW_E_FORKED or a common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_socket_handshake(
    socket: bw_socket,
    out: *mut *const bw_handshake,
) -> bw_status {
    clear(out, std::ptr::null());
    entry(|| {
        let out = Out::new(out, "out", std::ptr::null())?;
        let socket = handle::socket(socket)?;
        out.set(Arc::into_raw(bw_handshake::of_socket(&socket)));
        Ok(())
    })
}
