//! The operator's own authority for one run: certificates for the broker and for each kiosk.

use crate::fleet::section::Section;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

/// An authority whose files lie in a folder.
pub struct Pki {
    folder: PathBuf,
    names: Vec<String>,
    issuer: Issuer<'static, KeyPair>,
}

/// Whom a server lets in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admits {
    /// Everybody.
    Anybody,
    /// Who has a certificate of the same authority.
    Certified,
}

/// Certificate and key, as files.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The chain, PEM.
    pub certificate: PathBuf,
    /// The key, PEM, mode 0600.
    pub key: PathBuf,
}

impl Pki {
    /// A new authority; its certificate is `ca.pem` in the folder.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub fn make(folder: &Path) -> io::Result<Pki> {
        std::fs::create_dir_all(folder)?;
        let mut root = CertificateParams::new(Vec::new()).map_err(io::Error::other)?;
        root.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        root.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        root.distinguished_name.push(DnType::CommonName, "operator of simulated kiosks");
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let certificate = root.self_signed(&key).map_err(io::Error::other)?;
        put(&folder.join("ca.pem"), &certificate.pem())?;
        let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
        Ok(Pki { folder: folder.to_owned(), names, issuer: Issuer::new(root, key) })
    }

    /// The authority's certificate.
    pub fn ca(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// Servers stand at this name or address too.
    pub fn also_at(&mut self, name: &str) {
        self.names.push(name.to_owned());
    }

    /// A certificate for a server on loopback.
    ///
    /// # Errors
    /// As [`Pki::make`].
    pub fn server(&self) -> io::Result<Identity> {
        self.identity("server", self.names.clone(), ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// What a server speaks TLS with.
    ///
    /// # Errors
    /// As [`Pki::make`].
    pub fn acceptor(&self, admits: Admits) -> io::Result<TlsAcceptor> {
        let identity = self.server()?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = rustls::ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?;
        let builder = match admits {
            Admits::Anybody => builder.with_no_client_auth(),
            Admits::Certified => {
                let mut roots = rustls::RootCertStore::empty();
                for root in certificates(&self.ca())? {
                    roots.add(root).map_err(io::Error::other)?;
                }
                let known = rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(known.build().map_err(io::Error::other)?)
            }
        };
        let key = PrivateKeyDer::from_pem_file(&identity.key).map_err(io::Error::other)?;
        let config = builder.with_single_cert(certificates(&identity.certificate)?, key).map_err(io::Error::other)?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    /// A certificate for a kiosk, or for somebody who asks.
    ///
    /// # Errors
    /// As [`Pki::make`].
    pub fn client(&self, name: &str) -> io::Result<Identity> {
        self.identity(name, vec![name.to_owned()], ExtendedKeyUsagePurpose::ClientAuth)
    }

    /// What a client's `[fleet]` says to be let in at this broker, with a certificate of its own.
    ///
    /// # Errors
    /// As [`Pki::make`].
    pub fn section(&self, broker: String, name: &str) -> io::Result<Section> {
        let Identity { certificate, key } = self.client(name)?;
        Ok(Section { broker, ca: self.ca(), certificate, key: key.display().to_string(), ..Section::default() })
    }

    fn identity(&self, name: &str, names: Vec<String>, usage: ExtendedKeyUsagePurpose) -> io::Result<Identity> {
        let mut leaf = CertificateParams::new(names).map_err(io::Error::other)?;
        leaf.extended_key_usages = vec![usage];
        leaf.use_authority_key_identifier_extension = true;
        leaf.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let certificate = leaf.signed_by(&key, &self.issuer).map_err(io::Error::other)?;
        let identity = Identity {
            certificate: self.folder.join(format!("{name}.pem")),
            key: self.folder.join(format!("{name}.key")),
        };
        put(&identity.certificate, &certificate.pem())?;
        put(&identity.key, &key.serialize_pem())?;
        Ok(identity)
    }
}

fn certificates(path: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).map_err(io::Error::other)?.collect();
    found.map_err(io::Error::other)
}

fn put(path: &Path, text: &str) -> io::Result<()> {
    let mut file = std::fs::File::options().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}
