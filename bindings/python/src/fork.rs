//! Forks: a child has the memory of an engine, but not its threads.

use std::sync::atomic::{AtomicU32, Ordering};

use pyo3::exceptions::PyRuntimeError;
use pyo3::{PyResult, pyfunction};

static GENERATION: AtomicU32 = AtomicU32::new(0);

/// Python calls this in a child right after the fork.
#[pyfunction]
pub(crate) fn forked() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
}

/// The process in which something was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Birth(u32);

impl Birth {
    /// Now, here.
    pub(crate) fn now() -> Self {
        Self(GENERATION.load(Ordering::Relaxed))
    }

    /// Whether this still is the process in which it was started.
    pub(crate) fn is_here(self) -> bool {
        self == Self::now()
    }

    /// # Errors
    /// In a child of the process in which it was started.
    pub(crate) fn check(self) -> PyResult<()> {
        if self.is_here() {
            return Ok(());
        }
        Err(PyRuntimeError::new_err(
            "this server was started before fork(): make and start a server in the child process",
        ))
    }
}
