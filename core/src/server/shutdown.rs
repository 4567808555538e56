//! The graceful stop: doors are shut, clients are told, and those that do not go are cut.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::engineio::CloseReason;
use crate::server::shared::Shared;
use crate::socketio::Event;
use crate::socketio::link::Outgoing;

/// How long the cut itself may take: nothing waits for a peer any more.
pub(super) const CUT: Duration = Duration::from_secs(2);

/// Begins the stop; called again it can only make it come sooner.
pub(super) fn begin(shared: &Arc<Shared>, deadline: Duration) {
    let first = !shared.life.closing.send_replace(true);
    if first {
        shared
            .runtime
            .spawn(close(Arc::clone(shared), Instant::now() + deadline));
    } else if deadline.is_zero() {
        shared.life.cut.store(true, Ordering::Release);
        shared.life.ended.notify_waiters();
    } else {
        let shared = Arc::clone(shared);
        let handle = shared.runtime.clone();
        handle.spawn(async move {
            tokio::time::sleep(deadline).await;
            shared.life.cut.store(true, Ordering::Release);
            shared.life.ended.notify_waiters();
        });
    }
}

async fn close(shared: Arc<Shared>, deadline: Instant) {
    for handle in shared.sessions.all() {
        handle
            .link
            .tell(Outgoing::Close(CloseReason::ServerShuttingDown));
    }
    wait_for_all(&shared, deadline, StopEarly::WhenCut).await;
    shared.life.cut.store(true, Ordering::Release);
    for handle in shared.sessions.all() {
        handle.cut();
    }
    wait_for_all(&shared, Instant::now() + CUT, StopEarly::Never).await;
    shared.life.set_closed();
    shared.context.tell(&Event::Shutdown);
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum StopEarly {
    WhenCut,
    Never,
}

/// Waits until no session and no HTTP connection is left.
async fn wait_for_all(shared: &Shared, deadline: Instant, early: StopEarly) {
    loop {
        let ended = shared.life.ended.notified();
        let mut ended = std::pin::pin!(ended);
        // From here on no notification is missed.
        ended.as_mut().enable();
        let left = shared.life.sessions.load(Ordering::Acquire)
            + shared.life.connections.load(Ordering::Acquire);
        let cut = early == StopEarly::WhenCut && shared.life.cut.load(Ordering::Acquire);
        if left == 0 || cut || timeout_at(deadline, ended).await.is_err() {
            return;
        }
    }
}
