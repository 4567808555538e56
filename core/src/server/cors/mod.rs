//! CORS: the response headers that tell a browser which pages may read a response.
//!
//! [`Cors`] refuses no request; [`is_allowed_origin`] is for a server that refuses requests of foreign pages. The
//! headers are those of the official server, including `Vary` for origins that are not allowed.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, CONTENT_LENGTH, HOST, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use crate::config::{AllowedHeaders, CorsOptions, CorsOrigin, Preflight};
use crate::error::{Error, ErrorKind, Result};

/// The option "cors" as header values.
#[derive(Clone, Debug)]
pub struct Cors {
    origin: Origin,
    methods: Option<HeaderValue>,
    /// `None` repeats what the request asks for.
    allowed_headers: Option<HeaderValue>,
    exposed_headers: Option<HeaderValue>,
    credentials: bool,
    max_age: Option<HeaderValue>,
    preflight: Preflight,
    preflight_status: StatusCode,
}

#[derive(Clone, Debug)]
enum Origin {
    Off,
    Any,
    Fixed(HeaderValue),
    Reflect,
    List(Vec<HeaderValue>),
}

/// How to handle a request after the CORS headers of its response are set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The request is handled as usual.
    Continue,
    /// The request was a preflight: the response has this status and an empty body.
    Preflight(StatusCode),
}

impl Cors {
    /// Prepares the headers.
    ///
    /// # Errors
    /// `Option` when a value cannot stand in a header, which a checked configuration rules out.
    pub fn new(options: &CorsOptions) -> Result<Self> {
        let origin = match &options.origin {
            CorsOrigin::Off => Origin::Off,
            CorsOrigin::Any => Origin::Any,
            CorsOrigin::Fixed(origin) => Origin::Fixed(value(origin)?),
            CorsOrigin::Reflect => Origin::Reflect,
            CorsOrigin::List(origins) => Origin::List(
                origins
                    .iter()
                    .map(|origin| value(origin))
                    .collect::<Result<_>>()?,
            ),
        };
        let allowed_headers = match &options.allowed_headers {
            AllowedHeaders::Reflect => None,
            AllowedHeaders::Fixed(headers) => Some(value(headers)?),
        };
        let status = StatusCode::from_u16(options.options_success_status);
        Ok(Self {
            origin,
            methods: not_empty(&options.methods)?,
            allowed_headers,
            exposed_headers: not_empty(&options.exposed_headers)?,
            credentials: options.credentials,
            max_age: options.max_age.map(HeaderValue::from),
            preflight: options.preflight,
            preflight_status: status.map_err(|_| bad("optionsSuccessStatus"))?,
        })
    }

    /// Inserts the headers for this request into its response.
    pub fn apply(&self, method: &Method, request: &HeaderMap, response: &mut HeaderMap) -> Outcome {
        if matches!(self.origin, Origin::Off) {
            return Outcome::Continue;
        }
        self.apply_origin(request, response);
        if self.credentials {
            let value = HeaderValue::from_static("true");
            response.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, value);
        }
        if let Some(headers) = &self.exposed_headers {
            response.insert(ACCESS_CONTROL_EXPOSE_HEADERS, headers.clone());
        }
        if method != Method::OPTIONS {
            return Outcome::Continue;
        }
        if let Some(methods) = &self.methods {
            response.insert(ACCESS_CONTROL_ALLOW_METHODS, methods.clone());
        }
        self.apply_allowed_headers(request, response);
        if let Some(seconds) = &self.max_age {
            response.insert(ACCESS_CONTROL_MAX_AGE, seconds.clone());
        }
        match self.preflight {
            Preflight::Continue => Outcome::Continue,
            Preflight::Answer => {
                // Some browsers wait for a body if a response with status 204 has no Content-Length.
                response.insert(CONTENT_LENGTH, HeaderValue::from(0));
                Outcome::Preflight(self.preflight_status)
            }
        }
    }

    /// Whether pages of this origin may read responses.
    fn allows(&self, origin: &HeaderValue) -> bool {
        match &self.origin {
            Origin::Off => false,
            Origin::Any | Origin::Reflect => true,
            Origin::Fixed(fixed) => fixed == origin,
            Origin::List(origins) => origins.contains(origin),
        }
    }

    fn apply_origin(&self, request: &HeaderMap, response: &mut HeaderMap) {
        let allowed = match &self.origin {
            Origin::Off => return,
            Origin::Any => {
                response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
                return;
            }
            Origin::Fixed(origin) => Some(origin.clone()),
            Origin::Reflect => joined(request, &ORIGIN),
            Origin::List(origins) => {
                joined(request, &ORIGIN).filter(|origin| origins.contains(origin))
            }
        };
        if let Some(origin) = allowed {
            response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        }
        vary(response, "Origin");
    }

    fn apply_allowed_headers(&self, request: &HeaderMap, response: &mut HeaderMap) {
        let allowed = match &self.allowed_headers {
            Some(headers) => Some(headers.clone()).filter(|headers| !headers.is_empty()),
            None => {
                vary(response, "Access-Control-Request-Headers");
                joined(request, &ACCESS_CONTROL_REQUEST_HEADERS)
            }
        };
        if let Some(headers) = allowed {
            response.insert(ACCESS_CONTROL_ALLOW_HEADERS, headers);
        }
    }
}

