//! Every rule a frame can break, and what is just allowed.

use super::{Got, LIMITS, feed, last, more, read};
use crate::transport::frame::{FrameError, FrameLimits, FrameReader, Opcode};

fn fails(bytes: &[u8], error: FrameError) {
    let (_, result) = read(LIMITS, bytes);
    assert_eq!(result, Err(error), "{bytes:02x?}");
    // The rule does not depend on how the bytes arrive, and it holds from then on.
    let mut reader = FrameReader::new(LIMITS);
    let mut got = Vec::new();
    let result = bytes
        .iter()
        .try_for_each(|&byte| feed(&mut reader, &[byte], &mut got));
    assert_eq!(result, Err(error), "{bytes:02x?}");
    let mut input = last(Opcode::Ping, b"");
    let mut used = 0;
    assert_eq!(reader.next(&mut input, &mut used), Err(error));
    assert_eq!(used, input.len());
    assert_eq!(reader.capacity(), 0);
    assert!(!reader.is_mid_message());
}

#[test]
fn broken_frames_are_refused() {
    let begun = |next: &[u8]| [&more(Opcode::Text, b"a"), next].concat();
    let cases: [(Vec<u8>, FrameError, u16, &str); 21] = [
        (
            vec![0xc1, 0x80],
            FrameError::Rsv1,
            1002,
            "Invalid WebSocket frame: RSV1 must be clear",
        ),
        (
            vec![0xa1, 0x80],
            FrameError::Rsv23,
            1002,
            "Invalid WebSocket frame: RSV2 and RSV3 must be clear",
        ),
        (
            vec![0x91, 0x80],
            FrameError::Rsv23,
            1002,
            "Invalid WebSocket frame: RSV2 and RSV3 must be clear",
        ),
        (
            vec![0xf9, 0x80],
            FrameError::Rsv23,
            1002,
            "Invalid WebSocket frame: RSV2 and RSV3 must be clear",
        ),
        (
            vec![0x83, 0x80],
            FrameError::UnknownOpcode(3),
            1002,
            "Invalid WebSocket frame: invalid opcode 3",
        ),
        (
            vec![0x87, 0x80],
            FrameError::UnknownOpcode(7),
            1002,
            "Invalid WebSocket frame: invalid opcode 7",
        ),
        (
            vec![0x8b, 0x80],
            FrameError::UnknownOpcode(11),
            1002,
            "Invalid WebSocket frame: invalid opcode 11",
        ),
        (
            vec![0x8f, 0x80],
            FrameError::UnknownOpcode(15),
            1002,
            "Invalid WebSocket frame: invalid opcode 15",
        ),
        (
            vec![0x80, 0x80],
            FrameError::UnexpectedContinuation,
            1002,
            "Invalid WebSocket frame: invalid opcode 0",
        ),
        (
            begun(&[0x81, 0x80]),
            FrameError::UnfinishedMessage(1),
            1002,
            "Invalid WebSocket frame: invalid opcode 1",
        ),
        (
            begun(&[0x02, 0x80]),
            FrameError::UnfinishedMessage(2),
            1002,
            "Invalid WebSocket frame: invalid opcode 2",
        ),
        (
            vec![0x09, 0x80],
            FrameError::FragmentedControl,
            1002,
            "Invalid WebSocket frame: FIN must be set",
        ),
        (
            vec![0x08, 0x80],
            FrameError::FragmentedControl,
            1002,
            "Invalid WebSocket frame: FIN must be set",
        ),
        (
            vec![0x89, 0xfe],
            FrameError::ControlLength(126),
            1002,
            "Invalid WebSocket frame: invalid payload length 126",
        ),
        (
            vec![0x8a, 0xff],
            FrameError::ControlLength(127),
            1002,
            "Invalid WebSocket frame: invalid payload length 127",
        ),
        (
            vec![0x88, 0x81],
            FrameError::CloseLength,
            1002,
            "Invalid WebSocket frame: invalid payload length 1",
        ),
        (
            vec![0x81, 0x01],
            FrameError::Unmasked,
            1002,
            "Invalid WebSocket frame: MASK must be set",
        ),
        (
            vec![0x89, 0x00],
            FrameError::Unmasked,
            1002,
            "Invalid WebSocket frame: MASK must be set",
        ),
        (
            vec![0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 1],
            FrameError::LengthOverflow,
            1009,
            "Unsupported WebSocket frame: payload length > 2^53 - 1",
        ),
        (
            vec![0x82, 0xff, 0, 0x20, 0, 0, 0, 0, 0, 0],
            FrameError::LengthOverflow,
            1009,
            "Unsupported WebSocket frame: payload length > 2^53 - 1",
        ),
        (
            vec![0x82, 0xff, 0, 0, 0, 0, 0, 0x0f, 0x42, 0x41],
            FrameError::MessageTooLarge,
            1009,
            "Max payload size exceeded",
        ),
    ];
    for (bytes, error, code, text) in cases {
        fails(&bytes, error);
        assert_eq!(error.close_code(), code, "{error:?}");
        assert_eq!(error.to_string(), text);
        assert_eq!(error.class(), "RangeError");
    }
}

