//! A question that Python answers, now or later, from any thread: may this socket join, may this event pass?

use bellwire_core::socketio;
use bellwire_core::socketio::Rejection;
use bellwire_core::socketio::question::WeakQuestion;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::fork::Birth;
use crate::payload::Written;
use crate::text::lossy;

/// See the module's documentation. It does not keep the question open.
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
    /// Yes. False when nobody waits for the answer any more.
    fn accept(&self) -> PyResult<bool> {
        self.birth.check()?;
        Ok(self
            .question
            .upgrade()
            .is_some_and(|question| question.accept().is_ok()))
    }

    /// No, with a text and more for the client. False when nobody waits for the answer any more.
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
            // It is read by people: what UTF-8 cannot hold is replaced.
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
