//! `Content-Range` of a continued upload (RFC 9110, 14.4).

/// First byte and size of the whole, from `Content-Range: bytes 100-199/200`; `bytes */200` only asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) first: Option<u64>,
    pub(super) total: Option<u64>,
}

/// Reads the header; nothing where it is malformed.
pub(super) fn part(text: &str) -> Option<Part> {
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let total = if total == "*" { None } else { Some(total.parse().ok()?) };
    if range == "*" {
        return Some(Part { first: None, total });
    }
    let (first, last) = range.split_once('-')?;
    let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last && total.is_none_or(|total| last < total)).then_some(Part { first: Some(first), total })
}
