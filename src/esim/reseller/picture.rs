//! The activation code of a QR picture: where a provider gives nothing else.

/// Most pixels that are decoded.
const PIXELS_MAX: u32 = 4_000_000;

/// The text of the only QR code in a PNG; nothing where there is none, or more than one.
pub(super) fn text_of(png_bytes: &[u8]) -> Option<String> {
    let (width, height, grey) = grey_of(png_bytes)?;
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| grey[y * width + x]);
    let grids = image.detect_grids();
    let [only] = grids.as_slice() else { return None };
    only.decode().ok().map(|(_, text)| text)
}

/// Width, height and brightness of every pixel.
fn grey_of(png_bytes: &[u8]) -> Option<(usize, usize, Vec<u8>)> {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(png_bytes));
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().ok()?;
    let (width, height) = (reader.info().width, reader.info().height);
    if width.checked_mul(height)? > PIXELS_MAX {
        return None;
    }
    let mut pixels = vec![0; reader.output_buffer_size()?];
    let frame = reader.next_frame(&mut pixels).ok()?;
    let samples = frame.color_type.samples();
    let alpha = matches!(frame.color_type, png::ColorType::Rgba | png::ColorType::GrayscaleAlpha);
    let grey = pixels[..frame.buffer_size()]
        .chunks_exact(samples)
        .map(|pixel| {
            let colours = &pixel[..samples - usize::from(alpha)];
            let sum: usize = colours.iter().map(|value| usize::from(*value)).sum();
            let clear = alpha && pixel[samples - 1] < 128;
            if clear { 255 } else { u8::try_from(sum / colours.len()).unwrap_or(255) }
        })
        .collect();
    Some((usize::try_from(width).ok()?, usize::try_from(height).ok()?, grey))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(text: &str) -> Vec<u8> {
        let code = qrcode::QrCode::new(text).unwrap();
        let (modules, size) = (code.width(), (code.width() + 8) * 4);
        let colours = code.to_colors();
        let pixel = |x: usize, y: usize| {
            let (column, row) = ((x / 4).checked_sub(4), (y / 4).checked_sub(4));
            match (column, row) {
                (Some(column), Some(row)) if column < modules && row < modules => {
                    colours[row * modules + column].select(0, 255)
                }
                _ => 255,
            }
        };
        let grey: Vec<u8> = (0..size * size).map(|at| pixel(at % size, at / size)).collect();
        let mut bytes = Vec::new();
        let side = u32::try_from(size).unwrap();
        let mut encoder = png::Encoder::new(&mut bytes, side, side);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.write_header().unwrap().write_image_data(&grey).unwrap();
        bytes
    }

    #[test]
    fn a_code_is_read_from_its_picture() {
        let code = "LPA:1$rsp-eu.simlessly.com$2D7F456148C640359B6A83E0E5AE34D3";
        assert_eq!(text_of(&drawn(code)).as_deref(), Some(code));
        assert_eq!(text_of(b"\x89PNG\r\n"), None);
        assert_eq!(text_of(&[]), None);
    }
}
