//! Where touches come from: the desktop's window system, or on the device libinput, whose keyboards are not let in
//! (Slint's event loop ends on Ctrl+Alt+Backspace, and anybody may carry a keyboard).

use slint::PlatformError;
use tokio::sync::mpsc;

use crate::kiosk::Intent;

/// Selects the window system of a developer's machine, drawn by the software renderer like the device.
#[cfg(not(feature = "device"))]
pub(super) fn select_backend(_intents: &mpsc::Sender<Intent>) -> Result<(), PlatformError> {
    slint::BackendSelector::new().backend_name("winit".into()).renderer_name("software".into()).select()
}

/// Selects the kernel's display and input.
#[cfg(feature = "device")]
pub(super) fn select_backend(intents: &mpsc::Sender<Intent>) -> Result<(), PlatformError> {
    let intents = intents.clone();
    slint::BackendSelector::new()
        .backend_name("linuxkms".into())
        .renderer_name("software".into())
        .with_libinput_event_hook(move |event| match event {
            ::input::Event::Keyboard(_) => true,
            ::input::Event::Touch(::input::event::TouchEvent::Down(_)) => {
                // A full inbox is reported where wishes are sent.
                intents.try_send(Intent::Touched).ok();
                false
            }
            _ => false,
        })
        .select()
}
