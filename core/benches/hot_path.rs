//! Measures each stage that a message passes through by itself: `cargo bench -p bellwire-core`.
//!
//! `tests/load` measures the whole path, with system calls.

use std::hint::black_box;
use std::task::Waker;

use bellwire_core::engineio::SessionId;
use bellwire_core::json::{self, check_placeholders, split_event};
use bellwire_core::mailbox::{Budget, Mailbox};
use bellwire_core::socketio::parser::json::{Head, write_event};
use bellwire_core::socketio::rooms::Rooms;
use bellwire_core::socketio::target::Target;
use bellwire_core::transport::frame::{FrameLimits, FrameReader, write_text};
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

const DEPTH: usize = 64;
const MASK: [u8; 4] = [0x5c, 0xa3, 0x1f, 0xe6];

/// Event packets as the load tests send them, without the Engine.IO type.
fn events() -> [(&'static str, String); 4] {
    let object = |id: usize| {
        format!(
            r#"{{"alive":true,"id":{id},"name":"player-{id}","pos":{{"x":{},"y":-{}}},"tags":["a","b"]}}"#,
            id * 3 % 640,
            id * 7 % 480
        )
    };
    let objects: Vec<_> = (1_000..1_012).map(object).collect();
    let text = |len: usize| format!(r#"2["echo","{}"]"#, "abcdefgh".repeat(len / 8));
    [
        ("16 B", text(16)),
        ("1 KiB", text(1_024)),
        (
            "1 KiB of objects",
            format!(r#"2["echo",[{}]]"#, objects.join(",")),
        ),
        ("64 KiB", text(65_536)),
    ]
}

/// Events of about 1 KiB that take different paths through the JSON validator.
fn documents() -> [(&'static str, String); 5] {
    let event = |item: &dyn Fn(usize) -> String, many: usize| {
        let items: Vec<_> = (0..many).map(item).collect();
        format!(r#"["echo",[{}]]"#, items.join(","))
    };
    let spaced = |i| {
        format!(
            "\n    {{\n      \"id\": {i},\n      \"alive\": true,\n      \"name\": \"player-{i}\"\n    }}"
        )
    };
    let floats = |i| format!(r#"{{"x":{}.{},"y":-{}.5}}"#, i * 37 % 100, i * 7_919, i * 3);
    let escaped = |i| format!(r#"{{"text":"line\nline {i} \"quoted\" \u00e9"}}"#);
    let small: Vec<_> = (0..100).map(|i| format!(r#"{{"id":{i}}}"#)).collect();
    [
        ("1 KiB with whitespace", event(&spaced, 13)),
        ("1 KiB of fractions", event(&floats, 40)),
        (
            "1 KiB of integers",
            event(&|i| (i * 7_919).to_string(), 175),
        ),
        ("1 KiB with escapes", event(&escaped, 23)),
        (
            "1 KiB of small arguments",
            format!(r#"["echo",{}]"#, small.join(",")),
        ),
    ]
}

/// One masked text frame, as a client sends it.
fn masked(payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x81];
    match payload.len() {
        len @ 0..126 => frame.push(0x80 | len as u8),
        len @ 126..65_536 => {
            frame.push(0x80 | 126);
            frame.extend((len as u16).to_be_bytes());
        }
        len => {
            frame.push(0x80 | 127);
            frame.extend((len as u64).to_be_bytes());
        }
    }
    frame.extend(MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(b, m)| b ^ m));
    frame
}

fn frames(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("frame");
    for (name, text) in events() {
        group.throughput(Throughput::Bytes(text.len() as u64));
        let frame = masked(text.as_bytes());
        let limits = FrameLimits {
            max_message: 1_000_000,
            max_fragments: 1_024,
        };
        let mut reader = FrameReader::new(limits);
        group.bench_function(BenchmarkId::new("read", name), |bencher| {
            // The reader unmasks a frame in place, so each iteration needs a fresh copy.
            bencher.iter_batched_ref(
                || frame.clone(),
                |chunk| {
                    let mut used = 0;
                    while let Some(incoming) = reader.next(chunk, &mut used).expect("a frame") {
                        black_box(incoming);
                    }
                },
                BatchSize::SmallInput,
            );
        });
        let mut out = Vec::new();
        group.bench_function(BenchmarkId::new("write", name), |bencher| {
            bencher.iter(|| {
                out.clear();
                write_text(&mut out, black_box(&text));
            });
        });
    }
    group.finish();
}

fn packets(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("packet");
    for (name, text) in events() {
        let json = &text.as_bytes()[1..];
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(BenchmarkId::new("split_event", name), |bencher| {
            bencher.iter(|| split_event(black_box(json), DEPTH));
        });
        group.bench_function(BenchmarkId::new("check", name), |bencher| {
            bencher.iter(|| json::check(black_box(json), DEPTH));
        });
        let parts = split_event(json, DEPTH).expect("an event");
        let args = [b"[".as_slice(), &json[parts.args_start + 1..parts.end]].concat();
        let mut out = Vec::new();
        group.bench_function(BenchmarkId::new("write_event", name), |bencher| {
            bencher.iter(|| {
                out.clear();
                write_event(&mut out, "/", None, "echo".into(), black_box(&args), 0);
            });
        });
    }
    for (name, json) in documents() {
        group.throughput(Throughput::Bytes(json.len() as u64));
        group.bench_function(BenchmarkId::new("split_event", name), |bencher| {
            bencher.iter(|| split_event(black_box(json.as_bytes()), DEPTH));
        });
    }
    group.throughput(Throughput::Elements(1));
    for (name, text) in [
        ("event", "2[\"echo\"]"),
        ("with namespace and id", "2/custom,17[\"echo\"]"),
        ("binary", "51-[\"bin\",{\"_placeholder\":true,\"num\":0}]"),
    ] {
        group.bench_function(BenchmarkId::new("head", name), |bencher| {
            bencher.iter(|| Head::decode(black_box(text.as_bytes()), 10));
        });
    }
    let binary = br#"["bin",{"_placeholder":true,"num":0}]"#;
    group.bench_function("check_placeholders", |bencher| {
        bencher.iter(|| check_placeholders(black_box(binary), 1));
    });
    group.finish();
}

fn mailbox(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("mailbox");
    let mailbox = Mailbox::<usize>::default();
    let (mut items, mut arena) = (Vec::new(), Vec::new());
    for many in [1, 8] {
        group.throughput(Throughput::Elements(many as u64));
        group.bench_function(BenchmarkId::new("sleep, push, drain", many), |bencher| {
            bencher.iter(|| {
                mailbox.sleep(Waker::noop());
                for item in 0..many {
                    let pushed = mailbox.push_with(64, Budget::Bytes(1_000_000), |items, arena| {
                        items.push(item);
                        arena.extend_from_slice(b"42[\"echo\",\"abcdefghijklmnop\"]");
                    });
                    assert_eq!(pushed, Ok(()));
                }
                mailbox.drain_into(&mut items, &mut arena);
                items.clear();
                arena.clear();
            });
        });
    }
    group.finish();
}

fn rooms(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rooms");
    let mut rooms = Rooms::default();
    let joining = SessionId::random().expect("an id");
    let names: Vec<_> = (0..100).map(|room| format!("room-{room}")).collect();
    for member in 0..1_000_usize {
        let key = rooms.insert(SessionId::random().expect("an id"), member);
        rooms.join(key, &names[member % names.len()]);
        rooms.join(key, "many");
        rooms.show(key);
    }
    let one = [names[7].as_str()];
    let several = ["many", names[7].as_str()];
    // A broadcast of the Python binding while one client waits in its connect handler.
    rooms.insert(joining, 1_000);
    let one_id = [joining.as_str()];
    let targets = [
        ("all, 1 000", Target::ALL),
        (
            "a room of 10",
            Target {
                rooms: &one,
                ..Target::ALL
            },
        ),
        (
            "two rooms of 1 000 and 10, once each",
            Target {
                rooms: &several,
                ..Target::ALL
            },
        ),
        (
            "all except a room",
            Target {
                except: &one,
                ..Target::ALL
            },
        ),
        (
            "all except one that is joining",
            Target {
                except: &one_id,
                ..Target::ALL
            },
        ),
    ];
    for (name, target) in targets {
        let mut found = 0;
        rooms.select(&target, |_| found += 1);
        group.throughput(Throughput::Elements(found));
        group.bench_function(BenchmarkId::new("select", name), |bencher| {
            bencher.iter(|| rooms.select(&target, |member| _ = black_box(member)));
        });
    }
    group.throughput(Throughput::Elements(1));
    let key = rooms.insert(SessionId::random().expect("an id"), 1_000);
    group.bench_function("join and leave", |bencher| {
        bencher.iter(|| {
            rooms.join(key, "another");
            rooms.leave(key, "another")
        });
    });
    group.finish();
}

criterion_group!(hot_path, frames, packets, mailbox, rooms);
criterion_main!(hot_path);
