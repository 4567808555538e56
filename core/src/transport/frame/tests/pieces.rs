//! How the bytes arrive makes no difference, and costs neither time nor memory.

use bytes::BufMut;
use proptest::prelude::{
    Arbitrary, Just, ProptestConfig, Strategy, any, prop, prop_assert, prop_assert_eq, prop_oneof,
    proptest,
};

use super::{Fin, Got, LIMITS, feed, last, masked, more, read};
use crate::transport::frame::{FrameError, FrameLimits, FrameReader, Opcode};

/// How one chunk is given to the reader.
#[derive(Debug, Clone, Copy)]
enum Way {
    Input,
    /// The caller pauses after each message, and keeps the rest in the reader.
    Pausing,
    /// The caller reads into the reader's own buffer as long as it wants bytes.
    Spare,
}

fn way() -> impl Strategy<Value = Way> {
    prop_oneof![Just(Way::Input), Just(Way::Pausing), Just(Way::Spare)]
}

fn chunks() -> impl Strategy<Value = Vec<(usize, Way)>> {
    let size = prop_oneof![Just(1_usize), 1..20_usize, 20..3000_usize];
    prop::collection::vec((size, way()), 1..30)
}

fn give(
    reader: &mut FrameReader,
    chunk: &[u8],
    way: Way,
    got: &mut Vec<Got>,
) -> Result<(), FrameError> {
    match way {
        Way::Input => feed(reader, chunk, got),
        Way::Pausing => {
            let mut input = chunk.to_vec();
            let mut used = 0;
            let message = reader.next(&mut input, &mut used)?.map(Got::from);
            let paused = message.is_some();
            got.extend(message);
            reader.stash(&input[used..]);
            // Sooner or later it goes on, here with nothing new.
            if paused {
                feed(reader, b"", got)
            } else {
                Ok(())
            }
        }
        Way::Spare => {
            let mut chunk = chunk;
            while reader.wanted() > 0 && !chunk.is_empty() {
                let mut spare = reader.spare();
                let taken = chunk.len().min(spare.remaining_mut());
                spare.put_slice(&chunk[..taken]);
                chunk = &chunk[taken..];
                feed(reader, b"", got)?;
            }
            feed(reader, chunk, got)
        }
    }
}

/// Reads the bytes in chunks of these sizes, over and over.
fn read_in(
    chunks: &[(usize, Way)],
    mut bytes: &[u8],
) -> (Vec<Got>, Result<(), FrameError>, FrameReader) {
    let mut reader = FrameReader::new(LIMITS);
    let mut got = Vec::new();
    for &(size, way) in chunks.iter().cycle() {
        if bytes.is_empty() {
            break;
        }
        let (chunk, rest) = bytes.split_at(size.min(bytes.len()));
        bytes = rest;
        if let Err(error) = give(&mut reader, chunk, way, &mut got) {
            return (got, Err(error), reader);
        }
    }
    (got, Ok(()), reader)
}

fn message() -> impl Strategy<Value = Got> {
    let bytes = |max| prop::collection::vec(any::<u8>(), 0..max);
    prop_oneof![
        4 => "[a-z€😀]{0,40}".prop_map(|text| Got::Text(text.into_bytes())),
        1 => "\\PC{100,3000}".prop_map(|text| Got::Text(text.into_bytes())),
        1 => (60_000..70_000_usize).prop_map(|len| Got::Text(vec![b'x'; len])),
        4 => prop_oneof![bytes(40), bytes(300), bytes(5000)].prop_map(Got::Binary),
        1 => bytes(126).prop_map(Got::Ping),
        1 => bytes(126).prop_map(Got::Pong),
    ]
}

/// A message with the places where it is cut into fragments, and their masks.
#[derive(Debug, Clone)]
struct Sent {
    message: Got,
    cuts: Vec<prop::sample::Index>,
    key: [u8; 4],
    ping_between: Option<Vec<u8>>,
}

