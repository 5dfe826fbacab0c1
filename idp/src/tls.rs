//! TLS of connections that we make.

use std::{path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

/// TLS with the certificates that this machine trusts, and those of the PEM file `further`.
///
/// # Errors
/// When the file cannot be read or holds none, and when TLS cannot be set up.
pub fn client(further: Option<&Path>) -> Result<ClientConfig, String> {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "a certificate of this machine cannot be read");
    }
    let mut roots = RootCertStore::empty();
    let (mut taken, _) = roots.add_parsable_certificates(found.certs);
    if let Some(path) = further {
        let wrong = |reason: String| format!("`ca_file` {}: {reason}", path.display());
        let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let (further, _) = roots.add_parsable_certificates(read.map_err(|error| wrong(error.to_string()))?);
        if further == 0 {
            return Err(wrong("there is no certificate in it".to_owned()));
        }
        taken += further;
    }
    if taken == 0 {
        tracing::warn!("this machine trusts no certificate authority: nobody is reached by TLS");
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
