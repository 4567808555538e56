//! The cookie with the session id, which lets a load balancer find the server of a session.

use http::HeaderValue;

use crate::config::{CookieOptions, CookiePriority, SameSite};
use crate::error::{Error, ErrorKind, Result};

/// The option "cookie", ready to be put into answers.
#[derive(Clone, Debug)]
pub struct Cookie {
    /// The text up to the equals sign, inclusive.
    before: String,
    /// The attributes.
    after: String,
}

impl Cookie {
    /// Prepares the parts around the session id.
    ///
    /// # Errors
    /// `Option` when a value cannot stand in a header, which a checked configuration rules out.
    pub fn new(options: &CookieOptions) -> Result<Self> {
        let mut after = String::new();
        let mut add = |attribute: &str| {
            after.push_str("; ");
            after.push_str(attribute);
        };
        if let Some(seconds) = options.max_age {
            add(&format!("Max-Age={seconds}"));
        }
        if let Some(domain) = &options.domain {
            add(&format!("Domain={domain}"));
        }
        if let Some(path) = &options.path {
            add(&format!("Path={path}"));
        }
        if let Some(date) = options.expires {
            add(&format!("Expires={date}"));
        }
        if options.http_only {
            add("HttpOnly");
        }
        if options.secure {
            add("Secure");
        }
        if options.partitioned {
            add("Partitioned");
        }
        if let Some(priority) = options.priority.map(CookiePriority::as_str) {
            add(&format!("Priority={priority}"));
        }
        if let Some(same_site) = options.same_site.map(SameSite::as_str) {
            add(&format!("SameSite={same_site}"));
        }
        let before = format!("{}=", options.name);
        let is_safe = |text: &str| text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if !is_safe(&before) || !is_safe(&after) {
            return Err(Error::new(
                ErrorKind::Option,
                "option \"cookie\" has a value that cannot stand in a header",
            ));
        }
        Ok(Self { before, after })
    }

    /// The value of `Set-Cookie` for this session.
    #[must_use]
    pub fn header_value(&self, session_id: &str) -> HeaderValue {
        let mut text =
            String::with_capacity(self.before.len() + session_id.len() + self.after.len());
        text.push_str(&self.before);
        escape(session_id, &mut text);
        text.push_str(&self.after);
        HeaderValue::try_from(text).expect("the parts and an escaped value are visible ASCII")
    }
}

