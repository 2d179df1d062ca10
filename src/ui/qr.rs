//! QR codes as pictures: black on white, a whole number of pixels a module, the quiet zone of four modules inside.

use qrcode::{Color, EcLevel, QrCode};
use slint::{Image, Rgb8Pixel, SharedPixelBuffer};

/// Modules of white around a symbol (ISO/IEC 18004, 9.1).
const QUIET: usize = 4;

/// The picture of a text whose symbol is at least `least_px` wide; empty for an empty text and for one that fits into
/// no symbol.
pub(super) fn picture(text: &str, least_px: f32) -> Image {
    if text.is_empty() {
        return Image::default();
    }
    let Ok(code) = QrCode::with_error_correction_level(text, EcLevel::M) else {
        tracing::error!(bytes = text.len(), "a text is too long for a QR code");
        return Image::default();
    };
    let modules = code.width();
    let scale = ((least_px / modules as f32).ceil() as usize).max(1);
    let side = (modules + 2 * QUIET) * scale;
    let mut buffer = SharedPixelBuffer::<Rgb8Pixel>::new(side_px(side), side_px(side));
    let colours = code.to_colors();
    for (place, pixel) in buffer.make_mut_slice().iter_mut().enumerate() {
        let (x, y) = (place % side / scale, place / side / scale);
        let inside = (QUIET..QUIET + modules).contains(&x) && (QUIET..QUIET + modules).contains(&y);
        let dark = inside && colours.get((y - QUIET) * modules + (x - QUIET)) == Some(&Color::Dark);
        *pixel = if dark { Rgb8Pixel { r: 0, g: 0, b: 0 } } else { Rgb8Pixel { r: 255, g: 255, b: 255 } };
    }
    Image::from_rgb8(buffer)
}

fn side_px(side: usize) -> u32 {
    u32::try_from(side).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quiet_zone_is_white_and_the_corner_dark() {
        let image = picture("LPA:1$smdp.example$ABC", 0.0);
        let pixels = image.to_rgb8().expect("a picture");
        let (side, slice) = (pixels.width(), pixels.as_slice());
        let at = |x: u32, y: u32| slice[(y * side + x) as usize].r;
        assert!((0..side).all(|x| at(x, 3) == 255 && at(3, x) == 255 && at(x, side - 4) == 255));
        assert_eq!(at(4, 4), 0);
        // Version 2 at level M: 25 modules, each of ten pixels to be 242 wide at least.
        assert_eq!(side, 33);
        assert_eq!(picture("LPA:1$smdp.example$ABC", 242.0).size().width, 330);
        assert_eq!(picture("", 100.0).size().width, 0);
    }
}
