//! QR codes as pictures: one pixel a module, black on white, the quiet zone of four modules inside. The screen draws a
//! module as a whole number of pixels.

use qrcode::{Color, EcLevel, QrCode};
use slint::{Image, Rgb8Pixel, SharedPixelBuffer};

/// Modules of white around a symbol (ISO/IEC 18004, 9.1).
const QUIET: usize = 4;

/// The picture of a text; empty for an empty text and for one that fits into no symbol.
pub(super) fn picture(text: &str) -> Image {
    if text.is_empty() {
        return Image::default();
    }
    let Ok(code) = QrCode::with_error_correction_level(text, EcLevel::M) else {
        tracing::error!(bytes = text.len(), "a text is too long for a QR code");
        return Image::default();
    };
    let modules = code.width();
    let side = modules + 2 * QUIET;
    let mut buffer = SharedPixelBuffer::<Rgb8Pixel>::new(side_px(side), side_px(side));
    let colours = code.to_colors();
    for (place, pixel) in buffer.make_mut_slice().iter_mut().enumerate() {
        let (x, y) = (place % side, place / side);
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
        let image = picture("LPA:1$smdp.example$ABC");
        let pixels = image.to_rgb8().expect("a picture");
        let (side, slice) = (pixels.width(), pixels.as_slice());
        let at = |x: u32, y: u32| slice[(y * side + x) as usize].r;
        assert!((0..side).all(|x| at(x, 3) == 255 && at(3, x) == 255 && at(x, side - 4) == 255));
        assert_eq!(at(4, 4), 0);
        assert_eq!(picture("").size().width, 0);
    }
}