#[test]
fn text_and_reasons_are_utf8() {
    let error = FrameError::InvalidUtf8;
    assert_eq!(error.close_code(), 1007);
    assert_eq!(
        format!("{}: {error}", error.class()),
        "Error: Invalid WebSocket frame: invalid UTF-8 sequence"
    );
    let long = [vec![b'x'; 500], vec![0xff]].concat();
    let bad: [&[u8]; 5] = [
        b"\xff",
        b"ok\xc3",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        &long,
    ];
    for text in bad {
        fails(&last(Opcode::Text, text), error);
        let fragments = [more(Opcode::Text, text), last(Opcode::Continuation, b"x")];
        fails(&fragments.concat(), error);
        if text.len() < 120 {
            let reason = [b"\x03\xe8", text].concat();
            fails(&last(Opcode::Close, &reason), error);
        }
    }
    // A character may be split between fragments, but must be complete in the message.
    let whole = [
        more(Opcode::Text, b"a\xe2\x82"),
        last(Opcode::Continuation, b"\xac"),
    ]
    .concat();
    assert_eq!(read(LIMITS, &whole), (vec![Got::Text("a€".into())], Ok(())));
    let cut = [
        more(Opcode::Text, b"a"),
        last(Opcode::Continuation, b"\xe2\x82"),
    ]
    .concat();
    fails(&cut, error);
    // Binary messages are any bytes.
    assert!(read(LIMITS, &last(Opcode::Binary, b"\xff")).1.is_ok());
}

#[test]
fn close_codes() {
    for code in [
        1000, 1003, 1007, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999_u16,
    ] {
        let payload = [&code.to_be_bytes(), "bye €".as_bytes()].concat();
        assert_eq!(
            read(LIMITS, &last(Opcode::Close, &payload)),
            (vec![Got::Close(Some((code, "bye €".to_owned())))], Ok(()))
        );
    }
    for code in [
        0, 1, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999, 5000, 65535_u16,
    ] {
        let error = FrameError::CloseCode(code);
        fails(&last(Opcode::Close, &code.to_be_bytes()), error);
        assert_eq!(error.close_code(), 1002);
        assert_eq!(
            error.to_string(),
            format!("Invalid WebSocket frame: invalid status code {code}")
        );
    }
}

#[test]
fn nothing_comes_after_close() {
    let bytes = [
        last(Opcode::Close, b""),
        last(Opcode::Text, b"x"),
        vec![0xff; 9],
    ]
    .concat();
    assert_eq!(read(LIMITS, &bytes), (vec![Got::Close(None)], Ok(())));
}

