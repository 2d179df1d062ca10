#![cfg(feature = "screen")]
use esim_kiosk::sim::gallery::samples::Samples;
use esim_kiosk::ui::{Headless, Surface};
#[test]
fn peek() {
    let (sender, _receiver) = tokio::sync::mpsc::channel(64);
    let mut screen = Headless::new(Surface::PORTRAIT, sender).unwrap();
    let want = std::env::var("PEEK").unwrap_or_default();
    let large = std::env::var("LARGE").is_ok();
    let contrast = std::env::var("CONTRAST").is_ok();
    let low = std::env::var("LOW").is_ok();
    std::fs::create_dir_all("/tmp/peek").unwrap();
    let mut session = 1;
    for (o, surface) in [("p", Surface::PORTRAIT), ("l", Surface::LANDSCAPE)] {
        screen.set_surface(surface);
        for language in ["en", "de"] {
            for mut sample in Samples::all(language) {
                if !want.is_empty() && !want.split(',').any(|w| sample.name.contains(w)) {
                    continue;
                }
                session += 1;
                sample.view.session = session;
                sample.view.look.large_text = large;
                sample.view.look.high_contrast = contrast;
                sample.view.look.low_reach = low;
                screen.show(&sample.view);
                for touch in &sample.touches {
                    if !screen.touch_part(touch) {
                        println!("cannot touch {touch} in {}", sample.name);
                    }
                }
                screen.draw();
                std::fs::write(
                    format!("/tmp/peek/{o}-{language}-{}.png", sample.name),
                    screen.picture().png().unwrap(),
                )
                .unwrap();
            }
        }
    }
}
