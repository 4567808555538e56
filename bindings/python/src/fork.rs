//! Detection of forks. A forked child process has a copy of the engine's memory, but not its threads.

use std::sync::atomic::{AtomicU32, Ordering};

use pyo3::exceptions::PyRuntimeError;
use pyo3::{PyResult, pyfunction};

static GENERATION: AtomicU32 = AtomicU32::new(0);

/// Called by Python in a child process right after the fork.
#[pyfunction]
pub(crate) fn forked() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
}

/// The process in which an object was created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Birth(u32);

impl Birth {
    /// The current process.
    pub(crate) fn now() -> Self {
        Self(GENERATION.load(Ordering::Relaxed))
    }

    /// Whether the current process is the one in which the object was created.
    pub(crate) fn is_here(self) -> bool {
        self == Self::now()
    }

    /// # Errors
    /// `RuntimeError` in a forked child of the process in which the object was created.
    pub(crate) fn check(self) -> PyResult<()> {
        if self.is_here() {
            return Ok(());
        }
        Err(PyRuntimeError::new_err(
            "this server was started before fork(): create and start a server in the child process",
        ))
    }
}
