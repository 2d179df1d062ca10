//! QR codes as PNG pictures, as the providers send them by mail or show them at an address.

/// Pixels per module.
const SCALE: usize = 8;
/// White modules around the code.
const MARGIN: usize = 4;

/// A black and white PNG of `text` as a QR code; nothing if it does not fit into one.
pub(super) fn qr_png(text: &str) -> Option<Vec<u8>> {
    let code = qrcode::QrCode::with_error_correction_level(text, qrcode::EcLevel::M).ok()?;
    let modules = code.width();
    let dark = code.to_colors();
    let side = (modules + 2 * MARGIN) * SCALE;
    let mut pixels = vec![255_u8; side * side];
    for (index, _) in dark.iter().enumerate().filter(|(_, color)| **color == qrcode::Color::Dark) {
        let (left, top) = ((index % modules + MARGIN) * SCALE, (index / modules + MARGIN) * SCALE);
        for row in top..top + SCALE {
            pixels[row * side + left..row * side + left + SCALE].fill(0);
        }
    }
    let mut file = Vec::new();
    let side = u32::try_from(side).ok()?;
    let mut encoder = png::Encoder::new(&mut file, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().ok()?;
    writer.write_image_data(&pixels).ok()?;
    writer.finish().ok()?;
    Some(file)
}
