//! What destinations and goods are called. A provider's label is shown only for a region that nobody else names.

use super::{Iso, Place, Setting};
use crate::locale;
use crate::sale::offer::DataVolume;

/// The names of a destination, one for English and each language of the kiosk.
pub(super) fn names(id: &str, place: &Place, countries: &[Iso], setting: &Setting<'_>) -> Vec<(String, String)> {
    let mut languages: Vec<&str> = vec!["en"];
    for tag in setting.languages {
        let primary = tag.split(['-', '_']).next().unwrap_or(tag);
        if !languages.contains(&primary) {
            languages.push(primary);
        }
    }
    let own = setting.offering.names.get(id);
    let name = |language: &str| {
        own.and_then(|names| names.get(language)).cloned().unwrap_or_else(|| standard(place, countries, language))
    };
    languages.into_iter().map(|language| (language.to_owned(), name(language))).collect()
}

fn standard(place: &Place, countries: &[Iso], language: &str) -> String {
    match place {
        Place::Country(iso) => iso.name(language).to_owned(),
        Place::World => locale::region_name("world", language).unwrap_or("World").to_owned(),
        Place::Region(key, label) => match locale::region_name(key, language) {
            Some(name) => name.to_owned(),
            // Two or three countries are named themselves, in the traveller's language.
            None if (2..=3).contains(&countries.len()) => {
                countries.iter().map(|iso| iso.name(language)).collect::<Vec<_>>().join(" · ")
            }
            None => label.split(" (").next().unwrap_or(label).trim().to_owned(),
        },
    }
}

/// The name of a good for screen and paper: "Japan 5 GB, 30 days".
pub fn title(place: &str, data: DataVolume, days: u16, language: &str) -> String {
    let german = language.starts_with("de");
    let volume = match data {
        DataVolume::Bytes(bytes) => locale::data_volume(bytes, language),
        DataVolume::BytesPerDay(bytes) => {
            format!("{}/{}", locale::data_volume(bytes, language), if german { "Tag" } else { "day" })
        }
        DataVolume::Unlimited => if german { "unbegrenzt" } else { "unlimited" }.to_owned(),
    };
    let unit = match (german, days) {
        (true, 1) => "Tag",
        (true, _) => "Tage",
        (false, 1) => "day",
        (false, _) => "days",
    };
    format!("{place} {volume}, {days} {unit}")
}
