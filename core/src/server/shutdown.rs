//! The graceful stop: listeners close, clients are disconnected, and connections that remain after the deadline are
//! dropped.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::engineio::CloseReason;
use crate::log;
use crate::server::lifecycle::Phase;
use crate::server::shared::Shared;
use crate::socketio::event::{ServerEvent, What};
use crate::socketio::link::Outgoing;

/// How long dropping the connections may take; nothing waits for a peer then.
pub(super) const ABORT_TIMEOUT: Duration = Duration::from_secs(2);

/// Begins the stop. A further call can only shorten the deadline.
pub(super) fn begin(shared: &Arc<Shared>, deadline: Duration) {
    if shared.lifecycle.advance(Phase::Closing) {
        tracing::info!(target: log::SERVER, "closing; clients that have not left in {} ms are dropped", deadline.as_millis());
        shared.runtime.spawn(close(Arc::clone(shared)));
    }
    if deadline.is_zero() {
        shared.lifecycle.advance(Phase::Aborting);
        return;
    }
    let late = Arc::downgrade(shared);
    shared.runtime.spawn(async move {
        tokio::time::sleep(deadline).await;
        if let Some(shared) = late.upgrade() {
            shared.lifecycle.advance(Phase::Aborting);
        }
    });
}

async fn close(shared: Arc<Shared>) {
    for handle in shared.sessions.all() {
        handle
            .link
            .tell(Outgoing::Close(CloseReason::ServerShuttingDown));
    }
    tokio::select! {
        () = all_gone(&shared) => {}
        () = shared.lifecycle.reached(Phase::Aborting) => {}
    }
    shared.lifecycle.advance(Phase::Aborting);
    for handle in shared.sessions.all() {
        handle.abort();
    }
    // A session that is left then has a bug, or an inline handler that does not return: the stop does not wait for it.
    let _ = tokio::time::timeout(ABORT_TIMEOUT, all_gone(&shared)).await;
    tracing::info!(target: log::SERVER, "closed");
    shared.lifecycle.set_closed();
    shared.context.tell(What::Server(ServerEvent::Shutdown));
}

/// Completes when no session and no HTTP connection is left.
async fn all_gone(shared: &Shared) {
    loop {
        let mut ended = std::pin::pin!(shared.lifecycle.ended.notified());
        // Registers before the counters are read, so that no notification is missed.
        ended.as_mut().enable();
        let sessions = shared.lifecycle.sessions.load(Ordering::Acquire);
        if sessions + shared.lifecycle.connections.load(Ordering::Acquire) == 0 {
            return;
        }
        ended.await;
    }
}
