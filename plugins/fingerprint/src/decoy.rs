//! What an address without an account is shown (WebAuthn §14.6.2): credentials that nobody has, as many and as long as real
//! ones, and always the same for one address.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use plugin_api::message::Context;
use sha2::{Digest, Sha256};
use webauthn_rs_core::proto::{
    AttestationFormat, AuthenticatorTransport, COSEAlgorithm, COSEEC2Key, COSEKey, COSEKeyType, Credential, ECDSACurve,
    ParsedAttestation, RegisteredExtensions, UserVerificationPolicy,
};

use crate::key::{Enrolment, Nobody};
use crate::registering;

/// Most that a made-up account has.
const MOST: u8 = 10;
/// Of 256 made-up accounts with so many authenticators this many have one more.
const ONE_MORE: u8 = 80;
/// A point of P-256 (its generator), so that a signature is verified at a real one's cost. That anybody can sign for it
/// does not matter: no answer of [`Nobody`] is right.
const X: &str = "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY";
const Y: &str = "T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU";

/// What an address seems to have. `cx.account.id` is the host's keyed hash of the address: it never changes, and nobody
/// outside can compute it.
pub(crate) fn enrolment(cx: &Context) -> Enrolment {
    let drawn = |number: u8, what: &[u8]| -> [u8; 32] {
        let hash = Sha256::new_with_prefix(b"enum-webauthn-decoy-1\0").chain_update(cx.account.id.as_bytes());
        hash.chain_update([0, number]).chain_update(what).finalize().into()
    };
    let one = |number: u8| {
        let (low, high) = (drawn(number, b"low"), drawn(number, b"high"));
        let [sort, ..] = drawn(number, b"sort");
        // Platforms make ids of 32 or 20 bytes, security keys longer ones.
        match sort {
            0..128 => (low.to_vec(), AuthenticatorTransport::Internal),
            128..208 => (low[..20].to_vec(), AuthenticatorTransport::Hybrid),
            _ => ([low, high].concat(), AuthenticatorTransport::Usb),
        }
    };
    let more = (1..MOST).take_while(|&number| drawn(number, b"more")[0] < ONE_MORE);
    let others = more.map(one).map(|(id, transport)| (BASE64_URL_SAFE_NO_PAD.encode(id), transport)).collect();
    let (id, transport) = one(0);
    Enrolment {
        credential: credential(id),
        transports: vec![transport],
        user: registering::user(cx),
        name: String::new(),
        nobody: Some(Nobody { others }),
    }
}

fn credential(cred_id: Vec<u8>) -> Credential {
    let point = |text| BASE64_URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
    let key = COSEEC2Key { curve: ECDSACurve::SECP256R1, x: point(X), y: point(Y) };
    Credential {
        cred_id,
        cred: COSEKey { type_: COSEAlgorithm::ES256, key: COSEKeyType::EC_EC2(key) },
        counter: 0,
        transports: None,
        user_verified: true,
        backup_eligible: false,
        backup_state: false,
        registration_policy: UserVerificationPolicy::Required,
        extensions: RegisteredExtensions::none(),
        attestation: ParsedAttestation::default(),
        attestation_format: AttestationFormat::None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use plugin_api::message::Purpose;
    use plugin_api::testing::context;

    use super::*;

    fn of(address: usize) -> Enrolment {
        let mut cx = context(Purpose::Authorize);
        cx.account.id = format!("{address:064x}");
        enrolment(&cx)
    }

    fn id(enrolment: &Enrolment) -> &[u8] {
        &enrolment.credential.cred_id
    }

    #[test]
    fn an_address_always_seems_to_have_the_same() {
        let (first, again, other) = (of(1), of(1), of(2));
        assert_eq!((id(&first), &first.transports), (id(&again), &again.transports));
        assert_ne!(id(&first), id(&other));
    }

    #[test]
    fn most_seem_to_have_one_and_some_several() {
        let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
        for address in 0..1000 {
            *counts.entry(of(address).nobody.map_or(0, |nobody| nobody.others.len() + 1)).or_default() += 1;
        }
        assert!((600..760).contains(&counts[&1]), "{counts:?}");
        assert!(counts[&2] > 150 && counts.keys().max().is_some_and(|most| (3..=10).contains(most)), "{counts:?}");
    }

    #[test]
    fn the_point_is_on_the_curve() {
        let key = credential(vec![1]).cred;
        // A key that cannot be read is another error than a signature that does not fit.
        let checked = key.verify_signature(&[0x30, 6, 2, 1, 1, 2, 1, 1], b"text");
        assert!(matches!(checked, Ok(false)), "{checked:?}");
    }
}
