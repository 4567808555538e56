//! How a host that polls learns that something waits: a descriptor for any event loop to watch, or a doorbell of its own.

use std::fmt;
use std::time::Duration;

use crate::host::descriptor::Descriptor;

/// How the host learns that something waits.
pub enum Bell {
    /// A descriptor that is readable.
    Descriptor(Descriptor),
    /// The host's own: called on any thread, must not block and must not call the engine.
    Host(Box<dyn Fn() + Send + Sync>),
}

impl Bell {
    /// A new descriptor.
    ///
    /// # Errors
    /// When the operating system gives none.
    pub fn descriptor() -> std::io::Result<Self> {
        Descriptor::new().map(Self::Descriptor)
    }

    pub(super) fn ring(&self) {
        match self {
            Self::Descriptor(descriptor) => descriptor.ring(),
            Self::Host(ring) => ring(),
        }
    }

    /// Whether it had been rung. Of the host's own nobody knows.
    pub(super) fn silence(&self) -> bool {
        match self {
            Self::Descriptor(descriptor) => descriptor.silence(),
            Self::Host(_) => false,
        }
    }

    /// Whether it rang in time; `None` is for ever. A host with a bell of its own does not wait here.
    pub(super) fn wait(&self, timeout: Option<Duration>) -> bool {
        match self {
            Self::Descriptor(descriptor) if timeout != Some(Duration::ZERO) => {
                descriptor.wait(timeout)
            }
            Self::Descriptor(_) | Self::Host(_) => false,
        }
    }
}

impl fmt::Debug for Bell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bell")
    }
}
