//! The open sessions, by id.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::engineio::SessionId;
use crate::socketio::Link;
use crate::transport::TransportRequest;

/// A session as HTTP requests find it.
#[derive(Debug)]
pub(super) struct SessionHandle {
    pub(super) id: SessionId,
    pub(super) link: Arc<Link>,
    /// What requests ask; `None` after the end.
    requests: Mutex<Option<Vec<TransportRequest>>>,
    /// A POST is under way.
    posting: AtomicBool,
    /// It is to end at once.
    cut: AtomicBool,
}

impl SessionHandle {
    pub(super) fn new(id: SessionId, link: Arc<Link>) -> Self {
        Self {
            id,
            link,
            requests: Mutex::new(Some(Vec::new())),
            posting: AtomicBool::new(false),
            cut: AtomicBool::new(false),
        }
    }

    /// Asks the session's task for something. After the end the request is dropped, and with it its answer.
    pub(super) fn ask(&self, request: TransportRequest) {
        if let Some(requests) = &mut *self.requests() {
            requests.push(request);
        }
        self.link.mailbox.wake();
    }

    /// What was asked since the last time.
    pub(super) fn take_requests(&self) -> Vec<TransportRequest> {
        self.requests()
            .as_mut()
            .map(std::mem::take)
            .unwrap_or_default()
    }

    /// Whether something was asked since.
    pub(super) fn has_requests(&self) -> bool {
        self.requests()
            .as_ref()
            .is_some_and(|requests| !requests.is_empty())
    }

    /// The session has ended: whoever asks from now on gets no answer.
    pub(super) fn close(&self) {
        *self.requests() = None;
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
        self.cut.store(true, Ordering::Release);
        self.link.mailbox.wake();
    }

    /// Whether it is to end at once.
    pub(super) fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Acquire)
    }

    fn requests(&self) -> MutexGuard<'_, Option<Vec<TransportRequest>>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const SHARDS: usize = 16;

/// See the module's documentation.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    shards: [Mutex<HashMap<SessionId, Arc<SessionHandle>>>; SHARDS],
    hasher: RandomState,
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

    pub(super) fn all(&self) -> Vec<Arc<SessionHandle>> {
        let lock = |shard| Mutex::lock(shard).unwrap_or_else(PoisonError::into_inner);
        self.shards
            .iter()
            .flat_map(|shard| lock(shard).values().map(Arc::clone).collect::<Vec<_>>())
            .collect()
    }

    fn shard(&self, id: &SessionId) -> MutexGuard<'_, HashMap<SessionId, Arc<SessionHandle>>> {
        let shard = self.hasher.hash_one(id) as usize % SHARDS;
        self.shards[shard]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
