//! Delivery receipts (SMPP 3.4, Appendix B): `id:… sub:001 dlvrd:001 submit date:… done date:… stat:DELIVRD err:000 text:…`,
//! or the fields `receipted_message_id` and `message_state`, which go before.
//!
//! The text's form is the SMSC's own matter; only `id` and `stat` are looked for, and nothing behind `text:`, which is what
//! the message itself said.

use rusmpp_core::{
    pdus::owned::DeliverSm,
    tlvs::owned::TlvValue,
    values::{MessageState, MessageType},
};

use super::super::report::Arrival;

/// What a receipt says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Receipt {
    /// The message, as the SMSC named it when it took it.
    pub(super) id: String,
    pub(super) arrival: Arrival,
}

/// Whether this is a receipt, and no message that somebody sent to us.
pub(super) fn is_receipt(delivered: &DeliverSm) -> bool {
    let by_type = delivered.esm_class.message_type != MessageType::Default;
    by_type || field(delivered, |value| matches!(value, TlvValue::ReceiptedMessageId(_)).then_some(())).is_some()
}

/// `None` when it names no message or no state.
pub(super) fn read(delivered: &DeliverSm) -> Option<Receipt> {
    let text = String::from_utf8_lossy(octets(delivered));
    let told = field(delivered, |value| match value {
        TlvValue::ReceiptedMessageId(id) => Some(id.as_str().to_owned()),
        _ => None,
    });
    let state = field(delivered, |value| match value {
        TlvValue::MessageState(state) => Some(*state),
        _ => None,
    });
    let id = told.or_else(|| word_after(&text, "id:").map(str::to_owned)).filter(|id| !id.is_empty())?;
    let arrival = match state {
        Some(state) => of_state(state),
        None => of_word(word_after(&text, "stat:")?)?,
    };
    Some(Receipt { id, arrival })
}

fn octets(delivered: &DeliverSm) -> &[u8] {
    delivered.short_message().as_ref()
}

fn field<T>(delivered: &DeliverSm, pick: impl Fn(&TlvValue) -> Option<T>) -> Option<T> {
    delivered.tlvs().iter().filter_map(|field| field.value()).find_map(pick)
}

/// §5.2.28.
fn of_state(state: MessageState) -> Arrival {
    match state {
        MessageState::Delivered | MessageState::Accepted => Arrival::Delivered,
        MessageState::Expired
        | MessageState::Deleted
        | MessageState::Undeliverable
        | MessageState::Rejected
        | MessageState::Skipped => Arrival::Undelivered,
        _ => Arrival::UnderWay,
    }
}

/// `None` for a word that nobody has written down.
fn of_word(word: &str) -> Option<Arrival> {
    let is =
        |known: &str| word.len() >= 5 && known.len() >= word.len() && known[..word.len()].eq_ignore_ascii_case(word);
    let any = |known: &[&str]| known.iter().any(|known| is(known));
    if any(&["DELIVRD", "DELIVERED", "ACCEPTD", "ACCEPTED"]) {
        Some(Arrival::Delivered)
    } else if any(&["EXPIRED", "DELETED", "UNDELIV", "UNDELIVERABLE", "REJECTD", "REJECTED", "SKIPPED", "FAILED"]) {
        Some(Arrival::Undelivered)
    } else if any(&["ENROUTE", "UNKNOWN", "SCHEDULED", "BUFFERED"]) {
        Some(Arrival::UnderWay)
    } else {
        None
    }
}

/// What stands behind `name` in the first word that begins with it, in front of the message's own text.
fn word_after<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let begins = |word: &str, with: &str| word.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with));
    let mut words = text.split_ascii_whitespace().take_while(|word| !begins(word, "text:"));
    words.find(|word| begins(word, name)).map(|word| &word[name.len()..])
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use proptest::prelude::*;
    use rusmpp_core::{
        tlvs::owned::MessageDeliveryRequestTlvValue,
        types::owned::{COctetString, OctetString},
        values::EsmClass,
    };

    use super::*;

    fn delivered(text: &[u8]) -> DeliverSm {
        DeliverSm::builder()
            .esm_class(EsmClass::from(0x04))
            .short_message(OctetString::from_slice(text).unwrap())
            .build()
    }

    fn told(text: &str) -> Option<(String, Arrival)> {
        read(&delivered(text.as_bytes())).map(|receipt| (receipt.id, receipt.arrival))
    }

    #[test]
    fn the_usual_text_is_read() {
        let text = |stat: &str| {
            format!("id:0a1B sub:001 dlvrd:001 submit date:2611221200 done date:2611221201 stat:{stat} err:000 text:x")
        };
        let some = |arrival| Some(("0a1B".to_owned(), arrival));
        assert_eq!(told(&text("DELIVRD")), some(Arrival::Delivered));
        assert_eq!(told(&text("DELIVERED")), some(Arrival::Delivered));
        assert_eq!(told(&text("delivrd")), some(Arrival::Delivered));
        for word in ["UNDELIV", "EXPIRED", "DELETED", "REJECTD", "FAILED"] {
            assert_eq!(told(&text(word)), some(Arrival::Undelivered), "{word}");
        }
        for word in ["ENROUTE", "UNKNOWN"] {
            assert_eq!(told(&text(word)), some(Arrival::UnderWay), "{word} is no end");
        }
        assert_eq!(told(&text("WHATEVER")), None);
        assert_eq!(told(&text("")), None);
    }

    #[test]
    fn what_the_message_said_is_not_taken_for_the_receipt() {
        assert_eq!(told("id:7 err:000 text:id:8 stat:DELIVRD"), None);
        assert_eq!(told("Text: id:8 stat:DELIVRD"), None);
        assert_eq!(told("stat:DELIVRD id: 7"), None);
        assert_eq!(told("paid:9 id:7 stat:UNDELIV text:stat:DELIVRD"), Some(("7".into(), Arrival::Undelivered)));
    }

    #[test]
    fn fields_go_before_the_text() {
        let mut with_fields = delivered(b"id:7 stat:UNDELIV");
        let id = COctetString::from_string("ff".to_owned()).unwrap();
        with_fields.push_tlv(MessageDeliveryRequestTlvValue::ReceiptedMessageId(id));
        with_fields.push_tlv(MessageDeliveryRequestTlvValue::MessageState(MessageState::Delivered));
        let receipt = read(&with_fields).unwrap();
        assert_eq!((receipt.id.as_str(), receipt.arrival), ("ff", Arrival::Delivered));
    }

    #[test]
    fn a_message_from_somebody_is_no_receipt() {
        let mut message = delivered(b"id:7 stat:DELIVRD");
        message.esm_class = EsmClass::from(0);
        assert!(!is_receipt(&message));
        assert!(is_receipt(&delivered(b"")));
    }

    proptest! {
        #[test]
        fn nothing_that_an_smsc_says_ends_in_a_panic(text in proptest::collection::vec(any::<u8>(), 0..255)) {
            drop(read(&delivered(&text)));
        }

        #[test]
        fn id_and_state_are_found_among_any_other_words(
            id in "[0-9a-zA-Z-]{1,64}", before in "([a-z]{1,8}:[0-9]{0,9} ){0,4}", after in "( [a-z]{1,8}:[0-9]{0,9}){0,4}",
        ) {
            prop_assume!(!["id:", "stat:", "text:"].iter().any(|name| before.split(' ').any(|word| word.starts_with(name))));
            let text = format!("{before}id:{id} stat:DELIVRD{after}");
            prop_assume!(text.len() <= 255);
            prop_assert_eq!(told(&text), Some((id, Arrival::Delivered)));
        }
    }
}
