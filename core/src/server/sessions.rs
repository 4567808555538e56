//! The open sessions, by id.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Wake;
use std::time::Instant;

use crate::engineio::SessionId;
use crate::server::arrivals::Arrival;
use crate::server::clock::now;
use crate::socketio::Link;
use crate::sync::Lock as _;
use crate::transport::{TransportRequest, WebSocket};

/// The part of a session that HTTP requests use.
#[derive(Debug)]
pub(super) struct SessionHandle {
    pub(super) id: SessionId,
    pub(super) link: Arc<Link>,
    /// Requests from HTTP tasks; `None` after the session's end.
    inbox: Mutex<Option<Inbox>>,
    /// WebSockets whose handshake has been answered and that have not been delivered to the session's task.
    coming: AtomicUsize,
    /// Whether a POST is being received or handled.
    posting: AtomicBool,
    /// Flags for the session's task: [`ASKED`], [`ABORT`].
    notes: AtomicU8,
}

/// Requests that the session's task has not taken yet.
#[derive(Debug, Default)]
struct Inbox {
    /// Sorted by their places.
    asked: Vec<Asked>,
    next_place: u64,
    /// Orders the session among others, until it has joined a namespace.
    arrival: Option<Arc<Arrival>>,
}

impl Inbox {
    fn take_place(&mut self) -> u64 {
        self.next_place += 1;
        self.next_place
    }

    fn insert(&mut self, place: u64, request: TransportRequest) {
        let at = now();
        let index = self.asked.partition_point(|asked| asked.place < place);
        self.asked.insert(index, Asked { place, at, request });
    }
}

/// A request, and the time of its arrival.
#[derive(Debug)]
pub(super) struct Asked {
    /// Its place among the requests of the session.
    place: u64,
    pub(super) at: Instant,
    pub(super) request: TransportRequest,
}

/// Flag: requests wait.
const ASKED: u8 = 1;
/// Flag: the session has to end at once.
const ABORT: u8 = 2;

impl SessionHandle {
    pub(super) fn new(id: SessionId, link: Arc<Link>, arrival: Option<Arc<Arrival>>) -> Self {
        let inbox = Inbox {
            arrival,
            ..Inbox::default()
        };
        Self {
            id,
            link,
            inbox: Mutex::new(Some(inbox)),
            coming: AtomicUsize::new(0),
            posting: AtomicBool::new(false),
            notes: AtomicU8::new(0),
        }
    }

    /// Passes a request to the session's task. After the session's end the request is dropped with its answer channel.
    pub(super) fn ask(&self, request: TransportRequest) {
        if let Some(inbox) = &mut *self.inbox() {
            let place = inbox.take_place();
            inbox.insert(place, request);
            self.note_requests(inbox);
        }
    }

    /// Announces that a WebSocket handshake for this session is about to be answered. Requests that arrive after this
    /// call are handled after the WebSocket, because the client may use it as soon as it has the answer.
    pub(super) fn expect_websocket(self: &Arc<Self>) -> ComingWebSocket {
        self.coming.fetch_add(1, Ordering::AcqRel);
        ComingWebSocket {
            place: self.inbox().as_mut().map_or(0, Inbox::take_place),
            handle: Arc::clone(self),
        }
    }

    /// Wakes the session's task. Before the session has joined, the mailbox is not used for that: its wake-ups take numbers
    /// for the host's decisions.
    fn note_requests(&self, inbox: &Inbox) {
        self.notes.fetch_or(ASKED, Ordering::AcqRel);
        match &inbox.arrival {
            Some(arrival) => arrival.wake_by_ref(),
            None => self.link.mailbox.wake(),
        }
    }

    /// Moves the requests that wait into `requests`. Returns false if there are none.
    pub(super) fn take_requests(&self, requests: &mut Vec<Asked>) -> bool {
        if self.notes.load(Ordering::Acquire) & ASKED == 0 {
            return false;
        }
        self.notes.fetch_and(!ASKED, Ordering::AcqRel);
        if self.coming.load(Ordering::Acquire) > 0 {
            // The flag is set again when the WebSocket is delivered or dropped.
            return false;
        }
        if let Some(inbox) = &mut *self.inbox() {
            requests.append(&mut inbox.asked);
        }
        true
    }

    /// Puts back requests that were taken too early, in front of all requests that have arrived meanwhile.
    pub(super) fn put_back(&self, asked: impl Iterator<Item = Asked>) {
        if let Some(inbox) = &mut *self.inbox() {
            inbox.asked.splice(..0, asked);
        }
        self.notes.fetch_or(ASKED, Ordering::AcqRel);
    }

    /// Gives back spare memory: a session on a WebSocket gets few requests.
    pub(super) fn release(&self) {
        if let Some(inbox) = &mut *self.inbox() {
            inbox.asked.shrink_to_fit();
        }
    }

    /// Stops ordering the session among others: it has joined a namespace.
    pub(super) fn forget_arrival(&self) {
        if let Some(inbox) = &mut *self.inbox() {
            inbox.arrival = None;
        }
    }

    /// Whether a flag is set for the session's task.
    pub(super) fn has_notes(&self) -> bool {
        self.notes.load(Ordering::Acquire) != 0
    }

    /// Handles the end of the session: drops waiting and later requests, which get no answer from it.
    pub(super) fn close(&self) {
        *self.inbox() = None;
    }

