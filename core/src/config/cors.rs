//! The values of the option "cors", and which of them may go into a header.
use serde_json::{Map, Value, json};

use crate::config::kind::{Refusal, whole_number};
use crate::config::suggest;

/// The CORS options: what pages of other origins may do. The defaults are those of the `cors` package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorsOptions {
    /// The origins that may read responses.
    pub origin: CorsOrigin,
    /// `Access-Control-Allow-Methods`; the header is left out if empty.
    pub methods: String,
    /// `Access-Control-Allow-Headers`.
    pub allowed_headers: AllowedHeaders,
    /// `Access-Control-Expose-Headers`; the header is left out if empty.
    pub exposed_headers: String,
    /// Whether requests may carry cookies.
    pub credentials: bool,
    /// `Access-Control-Max-Age` in seconds.
    pub max_age: Option<i64>,
    /// How a preflight request is answered.
    pub preflight: Preflight,
    /// The status of the answer to a preflight request.
    pub options_success_status: u16,
}

/// The origins that may read responses. Requests of other origins are handled; their browser withholds the response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CorsOrigin {
    /// None: responses have no CORS headers.
    Off,
    /// Every origin: `*`.
    Any,
    /// This origin, in the response to every request.
    Fixed(String),
    /// Every origin; the response names the origin of the request.
    Reflect,
    /// These origins; the response names the origin of the request.
    List(Vec<String>),
}

/// The request headers that a page may set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowedHeaders {
    /// Those that it asks for.
    Reflect,
    /// These; the header is left out if empty.
    Fixed(String),
}

/// How a preflight request is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preflight {
    /// With the CORS headers and an empty body.
    Answer,
    /// Like any other request.
    Continue,
}

impl Default for CorsOptions {
    fn default() -> Self {
        Self {
            origin: CorsOrigin::Any,
            methods: "GET,HEAD,PUT,PATCH,POST,DELETE".to_owned(),
            allowed_headers: AllowedHeaders::Reflect,
            exposed_headers: String::new(),
            credentials: false,
            max_age: None,
            preflight: Preflight::Answer,
            options_success_status: 204,
        }
    }
}

const MEMBERS: &[&str] = &[
    "origin",
    "methods",
    "allowedHeaders",
    "exposedHeaders",
    "credentials",
    "maxAge",
    "preflightContinue",
    "optionsSuccessStatus",
];
const ORIGIN_TAKES: &str = "false, true, \"*\", an origin, or an array of origins";
const LIST_TAKES: &str = "a string or an array of strings, in visible ASCII";

impl CorsOptions {
    pub(super) const TAKES: &str = "false, true, or an object with CORS options";

    /// Reads the option; `None` turns CORS off. Members that are left out keep their default.
    pub(super) fn from_json(value: &Value) -> Result<Option<Self>, Refusal> {
        let members = match value {
            Value::Null | Value::Bool(false) => return Ok(None),
            Value::Bool(true) => return Ok(Some(Self::default())),
            Value::Object(members) => members,
            _ => return Err(Refusal::new(format!("takes {}, not {value}", Self::TAKES))),
        };
        let mut cors = Self::default();
        for (member, value) in members {
            cors.set(member, value)?;
        }
        Ok(Some(cors))
    }

