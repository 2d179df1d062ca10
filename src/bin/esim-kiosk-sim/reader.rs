//! Reads QR codes back from pixels, with a reader that is not ours.

/// Every code in a grey picture.
pub(crate) fn codes(width: usize, height: usize, grey: impl Fn(usize, usize) -> u8) -> Vec<String> {
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(width, height, grey);
    image.detect_grids().iter().filter_map(|grid| grid.decode().ok()).map(|(_, text)| text).collect()
}

/// Every code in an RGB picture.
pub(crate) fn codes_rgb(width: u32, height: u32, rgb: &[u8]) -> Vec<String> {
    let (width, height) = (width as usize, height as usize);
    codes(width, height, |x, y| {
        let at = (y * width + x) * 3;
        let sum: u32 = rgb[at..at + 3].iter().map(|part| u32::from(*part)).sum();
        u8::try_from(sum / 3).unwrap_or(255)
    })
}

/// Every code in a PNG of any kind that our own simulators write (grey, 1 or 8 bit).
pub(crate) fn codes_png(png: &[u8]) -> Result<Vec<String>, String> {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(png));
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(|error| error.to_string())?;
    let size = reader.output_buffer_size().ok_or("the picture is too large")?;
    let mut pixels = vec![0; size];
    let info = reader.next_frame(&mut pixels).map_err(|error| error.to_string())?;
    let samples = info.color_type.samples();
    let (width, height) = (info.width as usize, info.height as usize);
    Ok(codes(width, height, |x, y| pixels[(y * width + x) * samples]))
}
