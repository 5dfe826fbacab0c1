//! Every vector of RFC 6287 Appendix C, and 27 derived ones, by name.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use cipherpad_core::ocra::{Inputs, Question, Suite};
use serde_json::Value;

#[test]
fn every_vector_gives_its_answer() {
    let rows: Vec<Value> = serde_json::from_str(include_str!("vectors/ocra-rfc6287.json")).unwrap();
    assert_eq!(rows.len(), 97);
    let failures: Vec<String> = rows.iter().enumerate().filter_map(|(index, row)| failure(index, row)).collect();
    assert!(failures.is_empty(), "{} of {} rows fail:\n{}", failures.len(), rows.len(), failures.join("\n"));
}

fn failure(index: usize, row: &Value) -> Option<String> {
    let name = format!("row {index} {} {} Q={}", text(row, "mode"), text(row, "suite"), text(row, "question"));
    let answer = answer(row).unwrap_or_else(|error| panic!("{name}: {error}"));
    (answer != text(row, "expected")).then(|| format!("{name}: {answer}, expected {}", text(row, "expected")))
}

fn answer(row: &Value) -> Result<String, Box<dyn std::error::Error>> {
    let suite: Suite = text(row, "suite").parse()?;
    assert_eq!(suite.as_str(), text(row, "suite"));
    let question = text(row, "question");
    let question = if text(row, "mode").starts_with("mutual") {
        let (theirs, ours) = question.split_at(question.len() / 2);
        Question::mutual(&suite, theirs, ours)?
    } else {
        Question::new(&suite, question)?
    };
    let pin = hex_of(row, "pin_hash_hex").or(hex_of(row, "pin_sha1_hex"));
    let session = hex_of(row, "session_hex");
    let time = row["timestamp_hex"].as_str().map(|steps| u64::from_str_radix(steps, 16)).transpose()?;
    let inputs = Inputs {
        counter: row["counter"].as_u64(),
        question: &question,
        pin_digest: pin.as_deref(),
        session: session.as_deref(),
        time,
    };
    Ok(suite.answer(&hex_of(row, "key_hex").unwrap(), &inputs)?)
}

fn text<'a>(row: &'a Value, field: &str) -> &'a str {
    row[field].as_str().unwrap()
}

fn hex_of(row: &Value, field: &str) -> Option<Vec<u8>> {
    row.get(field)?.as_str().map(|text| hex::decode(text).unwrap())
}
