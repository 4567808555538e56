//! Takes a client's messages out of the bytes that were read, in place where they lie.
//!
//! A whole message inside the input is lent from there: nothing is copied. Only the begin of an
//! unfinished frame moves into the reader (`held`), and only fragments are put together
//! (`message`). Both grow with what has arrived, never with what a head announces.

use std::ops::Range;

use bytes::BufMut;
use bytes::buf::Limit;

use super::head::{Context, Head, Parsed, ShortMessage};
use super::incoming::{Incoming, read_close};
use super::mask::{Charset, unmask};
use super::{FrameError, FrameLimits, Opcode};

/// A reused buffer that is larger than this, and much larger than its next use, is given back.
const KEEP_CAPACITY: usize = 4096;
/// What [`FrameReader::spare`] offers at least, if so much is wanted.
const MIN_SPARE: usize = 1024;

/// Reads the frames of one client. At rest, between messages, it holds no buffer.
#[derive(Debug)]
pub struct FrameReader {
    limits: FrameLimits,
    /// Bytes not yet taken apart, from `held_at` on.
    held: Vec<u8>,
    held_at: usize,
    /// Head and payload of the unfinished frame, which is all that `held` has then; 0 = its head
    /// is not known.
    frame_len: usize,
    /// Payload of the fragments of the message that was begun, or the message just lent.
    message: Vec<u8>,
    assembly: Option<Assembly>,
    end: Option<End>,
}

/// A fragmented message that was begun.
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

/// A frame that is there as a whole.
struct Frame {
    head: Head,
    place: Place,
    payload: Range<usize>,
}

/// What `next` lends to its caller, and where it lies.
struct Lent {
    kind: Kind,
    charset: Charset,
    place: Place,
    range: Range<usize>,
}

impl FrameReader {
    /// A reader at the begin of a connection.
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

    /// Takes the next message out of what the reader holds and then `input[*used..]`, and moves
    /// `*used` behind it. `None` means that more bytes are needed: the input is used up, and its
    /// unfinished rest is kept by the reader.
    ///
    /// # Errors
    /// The client broke the protocol or a limit. All further calls return the same error. After
    /// a close frame all further calls return `None`.
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

    /// `next` for all that is not a [`ShortMessage`].
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

    /// Keeps bytes for a later `next`, when the caller has to stop before the input is used up.
    pub fn stash(&mut self, rest: &[u8]) {
        if self.end.is_none() && !rest.is_empty() {
            // The part that was taken already goes once it is the larger one, so that a byte is
            // moved a constant number of times however often the caller stops.
            if self.held_at > self.held.len() / 2 {
                self.compact();
            }
            self.held.extend_from_slice(rest);
        }
    }

    /// How many bytes the unfinished frame still wants; 0 = not known, its head is not complete.
    /// A caller may read them straight into [`FrameReader::spare`].
    #[must_use]
    pub fn wanted(&self) -> usize {
        self.frame_len.saturating_sub(self.held.len())
    }

    /// Room for the next bytes of the unfinished frame: never more than is wanted, nor (beyond a
    /// small minimum) than has arrived. It has no room when nothing is wanted. After reading into
    /// it `next` goes on with an empty input.
    pub fn spare(&mut self) -> Limit<&mut Vec<u8>> {
        let room = self.wanted().min(self.held.len().max(MIN_SPARE));
        self.held.reserve_exact(room);
        (&mut self.held).limit(room)
    }

    /// Whether a message or frame was begun and is not finished; control frames between the
    /// fragments of a message do not finish it. Bytes that wait in the stash count as unfinished.
    #[must_use]
    pub fn is_mid_message(&self) -> bool {
        self.end.is_none() && (self.assembly.is_some() || self.held_at < self.held.len())
    }

    /// The bytes of memory the reader's buffers take.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.held.capacity() + self.message.capacity()
    }

    /// Whether the next frame lies in the input, and begins a message if it is a data frame.
    #[inline]
    fn is_idle(&self) -> bool {
        self.end.is_none() && self.assembly.is_none() && self.held.is_empty()
    }

    /// Finds out where the next message lies, and unmasks it there.
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

    /// The next frame, when nothing is held: it lies in the input, or begins to be held.
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

    /// Keeps the begin of a frame, or comes to rest if there is none.
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

    /// The next frame, when bytes are held: as much of the input as this frame lacks is added.
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

    /// Counts a fragment whose payload was added to `message`; the last one makes it a message.
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

    /// Moves what is held to the begin of its buffer.
    fn compact(&mut self) {
        if self.held_at > 0 {
            self.held.drain(..self.held_at);
            self.held_at = 0;
        }
    }

    /// After the end the input is dropped, and the buffers with it.
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

/// Appends bytes, doubling the capacity as `Vec` does but not beyond what will ever be needed.
fn grow(buffer: &mut Vec<u8>, bytes: &[u8], ceiling: usize) {
    let len = buffer.len() + bytes.len();
    if len > buffer.capacity() {
        let capacity = len.max((2 * buffer.capacity()).min(ceiling));
        buffer.reserve_exact(capacity - buffer.len());
    }
    buffer.extend_from_slice(bytes);
}