fn sent() -> impl Strategy<Value = Sent> {
    let cuts = prop_oneof![
        3 => Just(vec![]),
        1 => prop::collection::vec(prop::sample::Index::arbitrary(), 1..6),
    ];
    let ping = prop::option::of(prop::collection::vec(any::<u8>(), 0..10));
    (message(), cuts, any::<[u8; 4]>(), ping).prop_map(|(message, cuts, key, ping_between)| Sent {
        message,
        cuts,
        key,
        ping_between,
    })
}

impl Sent {
    /// Appends the frames to the wire, and what has to come out of them to `expected`.
    fn put(&self, wire: &mut Vec<u8>, expected: &mut Vec<Got>) {
        let (mut opcode, payload, cuts) = match &self.message {
            Got::Text(text) => (Opcode::Text, text, self.cuts.as_slice()),
            Got::Binary(data) => (Opcode::Binary, data, self.cuts.as_slice()),
            Got::Ping(data) => (Opcode::Ping, data, [].as_slice()),
            Got::Pong(data) => (Opcode::Pong, data, [].as_slice()),
            Got::Close(_) => return,
        };
        let mut cuts: Vec<usize> = cuts
            .iter()
            .map(|cut| cut.index(payload.len() + 1))
            .collect();
        cuts.sort_unstable();
        let mut begin = 0;
        for cut in cuts {
            wire.extend(masked(opcode, Fin::More, &payload[begin..cut], self.key));
            if let Some(ping) = &self.ping_between {
                wire.extend(last(Opcode::Ping, ping));
                expected.push(Got::Ping(ping.clone()));
            }
            begin = cut;
            opcode = Opcode::Continuation;
        }
        wire.extend(masked(opcode, Fin::Last, &payload[begin..], self.key));
        expected.push(self.message.clone());
    }
}

