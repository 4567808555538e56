//! Paths that do not belong to the engine: the metrics, and the files of the host.

use http::header::ALLOW;
use http::{HeaderValue, Method, StatusCode};

use crate::server::request::answer::{self, Answer};
use crate::server::request::{Admission, EngineRequest};
use crate::server::shared::Shared;

/// Answers a request for a path outside of the engine's.
pub(super) fn answer(shared: &Shared, request: &EngineRequest) -> Answer {
    let (path, method) = (request.head.uri.path(), &request.head.method);
    let is_read = matches!(*method, Method::GET | Method::HEAD);
    if is_read && shared.config.metrics_path.as_deref() == Some(path) {
        return answer::metrics(shared.stats.open_metrics());
    }
    if request.admission == Admission::Refused {
        shared.stats.limit_connections_total.add(1);
        return answer::empty(StatusCode::SERVICE_UNAVAILABLE);
    }
    match shared.files.get(path) {
        Some(file) if is_read => answer::file(&file, &request.head.headers),
        Some(_) => {
            let mut answer = answer::empty(StatusCode::METHOD_NOT_ALLOWED);
            let allowed = HeaderValue::from_static("GET, HEAD");
            answer.headers_mut().insert(ALLOW, allowed);
            answer
        }
        None => answer::empty(StatusCode::NOT_FOUND),
    }
}
