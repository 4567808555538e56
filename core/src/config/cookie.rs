//! The values of the option "cookie", and which of them may go into a header.
use serde_json::{Map, Value, json};

use crate::config::kind::{Refusal, whole_number};
use crate::config::suggest;
use crate::date::UtcDate;

/// The cookie that carries the session id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookieOptions {
    /// Its name, an HTTP token.
    pub name: String,
    /// `Path`.
    pub path: Option<String>,
    /// `HttpOnly`.
    pub http_only: bool,
    /// `SameSite`.
    pub same_site: Option<SameSite>,
    /// `Max-Age` in seconds.
    pub max_age: Option<i64>,
    /// `Domain`.
    pub domain: Option<String>,
    /// `Secure`.
    pub secure: bool,
    /// `Expires`.
    pub expires: Option<UtcDate>,
    /// `Partitioned`.
    pub partitioned: bool,
    /// `Priority`.
    pub priority: Option<CookiePriority>,
}

impl Default for CookieOptions {
    fn default() -> Self {
        Self {
            name: "io".to_owned(),
            path: Some("/".to_owned()),
            http_only: true,
            same_site: Some(SameSite::Lax),
            max_age: None,
            domain: None,
            secure: false,
            expires: None,
            partitioned: false,
            priority: None,
        }
    }
}

macro_rules! words {
    (
        $(#[$doc:meta])*
        $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// As the header says it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => stringify!($variant),)*
                }
            }

            const fn option_value(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }

            fn parse(text: &str) -> Option<Self> {
                [$(Self::$variant),*]
                    .into_iter()
                    .find(|word| text.eq_ignore_ascii_case(word.as_str()))
            }
        }
    };
}

words! {
    /// Whether a browser sends the cookie with requests from pages of other sites.
    SameSite {
        /// Only with navigation to the server.
        Lax = "lax",
        /// Never.
        Strict = "strict",
        /// Always.
        None = "none",
    }
}

words! {
    /// In which order a browser removes cookies.
    CookiePriority {
        /// Removed first.
        Low = "low",
        /// Removed after `Low`.
        Medium = "medium",
        /// Removed last.
        High = "high",
    }
}

const MEMBERS: &[&str] = &[
    "name",
    "path",
    "httpOnly",
    "sameSite",
    "maxAge",
    "domain",
    "secure",
    "expires",
    "partitioned",
    "priority",
];

impl CookieOptions {
    pub(super) const TAKES: &str = "false, true, or an object with the cookie's attributes";

    /// Reads the option; `None` means that no cookie is set. Attributes that are left out keep their default.
    pub(super) fn from_json(value: &Value) -> Result<Option<Self>, Refusal> {
        let members = match value {
            Value::Null | Value::Bool(false) => return Ok(None),
            Value::Bool(true) => return Ok(Some(Self::default())),
            Value::Object(members) => members,
            _ => return Err(Refusal::new(format!("takes {}, not {value}", Self::TAKES))),
        };
        let mut cookie = Self::default();
        for (member, value) in members {
            cookie.set(member, value)?;
        }
        Ok(Some(cookie))
    }

    fn set(&mut self, member: &str, value: &Value) -> Result<(), Refusal> {
        let refused = |takes| Refusal::member(member, takes, value);
        // A value that is falsy in JavaScript leaves the attribute out.
        let off = !is_truthy(value);
        let text = |takes, fits: fn(&str) -> bool| match value.as_str() {
            Some(text) if fits(text) => Ok(text.to_owned()),
            _ => Err(refused(takes)),
        };
        match member {
            "name" => self.name = text("an HTTP token", is_token)?,
            "path" if off => self.path = None,
            "path" => {
                self.path = Some(text(
                    "false or visible ASCII without \";\" and \"<\"",
                    is_path,
                )?);
            }
            "httpOnly" => self.http_only = !off,
            "sameSite" if off => self.same_site = None,
            "sameSite" if *value == true => self.same_site = Some(SameSite::Strict),
            "sameSite" => {
                let word = value.as_str().and_then(SameSite::parse);
                let takes = "false, true, \"lax\", \"strict\" or \"none\"";
                self.same_site = Some(word.ok_or_else(|| refused(takes))?);
            }
            "maxAge" if value.is_null() => self.max_age = None,
            "maxAge" => {
                let seconds = value.as_f64().map(f64::floor).map(Value::from);
                let seconds = seconds.as_ref().and_then(whole_number);
                self.max_age = Some(seconds.ok_or_else(|| refused("a number of seconds"))?);
            }
            "domain" if off => self.domain = None,
            "domain" => self.domain = Some(text("a domain name", is_domain)?),
            "secure" => self.secure = !off,
            "expires" if off => self.expires = None,
            "expires" => {
                let date = value.as_str().and_then(UtcDate::parse);
                self.expires = Some(date.ok_or_else(|| refused("a date as 2026-11-21T07:28:00Z"))?);
            }
            "partitioned" => self.partitioned = !off,
            "priority" if off => self.priority = None,
            "priority" => {
                let word = value.as_str().and_then(CookiePriority::parse);
                let takes = "\"low\", \"medium\" or \"high\"";
                self.priority = Some(word.ok_or_else(|| refused(takes))?);
            }
            "encode" if off => {}
            "encode" => {
                return Err(Refusal::unsupported(
                    "has \"encode\", which is not in this version",
                ));
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
        put("name", self.name.as_str().into());
        put(
            "path",
            self.path.as_deref().map_or(json!(false), Value::from),
        );
        put("httpOnly", self.http_only.into());
        put(
            "sameSite",
            self.same_site
                .map_or(json!(false), |word| word.option_value().into()),
        );
        put("maxAge", self.max_age.into());
        put("domain", self.domain.as_deref().into());
        put("secure", self.secure.into());
        put("expires", self.expires.map(UtcDate::to_iso).into());
        put("partitioned", self.partitioned.into());
        put(
            "priority",
            self.priority.map(CookiePriority::option_value).into(),
        );
        Value::Object(members)
    }
}

/// What JavaScript takes for "yes".
fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(flag) => *flag,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(_) | Value::Object(_) => true,
    }
}

/// An HTTP token, which is what RFC 6265 asks of a cookie's name.
fn is_token(text: &str) -> bool {
    let is_tchar = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_tchar)
}

fn is_path(text: &str) -> bool {
    let fits = |byte| matches!(byte, b' '..=b'~') && byte != b';' && byte != b'<';
    text.bytes().all(fits)
}

/// Labels of letters, digits and inner hyphens with dots between them; a dot in front is allowed.
fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(fits)
    };
    text.strip_prefix('.')
        .unwrap_or(text)
        .split('.')
        .all(is_label)
}
