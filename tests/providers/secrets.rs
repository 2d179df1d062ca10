//! Neither a key nor an activation code is in any log line, error or debug text, whatever goes wrong.

use esim_kiosk::sim::providers::fault::{Effect, Fault, Target, Trick, When};
use esim_kiosk::sim::providers::{Credentials, Provider};
use esim_kiosk::sim::transcript::Transcript;

use crate::kit::Shop;

#[tokio::test]
async fn no_secret_is_in_any_log() {
    let log = Transcript::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone()).finish();
    // Where there is one subscriber alone, a log line that another test meets first asks only that test's thread whether
    // anybody listens, and remembers the answer for all. With a second one it asks all.
    let _second = tracing::Dispatch::new(tracing_subscriber::fmt().with_writer(std::io::sink).finish());
    let _guard = tracing::subscriber::set_default(subscriber);
    tracing::callsite::rebuild_interest_cache();
    let mut said = String::new();
    let mut codes = Vec::new();
    for provider in Provider::ALL {
        let shop = Shop::open(provider);
        let plan = shop.some_plan().await;
        let blows = [
            None,
            Some(Fault::trick("", Trick::Lpa("LPA:1$bad code$SECRET-CODE".into())).on(Target::Writes)),
            Some(Fault::after("", Effect::Status { code: 500, html: false }).on(Target::Writes)),
            Some(Fault::after("", Effect::CutBody).on(Target::Writes)),
            Some(Fault::before("", Effect::Status { code: 401, html: false }).on(Target::Any).when(When::First(2))),
            Some(Fault::before("", Effect::TooMany { retry_after: Some(1) }).on(Target::Writes)),
        ];
        for (number, fault) in blows.into_iter().enumerate() {
            let request = shop.request(u8::try_from(number).unwrap(), &plan).await;
            if let Some(fault) = fault {
                shop.panel.fault(provider, fault);
            }
            said.push_str(&format!("{:?}", shop.client.order(&request).await));
            shop.panel.clear_faults(provider);
            said.push_str(&format!("{:?}{:?}", shop.look_up(&request).await, shop.client.health()));
            tokio::time::sleep(std::time::Duration::from_millis(if number == 5 { 1100 } else { 0 })).await;
        }
        codes.extend(shop.orders().into_iter().flat_map(|order| order.lpa));
    }
    let log = log.text();
    assert!(log.contains("provider call"), "the log is being read");
    assert!(codes.len() >= 8);
    let keys = Credentials::default();
    let secrets = [
        keys.mobilexy_key,
        keys.roamify_token,
        keys.esimfly_access_code,
        keys.esimfly_secret,
        keys.reseller_password,
        "SECRET-CODE".into(),
        "Bearer ey".into(),
    ];
    for secret in secrets.iter().chain(&codes) {
        let tail = secret.rsplit('$').next().unwrap();
        assert!(!log.contains(tail), "in the log: {tail}");
        assert!(!said.contains(tail), "in an outcome: {tail}");
    }
}
