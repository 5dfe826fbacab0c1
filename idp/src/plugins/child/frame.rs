//! What goes over the socket between the server and a plugin's process: `kind u8 | length u32, big-endian | body`.
//!
//! Both ends read with this one parser. The server trusts nothing that it reads: a plugin can write to the socket of its
//! process as it likes.

use std::io::{self, Read, Write};

use thiserror::Error;

use super::super::lane::REPLY_LIMIT;

/// Longest body, in bytes: the longest reply, with room for what is wrapped around it.
pub(super) const BODY_LIMIT: usize = REPLY_LIMIT + (64 << 10);

/// What a frame is for. Below 64 from the server, above from the child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The library to load, as JSON.
    Load,
    /// Asks for the description. No body.
    Describe,
    /// Asks for an instance; the settings as JSON.
    Create,
    /// A message for the plugin: [`Message`].
    Call,
    /// The reply to [`Kind::HostCall`]: [`Answer`].
    HostReply,
    /// The library is loaded: what the child is, as JSON.
    Hello,
    /// The library was not loaded: why, as JSON.
    Refused,
    /// The reply to `Describe`, `Create` and `Call`: [`Answer`].
    Reply,
    /// A message for the host, sent while the plugin is at work: [`Message`].
    HostCall,
}

impl Kind {
    const ALL: [Self; 9] = [
        Self::Load,
        Self::Describe,
        Self::Create,
        Self::Call,
        Self::HostReply,
        Self::Hello,
        Self::Refused,
        Self::Reply,
        Self::HostCall,
    ];

    const fn code(self) -> u8 {
        match self {
            Self::Load => 1,
            Self::Describe => 2,
            Self::Create => 3,
            Self::Call => 4,
            Self::HostReply => 5,
            Self::Hello => 65,
            Self::Refused => 66,
            Self::Reply => 67,
            Self::HostCall => 68,
        }
    }

    fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) kind: Kind,
    pub(super) body: Vec<u8>,
}

/// Why there is no frame.
#[derive(Debug, Error)]
pub(crate) enum FrameError {
    /// The other end closed before a frame began.
    #[error("the connection was closed")]
    Ended,
    /// The other end closed within a frame.
    #[error("a frame was cut off")]
    Cut,
    /// The length is beyond the limit.
    #[error("a frame of {0} bytes, which is more than {BODY_LIMIT}")]
    TooLong(usize),
    /// The kind has no meaning.
    #[error("a frame of the unknown kind {0}")]
    UnknownKind(u8),
    /// The system's error; `WouldBlock` when the time was over.
    #[error(transparent)]
    Io(io::Error),
}

impl From<io::Error> for FrameError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof { Self::Cut } else { Self::Io(error) }
    }
}

/// Reads one frame. Nothing is allocated for bytes that do not come.
pub(super) fn read(from: &mut impl Read) -> Result<Frame, FrameError> {
    let mut code = [0];
    let mut length = [0; 4];
    if let Err(error) = from.read_exact(&mut code) {
        // One byte is there or it is not: this end comes between two frames.
        return Err(if error.kind() == io::ErrorKind::UnexpectedEof {
            FrameError::Ended
        } else {
            FrameError::Io(error)
        });
    }
    let kind = Kind::from_code(code[0]).ok_or(FrameError::UnknownKind(code[0]))?;
    from.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length) as usize;
    if length > BODY_LIMIT {
        return Err(FrameError::TooLong(length));
    }
    let mut body = Vec::new();
    from.take(length as u64).read_to_end(&mut body)?;
    if body.len() == length { Ok(Frame { kind, body }) } else { Err(FrameError::Cut) }
}

/// Writes one frame in one piece; the parts of its body follow one another.
pub(super) fn write(to: &mut impl Write, kind: Kind, parts: &[&[u8]]) -> Result<(), FrameError> {
    let length = parts.iter().map(|part| part.len()).sum();
    let Some(announced) = u32::try_from(length).ok().filter(|_| length <= BODY_LIMIT) else {
        return Err(FrameError::TooLong(length));
    };
    let mut frame = Vec::with_capacity(5 + length);
    frame.push(kind.code());
    frame.extend_from_slice(&announced.to_be_bytes());
    for part in parts {
        frame.extend_from_slice(part);
    }
    to.write_all(&frame).map_err(FrameError::Io)
}

/// A method and what goes with it: `length of the name u8 | name | JSON`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Message<'a> {
    pub(super) method: &'a str,
    pub(super) json: &'a [u8],
}

impl<'a> Message<'a> {
    /// `None` if the bytes are no message.
    pub(super) fn parse(body: &'a [u8]) -> Option<Self> {
        let (&length, rest) = body.split_first()?;
        let (method, json) = rest.split_at_checked(length.into())?;
        Some(Self { method: str::from_utf8(method).ok()?, json })
    }

    pub(super) fn write(self, to: &mut impl Write, kind: Kind) -> Result<(), FrameError> {
        let length = u8::try_from(self.method.len()).map_err(|_| FrameError::TooLong(self.method.len()))?;
        write(to, kind, &[&[length], self.method.as_bytes(), self.json])
    }
}

/// How a call ended: `status i32, big-endian | 1 if the reply was too long, else 0 | reply`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answer<'a> {
    pub(super) status: i32,
    pub(super) overflowed: bool,
    pub(super) bytes: &'a [u8],
}

