use super::*;
use crate::config::Config;

fn cors(option: &str) -> Cors {
    let mut config = Config::default();
    config
        .set_json(&format!("{{\"cors\":{option}}}"))
        .expect(option);
    config.check().expect(option);
    // What the configuration tells of itself makes the same rules again.
    let mut again = Config::default();
    again.set_json(&config.to_json()).expect(option);
    assert_eq!(again, config, "{option}");
    Cors::new(&config.cors.expect(option)).expect(option)
}

fn headers<'a>(lines: impl IntoIterator<Item = &'a str>) -> HeaderMap {
    let mut map = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(':').expect(line);
        let name: HeaderName = name.parse().expect(line);
        map.append(name, value.trim().parse().expect(line));
    }
    map
}

fn check(case: &str) {
    let lines = |prefix: &'static str| {
        let of_prefix = move |line: &'_ str| line.starts_with(prefix);
        case.lines()
            .filter(move |line| of_prefix(line))
            .map(move |line| line[prefix.len()..].trim())
    };
    let option = lines("option:").next().expect(case);
    let (mut request, mut answer) = (lines(">"), lines("<"));
    let method: Method = request
        .next()
        .and_then(|line| line.parse().ok())
        .expect(case);
    let expected = match answer.next().expect(case) {
        "continue" => Outcome::Continue,
        status => Outcome::Preflight(status.parse().expect(case)),
    };
    let mut response = headers(lines("before:"));
    let outcome = cors(option).apply(&method, &headers(request), &mut response);
    assert_eq!(outcome, expected, "{case}");
    assert_eq!(response, headers(answer), "{case}");
}

#[test]
fn answers_are_those_of_the_official_server() {
    let cases: Vec<&str> = include_str!("cases.txt").split("\n\n").skip(1).collect();
    assert_eq!(cases.len(), 47);
    cases.into_iter().for_each(check);
}

#[test]
fn bytes_of_an_origin_are_repeated_unchanged() {
    let mut request = HeaderMap::new();
    let origin = HeaderValue::from_bytes(b"https://\xe9.example").expect("a value");
    request.insert(ORIGIN, origin.clone());
    let mut response = HeaderMap::new();
    cors(r#"{"origin":true}"#).apply(&Method::GET, &request, &mut response);
    assert_eq!(response.get(ACCESS_CONTROL_ALLOW_ORIGIN), Some(&origin));
}

#[test]
fn several_vary_fields_become_one() {
    let mut response = headers(["Vary: Accept", "Vary: Cookie"]);
    cors(r#"{"origin":true}"#).apply(&Method::GET, &HeaderMap::new(), &mut response);
    assert_eq!(response, headers(["Vary: Accept, Cookie, Origin"]));
}

#[test]
fn unchecked_options_cannot_break_a_header() {
    let default = CorsOptions::default;
    let injected = "GET\r\nX: y".to_owned();
    for bad in [
        CorsOptions {
            methods: injected.clone(),
            ..default()
        },
        CorsOptions {
            exposed_headers: injected.clone(),
            ..default()
        },
        CorsOptions {
            allowed_headers: AllowedHeaders::Fixed(injected.clone()),
            ..default()
        },
        CorsOptions {
            origin: CorsOrigin::Fixed(injected.clone()),
            ..default()
        },
        CorsOptions {
            origin: CorsOrigin::List(vec![injected]),
            ..default()
        },
        CorsOptions {
            options_success_status: 7,
            ..default()
        },
    ] {
        assert_eq!(Cors::new(&bad).expect_err("bad").kind(), ErrorKind::Option);
    }
}
