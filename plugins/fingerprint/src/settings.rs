//! What the administrator decides.

use std::{collections::BTreeMap, num::NonZeroU16};

use plugin_api::prelude::*;
use uuid::Uuid;
use webauthn_attestation_ca::{AttestationCaList, AttestationCaListBuilder};
use webauthn_rs_proto::AuthenticatorAttachment;

/// Settings of the plugin. That the authenticator verifies the person is required, whatever they say.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Which authenticators people are asked for when they enrol. Browsers keep to it; nothing proves it.
    pub attachment: Attachment,
    /// Whose authenticators are taken.
    pub attestation: Attestation,
    /// Roots of the makers whose attestation counts: X.509 certificates in PEM. For `attestation` `asked` and `listed`.
    pub authorities: Vec<String>,
    /// Models that count, by their AAGUIDs; every model that the authorities attest if empty.
    #[schemars(with = "Vec<String>")]
    pub aaguids: Vec<Uuid>,
    /// Port of enum-bridge on people's own computers, 17316 unless they chose another. Pages offer to ask it for a finger
    /// besides what the browser offers; not if this is left out.
    pub bridge_port: Option<NonZeroU16>,
    /// People say who they are before they are asked for a passkey: the page that asks for the e-mail address offers none.
    pub address_first: bool,
}

/// Which authenticators people are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Attachment {
    /// Whatever there is.
    #[default]
    Any,
    /// Part of the computer or phone: fingerprint readers, face recognition.
    Platform,
    /// Security keys and phones.
    CrossPlatform,
}

/// Whose authenticators are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Attestation {
    /// Anybody's, also keys that are synchronised between devices: no attestation is asked for.
    #[default]
    None,
    /// Anybody's. Those that one of `authorities` attests, whose AAGUID is in `aaguids` if there are any, and that cannot be
    /// copied, are worth `phrh`.
    Asked,
    /// Only those that one of `authorities` attests, and whose AAGUID is in `aaguids` if there are any.
    Listed,
}

/// Settings that make sense.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    pub(crate) attachment: Option<AuthenticatorAttachment>,
    /// Whose attestation is asked for, and makes a key worth more.
    pub(crate) authorities: Option<AttestationCaList>,
    /// No others are taken.
    pub(crate) only_attested: bool,
    /// Where pages look for enum-bridge. `None` does not offer it.
    pub(crate) bridge: Option<NonZeroU16>,
    /// Nobody is asked before they have said who they are.
    pub(crate) address_first: bool,
}

impl Policy {
    /// # Errors
    /// A sentence that names the setting.
    pub(crate) fn of(settings: &Settings) -> Result<Self> {
        let attachment = match settings.attachment {
            Attachment::Any => None,
            Attachment::Platform => Some(AuthenticatorAttachment::Platform),
            Attachment::CrossPlatform => Some(AuthenticatorAttachment::CrossPlatform),
        };
        let authorities = match settings.attestation {
            Attestation::Asked | Attestation::Listed => Some(authorities(&settings.authorities, &settings.aaguids)?),
            Attestation::None if settings.authorities.is_empty() && settings.aaguids.is_empty() => None,
            Attestation::None => {
                return Err(Error::failed("attestation: `authorities` and `aaguids` are for `asked` and `listed`"));
            }
        };
        let only_attested = settings.attestation == Attestation::Listed;
        if only_attested && settings.bridge_port.is_some() {
            return Err(Error::failed(
                "bridge_port: enum-bridge attests nothing, and `attestation = \"listed\"` takes no such keys",
            ));
        }
        let (bridge, address_first) = (settings.bridge_port, settings.address_first);
        Ok(Self { attachment, authorities, only_attested, bridge, address_first })
    }
}

fn authorities(certificates: &[String], aaguids: &[Uuid]) -> Result<AttestationCaList> {
    if certificates.is_empty() {
        // An AAGUID that nobody attests is only a claim.
        return Err(Error::failed(
            "authorities: `attestation = \"asked\"` and `\"listed\"` need at least one certificate",
        ));
    }
    let odd = |number: usize| Error::failed(format!("authorities: number {} is no certificate in PEM", number + 1));
    let mut all = AttestationCaList::default();
    for (number, pem) in certificates.iter().enumerate() {
        let one = if aaguids.is_empty() {
            AttestationCaList::try_from(pem.trim().as_bytes()).map_err(|_| odd(number))?
        } else {
            let mut models = AttestationCaListBuilder::new();
            for aaguid in aaguids {
                let inserted =
                    models.insert_device_pem(pem.trim().as_bytes(), *aaguid, aaguid.to_string(), BTreeMap::new());
                inserted.map_err(|_| odd(number))?;
            }
            models.build()
        };
        all.union(&one);
    }
    Ok(all)
}
