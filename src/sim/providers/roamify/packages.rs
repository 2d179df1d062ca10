//! Countries, packages in pages, and the devices that take an eSIM.

use serde_json::{Value, json};

use super::{Roamify, failed, success};
use crate::sim::providers::Provider;
use crate::sim::providers::call::Call;
use crate::sim::providers::catalogue::{Area, Catalogue, Data, Plan};
use crate::sim::providers::desk::Desk;
use crate::sim::providers::reply::Reply;
use crate::sim::providers::world::slug;

const ME: Provider = Provider::Roamify;

/// `esim-cambodia-7days-1gb-all`.
pub(super) fn package_id(catalogue: &Catalogue, plan: &Plan) -> String {
    let place = match plan.area {
        Area::Country(_) => catalogue.place_slug(ME, plan),
        Area::Region(_) => format!("{}-{}", catalogue.place_slug(ME, plan), catalogue.location(plan).to_lowercase()),
    };
    let size = plan.size().to_lowercase();
    let size = match plan.data {
        Data::Daily { kbps, .. } => format!("{size}-daily-{kbps}kbps"),
        Data::Total(_) | Data::Unlimited => size,
    };
    format!("esim-{place}-{}days-{size}-all", plan.days)
}

/// `1 GB - 7 Days`.
pub(super) fn package_name(plan: &Plan) -> String {
    let size = plan.size().replace("GB", " GB").replace("MB", " MB");
    let daily = if matches!(plan.data, Data::Daily { .. }) { "/Day" } else { "" };
    format!("{size}{daily} - {} Days", plan.days)
}

pub(super) fn countries(desk: &Desk) -> Reply {
    let catalogue = &desk.catalogue;
    let sold = |index: usize| catalogue.of(Area::Country(index)).next().is_some();
    let countries = catalogue.world.countries.iter().enumerate().filter(|(index, _)| sold(*index));
    let mut rows: Vec<Value> = countries
        .map(|(_, country)| json!({"name": country.name(ME), "code": country.iso, "geography": "local"}))
        .collect();
    rows.extend(catalogue.world.regions.iter().map(|region| {
        let geography = if region.is_global() { "global" } else { "regional" };
        json!({"name": region.name, "code": region.code, "geography": geography})
    }));
    if desk.quirks.wrapped_lists { success(json!({"countries": rows})) } else { success(json!(rows)) }
}

impl Roamify {
    /// One page of packages, grouped by destination. The last page is the first that is not full.
    pub(super) fn packages_page(&self, desk: &mut Desk, call: &Call) -> Reply {
        let wanted = match self.filter(desk, call) {
            Ok(wanted) => wanted,
            Err(refused) => return refused,
        };
        let catalogue = &desk.catalogue;
        let size = call.number("pageSize", 50, 500);
        let page = call.number("page", 1, 1_000_000);
        let shown = catalogue.plans.iter().filter(|plan| !plan.gone && wanted(catalogue, plan));
        let mut groups: Vec<(Area, Vec<Value>)> = Vec::new();
        for plan in shown.skip((page - 1) * size).take(size) {
            let row = self.package_row(plan, desk.quirks.nested_packages);
            match groups.last_mut() {
                Some((area, rows)) if *area == plan.area => rows.push(row),
                _ => groups.push((plan.area, vec![row])),
            }
        }
        let rows: Vec<Value> = groups.into_iter().map(|(area, rows)| group(catalogue, area, rows)).collect();
        if desk.quirks.wrapped_lists { success(json!({"packages": rows})) } else { success(json!(rows)) }
    }

    #[allow(clippy::type_complexity)]
    fn filter(&self, desk: &mut Desk, call: &Call) -> Result<Box<dyn Fn(&Catalogue, &Plan) -> bool>, Reply> {
        let name = call.query("country").map(str::to_owned);
        let code = call.query("countryCode").map(str::to_uppercase);
        let known = |text: &String| {
            desk.catalogue.world.countries.iter().any(|country| country.name(ME) == text)
                || desk.catalogue.world.regions.iter().any(|region| region.name == text)
        };
        if name.as_ref().is_some_and(|name| !known(name)) {
            desk.dislike("unknown_country");
            return Err(failed(404, "Country not found", Some("COUNTRY_NOT_FOUND")));
        }
        let geography = call.query("geography").map(str::to_owned);
        let days: Option<u32> = call.query("days").and_then(|text| text.parse().ok());
        let unlimited = call.query("isUnlimited").map(|text| text == "true");
        let gb = call.query("gbs").filter(|_| unlimited != Some(true)).map(str::to_owned);
        let package = call.query("packageId").map(|name| self.by_package.get(name).copied());
        Ok(Box::new(move |catalogue, plan| {
            name.as_ref().is_none_or(|name| catalogue.place(ME, plan) == name)
                && code.as_ref().is_none_or(|code| catalogue.location(plan) == code)
                && geography.as_ref().is_none_or(|wanted| geography_of(catalogue, plan.area) == wanted)
                && days.is_none_or(|days| plan.days == days)
                && unlimited.is_none_or(|wanted| (plan.data == Data::Unlimited) == wanted)
                && gb.as_ref().is_none_or(|gb| plan.gb() == *gb)
                && package.is_none_or(|package| package == Some(plan.id))
        }))
    }

