//! `second-reader SVG < receipt.bin > receipt.txt`: what the bytes are to a parser and a renderer that nobody here wrote.

use std::io::{Error, Read, Write};

fn main() -> Result<(), Error> {
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes)?;
    let picture = std::env::args().nth(1).ok_or_else(|| Error::other("name the SVG file to write"))?;
    let nodes = hardless_escpos::parse(&bytes);
    std::fs::write(picture, hardless_render::render_svg(&nodes, &hardless_render::RenderOptions::default()))?;
    std::io::stdout().write_all(hardless_render::to_text(&nodes).as_bytes())
}
