//! Questions: decisions that the engine leaves to the host. The host answers once, from any thread, during the event or
//! later.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock};

use crate::sync::Lock as _;

/// How the host has answered a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Accepted. The headers are added to the response, where the question is about a response.
    Accept(Vec<(String, String)>),
    /// Rejects.
    Reject(Rejection),
    /// Accepted by this listener: the next one is asked.
    Next,
}

/// The reason for a rejection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rejection {
    /// The HTTP status, where the question is about a request; 0 for the default.
    pub status: u16,
    /// The message for the client; `None` for the default.
    pub message: Option<String>,
    /// Additional data for the client: valid JSON, or empty.
    pub data: Vec<u8>,
}

/// Why a question takes no answer any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closed {
    /// The question has been answered.
    Answered,
    /// The time for an answer is over, or the client has disconnected.
    Expired,
}

type Respond = Box<dyn Fn(Decision) + Send + Sync>;

struct Inner {
    state: Mutex<State>,
    respond: Respond,
    host: HostData,
}

struct State {
    closed: Option<Closed>,
    accepted: bool,
    headers: Vec<(String, String)>,
}

/// A question that waits for the host's answer. Clones share the state.
#[derive(Clone)]
pub struct Question {
    inner: Arc<Inner>,
    step: u32,
}

impl Question {
    /// A question that passes its answers to `respond`.
    pub fn new(respond: impl Fn(Decision) + Send + Sync + 'static) -> Self {
        let state = Mutex::new(State {
            closed: None,
            accepted: false,
            headers: Vec::new(),
        });
        let inner = Inner {
            state,
            respond: Box::new(respond),
            host: HostData::default(),
        };
        Self {
            inner: Arc::new(inner),
            step: 0,
        }
    }

    /// The number of listeners that have passed the question on.
    pub fn step(&self) -> u32 {
        self.step
    }

    /// The question for the next listener.
    #[must_use]
    pub fn next_step(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            step: self.step + 1,
        }
    }

    /// The data that the host has attached to the question.
    pub fn host(&self) -> &HostData {
        &self.inner.host
    }

    /// A weak reference, which does not keep the question open.
    pub fn downgrade(&self) -> WeakQuestion {
        WeakQuestion {
            inner: Arc::downgrade(&self.inner),
            step: self.step,
        }
    }

    /// Adds a header to the response, to be sent if the question is accepted later.
    ///
    /// # Errors
    /// If the question is closed.
    pub fn set_header(&self, name: &str, value: &str) -> Result<(), Closed> {
        let mut state = self.inner.state.locked();
        match state.closed {
            Some(closed) => Err(closed),
            None => {
                state.headers.push((name.to_owned(), value.to_owned()));
                Ok(())
            }
        }
    }

    /// Accepts.
    ///
    /// # Errors
    /// If the question is closed.
    pub fn accept(&self) -> Result<(), Closed> {
        let headers = self.shut(Closed::Answered, |state| state.accepted = true)?;
        (self.inner.respond)(Decision::Accept(headers));
        Ok(())
    }

    /// Passes the question to the next listener, with [`Question::next_step`].
    ///
    /// # Errors
    /// If the question is closed.
    pub fn pass(&self) -> Result<(), Closed> {
        // The lock is held during the response, so that the response cannot follow the final answer of another thread.
        let state = self.inner.state.locked();
        if let Some(closed) = state.closed {
            return Err(closed);
        }
        (self.inner.respond)(Decision::Next);
        Ok(())
    }

    /// Rejects.
    ///
    /// # Errors
    /// If the question is closed.
    pub fn reject(&self, rejection: Rejection) -> Result<(), Closed> {
        self.shut(Closed::Answered, |_| ())?;
        (self.inner.respond)(Decision::Reject(rejection));
        Ok(())
    }

    /// Closes the question, so that later answers are refused. Returns false if it has been answered: the answer is in
    /// the mailbox.
    pub fn expire(&self) -> bool {
        self.shut(Closed::Expired, |_| ()).is_ok()
    }

    /// Whether the question has been accepted.
    pub fn is_accepted(&self) -> bool {
        self.inner.state.locked().accepted
    }

    /// Whether [`Question::expire`] has closed the question.
    pub fn is_expired(&self) -> bool {
        self.inner.state.locked().closed == Some(Closed::Expired)
    }

    fn shut(
        &self,
        how: Closed,
        note: impl FnOnce(&mut State),
    ) -> Result<Vec<(String, String)>, Closed> {
        let mut state = self.inner.state.locked();
        match state.closed {
            Some(closed) => Err(closed),
            None => {
                state.closed = Some(how);
                note(&mut state);
                Ok(std::mem::take(&mut state.headers))
            }
        }
    }
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question")
            .field("step", &self.step)
            .finish_non_exhaustive()
    }
}

/// A weak reference to a question.
#[derive(Clone)]
pub struct WeakQuestion {
    inner: std::sync::Weak<Inner>,
    step: u32,
}

impl WeakQuestion {
    /// The question, if another reference keeps it open.
    pub fn upgrade(&self) -> Option<Question> {
        Some(Question {
            inner: self.inner.upgrade()?,
            step: self.step,
        })
    }
}

impl fmt::Debug for WeakQuestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WeakQuestion")
    }
}

/// Data that a host's binding attaches to an object of the engine. It is dropped with the object.
#[derive(Default)]
pub struct HostData(OnceLock<Box<dyn Any + Send + Sync>>);

impl HostData {
    /// The data, if it is a `T`.
    pub fn get<T: Any>(&self) -> Option<&T> {
        self.0.get()?.downcast_ref()
    }

    /// The data, created by `make` if there is none; `None` if it is not a `T`.
    pub fn get_or_init<T: Any + Send + Sync>(&self, make: impl FnOnce() -> T) -> Option<&T> {
        self.0.get_or_init(|| Box::new(make())).downcast_ref()
    }
}

impl fmt::Debug for HostData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HostData")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_answer_counts() {
        let answers = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&answers);
        let question = Question::new(move |answer| seen.lock().unwrap().push(answer));
        question.set_header("a", "b").unwrap();
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let question = question.clone();
                std::thread::spawn(move || question.accept().is_ok())
            })
            .collect();
        assert_eq!(
            threads
                .into_iter()
                .map(|t| t.join().unwrap())
                .filter(|ok| *ok)
                .count(),
            1
        );
        assert_eq!(question.reject(Rejection::default()), Err(Closed::Answered));
        assert_eq!(
            *answers.lock().unwrap(),
            vec![Decision::Accept(vec![("a".into(), "b".into())])]
        );
    }

    #[test]
    fn an_expired_question_takes_no_answer() {
        let question = Question::new(|_| panic!("the question is closed"));
        assert!(question.expire());
        assert!(!question.expire());
        assert_eq!(question.accept(), Err(Closed::Expired));
        assert_eq!(question.pass(), Err(Closed::Expired));
    }
}
