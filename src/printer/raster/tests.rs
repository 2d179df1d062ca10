use super::*;

fn ink(picture: &Bitmap) -> (u32, u32, u32) {
    let columns = (0..picture.width).filter(|x| (0..picture.height).any(|y| picture.get(*x, y)));
    let (mut first, mut last, mut dots) = (picture.width, 0, 0);
    for x in columns {
        first = first.min(x);
        last = last.max(x);
        dots += (0..picture.height).filter(|y| picture.get(x, *y)).count() as u32;
    }
    (first, last, dots)
}

#[test]
fn lines_begin_where_their_language_begins() {
    let style = Style::default();
    let mut left = Drawer::new(false);
    let mut right = Drawer::new(true);
    let (first, last, _) = ink(&left.paragraph("日本", style, Align::Start, 400)[0]);
    assert!(first < 8 && last < 60);
    let (first, last, _) = ink(&right.paragraph("مرحبا", style, Align::Start, 400)[0]);
    assert!(first > 300 && last > 390);
    let (first, last, _) = ink(&left.paragraph("中", style, Align::Centre, 400)[0]);
    assert!((190..210).contains(&usize::midpoint(first as usize, last as usize)));
}

#[test]
fn joined_letters_differ_from_lone_ones() {
    let mut drawer = Drawer::new(true);
    let style = Style::default();
    let joined = ink(&drawer.paragraph("ببب", style, Align::Start, 400)[0]);
    let apart = ink(&drawer.paragraph("ب ب ب", style, Align::Start, 400)[0]);
    assert!(joined.1 - joined.0 < (apart.1 - apart.0) * 2 / 3, "{joined:?} {apart:?}");
}

#[test]
fn a_latin_address_keeps_its_order_among_arabic_words() {
    let style = Style::default();
    let plain = Drawer::new(false).paragraph("12529 Berlin (DE)", style, Align::Centre, 400);
    let within = Drawer::new(true).paragraph("12529 Berlin (DE)", style, Align::Centre, 400);
    assert_eq!(plain, within);
}

#[test]
fn long_lines_are_broken_and_short_ones_stay() {
    let mut drawer = Drawer::new(false);
    let style = Style::default();
    assert_eq!(drawer.paragraph("日本", style, Align::Start, 400).len(), 1);
    assert_eq!(drawer.paragraph(&"日本".repeat(20), style, Align::Start, 400).len(), 3);
    assert_eq!(drawer.paragraph("žluťoučký kůň příšerně úpěl ďábelské ódy", style, Align::Start, 300).len(), 2);
    assert_eq!(drawer.paragraph("", style, Align::Start, 300).len(), 1);
    assert_eq!(drawer.paragraph("日", style, Align::Start, 1).len(), 1, "a paper narrower than a letter ends nothing");
}

#[test]
fn both_ends_of_a_line_stand_at_its_ends() {
    let mut drawer = Drawer::new(false);
    let (first, last, _) = ink(&drawer.pair("日本", "9,90 €", Style::default(), 400)[0]);
    assert!(first < 8 && last > 390);
    assert_eq!(drawer.pair(&"日本".repeat(12), "9,90 €", Style::default(), 400).len(), 2);
}

#[test]
fn bold_and_big_letters_have_more_ink() {
    let mut drawer = Drawer::new(false);
    let normal = ink(&drawer.paragraph("K", Style::default(), Align::Start, 200)[0]).2;
    let bold = Style { bold: true, size: Size::Normal };
    let big = Style { bold: false, size: Size::Big };
    assert!(ink(&drawer.paragraph("K", bold, Align::Start, 200)[0]).2 > normal);
    assert!(ink(&drawer.paragraph("K", big, Align::Start, 200)[0]).2 > normal * 3);
}

/// The groups of a telephone number stand in their own order, whatever the line's.
#[test]
fn a_number_keeps_its_order_in_a_line_that_begins_at_the_right() {
    let words = crate::printer::words::Words::of("ar");
    let mut right = Drawer::new(true);
    let order = |drawer: &mut Drawer, text: &str| -> Vec<(usize, u16)> {
        drawer.line(text, 24.0).glyphs.iter().map(|glyph| (glyph.font, glyph.id)).collect()
    };
    let number = order(&mut Drawer::new(false), "+49 30 12");
    let help = format!("عون: {}", words.left_to_right("+49 30 12"));
    let drawn = order(&mut right, &help);
    let at = drawn.windows(number.len()).position(|part| part == number);
    assert!(at.is_some(), "{number:?} is not in {drawn:?}");
    let ink = |drawer: &mut Drawer, text: &str| ink(&drawer.paragraph(text, Style::default(), Align::Start, 400)[0]).2;
    let (with, without) = (ink(&mut right, "\u{2066}12\u{2069}"), ink(&mut right, "12"));
    assert_eq!(with, without, "the marks of direction have no ink");
}

#[test]
fn no_line_begins_with_a_sign_that_clings_to_the_one_before() {
    let mut drawer = Drawer::new(false);
    let text = "インストールできます";
    // There is room for four letters; the fifth is the long vowel of the fourth, so that one goes along with it.
    assert_eq!(&text[..drawer.break_at(text, 24.0, 24 * 4 + 12)], "インス");
    assert_eq!(&text[..drawer.break_at(text, 24.0, 24 * 5 + 12)], "インストー");
}
