//! Commands of SMPP 3.4 as bytes (§3.2): a header of 16 octets, and what follows.

use bytes::{BufMut, BytesMut};
use rusmpp_core::{
    CommandId, CommandStatus,
    command::owned::Command,
    decode::owned::DecodeWithLength,
    encode::{Length, owned::Encode},
    pdus::owned::Pdu,
};
use tokio::io::{AsyncRead, AsyncReadExt};

const HEADER: usize = 16;
/// Longest command that is read, in octets.
const LONGEST: usize = 16 << 10;

/// A command that was received.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) id: CommandId,
    pub(super) status: CommandStatus,
    pub(super) sequence: u32,
    /// Absent when there is none, as in refusals, or when it cannot be read.
    pub(super) pdu: Option<Pdu>,
}

/// A command to be sent.
pub(super) fn written(status: CommandStatus, sequence: u32, pdu: Pdu) -> BytesMut {
    let command = Command::new(status, sequence, pdu);
    let length = 4 + command.length();
    let mut bytes = BytesMut::with_capacity(length);
    bytes.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
    command.encode(&mut bytes);
    bytes
}

/// The next command.
///
/// # Errors
/// Why there is none any more: the connection has ended, or says what is no SMPP.
pub(super) async fn read(from: &mut (impl AsyncRead + Unpin)) -> Result<Frame, String> {
    let lost = |error: std::io::Error| format!("the connection was lost: {error}");
    let mut header = [0; HEADER];
    from.read_exact(&mut header).await.map_err(lost)?;
    let word = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let length = usize::try_from(word(0)).unwrap_or(usize::MAX);
    if !(HEADER..=LONGEST).contains(&length) {
        return Err(format!("it sent a command of {length} octets, which may have {HEADER} to {LONGEST}"));
    }
    let mut rest = BytesMut::zeroed(length - 4);
    rest[..HEADER - 4].copy_from_slice(&header[4..]);
    from.read_exact(&mut rest[HEADER - 4..]).await.map_err(lost)?;
    Ok(Frame {
        id: CommandId::from(word(4)),
        status: CommandStatus::from(word(8)),
        sequence: word(12),
        pdu: body(rest, length - 4),
    })
}

fn body(mut bytes: BytesMut, length: usize) -> Option<Pdu> {
    let (command, _) = Command::decode(&mut bytes, length).ok()?;
    command.pdu().cloned()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    async fn of(bytes: &[u8]) -> Result<Frame, String> {
        read(&mut &bytes[..]).await
    }

    #[tokio::test]
    async fn what_is_written_can_be_read() {
        let bytes = written(CommandStatus::EsmeRthrottled, 7, Pdu::EnquireLinkResp);
        assert_eq!(&bytes[..], [0, 0, 0, 16, 0x80, 0, 0, 0x15, 0, 0, 0, 0x58, 0, 0, 0, 7]);
        let frame = of(&bytes).await.unwrap();
        assert_eq!((frame.id, frame.sequence), (CommandId::EnquireLinkResp, 7));
        assert_eq!(frame.status, CommandStatus::EsmeRthrottled);
    }

    #[tokio::test]
    async fn lengths_that_cannot_be_end_the_connection() {
        for length in [0_u32, 15, 16 * 1024 + 1, u32::MAX] {
            let told = of(&[&length.to_be_bytes()[..], &[0; 12]].concat()).await.unwrap_err();
            assert!(told.contains("which may have"), "{told}");
        }
        assert!(of(&[0, 0, 0, 17, 0, 0]).await.unwrap_err().contains("lost"));
    }

    #[tokio::test]
    async fn a_body_that_cannot_be_read_leaves_the_header() {
        let frame = of(&[0, 0, 0, 18, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 9, 0xff, 0xff]).await.unwrap();
        assert_eq!((frame.id, frame.sequence, frame.pdu), (CommandId::DeliverSm, 9, None));
    }

    #[tokio::test]
    async fn a_refusal_without_body_is_read() {
        let frame = of(&[0, 0, 0, 16, 0x80, 0, 0, 4, 0, 0, 0, 0x0b, 0, 0, 0, 3]).await.unwrap();
        assert_eq!((frame.id, frame.status), (CommandId::SubmitSmResp, CommandStatus::EsmeRinvdstadr));
    }
}
