#[path = "../../../../idp/src/plugins/child/frame.rs"]
// The server uses parts of the file that no target needs.
#[allow(dead_code)]
mod frame;

use self::frame::{Answer, BODY_LIMIT, Kind, Message};

/// Reads frame after frame, and what is in them, and writes what was read again as it was.
pub fn read_all(mut bytes: &[u8]) {
    loop {
        let before = bytes;
        let Ok(read) = frame::read(&mut bytes) else { return };
        assert!(read.body.len() <= BODY_LIMIT);
        let mut again = Vec::new();
        frame::write(&mut again, read.kind, &[&read.body]).expect("what was read can be written");
        assert_eq!(again, before[..before.len() - bytes.len()]);
        if let Some(message) = Message::parse(&read.body) {
            let mut again = Vec::new();
            message.write(&mut again, Kind::Call).expect("a message that was read can be written");
            assert_eq!(again[5..], read.body);
        }
        if let Some(answer) = Answer::parse(&read.body) {
            let mut again = Vec::new();
            answer.write(&mut again, Kind::Reply).expect("an answer that was read can be written");
            assert_eq!(again[5..], read.body);
        }
    }
}
