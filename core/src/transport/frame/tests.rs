//! What the reader makes of bytes, and the writer of messages.

use super::{FrameError, FrameLimits, FrameReader, Incoming};

#[test]
fn a_whole_frame_is_lent_from_the_input() -> Result<(), FrameError> {
    let mut reader = FrameReader::new(FrameLimits {
        max_message: 1000,
        max_fragments: 10,
    });
    let mut input = *b"\x81\x82\x01\x02\x03\x04ik";
    let mut used = 0;
    assert_eq!(
        reader.next(&mut input, &mut used)?,
        Some(Incoming::Text(&mut b"hi".to_owned()))
    );
    assert_eq!(used, input.len());
    assert_eq!(reader.next(&mut input, &mut used)?, None);
    assert_eq!(reader.capacity(), 0);
    Ok(())
}
