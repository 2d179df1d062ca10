//! Uploads to receivers that ask who comes, and certificates that are replaced meanwhile.

use super::*;
use crate::sim::fleet::pki::Admits;

fn nobody_buys() -> watch::Receiver<bool> {
    watch::channel(false).1
}

/// A receiver that lets in only who has a certificate of this operator's.
fn guarded(site: &Site) -> UploadSink {
    let folder = site.dir.path().join("guarded");
    UploadSink::behind(std::net::Ipv4Addr::LOCALHOST.into(), &folder, &site.pki, Admits::Certified).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_asks_for_a_certificate_is_shown_the_fleets_where_that_is_configured() {
    let site = Site::new();
    let guarded = guarded(&site);
    let section = Section { upload_ca: Some(site.pki.ca()), ..site.section() };
    let url = uploader(&section).allowed(&guarded.url("bundle")).unwrap();
    let send = |section: &Section| {
        let (uploader, url) = (uploader(section), url.clone());
        async move { uploader.put(&url, "text/plain", "a bundle".into(), &nobody_buys()).await }
    };
    // Without it no request comes through the handshake, however often it is tried.
    let refused = tokio::time::timeout(Duration::from_secs(3), send(&section)).await;
    assert!(refused.is_err() && guarded.requests() == 0, "{refused:?}");
    let with = Section { upload_with_certificate: true, ..section };
    send(&with).await.unwrap();
    assert_eq!(guarded.uploads().remove(0).bytes, 8);
    // A certificate that is not there is told at once, with its name.
    let gone = Section { certificate: "/nonexistent/kiosk.pem".into(), ..with };
    let why = send(&gone).await.unwrap_err().to_string();
    assert!(why.contains("/nonexistent/kiosk.pem"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn replaced_certificates_are_used_at_the_next_upload_without_a_restart() {
    let site = Site::new();
    let guarded = guarded(&site);
    let section = Section { upload_ca: Some(site.pki.ca()), upload_with_certificate: true, ..site.section() };
    let (ours, key) = (section.certificate.clone(), section.key_file());
    let uploader = uploader(&section);
    let url = uploader.allowed(&guarded.url("bundle")).unwrap();
    let busy = nobody_buys();
    let put = || uploader.put(&url, "text/plain", "a bundle".into(), &busy);
    put().await.unwrap();
    // The same files of an authority that the receiver does not know; meanwhile it waits, and a new one of ours lets
    // the same upload through.
    let foreign = Pki::make(&site.dir.path().join("foreign")).unwrap().client("K07").unwrap();
    std::fs::copy(foreign.certificate, &ours).unwrap();
    std::fs::copy(foreign.key, &key).unwrap();
    let before = guarded.requests();
    let (sent, ()) = tokio::join!(put(), async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(guarded.requests(), before, "a foreign certificate was let in");
        site.pki.client("K07").unwrap();
    });
    sent.unwrap();
    assert!(guarded.requests() > before);
    // Half of a pair, as it lies there for a moment while the files are replaced.
    std::fs::copy(site.pki.ca(), &ours).unwrap();
    let why = put().await.unwrap_err().to_string();
    assert!(why.contains("K07.pem"), "{why}");
}
