//! Parses a client's messages in place, in the bytes that were read.
//!
//! A whole message in the input is borrowed from there without a copy. Only the beginning of an incomplete frame is
//! copied into the reader (`held`), and only fragments are joined (`message`). Both grow with the bytes that have
//! arrived, not with announced lengths.

use std::ops::Range;

use bytes::BufMut;
use bytes::buf::Limit;

use super::head::{Context, Head, Parsed, ShortMessage};
use super::incoming::{Incoming, read_close};
use super::mask::{Charset, unmask};
use super::{FrameError, FrameLimits, Opcode};

/// A reused buffer that is larger than this, and much larger than its next content, is freed.
const KEEP_CAPACITY: usize = 4096;
/// The least room that [`FrameReader::spare`] offers, if this much is wanted.
const MIN_SPARE: usize = 1024;

/// Reads the frames of one client. Between messages it holds no buffer.
#[derive(Debug)]
pub struct FrameReader {
    limits: FrameLimits,
    /// Bytes that have not been parsed, starting at `held_at`.
    held: Vec<u8>,
    held_at: usize,
    /// The length of the incomplete frame in `held`, head included; 0 if its head is incomplete too.
    frame_len: usize,
    /// The payloads of the current message's fragments, or the message that was returned last.
    message: Vec<u8>,
    assembly: Option<Assembly>,
    end: Option<End>,
}

/// The current fragmented message.
#[derive(Debug, Clone, Copy)]
struct Assembly {
    kind: Kind,
    charset: Charset,
    fragments: u32,
}

#[derive(Debug, Clone, Copy)]
enum End {
    Closed,
    Failed(FrameError),
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Text,
    Binary,
    Ping,
    Pong,
    Close,
}

#[derive(Debug, Clone, Copy)]
enum Place {
    Input,
    Held,
    Message,
}

/// A complete frame.
struct Frame {
    head: Head,
    place: Place,
    payload: Range<usize>,
}

/// The message or control frame that `next` returns, and where its payload is.
struct Lent {
    kind: Kind,
    charset: Charset,
    place: Place,
    range: Range<usize>,
}

impl FrameReader {
    /// A reader for the beginning of a connection.
    #[must_use]
    pub fn new(limits: FrameLimits) -> Self {
        Self {
            limits,
            held: Vec::new(),
            held_at: 0,
            frame_len: 0,
            message: Vec::new(),
            assembly: None,
            end: None,
        }
    }

