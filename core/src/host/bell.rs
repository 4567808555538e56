//! Tells a host that polls that events wait: through a descriptor that any event loop can watch, or through a function of
//! the host.

use std::fmt;
use std::time::Duration;

use crate::host::descriptor::Descriptor;

/// Tells the host that events wait.
pub enum Bell {
    /// A descriptor that is readable while the bell is rung.
    Descriptor(Descriptor),
    /// A function of the host. It is called on any thread, must not block and must not call the engine.
    Host(Box<dyn Fn() + Send + Sync>),
}

impl Bell {
    /// A new descriptor.
    ///
    /// # Errors
    /// If the operating system does not give a descriptor.
    pub fn descriptor() -> std::io::Result<Self> {
        Descriptor::new().map(Self::Descriptor)
    }

    pub(super) fn ring(&self) {
        match self {
            Self::Descriptor(descriptor) => descriptor.ring(),
            Self::Host(ring) => ring(),
        }
    }

    /// Clears the bell. Returns whether it had been rung; always false for a bell of the host.
    pub(super) fn silence(&self) -> bool {
        match self {
            Self::Descriptor(descriptor) => descriptor.silence(),
            Self::Host(_) => false,
        }
    }

    /// Waits for the bell, without a limit if `timeout` is `None`. Returns whether it rang; for a bell of the host it
    /// returns false at once.
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
