//! Which image of the device the program runs in: the same program goes out in many of them.

use std::path::Path;
use std::sync::LazyLock;

/// The version of the image (`IMAGE_VERSION` of os-release); none on a machine that somebody looks after himself.
pub(super) fn version() -> Option<&'static str> {
    static VERSION: LazyLock<Option<String>> = LazyLock::new(|| version_in(Path::new("/etc/os-release")));
    VERSION.as_deref()
}

fn version_in(release: &Path) -> Option<String> {
    let text = std::fs::read_to_string(release).ok()?;
    let value = text.lines().find_map(|line| line.strip_prefix("IMAGE_VERSION="))?.trim_matches(['"', '\'']);
    (!value.is_empty()).then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    // What a test lays out need not survive a power cut.
    #![allow(clippy::disallowed_methods)]

    use super::*;

    #[test]
    fn the_image_is_known_by_its_os_release_and_another_machine_has_none() {
        let place = tempfile::tempdir().unwrap();
        let of = |text: &str| {
            std::fs::write(place.path().join("os-release"), text).unwrap();
            version_in(&place.path().join("os-release"))
        };
        let image = Some("0.1.0-g1234abc".to_owned());
        assert_eq!(of("NAME=\"Debian GNU/Linux\"\nIMAGE_ID=x\nIMAGE_VERSION=0.1.0-g1234abc\n"), image);
        assert_eq!(of("IMAGE_VERSION=\"0.1.0-g1234abc\"\n"), image);
        assert_eq!(of("NAME=\"Debian GNU/Linux\"\nVERSION_ID=12\nIMAGE_VERSION=\n"), None);
        assert_eq!(version_in(Path::new("/nonexistent")), None);
    }
}
