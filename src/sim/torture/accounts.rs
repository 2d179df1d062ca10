//! The clients of the simulated accounts, connected as a configuration would connect them, with short time limits.

use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use crate::esim::secret::SecretPlace;
use crate::esim::section::{Connection, ProviderSection};
use crate::esim::{EsimProvider, esimfly, mobilexy, reseller, roamify};
use crate::money::Currency;
use crate::sim::providers::{Provider, ProvidersPanel};

fn secret(place: &Path, name: &str, text: &str) -> std::io::Result<SecretPlace> {
    let path = place.join(name);
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
    std::io::Write::write_all(&mut file, text.as_bytes())?;
    Ok(SecretPlace::File(path))
}

pub(super) fn connect(
    provider: Provider,
    panel: &ProvidersPanel,
    place: &Path,
) -> std::io::Result<Arc<dyn EsimProvider>> {
    let keys = crate::sim::providers::Credentials::default();
    let (name, base, currency) = (provider.name().to_owned(), panel.base_url(provider), Currency::USD);
    let extra_ca = Some(place.join("ca.pem"));
    let connection = Connection { connect_s: 3, read_s: 4, write_s: 1, slow_s: 1, extra_ca, ..Connection::default() };
    let section = match provider {
        Provider::Mobilexy => ProviderSection::Mobilexy(mobilexy::Section {
            name,
            base,
            key: secret(place, "mobilexy", &keys.mobilexy_key)?,
            currency,
            account_exclusive: true,
            most_per_order: None,
            connection,
        }),
        Provider::Roamify => ProviderSection::Roamify(roamify::Section {
            name,
            base,
            key: secret(place, "roamify", &keys.roamify_token)?,
            currency,
            page_size: 200,
            connection,
        }),
        Provider::Esimfly => ProviderSection::Esimfly(esimfly::Section {
            name,
            base,
            access_code: secret(place, "esimfly-code", &keys.esimfly_access_code)?,
            key: secret(place, "esimfly", &keys.esimfly_secret)?,
            currency,
            keys_proven: false,
            account_exclusive: true,
            slow_marks: Vec::new(),
            connection,
        }),
        Provider::Reseller => ProviderSection::Reseller(reseller::Section {
            name,
            base,
            email: keys.reseller_email.clone(),
            password: secret(place, "reseller", &keys.reseller_password)?,
            currency,
            customer_email: "kiosk@operator.example".into(),
            keys_proven: false,
            list_shows_customer: true,
            account_exclusive: true,
            cancel_by_post: false,
            logins_file: None,
            picture_hosts: Vec::new(),
            connection,
        }),
    };
    section.connect("K07").map_err(std::io::Error::other)
}
