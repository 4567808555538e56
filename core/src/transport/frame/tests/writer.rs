//! The bytes of a server's frames.

use crate::transport::frame::{
    Opcode, header_len, write_binary, write_close, write_header, write_ping, write_pong, write_text,
};

#[test]
fn heads_are_minimal() {
    let cases: [(usize, &[u8]); 7] = [
        (0, &[0x82, 0]),
        (125, &[0x82, 125]),
        (126, &[0x82, 126, 0, 126]),
        (256, &[0x82, 126, 1, 0]),
        (0xffff, &[0x82, 126, 0xff, 0xff]),
        (0x1_0000, &[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        (
            0x1234_5678,
            &[0x82, 127, 0, 0, 0, 0, 0x12, 0x34, 0x56, 0x78],
        ),
    ];
    for (len, head) in cases {
        let mut out = b"kept".to_vec();
        write_header(&mut out, Opcode::Binary, len);
        assert_eq!(&out[4..], head);
        assert_eq!(header_len(len), head.len());
    }
}

#[test]
fn frames_follow_each_other() {
    let mut out = Vec::new();
    write_text(&mut out, "hé");
    write_binary(&mut out, &[0xff]);
    write_ping(&mut out, b"");
    write_pong(&mut out, b"p");
    write_close(&mut out, None, "unsaid");
    write_close(&mut out, Some(1009), "big");
    assert_eq!(
        out,
        b"\x81\x03h\xc3\xa9\x82\x01\xff\x89\x00\x8a\x01p\x88\x00\x88\x05\x03\xf1big"
    );
}

#[test]
fn control_frames_are_cut_to_size() {
    let mut out = Vec::new();
    write_ping(&mut out, &[7; 200]);
    assert_eq!((out[1], out.len()), (125, 127));
    let reasons = [
        ("x".repeat(123), 123),
        ("x".repeat(124), 123),
        ("é".repeat(62), 122),
        ("€".repeat(41), 123),
        ("€".repeat(42), 123),
        (format!("x{}", "😀".repeat(40)), 121),
    ];
    for (reason, kept) in reasons {
        let mut out = Vec::new();
        write_close(&mut out, Some(1000), &reason);
        assert_eq!(usize::from(out[1]), 2 + kept);
        assert_eq!(&out[4..], &reason.as_bytes()[..kept]);
    }
}
