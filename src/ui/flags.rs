//! Flags: decoded when a row is shown, kept for the next time.

use std::cell::RefCell;
use std::collections::HashMap;

use slint::{Image, Rgb8Pixel, SharedPixelBuffer};

include!(concat!(env!("OUT_DIR"), "/flags.rs"));

thread_local! {
    /// A flag is 20 kB and there are 257: all of them may stay.
    static DECODED: RefCell<HashMap<String, Image>> = RefCell::new(HashMap::new());
}

/// The flag of a country by its code in lower case.
pub(super) fn flag(code: &str) -> Option<Image> {
    if let Some(image) = DECODED.with_borrow(|decoded| decoded.get(code).cloned()) {
        return Some(image);
    }
    let place = FLAGS.binary_search_by_key(&code, |(known, _)| known).ok()?;
    let image = decode(FLAGS.get(place)?.1)?;
    DECODED.with_borrow_mut(|decoded| decoded.insert(code.to_owned(), image.clone()));
    Some(image)
}

fn decode(file: &[u8]) -> Option<Image> {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(file));
    decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::STRIP_16);
    let mut reader = decoder.read_info().ok()?;
    let mut bytes = vec![0; reader.output_buffer_size()?];
    let info = reader.next_frame(&mut bytes).ok()?;
    (info.color_type == png::ColorType::Rgb).then(|| {
        Image::from_rgb8(SharedPixelBuffer::<Rgb8Pixel>::clone_from_slice(
            bytes.get(..info.buffer_size()).unwrap_or(&[]),
            info.width,
            info.height,
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flag_decodes() {
        assert!(FLAGS.len() > 240);
        for (code, file) in FLAGS {
            assert!(decode(file).is_some(), "{code}");
        }
        assert!(flag("jp").is_some());
        assert!(flag("zz").is_none());
    }
}
