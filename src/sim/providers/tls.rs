//! A certificate authority for one run, on loopback only.

use std::io;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

/// The authority's certificate, to be trusted by the kiosk, and what a server on loopback needs.
pub(in crate::sim) struct Authority {
    /// PEM text of the root certificate.
    pub(in crate::sim) pem: String,
    /// Speaks TLS 1.2 and 1.3 with a certificate for `localhost`, `127.0.0.1`, `::1` and QEMU's guests.
    pub(in crate::sim) acceptor: TlsAcceptor,
}

impl Authority {
    /// A new authority and one server certificate.
    pub(in crate::sim) fn make() -> io::Result<Authority> {
        let (pem, chain, key) = certificates().map_err(io::Error::other)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .map_err(io::Error::other)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Authority { pem, acceptor: TlsAcceptor::from(Arc::new(config)) })
    }
}

type Certificates = (String, Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// This machine as a guest of QEMU's user network sees it.
const FROM_QEMU: &str = "10.0.2.2";

fn certificates() -> Result<Certificates, rcgen::Error> {
    let mut root = CertificateParams::new(Vec::new())?;
    root.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    root.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    root.distinguished_name = named("esim-kiosk simulators");
    let root_key = KeyPair::generate()?;
    let root_certificate = root.self_signed(&root_key)?;
    let issuer = Issuer::new(root, root_key);

    let names = ["localhost", "127.0.0.1", "::1", FROM_QEMU].map(str::to_owned);
    let mut leaf = CertificateParams::new(names)?;
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    leaf.use_authority_key_identifier_extension = true;
    leaf.distinguished_name = named("localhost");
    let leaf_key = KeyPair::generate()?;
    let certificate = leaf.signed_by(&leaf_key, &issuer)?;
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(leaf_key.serialize_der()));
    Ok((root_certificate.pem(), vec![certificate.der().clone()], key))
}

fn named(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}