impl<'a> Answer<'a> {
    /// `None` if the bytes are no answer.
    pub(super) fn parse(body: &'a [u8]) -> Option<Self> {
        let (status, rest) = body.split_first_chunk()?;
        let (&overflowed, bytes) = rest.split_first()?;
        (overflowed <= 1).then_some(Self { status: i32::from_be_bytes(*status), overflowed: overflowed == 1, bytes })
    }

    pub(super) fn write(self, to: &mut impl Write, kind: Kind) -> Result<(), FrameError> {
        write(to, kind, &[&self.status.to_be_bytes(), &[u8::from(self.overflowed)], self.bytes])
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    fn bytes_of(kind: Kind, body: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(&mut bytes, kind, &[body]).unwrap();
        bytes
    }

    #[test]
    fn the_layout_is_as_written_down() {
        assert_eq!(bytes_of(Kind::Call, b"ab"), b"\x04\0\0\0\x02ab");
        let mut bytes = Vec::new();
        Message { method: "log", json: b"{}" }.write(&mut bytes, Kind::HostCall).unwrap();
        assert_eq!(bytes, b"\x44\0\0\0\x06\x03log{}");
        let mut bytes = Vec::new();
        Answer { status: -2, overflowed: true, bytes: b"x" }.write(&mut bytes, Kind::Reply).unwrap();
        assert_eq!(bytes, b"\x43\0\0\0\x06\xff\xff\xff\xfe\x01x");
    }

    #[test]
    fn an_end_between_frames_is_told_from_one_within() {
        let whole = bytes_of(Kind::Reply, b"abc");
        assert!(matches!(read(&mut Cursor::new(b"")), Err(FrameError::Ended)));
        for length in 1..whole.len() {
            assert!(matches!(read(&mut Cursor::new(&whole[..length])), Err(FrameError::Cut)), "{length}");
        }
    }

    #[test]
    fn a_length_beyond_the_limit_is_refused_before_anything_is_read() {
        let mut bytes = Cursor::new([b"\x43\xff\xff\xff\xff".as_slice(), &[0; 64]].concat());
        assert!(matches!(read(&mut bytes), Err(FrameError::TooLong(0xffff_ffff))));
        assert_eq!(bytes.position(), 5);
        assert!(matches!(write(&mut Vec::new(), Kind::Call, &[&vec![0; BODY_LIMIT + 1]]), Err(FrameError::TooLong(_))));
        let longest = bytes_of(Kind::Call, &vec![7; BODY_LIMIT]);
        assert_eq!(read(&mut Cursor::new(longest)).unwrap().body.len(), BODY_LIMIT);
    }

    #[test]
    fn kinds_without_a_meaning_are_refused() {
        for code in 0..=u8::MAX {
            let frame = read(&mut Cursor::new([code, 0, 0, 0, 0]));
            match Kind::from_code(code) {
                Some(kind) => assert_eq!(frame.unwrap().kind, kind),
                None => assert!(matches!(frame, Err(FrameError::UnknownKind(found)) if found == code)),
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(kind in prop::sample::select(Kind::ALL.to_vec()), body in prop::collection::vec(any::<u8>(), 0..2000)) {
            let mut bytes = Cursor::new([bytes_of(kind, &body), bytes_of(Kind::Hello, b"next")].concat());
            prop_assert_eq!(read(&mut bytes).unwrap(), Frame { kind, body });
            prop_assert_eq!(read(&mut bytes).unwrap(), Frame { kind: Kind::Hello, body: b"next".to_vec() });
        }

        #[test]
        fn any_bytes_are_a_frame_or_an_error_and_never_read_beyond_the_frame(
            code in 0..80_u8,
            announced in 0..300_u32,
            rest in prop::collection::vec(any::<u8>(), 0..300),
        ) {
            let bytes = [&[code], announced.to_be_bytes().as_slice(), &rest].concat();
            let mut from = Cursor::new(&bytes);
            match read(&mut from) {
                Ok(frame) => {
                    let end = usize::try_from(from.position()).unwrap();
                    prop_assert_eq!(end, 5 + announced as usize);
                    prop_assert_eq!(bytes_of(frame.kind, &frame.body), &bytes[..end]);
                }
                Err(FrameError::UnknownKind(found)) => prop_assert!(found == code && Kind::from_code(code).is_none()),
                Err(FrameError::Cut) => prop_assert!((announced as usize) > rest.len()),
                Err(error) => prop_assert!(false, "{error}"),
            }
        }

        #[test]
        fn any_body_is_a_message_or_none(body in prop::collection::vec(any::<u8>(), 0..300)) {
            if let Some(message) = Message::parse(&body) {
                let mut bytes = Vec::new();
                message.write(&mut bytes, Kind::Call).unwrap();
                prop_assert_eq!(&bytes[5..], &body);
            }
        }

        #[test]
        fn any_body_is_an_answer_or_none(body in prop::collection::vec(any::<u8>(), 0..50)) {
            if let Some(answer) = Answer::parse(&body) {
                let mut bytes = Vec::new();
                answer.write(&mut bytes, Kind::Reply).unwrap();
                prop_assert_eq!(&bytes[5..], &body);
            }
        }
    }
}