    /// A package, flat or nested.
    pub(super) fn package_row(&self, plan: &Plan, nested: bool) -> Value {
        let (mb, unlimited) = match plan.data {
            Data::Total(mb) | Data::Daily { mb, .. } => (mb, false),
            Data::Unlimited => (0, true),
        };
        let daily = matches!(plan.data, Data::Daily { .. });
        let mut row = json!({
            "packageId": self.package(plan.id),
            "package": package_name(plan),
            "plan": "data-only",
            "activation": "first-use",
            "day": plan.days,
            "price": plan.price.number(),
            "withHotspot": true,
            "withDataRoaming": true,
            "withDestinationInstall": plan.id.is_multiple_of(41),
            "withUsageCheck": true,
            "withTopUp": true,
            "apn": {"apnAutomatic": true, "apnName": "globaldata", "apnUsername": "", "apnPassword": ""},
            "notes": [],
            "requirements": {"travelDate": plan.id.is_multiple_of(911), "esimInstallAtDestination": false},
        });
        if nested {
            row["data"] = json!({"isUnlimited": unlimited, "dataAmount": if unlimited { json!(-1) } else { json!(mb) },
                "dataUnit": if unlimited { "" } else { "MB" }});
            row["call"] = json!({"withCall": false, "callType": "all", "callAmount": -1, "callUnit": ""});
            row["sms"] = json!({"withSMS": false, "smsType": "all", "smsAmount": -1, "smsUnit": ""});
        } else {
            let (amount, unit) = if mb % 1024 == 0 { (mb / 1024, "GB") } else { (mb, "MB") };
            row["dataAmount"] = json!(amount);
            row["dataUnit"] = json!(if unlimited { "" } else { unit });
            row["isUnlimited"] = json!(unlimited);
            row["withCall"] = json!(false);
            row["withSMS"] = json!(false);
        }
        row["withThrottle"] = json!(daily);
        if let Data::Daily { kbps, .. } = plan.data {
            row["throttle"] = json!({"per": "day", "speed": kbps, "unit": "Kbps"});
        }
        row
    }
}

fn geography_of(catalogue: &Catalogue, area: Area) -> &'static str {
    match area {
        Area::Country(_) => "local",
        Area::Region(region) if catalogue.world.regions[region].is_global() => "global",
        Area::Region(_) => "regional",
    }
}

fn group(catalogue: &Catalogue, area: Area, packages: Vec<Value>) -> Value {
    let mut prices: Vec<_> = catalogue.of(area).map(|plan| plan.price).collect();
    prices.sort_unstable();
    let (name, code, region, operators) = match area {
        Area::Country(country) => {
            let country = &catalogue.world.countries[country];
            (country.name(ME), country.iso, country.continent, country.operators.to_owned())
        }
        Area::Region(region) => {
            let region = &catalogue.world.regions[region];
            (region.name, region.code, "", String::new())
        }
    };
    let members: Vec<Value> = match area {
        Area::Country(_) => Vec::new(),
        Area::Region(region) => {
            let members = catalogue.world.regions[region].members.iter();
            members
                .map(|index| &catalogue.world.countries[*index])
                .map(|country| json!({"name": country.name(ME), "code": country.iso}))
                .collect()
        }
    };
    let signals: Vec<Value> = operators
        .split(", ")
        .filter(|name| !name.is_empty())
        .map(|name| json!({"name": name, "types": ["4G", "5G"]}))
        .collect();
    json!({
        "countryName": name,
        "countryCode": code,
        "countrySlug": slug(name),
        "region": region,
        "geography": geography_of(catalogue, area),
        "supportedCountries": members,
        "minPrice": prices.first().map(|price| price.number()),
        "maxPrice": prices.last().map(|price| price.number()),
        "image": null,
        "signals": signals,
        "packages": packages,
    })
}

pub(super) fn devices() -> Reply {
    let row = |brand: &str, name: &str, model: &str, os: &str| json!({"model": model, "deviceType": "phone", "os": os, "brand": brand, "name": name});
    success(json!([
        row("Apple", "iPhone 12", "iPhone13,2", "ios"),
        row("Apple", "iPhone 15 Pro", "iPhone16,1", "ios"),
        row("Google", "Pixel 8", "shiba", "android"),
        row("Samsung", "Galaxy S23", "SM-S911B", "android"),
        row("Xiaomi", "13T Pro", "23078PND5G", "android"),
    ]))
}