/// Percent-encodes all characters that could end the value or are not ASCII. Generated session ids have none.
fn escape(text: &str, out: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn cookie(option: &str) -> Cookie {
        let mut config = Config::default();
        config
            .set_json(&format!("{{\"cookie\":{option}}}"))
            .expect(option);
        config.check().expect(option);
        // What the configuration tells of itself makes the same cookie again.
        let mut again = Config::default();
        again.set_json(&config.to_json()).expect(option);
        assert_eq!(again, config, "{option}");
        Cookie::new(&config.cookie.expect(option)).expect(option)
    }

    /// The expected values are those of the official server's handshake response.
    #[test]
    fn the_header_is_the_official_one() {
        for (option, expected) in [
            ("true", "io=SID; Path=/; HttpOnly; SameSite=Lax"),
            ("{}", "io=SID; Path=/; HttpOnly; SameSite=Lax"),
            (
                r#"{"name":"sid"}"#,
                "sid=SID; Path=/; HttpOnly; SameSite=Lax",
            ),
            (r#"{"path":false}"#, "io=SID; HttpOnly; SameSite=Lax"),
            (
                r#"{"path":"/game"}"#,
                "io=SID; Path=/game; HttpOnly; SameSite=Lax",
            ),
            (
                r#"{"path":"/a b"}"#,
                "io=SID; Path=/a b; HttpOnly; SameSite=Lax",
            ),
            (r#"{"path":"x"}"#, "io=SID; Path=x; HttpOnly; SameSite=Lax"),
            (r#"{"path":""}"#, "io=SID; HttpOnly; SameSite=Lax"),
            (r#"{"path":null}"#, "io=SID; HttpOnly; SameSite=Lax"),
            (r#"{"httpOnly":false}"#, "io=SID; Path=/; SameSite=Lax"),
            (
                r#"{"httpOnly":"no"}"#,
                "io=SID; Path=/; HttpOnly; SameSite=Lax",
            ),
            (r#"{"httpOnly":0}"#, "io=SID; Path=/; SameSite=Lax"),
            (
                r#"{"sameSite":"strict"}"#,
                "io=SID; Path=/; HttpOnly; SameSite=Strict",
            ),
            (
                r#"{"sameSite":"None"}"#,
                "io=SID; Path=/; HttpOnly; SameSite=None",
            ),
            (
                r#"{"sameSite":true}"#,
                "io=SID; Path=/; HttpOnly; SameSite=Strict",
            ),
            (r#"{"sameSite":false}"#, "io=SID; Path=/; HttpOnly"),
            (
                r#"{"maxAge":86400}"#,
                "io=SID; Max-Age=86400; Path=/; HttpOnly; SameSite=Lax",
            ),
            (
                r#"{"maxAge":0}"#,
                "io=SID; Max-Age=0; Path=/; HttpOnly; SameSite=Lax",
            ),
            (
                r#"{"maxAge":-1.5}"#,
                "io=SID; Max-Age=-2; Path=/; HttpOnly; SameSite=Lax",
            ),
            (
                r#"{"maxAge":null}"#,
                "io=SID; Path=/; HttpOnly; SameSite=Lax",
            ),
            (
                r#"{"domain":"example.com"}"#,
                "io=SID; Domain=example.com; Path=/; HttpOnly; SameSite=Lax",
            ),
            (
                r#"{"domain":".example.com"}"#,
                "io=SID; Domain=.example.com; Path=/; HttpOnly; SameSite=Lax",
            ),
            (r#"{"domain":""}"#, "io=SID; Path=/; HttpOnly; SameSite=Lax"),
            (
                r#"{"secure":true}"#,
                "io=SID; Path=/; HttpOnly; Secure; SameSite=Lax",
            ),
            (
                r#"{"partitioned":true,"secure":true}"#,
                "io=SID; Path=/; HttpOnly; Secure; Partitioned; SameSite=Lax",
            ),
            (
                r#"{"priority":"High"}"#,
                "io=SID; Path=/; HttpOnly; Priority=High; SameSite=Lax",
            ),
            (
                r#"{"priority":""}"#,
                "io=SID; Path=/; HttpOnly; SameSite=Lax",
            ),
            (
                r#"{"expires":"2026-11-21T07:28:00.000Z"}"#,
                "io=SID; Path=/; Expires=Sat, 21 Nov 2026 07:28:00 GMT; HttpOnly; SameSite=Lax",
            ),
            (
                r#"{"name":"a","path":"/b","httpOnly":true,"sameSite":"none","maxAge":1,"domain":"c.d",
                    "secure":true,"expires":"2030-01-02T03:04:05.678Z","partitioned":true,"priority":"low"}"#,
                "a=SID; Max-Age=1; Domain=c.d; Path=/b; Expires=Wed, 02 Jan 2030 03:04:05 GMT; \
                 HttpOnly; Secure; Partitioned; Priority=Low; SameSite=None",
            ),
        ] {
            assert_eq!(cookie(option).header_value("SID"), expected, "{option}");
        }
    }

    #[test]
    fn no_session_id_can_end_the_value() {
        let cookie = cookie(r#"{"path":false,"httpOnly":false,"sameSite":false}"#);
        for (session_id, expected) in [
            ("", "io="),
            ("AZaz09-_.!~*'()", "io=AZaz09-_.!~*'()"),
            ("a/b+c=", "io=a%2Fb%2Bc%3D"),
            ("a; Path=/\r\nX: y", "io=a%3B%20Path%3D%2F%0D%0AX%3A%20y"),
            ("\"\u{0}é", "io=%22%00%C3%A9"),
        ] {
            assert_eq!(cookie.header_value(session_id), expected, "{session_id}");
        }
    }

    #[test]
    fn unchecked_options_cannot_break_the_header() {
        let bad = CookieOptions {
            name: "a\r\nX".to_owned(),
            ..CookieOptions::default()
        };
        assert_eq!(
            Cookie::new(&bad).expect_err("line break").kind(),
            ErrorKind::Option
        );
    }
}