#[test]
fn the_limit_counts_all_fragments() {
    let limits = FrameLimits {
        max_message: 200,
        max_fragments: 10,
    };
    let too_large = Err(FrameError::MessageTooLarge);
    let (whole, over) = ([b'x'; 200], [b'x'; 201]);
    for opcode in [Opcode::Text, Opcode::Binary] {
        assert!(read(limits, &last(opcode, &whole)).1.is_ok());
        assert_eq!(read(limits, &last(opcode, &over)).1, too_large);
        let halves = |second| {
            [
                more(opcode, &[b'x'; 100]),
                last(Opcode::Continuation, second),
            ]
        };
        assert_eq!(read(limits, &halves(&[b'x'; 100]).concat()).0.len(), 1);
        let pieces = halves(&[b'x'; 101]).concat();
        assert_eq!(read(limits, &pieces).1, too_large);
        // The head is enough to know.
        assert_eq!(
            read(limits, &pieces[..more(opcode, &[0; 100]).len() + 2]).1,
            too_large
        );
    }
    // Short frames take another way through the reader.
    let tiny = FrameLimits {
        max_message: 3,
        max_fragments: 10,
    };
    assert!(read(tiny, &last(Opcode::Text, b"abc")).1.is_ok());
    assert_eq!(read(tiny, &last(Opcode::Text, b"abcd")).1, too_large);
    // The limit applies to each message, and control frames do not count.
    let ping = last(Opcode::Ping, &[1; 125]);
    let bytes = [
        more(Opcode::Text, b"ab"),
        ping,
        last(Opcode::Continuation, b"c"),
    ]
    .concat();
    assert_eq!(read(tiny, &bytes.repeat(3)).0.len(), 6);
    let none = FrameLimits {
        max_message: usize::MAX,
        max_fragments: 1,
    };
    let huge = [
        0x82, 0xff, 0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4, 5,
    ];
    assert_eq!(read(none, &huge), (vec![], Ok(())));
}

#[test]
fn fragments_are_counted_even_when_empty() {
    let limits = FrameLimits {
        max_message: 100,
        max_fragments: 4,
    };
    let with = |continuations: usize| {
        [
            more(Opcode::Binary, b""),
            [more(Opcode::Continuation, b""), last(Opcode::Ping, b"")]
                .concat()
                .repeat(continuations),
            last(Opcode::Continuation, b""),
        ]
        .concat()
    };
    let (got, result) = read(limits, &with(2).repeat(2));
    assert_eq!((got.len(), result), (6, Ok(())));
    assert_eq!(got[2], Got::Binary(vec![]));
    let error = FrameError::TooManyFragments;
    assert_eq!(read(limits, &with(3)).1, Err(error));
    assert_eq!(error.close_code(), 1008);
    assert_eq!(error.to_string(), "Too many message fragments");
    let none = FrameLimits {
        max_fragments: 0,
        ..limits
    };
    assert_eq!(read(none, &with(0)).1, Err(error));
    assert!(read(none, &last(Opcode::Text, b"whole")).1.is_ok());
}

#[test]
fn control_frames_do_not_wait_for_the_message() -> Result<(), FrameError> {
    let mut reader = FrameReader::new(LIMITS);
    let mut got = Vec::new();
    feed(&mut reader, &more(Opcode::Text, b"a"), &mut got)?;
    assert!(got.is_empty() && reader.is_mid_message());
    feed(&mut reader, &last(Opcode::Ping, b"p"), &mut got)?;
    feed(&mut reader, &last(Opcode::Pong, b""), &mut got)?;
    assert_eq!(got, [Got::Ping(b"p".into()), Got::Pong(vec![])]);
    assert!(reader.is_mid_message());
    feed(&mut reader, &last(Opcode::Continuation, b"b"), &mut got)?;
    assert_eq!(got[2..], [Got::Text(b"ab".into())]);
    assert!(!reader.is_mid_message());
    feed(&mut reader, &more(Opcode::Text, b"a"), &mut got)?;
    feed(&mut reader, &last(Opcode::Close, b"\x03\xe8"), &mut got)?;
    assert_eq!(got[3..], [Got::Close(Some((1000, String::new())))]);
    assert!(!reader.is_mid_message());
    Ok(())
}

#[test]
fn lengths_need_not_be_minimal() {
    let frame = [0x82, 0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 7];
    assert_eq!(read(LIMITS, &frame), (vec![Got::Binary(vec![7])], Ok(())));
    let frame = [0x82, 0xfe, 0, 1, 0, 0, 0, 0, 7];
    assert_eq!(read(LIMITS, &frame), (vec![Got::Binary(vec![7])], Ok(())));
}
