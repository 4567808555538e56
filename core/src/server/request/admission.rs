//! Questions to the host about a request.

use http::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::sync::mpsc;

use crate::engineio::ConnectionError;
use crate::server::clock::now;
use crate::server::request::EngineRequest;
use crate::server::shared::Shared;
use crate::socketio::event::{Event, Hook, Occasion, RequestEvent};
use crate::socketio::{Decision, Question, Rejection};

/// What the host is asked.
#[derive(Debug, Clone, Copy)]
enum About {
    /// Whether the request may open a session.
    Admission,
    /// Which headers are added to the answer.
    Headers(Occasion),
}

impl EngineRequest {
    /// Asks the host whether the request may open a session, if the host has a listener for that.
    ///
    /// # Errors
    /// If the host refuses, or does not answer in time.
    pub(super) async fn ask_admission(&self, shared: &Shared) -> Result<(), ConnectionError> {
        if !shared.context.hooks.has(Hook::AllowRequest) {
            return Ok(());
        }
        match self.ask(shared, About::Admission).await {
            Some(Decision::Accept(_)) => Ok(()),
            Some(Decision::Reject(rejection)) => Err(ConnectionError::Forbidden {
                // As on the official server, an empty text means the default text here.
                message: rejection.message.filter(|message| !message.is_empty()),
            }),
            _ => Err(ConnectionError::Forbidden { message: None }),
        }
    }

    /// Adds the headers that the host wants in the answer, if the host has a listener for them.
    pub(super) async fn add_headers(
        &self,
        shared: &Shared,
        occasion: Occasion,
        extra: &mut HeaderMap,
    ) {
        if !shared.context.hooks.has(Hook::Headers) {
            return;
        }
        if let Some(Decision::Accept(headers)) = self.ask(shared, About::Headers(occasion)).await {
            let valid = headers.into_iter().filter_map(|(name, value)| {
                Some((
                    HeaderName::try_from(name).ok()?,
                    HeaderValue::try_from(value).ok()?,
                ))
            });
            extra.extend(valid.collect::<HeaderMap>());
        }
    }

    /// Asks one listener of the host after the other, until one decides or the time for the question is over.
    async fn ask(&self, shared: &Shared, about: About) -> Option<Decision> {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        // If the client has left, the receiver is gone, and the answer is dropped.
        let mut question = Question::new(move |answer| drop(sender.send(answer)));
        let _withdrawal = Withdrawal(question.clone());
        let deadline = now() + shared.config.answer_timeout();
        loop {
            let event = match about {
                About::Admission => RequestEvent::AllowRequest {
                    question: &question,
                },
                About::Headers(first) => RequestEvent::Headers {
                    first,
                    question: &question,
                },
            };
            let event = Event::of_request(self.snapshot(), event, shared.context.clock.now());
            if shared.sink.offer(&event).is_err() {
                shared.count_full_queue();
                return Some(Decision::Reject(Rejection {
                    message: Some("Too many requests wait for the server".to_owned()),
                    ..Rejection::default()
                }));
            }
            shared.sink.ring();
            match tokio::time::timeout_at(deadline.into(), receiver.recv()).await {
                Ok(Some(Decision::Next)) => question = question.next_step(),
                Ok(decision) => return decision,
                Err(_) => {
                    shared.stats.deadline_question_total.add(1);
                    shared.log_unanswered();
                    question.expire();
                    return None;
                }
            }
        }
    }

    /// Tells the host that the request was refused.
    pub(super) fn tell_error(&self, shared: &Shared, error: &ConnectionError) {
        shared.stats.connection_errors_total.add(1);
        self.log_refused(shared, error);
        if shared.context.hooks.has(Hook::ConnectionError) {
            let event = RequestEvent::ConnectionError { error };
            let event = Event::of_request(self.snapshot(), event, shared.context.clock.now());
            if shared.sink.offer(&event).is_err() {
                shared.count_full_queue();
            }
            shared.sink.ring();
        }
    }
}

/// Withdraws a question when its request has ended, or the connection of the request.
struct Withdrawal(Question);

impl Drop for Withdrawal {
    fn drop(&mut self) {
        // A question that was answered stays answered.
        let _ = self.0.expire();
    }
}
