//! Destinations, regions and networks as the simulated providers know and spell them.

use std::collections::HashMap;

use super::Provider;

/// A place one can buy an eSIM for.
#[derive(Debug, Clone)]
pub(super) struct Country {
    /// ISO 3166-1 alpha-2 (and `XK`).
    pub(super) iso: &'static str,
    /// Two letters: AF, AS, CB, EU, ME, NA, OC, SA.
    pub(super) continent: &'static str,
    /// 1 is cheap, 5 dear.
    pub(super) tier: usize,
    /// Comma-joined names of networks.
    pub(super) operators: &'static str,
    name: &'static str,
    spellings: &'static str,
}

impl Country {
    /// The name as this provider writes it.
    pub(super) fn name(&self, provider: Provider) -> &'static str {
        let letter = match provider {
            Provider::Mobilexy => "m=",
            Provider::Roamify => "r=",
            Provider::Esimfly => "e=",
            Provider::Reseller => "g=",
        };
        self.spellings.split(';').find_map(|one| one.strip_prefix(letter)).unwrap_or(self.name)
    }
}

/// A group of countries sold as one.
#[derive(Debug, Clone)]
pub(super) struct Region {
    /// Such as `AS-12`; `GL-139` is the whole world.
    pub(super) code: &'static str,
    /// Such as `Asia`.
    pub(super) name: &'static str,
    /// Indexes of the countries.
    pub(super) members: Vec<usize>,
}

impl Region {
    /// Whether this is the world.
    pub(super) fn is_global(&self) -> bool {
        self.code.starts_with("GL-")
    }
}

/// All destinations.
#[derive(Debug)]
pub(super) struct World {
    pub(super) countries: Vec<Country>,
    pub(super) regions: Vec<Region>,
}

impl World {
    /// Reads the two tables beside this file.
    pub(super) fn read() -> World {
        let countries: Vec<Country> = rows(include_str!("countries.txt")).map(country).collect();
        let by_iso: HashMap<&str, usize> =
            countries.iter().enumerate().map(|(index, country)| (country.iso, index)).collect();
        let mut cheap_first: Vec<usize> = (0..countries.len()).collect();
        cheap_first.sort_by_key(|&index| countries[index].tier);
        let regions = rows(include_str!("regions.txt"))
            .map(|row| {
                let (code, name, list) = (cell(&row, 0), cell(&row, 1), cell(&row, 2));
                let members = match list {
                    "*" => cheap_first.iter().copied().take(139).collect(),
                    list => list.split(',').filter_map(|iso| by_iso.get(iso).copied()).collect(),
                };
                Region { code, name, members }
            })
            .collect();
        World { countries, regions }
    }

    /// The country with this ISO code.
    pub(super) fn by_iso(&self, iso: &str) -> Option<usize> {
        self.countries.iter().position(|country| country.iso.eq_ignore_ascii_case(iso))
    }
}

fn rows(text: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).map(|line| line.split('|').collect())
}

fn cell(row: &[&'static str], index: usize) -> &'static str {
    row.get(index).copied().unwrap_or("")
}

fn country(row: Vec<&'static str>) -> Country {
    Country {
        iso: cell(&row, 0),
        name: cell(&row, 1),
        continent: cell(&row, 2),
        tier: cell(&row, 3).parse().unwrap_or(3),
        operators: cell(&row, 4),
        spellings: cell(&row, 5),
    }
}

/// The name as part of an address: small letters, digits and hyphens (`hong-kong-china`).
pub(super) fn slug(name: &str) -> String {
    let mut slug = String::new();
    for letter in name.chars() {
        let plain = match letter {
            'å' | 'Å' | 'ã' | 'á' => 'a',
            'é' => 'e',
            'í' => 'i',
            'ô' => 'o',
            'ü' => 'u',
            'ç' => 'c',
            other => other.to_ascii_lowercase(),
        };
        if plain.is_ascii_alphanumeric() {
            slug.push(plain);
        } else if plain != '\'' && plain != '.' && !slug.ends_with('-') && !slug.is_empty() {
            slug.push('-');
        }
    }
    slug.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_world_is_complete_and_consistent() {
        let world = World::read();
        assert!(world.countries.len() > 200, "{}", world.countries.len());
        let codes: HashSet<&str> = world.countries.iter().map(|country| country.iso).collect();
        assert_eq!(codes.len(), world.countries.len());
        for country in &world.countries {
            assert!(country.iso.len() == 2 && (1..=5).contains(&country.tier), "{country:?}");
            assert!(!country.operators.is_empty(), "{country:?}");
        }
        for provider in Provider::ALL {
            let slugs: HashSet<String> = world.countries.iter().map(|one| slug(one.name(provider))).collect();
            assert_eq!(slugs.len(), world.countries.len(), "{provider:?}");
        }
    }

    #[test]
    fn regions_have_as_many_members_as_their_code_says() {
        let world = World::read();
        for region in &world.regions {
            let said = region.code.rsplit('-').next().unwrap().parse::<usize>().unwrap();
            assert_eq!(region.members.len(), said, "{}", region.code);
        }
    }

    #[test]
    fn providers_spell_differently() {
        let world = World::read();
        let hong_kong = &world.countries[world.by_iso("HK").unwrap()];
        assert_eq!(hong_kong.name(Provider::Mobilexy), "Hong Kong (China)");
        assert_eq!(hong_kong.name(Provider::Roamify), "Hong Kong");
        assert_eq!(slug("Hong Kong (China)"), "hong-kong-china");
        assert_eq!(slug("Åland Islands"), "aland-islands");
        assert_eq!(slug("Cote d'Ivoire"), "cote-divoire");
    }
}
