//! The operator's logo: a PNG, made black and white.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

use super::config::PrinterConfigError;
use super::profile::Profile;
use super::raster::Bitmap;

/// Darker than this of 255, on white, is black.
const DARK: u32 = 128;

/// Reads a picture for the paper of `profile`.
///
/// # Errors
/// The file cannot be read, is no PNG, or is wider than the paper.
pub(super) fn read(path: &Path, profile: &'static Profile) -> Result<Bitmap, PrinterConfigError> {
    let picture = decode(path).map_err(|source| PrinterConfigError::Logo { path: path.to_owned(), source })?;
    if picture.width > u32::from(profile.dots) {
        return Err(PrinterConfigError::LogoWidth { width: picture.width, dots: profile.dots, model: profile.name });
    }
    Ok(picture)
}

fn decode(path: &Path) -> io::Result<Bitmap> {
    let mut decoder = png::Decoder::new(BufReader::new(File::open(path)?));
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(io::Error::other)?;
    let size = reader.output_buffer_size().ok_or_else(|| io::Error::other("the picture is too large"))?;
    let mut samples = vec![0; size];
    let info = reader.next_frame(&mut samples).map_err(io::Error::other)?;
    let each = info.color_type.samples();
    let mut picture = Bitmap::new(info.width, info.height);
    for (place, pixel) in samples[..info.buffer_size()].chunks_exact(each).enumerate() {
        let (grey, alpha) = match *pixel {
            [grey] => (u32::from(grey), 255),
            [grey, alpha] => (u32::from(grey), u32::from(alpha)),
            [red, green, blue] => (luma(red, green, blue), 255),
            [red, green, blue, alpha] => (luma(red, green, blue), u32::from(alpha)),
            _ => continue,
        };
        let on_white = (grey * alpha + 255 * (255 - alpha)) / 255;
        if on_white < DARK {
            let place = u32::try_from(place).map_err(io::Error::other)?;
            picture.set((place % info.width).cast_signed(), (place / info.width).cast_signed());
        }
    }
    Ok(picture)
}

/// Lightness of a colour (ITU-R BT.601).
fn luma(red: u8, green: u8, blue: u8) -> u32 {
    (u32::from(red) * 299 + u32::from(green) * 587 + u32::from(blue) * 114) / 1000
}