    /// Begins a POST. Returns false if another one has not ended.
    pub(super) fn begin_post(&self) -> bool {
        !self.posting.swap(true, Ordering::AcqRel)
    }

    /// Ends the POST.
    pub(super) fn end_post(&self) {
        self.posting.store(false, Ordering::Release);
    }

    /// Ends the session at once.
    pub(super) fn abort(&self) {
        self.notes.fetch_or(ABORT, Ordering::AcqRel);
        self.link.mailbox.wake();
    }

    /// Whether the session has to end at once.
    pub(super) fn is_aborted(&self) -> bool {
        self.notes.load(Ordering::Acquire) & ABORT != 0
    }

    fn inbox(&self) -> MutexGuard<'_, Option<Inbox>> {
        self.inbox.locked()
    }
}

/// An announced WebSocket. Later requests of the session wait until it is delivered or dropped.
#[derive(Debug)]
pub(super) struct ComingWebSocket {
    handle: Arc<SessionHandle>,
    /// The place of its handshake request among the requests of the session.
    place: u64,
}

impl ComingWebSocket {
    /// Hands the WebSocket to the session's task.
    pub(super) fn deliver(self, websocket: Box<WebSocket>) {
        if let Some(inbox) = &mut *self.handle.inbox() {
            inbox.insert(self.place, TransportRequest::Upgrade(websocket));
        }
    }
}

impl Drop for ComingWebSocket {
    fn drop(&mut self) {
        self.handle.coming.fetch_sub(1, Ordering::AcqRel);
        if let Some(inbox) = &*self.handle.inbox() {
            self.handle.note_requests(inbox);
        }
    }
}

const SHARDS: usize = 16;

/// The table of sessions.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    shards: [Mutex<ById>; SHARDS],
    /// Sessions that have ended and whose WebSocket is in its closing handshake.
    ending: Mutex<ById>,
}

type ById = HashMap<SessionId, Arc<SessionHandle>, BuildHasherDefault<RandomBytes>>;

/// A hasher that uses the id itself: ids are random bytes from the operating system, and a peer cannot choose one.
#[derive(Debug, Default)]
struct RandomBytes(u64);

impl Hasher for RandomBytes {
    fn write(&mut self, id: &[u8]) {
        // Six bits of each character are random; the table uses the highest and the lowest bits of the hash.
        if let Some(first) = id.first_chunk() {
            self.0 = u64::from_le_bytes(*first).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
    }

    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 32
    }
}

impl Sessions {
    /// Adds a session. Returns false if its id is in use.
    pub(super) fn insert(&self, handle: &Arc<SessionHandle>) -> bool {
        let mut shard = self.shard(&handle.id);
        if shard.contains_key(&handle.id) {
            return false;
        }
        shard.insert(handle.id, Arc::clone(handle));
        true
    }

    pub(super) fn remove(&self, id: &SessionId) {
        self.shard(id).remove(id);
    }

    /// The session with this id; `None` if there is none, or if `sid` is malformed.
    pub(super) fn find(&self, sid: &str) -> Option<Arc<SessionHandle>> {
        let id = SessionId::parse(sid)?;
        self.shard(&id).get(&id).map(Arc::clone)
    }

    /// Adds a session that has ended and whose closing handshake is not done.
    pub(super) fn add_ending(&self, handle: &Arc<SessionHandle>) {
        self.ending().insert(handle.id, Arc::clone(handle));
    }

    /// Removes a session whose closing handshake is done.
    pub(super) fn remove_ending(&self, id: &SessionId) {
        self.ending().remove(id);
    }

    /// All open sessions, and those in the closing handshake.
    pub(super) fn all(&self) -> Vec<Arc<SessionHandle>> {
        let open = self
            .shards
            .iter()
            .flat_map(|shard| shard.locked().values().map(Arc::clone).collect::<Vec<_>>());
        open.chain(self.ending().values().map(Arc::clone)).collect()
    }

    fn ending(&self) -> MutexGuard<'_, ById> {
        self.ending.locked()
    }

    fn shard(&self, id: &SessionId) -> MutexGuard<'_, ById> {
        let last = id.as_bytes()[id.as_bytes().len() - 1];
        self.shards[usize::from(last) % SHARDS].locked()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two WebSockets are announced between requests, and are delivered in the other order.
    #[test]
    fn a_request_that_comes_late_gets_the_place_that_was_kept_for_it() {
        let mut inbox = Inbox::default();
        let places: Vec<_> = (0..5).map(|_| inbox.take_place()).collect();
        for index in [0, 2, 4, 3, 1] {
            inbox.insert(places[index], TransportRequest::PostLost);
        }
        let mut taken = std::mem::take(&mut inbox.asked);
        assert_eq!(
            taken.iter().map(|asked| asked.place).collect::<Vec<_>>(),
            places
        );
        // Requests that are given back do not move the place of one that is expected.
        let late = inbox.take_place();
        let after = inbox.take_place();
        inbox.insert(after, TransportRequest::PostLost);
        inbox.asked.splice(..0, taken.drain(3..));
        inbox.insert(late, TransportRequest::PostLost);
        let order: Vec<_> = inbox.asked.iter().map(|asked| asked.place).collect();
        assert_eq!(order, [places[3], places[4], late, after]);
    }
}
