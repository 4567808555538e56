//! The open sessions, by id.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Wake;
use std::time::Instant;

use crate::engineio::SessionId;
use crate::server::arrivals::Arrival;
use crate::server::clock::now;
use crate::socketio::Link;
use crate::transport::{TransportRequest, WebSocket};

/// A session as HTTP requests find it.
#[derive(Debug)]
pub(super) struct SessionHandle {
    pub(super) id: SessionId,
    pub(super) link: Arc<Link>,
    /// What HTTP requests ask of the session; `None` after its end.
    inbox: Mutex<Option<Inbox>>,
    /// WebSockets whose handshake has been answered, and which the session's task does not have yet.
    coming: AtomicUsize,
    /// A POST is under way.
    posting: AtomicBool,
    /// What the session's task has not looked at: [`ASKED`], [`CUT`].
    notes: AtomicU8,
}

/// Requests that the session's task has not taken.
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
        if let Some(arrival) = &self.arrival {
            arrival.wake_by_ref();
        }
    }
}

/// A request, and when it came.
#[derive(Debug)]
pub(super) struct Asked {
    /// Its place among the requests of the session.
    place: u64,
    pub(super) at: Instant,
    pub(super) request: TransportRequest,
}

/// Requests wait.
const ASKED: u8 = 1;
/// It is to end at once.
const CUT: u8 = 2;

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

    /// Asks the session's task for something. After the end the request is dropped, and with it its answer.
    pub(super) fn ask(&self, request: TransportRequest) {
        if let Some(inbox) = &mut *self.inbox() {
            let place = inbox.take_place();
            inbox.insert(place, request);
        }
        self.note_requests();
    }

    /// A WebSocket handshake for this session is about to be answered. Requests that come after this call are handled
    /// after the WebSocket, which the client may use as soon as it has the answer.
    pub(super) fn expect_websocket(self: &Arc<Self>) -> ComingWebSocket {
        self.coming.fetch_add(1, Ordering::AcqRel);
        ComingWebSocket {
            place: self.inbox().as_mut().map_or(0, Inbox::take_place),
            handle: Arc::clone(self),
        }
    }

    fn note_requests(&self) {
        self.notes.fetch_or(ASKED, Ordering::AcqRel);
        self.link.mailbox.wake();
    }

    /// Moves what was asked since the last time into `requests`; false when nothing was.
    pub(super) fn take_requests(&self, requests: &mut Vec<Asked>) -> bool {
        if self.notes.load(Ordering::Acquire) & ASKED == 0 {
            return false;
        }
        self.notes.fetch_and(!ASKED, Ordering::AcqRel);
        if self.coming.load(Ordering::Acquire) > 0 {
            // Its arrival, or its failure, is noted.
            return false;
        }
        if let Some(inbox) = &mut *self.inbox() {
            requests.append(&mut inbox.asked);
        }
        true
    }

    /// Gives back requests that were taken too early. They go before all requests that have come meanwhile.
    pub(super) fn put_back(&self, asked: impl Iterator<Item = Asked>) {
        if let Some(inbox) = &mut *self.inbox() {
            inbox.asked.splice(..0, asked);
        }
        self.notes.fetch_or(ASKED, Ordering::AcqRel);
    }

    /// A session that has become a WebSocket is asked nothing any more.
    pub(super) fn release(&self) {
        if let Some(inbox) = &mut *self.inbox() {
            inbox.asked.shrink_to_fit();
        }
    }

    /// The session has joined a namespace: it is not ordered among others any more.
    pub(super) fn forget_arrival(&self) {
        if let Some(inbox) = &mut *self.inbox() {
            inbox.arrival = None;
        }
    }

    /// Whether something was asked or said since.
    pub(super) fn has_notes(&self) -> bool {
        self.notes.load(Ordering::Acquire) != 0
    }

    /// The session has ended: whoever asks from now on gets no answer.
    pub(super) fn close(&self) {
        *self.inbox() = None;
    }

    /// Begins a POST; false when one is under way.
    pub(super) fn begin_post(&self) -> bool {
        !self.posting.swap(true, Ordering::AcqRel)
    }

    /// The POST is over.
    pub(super) fn end_post(&self) {
        self.posting.store(false, Ordering::Release);
    }

    /// Ends the session at once.
    pub(super) fn cut(&self) {
        self.notes.fetch_or(CUT, Ordering::AcqRel);
        self.link.mailbox.wake();
    }

    /// Whether it is to end at once.
    pub(super) fn is_cut(&self) -> bool {
        self.notes.load(Ordering::Acquire) & CUT != 0
    }

    fn inbox(&self) -> MutexGuard<'_, Option<Inbox>> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A WebSocket that a session's requests wait for, until it is delivered or dropped.
#[derive(Debug)]
pub(super) struct ComingWebSocket {
    handle: Arc<SessionHandle>,
    /// The place of its own request among those of the session.
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
        self.handle.note_requests();
    }
}

const SHARDS: usize = 16;

/// See the module's documentation.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    shards: [Mutex<ById>; SHARDS],
    /// Sessions that have ended, but whose transports still say farewell.
    ending: Mutex<ById>,
}

type ById = HashMap<SessionId, Arc<SessionHandle>, BuildHasherDefault<RandomBytes>>;

/// Ids are random bytes from the operating system: they are their own hash, and no peer chooses one that is in a table.
#[derive(Debug, Default)]
struct RandomBytes(u64);

impl Hasher for RandomBytes {
    fn write(&mut self, id: &[u8]) {
        // Six bits of each character are random; a table looks at the highest and the lowest.
        if let Some(first) = id.first_chunk() {
            self.0 = u64::from_le_bytes(*first).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
    }

    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 32
    }
}

impl Sessions {
    /// Adds a session; false when the id is taken.
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

    /// The session that a request names; nonsense finds nobody.
    pub(super) fn find(&self, sid: &str) -> Option<Arc<SessionHandle>> {
        let id = SessionId::parse(sid)?;
        self.shard(&id).get(&id).map(Arc::clone)
    }

    /// A session that has ended lingers.
    pub(super) fn add_ending(&self, handle: &Arc<SessionHandle>) {
        self.ending().insert(handle.id, Arc::clone(handle));
    }

    /// It does not any more.
    pub(super) fn remove_ending(&self, id: &SessionId) {
        self.ending().remove(id);
    }

    /// The open sessions, and those that linger.
    pub(super) fn all(&self) -> Vec<Arc<SessionHandle>> {
        let lock = |shard| Mutex::lock(shard).unwrap_or_else(PoisonError::into_inner);
        let open = self
            .shards
            .iter()
            .flat_map(|shard| lock(shard).values().map(Arc::clone).collect::<Vec<_>>());
        open.chain(self.ending().values().map(Arc::clone)).collect()
    }

    fn ending(&self) -> MutexGuard<'_, ById> {
        self.ending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shard(&self, id: &SessionId) -> MutexGuard<'_, ById> {
        let last = id.as_bytes()[id.as_bytes().len() - 1];
        self.shards[usize::from(last) % SHARDS]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two WebSockets are expected between requests, and come in the other order.
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
