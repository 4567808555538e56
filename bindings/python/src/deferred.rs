//! Decisions that Python takes, at once or later, from any thread.

use bellwire_core::socketio;
use bellwire_core::socketio::Rejection;
use bellwire_core::socketio::question::WeakQuestion;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::fork::Birth;
use crate::payload::Written;
use crate::text::lossy;

/// An open decision: whether a request may open a session, a socket may join, or an event may pass.
///
/// The reference is weak: if Python drops it without an answer, the engine's own deadline applies.
#[pyclass(frozen, module = "bellwire._native")]
#[derive(Debug)]
pub(crate) struct Question {
    question: WeakQuestion,
    birth: Birth,
}

impl Question {
    pub(crate) fn new(question: &socketio::Question) -> Self {
        Self {
            question: question.downgrade(),
            birth: Birth::now(),
        }
    }
}

#[pymethods]
impl Question {
    /// Accepts. Returns false if the decision was made already or is not needed any more.
    fn accept(&self) -> PyResult<bool> {
        self.birth.check()?;
        Ok(self
            .question
            .upgrade()
            .is_some_and(|question| question.accept().is_ok()))
    }

    /// Rejects, with a message and optional data for the client. Returns false as `accept` does.
    #[pyo3(signature = (message, data=None))]
    fn reject(
        &self,
        message: &Bound<'_, PyString>,
        data: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<bool> {
        self.birth.check()?;
        let message = lossy(message)?;
        let mut rejection = Rejection {
            status: 0,
            // The message is for people, so unpaired surrogates are replaced.
            message: (!message.is_empty()).then(|| message.into_owned()),
            data: Vec::new(),
        };
        if let Some(data) = data {
            rejection.data = Written::json(data)?;
        }
        Ok(self
            .question
            .upgrade()
            .is_some_and(|question| question.reject(rejection).is_ok()))
    }
}
