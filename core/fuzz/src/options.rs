//! Options: a text is accepted or refused as a whole, and an accepted configuration can be written and read again.

use bellwire_core::config::{Config, OptionInfo};

use super::{Target, same};

pub const TARGET: Target = Target {
    name: "options",
    run,
    seeds: &[
        br#"{"pingInterval":25000,"pingTimeout":20000,"maxHttpBufferSize":1e6,"transports":["polling","websocket"]}"#,
        br#"{"cors":{"origin":["https://example.com","*"],"methods":"GET","credentials":true,"maxAge":600},"allowUpgrades":false}"#,
        br#"{"cookie":{"name":"io","path":"/","httpOnly":true,"sameSite":"lax","maxAge":86400,"expires":"2030-01-01T00:00:00.000Z"}}"#,
        br#"{"engine":{"workerThreads":2,"delivery":"polled","protocol":"engine.io","maxFragments":16}}"#,
        br#"{"cookie":true,"path":"/x/","cors":"https://a.b","serveClient":false}"#,
        br#"{"pingIntervall":1}"#,
    ],
    words: &[
        "{", "}", "[", "]", ":", ",", "\"", "true", "false", "null", "0", "-1", "1e9", "1e99", "0.5", "\"engine\":",
        "\"cors\":", "\"origin\":", "\"cookie\":", "\"path\":", "\"/\"", "\"\"", "*", "\"maxAge\":", "\"expires\":",
    ],
};

fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let default = Config::default().to_json();
    let mut config = Config::default();
    match config.set_json(text) {
        Ok(()) => {
            let said = config.to_json();
            let mut again = Config::default();
            again
                .set_json(&said)
                .expect("what it says of itself is taken");
            same(&again.to_json(), &said, data);
            let _ = config.check();
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            same(&config.to_json(), &default, data);
        }
    }
    // A single option: its number is in the first byte, its value is a text or a number.
    if let (Some(number), Some(value)) = (data.first(), text.get(1..)) {
        let options = OptionInfo::all();
        let number = options[usize::from(*number) % options.len()].number;
        let mut config = Config::default();
        if config.set_str(number, value).is_err() {
            same(&config.to_json(), &default, data);
        }
        if let Ok(value) = value.parse() {
            let _ = config.set_int(number, value);
        }
        let _ = config.check();
    }
}
