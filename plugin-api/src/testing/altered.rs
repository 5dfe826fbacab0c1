//! Transactions that are nearly another one: what an approval must not be good for.

use serde_json::{Map, Value, json};

use crate::message::Transaction;

/// Every transaction that differs from `original` in one small thing: a character changed, added or removed in any text,
/// moved over the border to the next one, a number off by one, two list items swapped, one dropped or doubled, a member
/// dropped or renamed. It goes through the JSON, so that a member that is added to transactions one day is altered as well.
///
/// Check numbers stay what they were: see [`Transaction::numbered`].
pub fn altered(original: &Transaction) -> Vec<Transaction> {
    let whole = json!(original);
    let mut found: Vec<Transaction> = Vec::new();
    for changed in of_value(&whole).into_iter().chain(moved(&whole)) {
        // What is no transaction any more cannot be approved at all.
        let Ok(transaction) = serde_json::from_value::<Transaction>(changed) else { continue };
        if transaction != *original && !found.contains(&transaction) {
            found.push(transaction);
        }
    }
    found
}

fn of_value(value: &Value) -> Vec<Value> {
    match value {
        Value::String(text) => of_text(text).into_iter().map(Value::from).collect(),
        Value::Number(number) => {
            let near = number.as_u64().map(|of| [of.checked_add(1), of.checked_sub(1), of.checked_mul(10)]);
            near.into_iter().flatten().flatten().map(Value::from).collect()
        }
        Value::Array(items) => of_list(items),
        Value::Object(members) => of_object(members),
        Value::Null | Value::Bool(_) => Vec::new(),
    }
}

fn of_text(text: &str) -> Vec<String> {
    let all: Vec<char> = text.chars().collect();
    let mut changed = vec![format!("{text}x"), format!("{text}\0"), format!(" {text}")];
    for (at, &c) in all.iter().enumerate() {
        let with =
            |replacement: &[char]| -> String { all[..at].iter().chain(replacement).chain(&all[at + 1..]).collect() };
        let other = if c == '1' { '2' } else { '1' };
        changed.extend([with(&[other]), with(&[]), with(&[c, c])]);
        changed.extend(c.is_lowercase().then(|| with(&c.to_uppercase().collect::<Vec<_>>())));
    }
    changed
}

fn of_list(items: &[Value]) -> Vec<Value> {
    let mut changed = Vec::new();
    for (at, item) in items.iter().enumerate() {
        let mut with = |replacement: &[Value]| {
            let list: Vec<Value> = items[..at].iter().chain(replacement).chain(&items[at + 1..]).cloned().collect();
            changed.push(Value::from(list));
        };
        with(&[]);
        with(&[item.clone(), item.clone()]);
        for other in of_value(item) {
            with(&[other]);
        }
    }
    for at in 1..items.len() {
        let mut list = items.to_vec();
        list.swap(at - 1, at);
        changed.push(list.into());
    }
    changed
}

fn of_object(members: &Map<String, Value>) -> Vec<Value> {
    let mut changed = Vec::new();
    for (name, value) in members {
        let mut without = members.clone();
        without.remove(name);
        changed.push(without.clone().into());
        let mut renamed = without.clone();
        renamed.insert(format!("{name}x"), value.clone());
        changed.push(renamed.into());
        for other in of_value(value) {
            let mut with = without.clone();
            with.insert(name.clone(), other);
            changed.push(with.into());
        }
    }
    changed
}

/// One character over the border between two texts, wherever they stand.
fn moved(whole: &Value) -> Vec<Value> {
    let mut places = Vec::new();
    texts(whole, String::new(), &mut places);
    let mut changed = Vec::new();
    for from in &places {
        for to in places.iter().filter(|to| *to != from) {
            let mut other = whole.clone();
            let Some(Value::String(text)) = other.pointer_mut(from) else { continue };
            let Some(last) = text.pop() else { continue };
            let Some(Value::String(text)) = other.pointer_mut(to) else { continue };
            text.insert(0, last);
            changed.push(other);
        }
    }
    changed
}

fn texts(value: &Value, at: String, places: &mut Vec<String>) {
    match value {
        Value::String(_) => places.push(at),
        Value::Array(items) => {
            for (number, item) in items.iter().enumerate() {
                texts(item, format!("{at}/{number}"), places);
            }
        }
        Value::Object(members) => {
            for (name, item) in members {
                texts(item, format!("{at}/{name}"), places);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
