//! The delivery of a server's events to the host, as the configuration says.

use std::sync::Arc;

use crate::config::{Config, Delivery};
use crate::error::Error;
use crate::host::pool::Threads;
use crate::host::{Bell, Bounds, Handler, Inline, Pool, Queue};
use crate::socketio::event::{Clock, EventSink};
use crate::stats::Stats;

/// The event sink of a server, by its kind.
pub(super) enum Sink {
    Inline(Arc<Inline>),
    Pool(Arc<Pool>),
    Queue(Arc<Queue>),
}

impl Sink {
    /// Starts the delivery to `handler`. `bell` signals waiting events in polled delivery; without it, a descriptor does.
    ///
    /// # Errors
    /// If the operating system gives no descriptor for the bell.
    pub(super) fn new(
        config: &Config,
        handler: Arc<dyn Handler>,
        bell: Option<Bell>,
        clock: Arc<dyn Clock>,
        stats: Arc<Stats>,
    ) -> Result<Self, Error> {
        let bounds = Bounds {
            events: config.poll_queue_events,
            bytes: config.poll_queue_bytes,
        };
        Ok(match config.delivery {
            Delivery::Inline => Self::Inline(Arc::new(Inline::new(handler, bounds, clock, stats))),
            Delivery::Polled => {
                let bell = bell.map_or_else(Bell::descriptor, Ok)?;
                Self::Queue(Arc::new(Queue::new(handler, bell, bounds, clock, stats)))
            }
            Delivery::Threads => {
                let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
                let threads = config
                    .callback_threads
                    .map_or(Threads::Growing(cores.max(2)), Threads::Fixed);
                Self::Pool(Arc::new(Pool::new(handler, threads, bounds, clock, stats)))
            }
        })
    }

    /// The sink, as the layers below the host see it.
    pub(super) fn events(&self) -> Arc<dyn EventSink> {
        match self {
            Self::Inline(inline) => Arc::clone(inline) as _,
            Self::Pool(pool) => Arc::clone(pool) as _,
            Self::Queue(queue) => Arc::clone(queue) as _,
        }
    }

    /// Handles the events that wait for callback threads, waits for callbacks that are running, and ends the delivery.
    pub(super) fn stop(&self) {
        match self {
            Self::Pool(pool) => pool.stop(),
            Self::Inline(inline) => inline.stop(),
            Self::Queue(_) => {}
        }
    }
}
