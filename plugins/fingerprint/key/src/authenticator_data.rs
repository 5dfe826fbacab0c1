//! The bytes that a key signs (§6.1), and the object that presents a new one (§6.5.4).

use aws_lc_rs::signature::{EcdsaKeyPair, KeyPair};
use sha2::{Digest, Sha256};

use crate::Manner;

const PRESENT: u8 = 0x01;
const VERIFIED: u8 = 0x04;
const SYNCHRONISABLE: u8 = 0x08;
const SYNCHRONISED: u8 = 0x10;
const WITH_KEY: u8 = 0x40;

pub(crate) fn sha256(text: &[u8]) -> [u8; 32] {
    Sha256::digest(text).into()
}

/// Without a key, as in answers.
pub(crate) fn plain(rp_id: &str, manner: &Manner, counter: u32) -> Vec<u8> {
    head(rp_id, flags(manner), counter)
}

/// With the public key, as when it is new.
pub(crate) fn with_key(rp_id: &str, manner: &Manner, counter: u32, id: &[u8], pair: &EcdsaKeyPair) -> Vec<u8> {
    let mut data = head(rp_id, flags(manner) | WITH_KEY, counter);
    // Without a maker no model in particular.
    data.extend(manner.maker.as_ref().map_or([0; 16], |maker| maker.model));
    data.extend(u16::try_from(id.len()).unwrap_or(u16::MAX).to_be_bytes());
    data.extend(id);
    data.extend(cose(pair.public_key().as_ref()));
    data
}

fn head(rp_id: &str, flags: u8, counter: u32) -> Vec<u8> {
    [sha256(rp_id.as_bytes()).as_slice(), &[flags], &counter.to_be_bytes()].concat()
}

fn flags(manner: &Manner) -> u8 {
    let set = |on: bool, flag: u8| if on { flag } else { 0 };
    set(manner.present, PRESENT)
        | set(manner.verified, VERIFIED)
        | set(manner.synchronised, SYNCHRONISABLE | SYNCHRONISED)
}

/// An uncompressed point as a COSE key (RFC 9053 §7.1): EC2, ES256, P-256, x, y.
fn cose(point: &[u8]) -> Vec<u8> {
    let (x, y) = (point.get(1..33).unwrap_or_default(), point.get(33..65).unwrap_or_default());
    let start = [0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20];
    [&start, x, &[0x22, 0x58, 0x20], y].concat()
}

/// `{"fmt": "none", "attStmt": {}, "authData": …}` in CBOR.
pub(crate) fn unattested(data: &[u8]) -> Vec<u8> {
    [b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData".as_slice(), &bytes(data)].concat()
}

/// `{"fmt": "packed", "attStmt": {"alg": -7, "sig": …, "x5c": […]}, "authData": …}` in CBOR.
pub(crate) fn attested(data: &[u8], signature: &[u8], certificate: &[u8]) -> Vec<u8> {
    [
        b"\xa3\x63fmt\x66packed\x67attStmt\xa3\x63alg\x26\x63sig".as_slice(),
        &bytes(signature),
        b"\x63x5c\x81",
        &bytes(certificate),
        b"\x68authData",
        &bytes(data),
    ]
    .concat()
}

/// A byte string with 16 bits of length.
fn bytes(content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap_or(u16::MAX).to_be_bytes();
    [&[0x59], length.as_slice(), content].concat()
}