    /// Returns the next message of the bytes that the reader holds, followed by `input[*used..]`, and sets `*used` to
    /// its end.
    /// `None` means that more bytes are needed: the input is used up, and the reader holds its incomplete rest.
    ///
    /// # Errors
    /// The client violated the protocol or a limit. All further calls return the same error. After a close frame all
    /// further calls return `None`.
    #[inline]
    pub fn next<'a>(
        &'a mut self,
        input: &'a mut [u8],
        used: &mut usize,
    ) -> Result<Option<Incoming<'a>>, FrameError> {
        if self.is_idle()
            && let Some(short) = ShortMessage::find(input, *used, self.limits.max_message)
        {
            *used = short.payload.end;
            let payload = &mut input[short.payload];
            let charset = unmask(payload, short.key);
            if short.opcode == Opcode::Binary {
                return Ok(Some(Incoming::Binary(payload)));
            }
            if charset == Charset::Ascii || simdutf8::basic::from_utf8(payload).is_ok() {
                return Ok(Some(Incoming::Text(payload)));
            }
            self.end = Some(End::Failed(FrameError::InvalidUtf8));
            return Err(FrameError::InvalidUtf8);
        }
        self.next_of_any_kind(input, used)
    }

    /// `next` for everything except a [`ShortMessage`].
    #[inline(never)]
    fn next_of_any_kind<'a>(
        &'a mut self,
        input: &'a mut [u8],
        used: &mut usize,
    ) -> Result<Option<Incoming<'a>>, FrameError> {
        let lent = match self.advance(input, used) {
            Ok(Some(lent)) => lent,
            Ok(None) => return Ok(None),
            Err(error) => {
                self.end = Some(End::Failed(error));
                return Err(error);
            }
        };
        let source = match lent.place {
            Place::Input => input,
            Place::Held => self.held.as_mut_slice(),
            Place::Message => self.message.as_mut_slice(),
        };
        let bytes = &mut source[lent.range];
        let incoming = match lent.kind {
            Kind::Text if lent.charset == Charset::Ascii => Ok(Incoming::Text(bytes)),
            Kind::Text => match simdutf8::basic::from_utf8(bytes) {
                Ok(_) => Ok(Incoming::Text(bytes)),
                Err(_) => Err(FrameError::InvalidUtf8),
            },
            Kind::Binary => Ok(Incoming::Binary(bytes)),
            Kind::Ping => Ok(Incoming::Ping(bytes)),
            Kind::Pong => Ok(Incoming::Pong(bytes)),
            Kind::Close => {
                self.end = Some(End::Closed);
                read_close(bytes).map(Incoming::Close)
            }
        };
        incoming
            .inspect_err(|&error| self.end = Some(End::Failed(error)))
            .map(Some)
    }

    /// Keeps bytes for a later `next`, for a caller that has to stop before the input is used up.
    pub fn stash(&mut self, rest: &[u8]) {
        if self.end.is_none() && !rest.is_empty() {
            // The parsed part is removed only when it is the larger one, so that each byte is moved a constant number
            // of times however often the caller stops.
            if self.held_at > self.held.len() / 2 {
                self.compact();
            }
            self.held.extend_from_slice(rest);
        }
    }

    /// How many bytes the incomplete frame lacks; 0 if its head is incomplete. A caller may read them into
    /// [`FrameReader::spare`].
    #[must_use]
    pub fn wanted(&self) -> usize {
        self.frame_len.saturating_sub(self.held.len())
    }

    /// Room for the next bytes of the incomplete frame: at most what it lacks, and, above a small minimum, at most as
    /// much as has arrived. Empty if nothing is wanted. After reading into it, call `next` with an empty input.
    pub fn spare(&mut self) -> Limit<&mut Vec<u8>> {
        let room = self.wanted().min(self.held.len().max(MIN_SPARE));
        self.held.reserve_exact(room);
        (&mut self.held).limit(room)
    }

    /// Whether a message or frame is incomplete; control frames between the fragments of a message do not complete it.
    /// Stashed bytes count as incomplete.
    #[must_use]
    pub fn is_mid_message(&self) -> bool {
        self.end.is_none() && (self.assembly.is_some() || self.held_at < self.held.len())
    }

    /// The capacity of the reader's buffers in bytes.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.held.capacity() + self.message.capacity()
    }

    /// Whether the next frame is in the input, and begins a message if it is a data frame.
    #[inline]
    fn is_idle(&self) -> bool {
        self.end.is_none() && self.assembly.is_none() && self.held.is_empty()
    }

    /// Finds the next message, and unmasks it in place.
    #[inline]
    fn advance(&mut self, input: &mut [u8], used: &mut usize) -> Result<Option<Lent>, FrameError> {
        if let Some(end) = self.end {
            return self.refuse(end, input, used);
        }
        if self.assembly.is_none() {
            self.message.clear();
        }
        loop {
            if self.held_at > 0 && self.held_at == self.held.len() {
                self.held.clear();
                self.held_at = 0;
            }
            let frame = if self.held.is_empty() {
                self.find_in_input(input, used)?
            } else {
                self.find_in_held(input, used)?
            };
            let Some(Frame {
                head,
                place,
                payload: range,
            }) = frame
            else {
                return Ok(None);
            };
            let payload = match place {
                Place::Held => &mut self.held[range.clone()],
                _ => &mut input[range.clone()],
            };
            let charset = unmask(payload, head.key);
            let kind = match head.opcode {
                Opcode::Text if head.fin => Kind::Text,
                Opcode::Binary if head.fin => Kind::Binary,
                Opcode::Ping => Kind::Ping,
                Opcode::Pong => Kind::Pong,
                Opcode::Close => Kind::Close,
                Opcode::Text | Opcode::Binary | Opcode::Continuation => {
                    grow(&mut self.message, payload, self.limits.max_message);
                    if let Some(message) = self.assemble(&head, charset) {
                        return Ok(Some(message));
                    }
                    continue;
                }
            };
            return Ok(Some(Lent {
                kind,
                charset,
                place,
                range,
            }));
        }
    }

    /// The next frame when nothing is held. An incomplete frame is held.
    #[inline]
    fn find_in_input(
        &mut self,
        input: &[u8],
        used: &mut usize,
    ) -> Result<Option<Frame>, FrameError> {
        let rest = input.get(*used..).unwrap_or_default();
        let parsed = Head::parse(rest, &self.context())?;
        if let Parsed::Head(head) = parsed
            && rest.len() >= head.total
        {
            let begin = *used;
            *used += head.total;
            return Ok(Some(Frame {
                head,
                place: Place::Input,
                payload: begin + head.len..begin + head.total,
            }));
        }
        *used = input.len();
        self.hold_first(rest, parsed);
        Ok(None)
    }

    /// Holds the beginning of a frame; frees the buffers if there is none.
    fn hold_first(&mut self, rest: &[u8], parsed: Parsed) {
        if self.assembly.is_none() {
            self.message = Vec::new();
        }
        if self.held.capacity() > KEEP_CAPACITY.max(4 * rest.len()) || rest.is_empty() {
            self.held = Vec::new();
        }
        match parsed {
            Parsed::Head(head) => {
                self.frame_len = head.total;
                grow(&mut self.held, rest, head.total);
            }
            Parsed::Short(_) => self.held.extend_from_slice(rest),
        }
    }

    /// The next frame when bytes are held. The bytes that it lacks are copied from the input.
    fn find_in_held(
        &mut self,
        input: &[u8],
        used: &mut usize,
    ) -> Result<Option<Frame>, FrameError> {
        loop {
            let have = &self.held[self.held_at..];
            let total = match Head::parse(have, &self.context())? {
                Parsed::Head(head) if have.len() >= head.total => {
                    let begin = self.held_at;
                    self.held_at += head.total;
                    self.frame_len = 0;
                    return Ok(Some(Frame {
                        head,
                        place: Place::Held,
                        payload: begin + head.len..begin + head.total,
                    }));
                }
                Parsed::Head(head) => {
                    self.frame_len = head.total;
                    head.total
                }
                Parsed::Short(len) => len,
            };
            self.compact();
            let rest = input.get(*used..).unwrap_or_default();
            if rest.is_empty() {
                return Ok(None);
            }
            let taken = rest.len().min(total - self.held.len());
            grow(&mut self.held, &rest[..taken], total);
            *used += taken;
        }
    }

    /// Counts a fragment whose payload was added to `message`. Returns the message after its last fragment.
    fn assemble(&mut self, head: &Head, charset: Charset) -> Option<Lent> {
        let assembly = match (self.assembly, head.opcode) {
            (Some(begun), _) => Assembly {
                fragments: begun.fragments.saturating_add(1),
                charset: begun.charset.and(charset),
                ..begun
            },
            (None, opcode) => Assembly {
                kind: if opcode == Opcode::Text {
                    Kind::Text
                } else {
                    Kind::Binary
                },
                charset,
                fragments: 1,
            },
        };
        if !head.fin {
            self.assembly = Some(assembly);
            return None;
        }
        self.assembly = None;
        Some(Lent {
            kind: assembly.kind,
            charset: assembly.charset,
            place: Place::Message,
            range: 0..self.message.len(),
        })
    }

    #[inline]
    fn context(&self) -> Context {
        Context {
            limits: self.limits,
            fragments: self.assembly.map_or(0, |assembly| assembly.fragments),
            collected: self.message.len(),
        }
    }

    /// Moves the held bytes to the beginning of their buffer.
    fn compact(&mut self) {
        if self.held_at > 0 {
            self.held.drain(..self.held_at);
            self.held_at = 0;
        }
    }

    /// After the end, drops the input and the buffers.
    #[cold]
    fn refuse(
        &mut self,
        end: End,
        input: &[u8],
        used: &mut usize,
    ) -> Result<Option<Lent>, FrameError> {
        *used = input.len();
        self.held = Vec::new();
        self.held_at = 0;
        self.frame_len = 0;
        self.message = Vec::new();
        self.assembly = None;
        match end {
            End::Closed => Ok(None),
            End::Failed(error) => Err(error),
        }
    }
}

/// Appends bytes. Doubles the capacity as `Vec` does, but not beyond `ceiling`.
fn grow(buffer: &mut Vec<u8>, bytes: &[u8], ceiling: usize) {
    let len = buffer.len() + bytes.len();
    if len > buffer.capacity() {
        let capacity = len.max((2 * buffer.capacity()).min(ceiling));
        buffer.reserve_exact(capacity - buffer.len());
    }
    buffer.extend_from_slice(bytes);
}
