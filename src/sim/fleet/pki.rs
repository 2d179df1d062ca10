//! The operator's own authority for one run: certificates for the broker and for each kiosk.

use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};

/// An authority whose files lie in a folder.
pub struct Pki {
    folder: PathBuf,
    issuer: Issuer<'static, KeyPair>,
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
        Ok(Pki { folder: folder.to_owned(), issuer: Issuer::new(root, key) })
    }

    /// The authority's certificate.
    pub fn ca(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// A certificate for a server on loopback.
    ///
    /// # Errors
    /// As [`Pki::make`].
    pub fn server(&self) -> io::Result<Identity> {
        let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
        self.identity("server", names, ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// A certificate for a kiosk, or for somebody who asks.
    ///
    /// # Errors
    /// As [`Pki::make`].
    pub fn client(&self, name: &str) -> io::Result<Identity> {
        self.identity(name, vec![name.to_owned()], ExtendedKeyUsagePurpose::ClientAuth)
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

fn put(path: &Path, text: &str) -> io::Result<()> {
    let mut file = std::fs::File::options().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}
