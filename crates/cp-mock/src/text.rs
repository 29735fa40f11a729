//! Small functions of text: hash, tokens, pieces, base64.

use std::fmt::Write;

/// FNV-1a, 64 bits: reproducible everywhere, unlike the standard library's hasher.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    hash_on(FNV_OFFSET, bytes)
}

pub(crate) const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;

/// Goes on hashing where `state` stopped.
pub(crate) fn hash_on(state: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(state, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// A value drawn from `seed` and a position (the output function of SplitMix64).
pub(crate) fn draw(seed: u64, position: u64) -> u64 {
    let z = seed.wrapping_add(position.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// One of `items`, drawn like [`draw`]; the default of `T` when there is none.
pub(crate) fn pick<T: Copy + Default>(items: &[T], seed: u64, position: u64) -> T {
    let drawn = u64::try_from(items.len()).ok().and_then(|count| draw(seed, position).checked_rem(count));
    let index = drawn.and_then(|index| usize::try_from(index).ok());
    index.and_then(|index| items.get(index)).copied().unwrap_or_default()
}

/// An id such as `chatcmpl-…`: `length` characters drawn from the seed.
pub(crate) fn id(prefix: &str, seed: u64, length: usize) -> String {
    let mut out = String::with_capacity(prefix.len() + length + 16);
    out.push_str(prefix);
    let mut position = hash(prefix.as_bytes());
    while out.len() < prefix.len() + length {
        // Writing into a string does not fail.
        let _ = write!(out, "{:016x}", draw(seed, position));
        position = position.wrapping_add(1);
    }
    out.truncate(prefix.len() + length);
    out
}

/// Tokens of a text, four characters each: the providers' own rule of thumb.
pub(crate) fn tokens(text: &str) -> u64 {
    u64::try_from(text.chars().count().div_ceil(4)).unwrap_or(u64::MAX)
}

/// The text in the pieces of a stream: words, each with the white space before it.
pub(crate) fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let word = rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len());
        let end = rest
            .get(word..)
            .and_then(|tail| tail.find(char::is_whitespace))
            .map_or(rest.len(), |end| word + end);
        let (piece, tail) = rest.split_at(end);
        pieces.push(piece);
        rest = tail;
    }
    pieces
}

/// The text in pieces of `size` characters.
pub(crate) fn slices(text: &str, size: usize) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    characters.chunks(size.max(1)).map(|chunk| chunk.iter().collect()).collect()
}

/// Base64 with padding (RFC 4648, section 4).
pub(crate) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word =
            (0..3).fold(0_u32, |word, i| word << 8 | u32::from(chunk.get(i).copied().unwrap_or_default()));
        for i in 0..4_usize {
            let letter =
                usize::try_from(word >> (18 - 6 * i) & 63).ok().and_then(|index| ALPHABET.get(index));
            out.push(if i <= chunk.len() { letter.map_or('=', |&byte| char::from(byte)) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_put_together_are_the_text() {
        for text in ["", " ", "one", "  two  words ", "naïve — 你好 🙂\nnext"] {
            assert_eq!(pieces(text).concat(), text);
            assert_eq!(slices(text, 3).concat(), text);
        }
    }

    /// The examples of RFC 4648, section 10.
    #[test]
    fn base64_of_the_rfc() {
        let table = [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")];
        for (plain, encoded) in table {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
    }
}