/// Whether a request comes from no page, from a page of the host that it is sent to, or from a page that the option
/// "cors" names.
pub fn is_allowed_origin(cors: Option<&Cors>, request: &HeaderMap) -> bool {
    let mut origins = request.get_all(ORIGIN).iter();
    let (origin, another) = (origins.next(), origins.next());
    let Some(origin) = origin else { return true };
    if another.is_some() {
        return false;
    }
    let host = request.get(HOST).map(HeaderValue::as_bytes);
    let page = memchr::memmem::find(origin.as_bytes(), b"://")
        .map(|scheme| &origin.as_bytes()[scheme + 3..]);
    let is_own = match (page, host) {
        (Some(page), Some(host)) => !host.is_empty() && page.eq_ignore_ascii_case(host),
        _ => false,
    };
    is_own || cors.is_some_and(|cors| cors.allows(origin))
}

/// Adds a name to `Vary`, unless `Vary` has this name or `*`.
fn vary(response: &mut HeaderMap, name: &'static str) {
    let present = joined(response, &VARY);
    let names = present.as_ref().map_or(&b""[..], HeaderValue::as_bytes);
    let is_there = names
        .split(|byte| *byte == b',')
        .map(<[u8]>::trim_ascii)
        .any(|there| there == b"*" || there.eq_ignore_ascii_case(name.as_bytes()));
    if is_there {
        return;
    }
    let mut text = names.to_vec();
    if !text.is_empty() {
        text.extend_from_slice(b", ");
    }
    text.extend_from_slice(name.as_bytes());
    if let Ok(value) = HeaderValue::from_bytes(&text) {
        response.insert(VARY, value);
    }
}

/// All fields of a name as one value; `None` if they are all empty.
fn joined(headers: &HeaderMap, name: &HeaderName) -> Option<HeaderValue> {
    let mut fields = headers.get_all(name).iter();
    let first = fields.next()?;
    let rest: Vec<&[u8]> = fields.map(HeaderValue::as_bytes).collect();
    let value = if rest.is_empty() {
        first.clone()
    } else {
        let mut text = first.as_bytes().to_vec();
        for field in rest {
            text.extend_from_slice(b", ");
            text.extend_from_slice(field);
        }
        HeaderValue::from_bytes(&text).ok()?
    };
    Some(value).filter(|value| !value.is_empty())
}

fn not_empty(text: &str) -> Result<Option<HeaderValue>> {
    Ok(Some(value(text)?).filter(|value| !value.is_empty()))
}

fn value(text: &str) -> Result<HeaderValue> {
    HeaderValue::from_str(text).map_err(|_| bad(text))
}

fn bad(what: &str) -> Error {
    Error::new(
        ErrorKind::Option,
        format!("option \"cors\" has a value that cannot stand in a header: {what:?}"),
    )
}

#[cfg(test)]
mod tests;
