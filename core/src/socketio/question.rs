//! Questions: what the engine lets the host decide, now or later, from any thread, once.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// How a question was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Yes; with response headers to add, where the question was about a response.
    Accept(Vec<(String, String)>),
    /// No.
    Reject(Rejection),
    /// Yes from this listener: ask the next one.
    Next,
}

/// Why the answer is no.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rejection {
    /// The HTTP status, where the question was about a request; 0 is the default.
    pub status: u16,
    /// What the client is told; `None` is the default text.
    pub message: Option<String>,
    /// More for the client: checked JSON, or empty.
    pub data: Vec<u8>,
}

/// A question was answered before, or its time has run out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closed {
    /// It was answered.
    Answered,
    /// Nobody waits for the answer any more.
    Expired,
}

type Respond = Box<dyn Fn(Answer) + Send + Sync>;

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

/// A question that waits for the host. Cloning shares it.
#[derive(Clone)]
pub struct Question {
    inner: Arc<Inner>,
    step: u32,
}

impl Question {
    /// A question whose answers are given to `respond`.
    pub fn new(respond: impl Fn(Answer) + Send + Sync + 'static) -> Self {
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

    /// How many listeners have let it pass already.
    pub fn step(&self) -> u32 {
        self.step
    }

    /// The same question for the next listener.
    #[must_use]
    pub fn next_step(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            step: self.step + 1,
        }
    }

    /// What the host keeps with it.
    pub fn host(&self) -> &HostData {
        &self.inner.host
    }

    /// A reference that does not keep it waiting.
    pub fn downgrade(&self) -> WeakQuestion {
        WeakQuestion {
            inner: Arc::downgrade(&self.inner),
            step: self.step,
        }
    }

    /// Adds a response header to a later acceptance.
    ///
    /// # Errors
    /// When it was closed before.
    pub fn set_header(&self, name: &str, value: &str) -> Result<(), Closed> {
        let mut state = self
            .inner
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match state.closed {
            Some(closed) => Err(closed),
            None => {
                state.headers.push((name.to_owned(), value.to_owned()));
                Ok(())
            }
        }
    }

    /// Yes.
    ///
    /// # Errors
    /// When it was closed before.
    pub fn accept(&self) -> Result<(), Closed> {
        let headers = self.shut(Closed::Answered, |state| state.accepted = true)?;
        (self.inner.respond)(Answer::Accept(headers));
        Ok(())
    }

    /// Yes from this listener; the engine asks the next one, with [`Question::next_step`].
    ///
    /// # Errors
    /// When it was closed before.
    pub fn pass(&self) -> Result<(), Closed> {
        // The lock is held over the response, so that it cannot come behind the final answer of another thread.
        let state = self
            .inner
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(closed) = state.closed {
            return Err(closed);
        }
        (self.inner.respond)(Answer::Next);
        Ok(())
    }

    /// No.
    ///
    /// # Errors
    /// When it was closed before.
    pub fn reject(&self, rejection: Rejection) -> Result<(), Closed> {
        self.shut(Closed::Answered, |_| ())?;
        (self.inner.respond)(Answer::Reject(rejection));
        Ok(())
    }

    /// Nobody waits any more: later answers are refused. False when it has been answered: the answer is on its way.
    pub fn expire(&self) -> bool {
        self.shut(Closed::Expired, |_| ()).is_ok()
    }

    /// Whether the answer was yes.
    pub fn is_accepted(&self) -> bool {
        let state = self.inner.state.lock();
        state.unwrap_or_else(PoisonError::into_inner).accepted
    }

    /// Whether later answers are refused because nobody waits for them.
    pub fn is_expired(&self) -> bool {
        let state = self.inner.state.lock();
        state.unwrap_or_else(PoisonError::into_inner).closed == Some(Closed::Expired)
    }

    fn shut(
        &self,
        how: Closed,
        note: impl FnOnce(&mut State),
    ) -> Result<Vec<(String, String)>, Closed> {
        let mut state = self
            .inner
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
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

/// See [`Question::downgrade`].
#[derive(Clone)]
pub struct WeakQuestion {
    inner: std::sync::Weak<Inner>,
    step: u32,
}

impl WeakQuestion {
    /// The question, if anybody still waits for it.
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

/// A place for what a host binding keeps with one of our objects; dropped with the object.
#[derive(Default)]
pub struct HostData(OnceLock<Box<dyn Any + Send + Sync>>);

impl HostData {
    /// What was put there, if it is a `T`.
    pub fn get<T: Any>(&self) -> Option<&T> {
        self.0.get()?.downcast_ref()
    }

    /// What was put there, or what `make` makes now.
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
            vec![Answer::Accept(vec![("a".into(), "b".into())])]
        );
    }

    #[test]
    fn an_expired_question_takes_no_answer() {
        let question = Question::new(|_| panic!("nobody waits"));
        assert!(question.expire());
        assert!(!question.expire());
        assert_eq!(question.accept(), Err(Closed::Expired));
        assert_eq!(question.pass(), Err(Closed::Expired));
    }
}
