//! What of a message may stand in a log: all of it except card data, passwords and the text of receipts.

use super::apdu::Apdu;
use super::bmp;

/// An APDU as hexadecimal with its secrets as dots. What cannot be read is not shown either.
#[must_use]
pub fn blank(apdu: &Apdu) -> String {
    let mut secret = Vec::new();
    let data = apdu.data.as_slice();
    let block_at = match apdu.code() {
        // A printed merchant copy may hold a whole card number, 06 95 two passwords: the size must do.
        (0x06, 0xd1 | 0xd3 | 0x95) => {
            secret.push((0, data.len()));
            data.len()
        }
        (0x06, 0x00) => password(&mut secret, data, 6),
        (0x06, 0x10 | 0x12 | 0x1b | 0x20 | 0x21 | 0x30 | 0x31 | 0x50 | 0x91 | 0x93) | (0x05, 0x01) => {
            password(&mut secret, data, 3)
        }
        (0x08, 0x13 | 0x14) => password(&mut secret, data, 3),
        (0x04, 0xff) => super::incoming::block_behind_status(data),
        (0x06, 0x1e) => 1,
        // Positional, without card data.
        (0x06, 0x0f) | (0x80 | 0x84, _) => data.len(),
        _ => 0,
    };
    if let Some(rest) = data.get(block_at..) {
        secret.extend(bmp::parse(rest).secret.into_iter().map(|(start, end)| (start + block_at, end + block_at)));
    }
    let mut text = format!("{:02x} {:02x} [{}]", apdu.class, apdu.instruction, data.len());
    let mut dotted = false;
    for (at, byte) in data.iter().enumerate() {
        let hidden = secret.iter().any(|&(start, end)| (start..end).contains(&at));
        match (hidden, dotted) {
            (true, true) => {}
            (true, false) => text.push_str(" ••"),
            (false, _) => {
                text.push(' ');
                text.push_str(&bmp::hex(&[*byte]));
            }
        }
        dotted = hidden;
    }
    text
}

/// The first three bytes are the password; the block of BMPs begins at `block_at`.
fn password(secret: &mut Vec<(usize, usize)>, data: &[u8], block_at: usize) -> usize {
    secret.push((0, data.len().min(3)));
    block_at.min(data.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blanked(bytes: &[u8]) -> String {
        blank(&Apdu::parse(bytes).unwrap())
    }

    #[test]
    fn passwords_do_not_show() {
        assert_eq!(blanked(&[6, 0x93, 3, 0x12, 0x34, 0x56]), "06 93 [3] ••");
        assert_eq!(blanked(&[6, 0, 6, 0x12, 0x34, 0x56, 0xbe, 9, 0x78]), "06 00 [6] •• be 09 78");
        assert_eq!(blanked(&[5, 1, 5, 0x12, 0x34, 0x56, 3, 3]), "05 01 [5] •• 03 03");
    }

    #[test]
    fn card_numbers_and_tracks_do_not_show() {
        let text = blanked(&[4, 0xf, 13, 0x27, 0, 0x22, 0xf0, 0xf2, 0x47, 0x11, 0x23, 0xf0, 0xf1, 0x99, 0x19, 0x70]);
        assert_eq!(text, "04 0f [13] 27 00 22 f0 f2 •• 23 f0 f1 •• 19 70");
    }

    #[test]
    fn what_cannot_be_read_and_receipts_do_not_show() {
        assert_eq!(blanked(&[4, 0xf, 5, 0x27, 0, 0x99, 0x47, 0x11]), "04 0f [5] 27 00 ••");
        assert_eq!(blanked(&[6, 0xd1, 3, 0x40, 0x47, 0x11]), "06 d1 [3] ••");
    }
}