    fn set(&mut self, member: &str, value: &Value) -> Result<(), Refusal> {
        let refused = |takes| Refusal::member(member, takes, value);
        let flag = || value.as_bool().ok_or_else(|| refused("true or false"));
        match member {
            "origin" => self.origin = origin(value)?,
            "methods" => self.methods = joined(value).ok_or_else(|| refused(LIST_TAKES))?,
            "allowedHeaders" | "headers" if is_none(value) => {
                self.allowed_headers = AllowedHeaders::Reflect;
            }
            "allowedHeaders" | "headers" => {
                let headers = joined(value).ok_or_else(|| refused(LIST_TAKES))?;
                self.allowed_headers = AllowedHeaders::Fixed(headers);
            }
            "exposedHeaders" if is_none(value) => self.exposed_headers.clear(),
            "exposedHeaders" => {
                self.exposed_headers = joined(value).ok_or_else(|| refused(LIST_TAKES))?;
            }
            "credentials" => self.credentials = flag()?,
            "maxAge" if value.is_null() => self.max_age = None,
            "maxAge" => {
                let takes = "a whole number of seconds";
                self.max_age = Some(whole_number(value).ok_or_else(|| refused(takes))?);
            }
            "preflightContinue" => {
                self.preflight = if flag()? {
                    Preflight::Continue
                } else {
                    Preflight::Answer
                };
            }
            "optionsSuccessStatus" => {
                let status = value.as_u64().filter(|status| (200..300).contains(status));
                let status = status.ok_or_else(|| refused("a status from 200 to 299"))?;
                self.options_success_status = status as u16;
            }
            _ => {
                let hint = suggest::did_you_mean(member, "", MEMBERS.iter().copied());
                return Err(Refusal::new(format!("has no member \"{member}\"{hint}")));
            }
        }
        Ok(())
    }

    pub(super) fn to_json(&self) -> Value {
        let mut members = Map::new();
        let mut put = |name: &str, value| members.insert(name.to_owned(), value);
        put(
            "origin",
            match &self.origin {
                CorsOrigin::Off => json!(false),
                CorsOrigin::Any => json!("*"),
                CorsOrigin::Fixed(origin) => origin.as_str().into(),
                CorsOrigin::Reflect => json!(true),
                CorsOrigin::List(origins) => origins.as_slice().into(),
            },
        );
        put("methods", self.methods.as_str().into());
        put(
            "allowedHeaders",
            match &self.allowed_headers {
                AllowedHeaders::Reflect => Value::Null,
                AllowedHeaders::Fixed(headers) if headers.is_empty() => json!([]),
                AllowedHeaders::Fixed(headers) => headers.as_str().into(),
            },
        );
        put("exposedHeaders", self.exposed_headers.as_str().into());
        put("credentials", self.credentials.into());
        put("maxAge", self.max_age.into());
        put(
            "preflightContinue",
            (self.preflight == Preflight::Continue).into(),
        );
        put("optionsSuccessStatus", self.options_success_status.into());
        Value::Object(members)
    }
}

fn origin(value: &Value) -> Result<CorsOrigin, Refusal> {
    match value {
        Value::Null | Value::Bool(false) => Ok(CorsOrigin::Off),
        Value::Bool(true) => Ok(CorsOrigin::Reflect),
        Value::String(text) if text.is_empty() => Ok(CorsOrigin::Off),
        Value::String(text) if text == "*" => Ok(CorsOrigin::Any),
        Value::String(text) if is_origin(text) => Ok(CorsOrigin::Fixed(text.clone())),
        Value::Array(items) => {
            let mut origins = Vec::with_capacity(items.len());
            for item in items {
                match item {
                    Value::String(text) if is_origin(text) => origins.push(text.clone()),
                    // A `true` in the list allows every origin.
                    Value::Bool(true) => return Ok(CorsOrigin::Reflect),
                    Value::Object(_) => return Err(no_pattern()),
                    _ => return Err(Refusal::member("origin", ORIGIN_TAKES, item)),
                }
            }
            Ok(CorsOrigin::List(origins))
        }
        Value::Object(_) => Err(no_pattern()),
        Value::String(_) | Value::Number(_) => Err(Refusal::member("origin", ORIGIN_TAKES, value)),
    }
}

fn no_pattern() -> Refusal {
    Refusal::unsupported("has an object as \"origin\": patterns are not in this version")
}

/// Origins have no spaces; characters beyond ASCII are written in Punycode.
fn is_origin(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn is_none(value: &Value) -> bool {
    value.is_null() || *value == false || *value == ""
}

/// A string unchanged, or the strings of an array joined with commas.
fn joined(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let words: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
            words?.join(",")
        }
        _ => return None,
    };
    let is_clean = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    is_clean.then(|| text.trim().to_owned())
}
