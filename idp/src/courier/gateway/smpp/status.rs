//! What the status of an answer to `submit_sm` says of the message (SMPP 3.4 §5.1.3).

use rusmpp_core::CommandStatus;

use super::super::Refusal;

/// As the specification writes it, with the number.
pub(super) fn name(status: CommandStatus) -> String {
    format!("{status:?} (0x{:08x})", u32::from(status))
}

/// The refusal that a status other than `ESME_ROK` is. Only what names the recipient condemns the message; all else is
/// between the SMSC and us, and another gateway, or a later attempt, may do better.
pub(super) fn refusal(status: CommandStatus) -> Refusal {
    let told = format!("the SMSC refused it: {}", name(status));
    match status {
        CommandStatus::EsmeRinvdstadr | CommandStatus::EsmeRinvdstton | CommandStatus::EsmeRinvdstnpi => {
            Refusal::Refused(told)
        }
        _ => Refusal::Unavailable(told),
    }
}

/// Whether it says "later", which is worth a pause where the first part of a message has gone already.
pub(super) fn is_throttling(status: CommandStatus) -> bool {
    matches!(status, CommandStatus::EsmeRthrottled | CommandStatus::EsmeRmsgqful)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_bad_number_condemns_a_message() {
        assert!(
            matches!(refusal(CommandStatus::EsmeRinvdstadr), Refusal::Refused(told) if told.contains("0x0000000b"))
        );
        for later in [CommandStatus::EsmeRthrottled, CommandStatus::EsmeRsyserr, CommandStatus::EsmeRinvsrcadr] {
            assert!(matches!(refusal(later), Refusal::Unavailable(_)), "{later:?}");
        }
        assert!(is_throttling(CommandStatus::EsmeRthrottled) && !is_throttling(CommandStatus::EsmeRsyserr));
    }
}
