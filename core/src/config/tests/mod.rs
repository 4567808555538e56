//! The options as a caller sees them: what each setter takes.
mod refused;

use std::collections::HashSet;
use std::time::Duration;

use super::kind::{Kind, Setting};
use super::*;

fn refusal(result: Result<()>) -> (ErrorKind, String) {
    let error = result.expect_err("a refusal");
    (error.kind(), error.message().to_owned())
}

#[test]
fn defaults_are_what_the_documentation_says() {
    let expected = [
        (1, "path", "/socket.io"),
        (2, "addTrailingSlash", "true"),
        (5, "connectTimeout", "45000"),
        (6, "pingInterval", "25000"),
        (7, "pingTimeout", "20000"),
        (8, "upgradeTimeout", "10000"),
        (9, "maxHttpBufferSize", "1000000"),
        (10, "transports", r#"["polling","websocket"]"#),
        (11, "allowUpgrades", "true"),
        (15, "initialPacket", ""),
        (25, "cookie", "false"),
        (26, "cors", "false"),
        (80, "engine.workerThreads", "0"),
        (81, "engine.delivery", "threads"),
        (82, "engine.pollQueueEvents", "65536"),
        (83, "engine.pollQueueBytes", "67108864"),
        (84, "engine.pollBudgetUs", "0"),
        (85, "engine.maxConnections", "0"),
        (86, "engine.maxHeaderBytes", "16384"),
        (87, "engine.maxAttachments", "10"),
        (88, "engine.maxJsonDepth", "64"),
        (89, "engine.sendBufferHigh", "4194304"),
        (90, "engine.sendBufferLow", "1048576"),
        (91, "engine.sendBufferPolicy", "error"),
        (92, "engine.backlog", "1024"),
        (93, "engine.tcpNodelay", "true"),
        (94, "engine.reusePort", "false"),
        (95, "engine.trustProxy", "0"),
        (96, "engine.deferredTimeout", "0"),
        (97, "engine.metricsPath", ""),
        (98, "engine.callbackThreads", "0"),
        (99, "engine.protocol", "socket.io"),
        (100, "engine.maxPacketsPerPayload", "0"),
        (101, "engine.maxFragments", "1024"),
        (102, "engine.maxNamespaces", "64"),
        (103, "engine.maxPendingAcks", "16384"),
        (104, "engine.messageTimeout", "60000"),
        (105, "engine.headerTimeout", "10000"),
        (106, "engine.bodyTimeout", "30000"),
        (107, "engine.closeTimeout", "30000"),
        (108, "engine.maxHeaders", "100"),
        (109, "engine.maxRooms", "0"),
        (110, "engine.sendBufferMax", "67108864"),
        (111, "engine.sendBufferGrace", "5000"),
        (112, "engine.sendTimeout", "0"),
        (113, "engine.maxAuthBytes", "65536"),
        (114, "engine.errorCloseTimeout", "2000"),
        (117, "engine.writeTimeout", "30000"),
        (118, "engine.checkOrigin", "false"),
    ];
    let actual: Vec<_> = OptionInfo::all()
        .iter()
        .map(|info| (info.number, info.name, info.default_text.as_str()))
        .collect();
    assert_eq!(actual, expected);
    Config::default()
        .check()
        .expect("the defaults fit together");
}

#[test]
fn every_option_is_found_by_its_place_and_its_name() {
    let all = OptionInfo::all();
    for (index, info) in all.iter().enumerate() {
        assert_eq!(OptionInfo::at(index), Some(info));
        assert_eq!(OptionInfo::number_of(info.name), Some(info.number));
    }
    assert_eq!(OptionInfo::at(all.len()), None);
    assert_eq!(OptionInfo::number_of("serveClient"), None);
    let numbers: HashSet<_> = all.iter().map(|info| info.number).collect();
    assert_eq!(numbers.len(), all.len());
}

/// Every row: the default survives a round trip, each end of the range is taken, beyond is not.
#[test]
fn every_option_holds_what_its_kind_allows() {
    for row in TABLE {
        let mut config = Config::default();
        let default = row.to_json(&config);
        json::put(row, &mut config, &default).expect(row.name);
        assert_eq!(config, Config::default(), "{}", row.name);
        let range = match row.kind {
            Kind::Bool => Some((0, 1)),
            Kind::Int { min, max, .. } => Some((min as i64, max as i64)),
            Kind::Choice(names) => Some((0, names.len() as i64 - 1)),
            Kind::Bits(names) => Some((1, (1 << names.len()) - 1)),
            Kind::Word(_) | Kind::Text { .. } | Kind::Json(_) => None,
        };
        if let Some((min, max)) = range {
            for value in [min, max] {
                config.set_int(row.number, value).expect(row.name);
                let json = row.to_json(&config);
                assert_eq!(row.kind.of_int(value).ok(), row.kind.of_json(&json).ok());
                if let Err(error) = config.check() {
                    assert!(error.message().contains("sendBufferLow"), "{error}");
                }
            }
            for value in [min - 1, max + 1, i64::MIN, i64::MAX] {
                let (kind, message) = refusal(config.set_int(row.number, value));
                assert_eq!(kind, ErrorKind::Option);
                assert_eq!(
                    message,
                    format!("option \"{}\" takes {}, not {value}", row.name, row.kind)
                );
            }
        }
        let is_text = matches!(row.kind.option_kind(), OptionKind::Str | OptionKind::Json);
        assert_eq!(range.is_none(), is_text, "{}", row.name);
        if is_text {
            assert!(config.set_int(row.number, 1).is_err(), "{}", row.name);
        }
    }
}

#[test]
fn fields_of_another_type_refuse_a_setting() {
    for row in TABLE {
        let accepted = [
            Setting::Bool(true),
            Setting::Int(1),
            Setting::Time(Duration::from_secs(1)),
            Setting::Text("/x".to_owned()),
            Setting::Json(true.into()),
        ]
        .into_iter()
        .filter(|setting| row.put(&mut Config::default(), setting.clone()).is_ok());
        assert_eq!(accepted.count(), 1, "{}", row.name);
    }
}

#[test]
fn numbers_set_fields() {
    let mut config = Config::default();
    for (name, value) in [
        ("addTrailingSlash", 0),
        ("pingInterval", 10_000),
        ("transports", 2),
        ("engine.delivery", 1),
        ("engine.workerThreads", 3),
        ("engine.pollBudgetUs", 250),
        ("engine.sendBufferPolicy", 2),
        ("engine.deferredTimeout", 5),
    ] {
        config
            .set_int(OptionInfo::number_of(name).expect(name), value)
            .expect(name);
    }
    assert!(!config.add_trailing_slash);
    assert_eq!(config.ping_interval, Duration::from_secs(10));
    assert_eq!(config.transports.to_string(), "websocket");
    assert_eq!(config.delivery, Delivery::Polled);
    assert_eq!(config.worker_threads, Some(3));
    assert_eq!(config.poll_budget, Some(Duration::from_micros(250)));
    assert_eq!(config.send_buffer_policy, SendBufferPolicy::Disconnect);
    assert_eq!(config.answer_timeout(), Duration::from_millis(5));
    config.set_int(96, 0).expect("none");
    assert_eq!(config.answer_timeout(), config.connect_timeout);
    config.set_int(80, 0).expect("none");
    assert_eq!(config.worker_threads, None);
}

#[test]
fn strings_set_fields() {
    let mut config = Config::default();
    for (number, value) in [
        (1, "/game/"),
        (15, "hello"),
        (25, "true"),
        (26, r#"{"origin":"https://a.example"}"#),
        (81, "inline"),
        (97, "/metrics"),
        (99, "engine.io"),
    ] {
        config.set_str(number, value).expect(value);
    }
    assert_eq!(config.path, "/game/");
    assert_eq!(config.initial_packet.as_deref(), Some("hello"));
    assert_eq!(config.cookie, Some(CookieOptions::default()));
    let origin = config.cors.as_ref().map(|cors| cors.origin.clone());
    assert_eq!(
        origin,
        Some(CorsOrigin::Fixed("https://a.example".to_owned()))
    );
    assert_eq!(config.delivery, Delivery::Inline);
    assert_eq!(config.metrics_path.as_deref(), Some("/metrics"));
    assert_eq!(config.protocol, Protocol::EngineIo);
    for (number, value) in [(15, ""), (25, "false"), (26, "null"), (97, "")] {
        config.set_str(number, value).expect("none");
    }
    assert_eq!(config.initial_packet, None);
    assert_eq!(config.cookie, None);
    assert_eq!(config.cors, None);
    assert_eq!(config.metrics_path, None);

    for (number, value, kind, message) in [
        (
            6,
            "10",
            ErrorKind::Option,
            "option \"pingInterval\" takes a whole number from 1 to 2147483647 (milliseconds), not \"10\"",
        ),
        (
            81,
            "poll",
            ErrorKind::Option,
            "option \"engine.delivery\" takes one of \"threads\", \"polled\", \"inline\", not \"poll\"",
        ),
        (
            25,
            "{\"name\":",
            ErrorKind::Json,
            "option \"cookie\" is not valid JSON at byte 8: EOF while parsing a value",
        ),
        (
            25,
            "\"io\"",
            ErrorKind::Option,
            "option \"cookie\" takes false, true, or an object with the cookie's attributes, not \"io\"",
        ),
        (
            26,
            "\"*\"",
            ErrorKind::Option,
            "option \"cors\" takes false, true, or an object with CORS options, not \"*\"",
        ),
        (999, "x", ErrorKind::Option, "no option has the number 999"),
        (0, "x", ErrorKind::Option, "no option has the number 0"),
    ] {
        assert_eq!(
            refusal(config.set_str(number, value)),
            (kind, message.to_owned())
        );
    }
    assert_eq!(
        refusal(config.set_int(u32::MAX, 0)).1,
        "no option has the number 4294967295"
    );
}

#[test]
fn json_is_merged() {
    let mut config = Config::default();
    config
        .set_json(
            r#"{"pingInterval":1e4,"pingTimeout":500.0,"transports":["websocket"],"allowUpgrades":false,
                "cors":{"origin":["https://a.example"]},"cookie":true,
                "engine":{"workerThreads":2,"delivery":"polled","protocol":"engine.io"}}"#,
        )
        .expect("good options");
    config
        .set_json(r#"{"pingTimeout":600,"engine":{},"engine.backlog":7}"#)
        .expect("more");
    assert_eq!(config.ping_interval, Duration::from_secs(10));
    assert_eq!(config.ping_timeout, Duration::from_millis(600));
    assert_eq!(config.transports, Transports::from_bits(2));
    assert!(!config.allow_upgrades);
    assert_eq!(config.worker_threads, Some(2));
    assert_eq!(config.delivery, Delivery::Polled);
    assert_eq!(config.protocol, Protocol::EngineIo);
    assert_eq!(config.backlog, 7);
    assert!(config.cookie.is_some() && config.cors.is_some());

    let text = config.to_json();
    let mut again = Config::default();
    again.set_json(&text).expect(&text);
    assert_eq!(again, config);
    assert_eq!(again.to_json(), text);
    config.set_json("{}").expect("no options");
    assert_eq!(again, config);
}

#[test]
fn the_effective_options_are_complete() {
    let text = Config::default().to_json();
    assert!(
        text.starts_with(r#"{"path":"/socket.io","addTrailingSlash":true,"connectTimeout":45000,"#)
    );
    assert!(text.contains(r#""cors":false,"engine":{"workerThreads":0,"delivery":"threads","#));
    for info in OptionInfo::all() {
        let member = info.name.strip_prefix("engine.").unwrap_or(info.name);
        assert!(text.contains(&format!("\"{member}\":")), "{member}");
    }
}

#[test]
fn paths() {
    for (path, slash, expected) in [
        ("/socket.io", 1, "/socket.io/"),
        ("/socket.io/", 1, "/socket.io/"),
        ("/socket.io//", 1, "/socket.io//"),
        ("/socket.io", 0, "/socket.io"),
        ("/socket.io/", 0, "/socket.io"),
        ("/", 1, "/"),
        ("/", 0, ""),
        ("/a/b", 1, "/a/b/"),
    ] {
        let mut config = Config::default();
        config.set_str(1, path).expect(path);
        config.set_int(2, slash).expect(path);
        assert_eq!(config.request_path(), expected, "{path} {slash}");
    }
    for bad in [
        "",
        "socket.io",
        "/a b",
        "/a?b",
        "/a#b",
        "/a\0",
        "/é",
        "/a\r\n",
    ] {
        for number in [1, 97] {
            let result = Config::default().set_str(number, bad);
            assert_eq!(
                result.is_err(),
                !(number == 97 && bad.is_empty()),
                "{bad:?}"
            );
        }
    }
}
