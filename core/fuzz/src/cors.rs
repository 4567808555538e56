//! CORS: a response allows an origin only if the option does, and the check of origins agrees with the response.

use bellwire_core::config::{Config, CorsOrigin, Preflight};
use bellwire_core::server::cors::{Cors, Outcome, is_allowed_origin};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};

use super::Target;

pub const TARGET: Target = Target {
    name: "cors",
    run,
    seeds: &[
        b"{\"origin\":\"https://a.example\",\"credentials\":true}\nGET\norigin: https://a.example\nhost: b.example",
        b"{\"origin\":[\"https://a.example\",\"https://b.example\"],\"exposedHeaders\":[\"x\",\"y\"]}\nOPTIONS\norigin: https://b.example\naccess-control-request-headers: x, y",
        b"{\"origin\":true,\"allowedHeaders\":[],\"maxAge\":5}\nOPTIONS\norigin: null",
        b"{\"origin\":\"*\",\"preflightContinue\":true}\nOPTIONS\norigin: a\norigin: b",
        b"false\nGET\norigin: http://a.example:8080\nhost: A.example:8080",
    ],
    words: &[
        "{", "}", "[", "]", ":", ",", "\"", "true", "false", "\"*\"", "\"origin\":", "\"credentials\":", "\"methods\":",
        "\"allowedHeaders\":", "\"exposedHeaders\":", "\"maxAge\":", "\"preflightContinue\":", "\"optionsSuccessStatus\":",
        "https://a.example", "null", "\n", "GET", "OPTIONS", "origin: ", "host: ", "access-control-request-headers: ", "a.example",
    ],
};

fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let mut lines = text.split('\n');
    let option = lines.next().unwrap_or_default();
    let method = Method::try_from(lines.next().unwrap_or_default()).unwrap_or(Method::GET);
    let mut request = HeaderMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            request.append(name, value);
        }
    }
    let mut config = Config::default();
    if config.set_json(&format!("{{\"cors\":{option}}}")).is_err() || config.check().is_err() {
        return;
    }
    let cors = config
        .cors
        .as_ref()
        .map(|options| Cors::new(options).expect("what was checked can be in a header"));
    let origins: Vec<&HeaderValue> = request.get_all("origin").iter().collect();
    let is_named = |origin: &HeaderValue| match config.cors.as_ref().map(|cors| &cors.origin) {
        None | Some(CorsOrigin::Off) => false,
        Some(CorsOrigin::Any | CorsOrigin::Reflect) => true,
        Some(CorsOrigin::Fixed(fixed)) => origin == fixed,
        Some(CorsOrigin::List(list)) => list.iter().any(|known| origin == known),
    };
    check_origins(cors.as_ref(), &request, &origins, is_named);
    let (Some(cors), Some(options)) = (cors, &config.cors) else {
        return;
    };
    let mut answer = HeaderMap::new();
    let outcome = cors.apply(&method, &request, &mut answer);
    if options.origin == CorsOrigin::Off {
        assert!(answer.is_empty() && outcome == Outcome::Continue);
        return;
    }
    let is_preflight = method == Method::OPTIONS && options.preflight == Preflight::Answer;
    assert_eq!(matches!(outcome, Outcome::Preflight(_)), is_preflight);
    let allowed: Vec<&HeaderValue> = answer
        .get_all("access-control-allow-origin")
        .iter()
        .collect();
    assert!(allowed.len() <= 1);
    if let Some(allowed) = allowed.first() {
        match &options.origin {
            CorsOrigin::Any => assert_eq!(*allowed, "*"),
            CorsOrigin::Fixed(fixed) => assert_eq!(*allowed, fixed),
            _ => assert!(is_named(allowed) && !origins.is_empty(), "{allowed:?}"),
        }
    }
    if let [origin] = origins[..]
        && !origin.is_empty()
        && is_named(origin)
    {
        let told = allowed.first().expect("an origin that is named is told so");
        assert!(*told == origin || *told == "*" && options.origin == CorsOrigin::Any);
    }
    let credentials = answer.get("access-control-allow-credentials");
    assert_eq!(credentials.is_some(), options.credentials);
    // The response varies by origin, so that a cache does not return it for another origin.
    let varies = answer
        .get("vary")
        .is_some_and(|vary| vary.as_bytes().starts_with(b"Origin"));
    assert_eq!(varies, options.origin != CorsOrigin::Any);
}

/// A request is allowed if the option names its origin, or if its origin is the host of the request.
fn check_origins(
    cors: Option<&Cors>,
    request: &HeaderMap,
    origins: &[&HeaderValue],
    is_named: impl Fn(&HeaderValue) -> bool,
) {
    let is_allowed = is_allowed_origin(cors, request);
    match origins {
        [] => assert!(is_allowed),
        [origin] if is_named(origin) => assert!(is_allowed, "{origin:?}"),
        [origin] => {
            let uri = Uri::try_from(origin.as_bytes());
            let host = request.get("host").and_then(|host| host.to_str().ok());
            let authority = uri.as_ref().ok().and_then(Uri::authority);
            if is_allowed {
                let host = host.expect("an origin is compared with a host");
                let end = format!("://{host}").to_ascii_lowercase();
                let origin = origin.to_str().expect("it is the host's text");
                assert!(origin.to_ascii_lowercase().ends_with(&end), "{origin}");
            } else if let (Some(authority), Some(host)) = (authority, host) {
                let has_path = uri
                    .as_ref()
                    .is_ok_and(|uri| uri.path() != "/" || uri.query().is_some())
                    || origin.as_bytes().ends_with(b"/")
                    || origin.as_bytes().contains(&b'#');
                let is_own = authority.as_str().eq_ignore_ascii_case(host);
                let has_scheme = origin.as_bytes().windows(3).any(|part| part == b"://");
                assert!(has_path || !is_own || !has_scheme, "{origin:?} {host}");
            }
        }
        _ => assert!(!is_allowed),
    }
}