/// Bytes that are nearly frames: much gets through the first checks.
fn nearly_frames() -> impl Strategy<Value = Vec<u8>> {
    let head = (
        prop_oneof![
            Just(0x81_u8),
            Just(0x82),
            Just(0x01),
            Just(0x00),
            Just(0x80),
            Just(0x88),
            Just(0x89),
            any::<u8>()
        ],
        prop_oneof![
            Just(0x80_u8),
            Just(0x82),
            Just(0x85),
            Just(0xfe),
            Just(0xff),
            any::<u8>()
        ],
        prop::collection::vec(prop_oneof![3 => Just(0_u8), 1 => any::<u8>()], 0..20),
    );
    prop::collection::vec(head, 0..12).prop_map(|heads| {
        let frames = heads.into_iter();
        frames
            .flat_map(|(a, b, rest)| [vec![a, b], rest].concat())
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn messages_come_out_as_they_went_in(
        messages in prop::collection::vec(sent(), 0..8),
        chunks in chunks(),
    ) {
        let (mut wire, mut expected) = (Vec::new(), Vec::new());
        for sent in &messages {
            sent.put(&mut wire, &mut expected);
        }
        let (got, result, mut reader) = read_in(&chunks, &wire);
        prop_assert_eq!(result, Ok(()));
        prop_assert!(got == expected);
        prop_assert!(!reader.is_mid_message());
        prop_assert_eq!(reader.next(&mut [], &mut 0), Ok(None));
        prop_assert_eq!(reader.capacity(), 0);
    }

    #[test]
    fn any_bytes_give_the_same_in_any_pieces(
        bytes in prop_oneof![prop::collection::vec(any::<u8>(), 0..200), nearly_frames()],
        chunks in chunks(),
    ) {
        let (whole, whole_result) = read(LIMITS, &bytes);
        let (got, result, _) = read_in(&chunks, &bytes);
        prop_assert_eq!(got, whole);
        prop_assert_eq!(result, whole_result);
    }
}

/// The limit of the two tests below.
const LIMIT: usize = 1_000_000;

#[test]
fn single_bytes_up_to_the_limit() -> Result<(), FrameError> {
    let mut reader = FrameReader::new(LIMITS);
    let mut got = Vec::new();
    let wire = last(Opcode::Binary, &vec![5; LIMIT]);
    for (sent, byte) in (1..).zip(wire) {
        assert!(got.is_empty());
        let mut input = [byte];
        got.extend(reader.next(&mut input, &mut 0)?.map(Got::from));
        assert!(reader.capacity() <= (2 * sent).clamp(16, LIMIT + 14));
    }
    assert_eq!(got, [Got::Binary(vec![5; LIMIT])]);
    Ok(())
}

#[test]
fn fragments_of_single_bytes_up_to_the_limit() -> Result<(), FrameError> {
    let mut reader = FrameReader::new(FrameLimits {
        max_message: LIMIT,
        max_fragments: u32::MAX,
    });
    let mut got = Vec::new();
    feed(&mut reader, &more(Opcode::Text, b""), &mut got)?;
    let chunk = more(Opcode::Continuation, b"x").repeat(1000);
    for _ in 0..LIMIT / 1000 {
        feed(&mut reader, &chunk, &mut got)?;
        assert!(reader.capacity() <= LIMIT);
    }
    assert!(got.is_empty());
    feed(&mut reader, &last(Opcode::Continuation, b""), &mut got)?;
    assert_eq!(got, [Got::Text(vec![b'x'; LIMIT])]);
    assert_eq!(reader.capacity(), 0);
    Ok(())
}

#[test]
fn stopping_at_every_message_costs_no_more_with_a_long_stash() -> Result<(), FrameError> {
    const STASHED: usize = 100_000;
    let mut reader = FrameReader::new(LIMITS);
    let frame = last(Opcode::Text, b"x");
    reader.stash(&frame.repeat(STASHED));
    for taken in 1..=2 * STASHED {
        let message = reader.next(&mut [], &mut 0)?.map(Got::from);
        assert_eq!(message, Some(Got::Text(b"x".into())));
        if taken <= STASHED {
            reader.stash(&frame);
        }
        assert!(reader.capacity() <= 4 * STASHED * frame.len());
    }
    assert_eq!(reader.next(&mut [], &mut 0)?, None);
    assert_eq!(reader.capacity(), 0);
    Ok(())
}

#[test]
fn a_head_alone_reserves_nothing() -> Result<(), FrameError> {
    let mut reader = FrameReader::new(LIMITS);
    let mut got = Vec::new();
    let wire = last(Opcode::Binary, &vec![5; LIMIT]);
    feed(&mut reader, &wire[..13], &mut got)?;
    assert_eq!(reader.wanted(), 0);
    assert_eq!(reader.spare().remaining_mut(), 0);
    feed(&mut reader, &wire[13..14], &mut got)?;
    assert_eq!(reader.wanted(), LIMIT);
    assert!(reader.is_mid_message());
    assert!(reader.capacity() < 64);
    assert!(reader.spare().remaining_mut() <= 1024);
    assert!(reader.capacity() <= 14 + 1024);
    feed(&mut reader, &wire[14..100_014], &mut got)?;
    assert_eq!(reader.wanted(), LIMIT - 100_000);
    assert!(reader.spare().remaining_mut() <= 100_014);
    assert!(reader.capacity() <= 250_000);
    Ok(())
}

#[test]
fn a_large_message_does_not_keep_its_buffer() -> Result<(), FrameError> {
    let mut reader = FrameReader::new(LIMITS);
    let mut got = Vec::new();
    let large = last(Opcode::Binary, &vec![5; LIMIT]);
    let small = last(Opcode::Text, b"x");
    feed(&mut reader, &large[..LIMIT / 2], &mut got)?;
    let rest = [&large[LIMIT / 2..], &small[..3]].concat();
    feed(&mut reader, &rest, &mut got)?;
    assert_eq!(got.len(), 1);
    assert!(reader.capacity() <= 4096);
    feed(&mut reader, &small[3..], &mut got)?;
    assert_eq!(got[1..], [Got::Text(b"x".into())]);
    assert_eq!(reader.capacity(), 0);
    Ok(())
}
