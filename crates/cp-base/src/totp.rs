//! Time-based one-time codes (RFC 6238): SHA-1, 30 seconds, six digits, which is what every authenticator app takes.

use ring::hmac;

use crate::Timestamp;

const STEP_SECONDS: u64 = 30;
const DIGITS: u32 = 6;
const MICROS: u64 = 1_000_000;

/// The step that a time is in.
#[must_use]
pub fn totp_step(at: Timestamp) -> u64 {
    u64::try_from(at.0).unwrap_or(0) / MICROS / STEP_SECONDS
}

/// The code of a step.
#[must_use]
pub fn totp_code(secret: &[u8], step: u64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    // Dynamic truncation (RFC 4226, 5.3): the last half byte says where four bytes are taken.
    let offset = tag.as_ref().last().map_or(0, |byte| usize::from(byte & 15));
    let taken =
        tag.as_ref().iter().skip(offset).take(4).fold(0u32, |sum, byte| (sum << 8) | u32::from(*byte));
    format!("{:06}", (taken & 0x7fff_ffff) % 10u32.pow(DIGITS))
}

/// The step behind `last` that `code` is of: the present one, or the one before or after it, for clocks that differ.
#[must_use]
pub fn totp_check(secret: &[u8], code: &str, now: Timestamp, last: u64) -> Option<u64> {
    let step = totp_step(now);
    (step.saturating_sub(1)..=step.saturating_add(1))
        .filter(|step| *step > last)
        .find(|step| is_same(totp_code(secret, *step).as_bytes(), code.as_bytes()))
}

/// Compares without telling by the time that it takes where a difference is.
fn is_same(left: &[u8], right: &[u8]) -> bool {
    let differences = left.iter().zip(right).fold(0, |sum, (left, right)| sum | (left ^ right));
    left.len() == right.len() && differences == 0
}

/// Base 32 (RFC 4648) without padding: how apps take a secret that is typed.
#[must_use]
pub fn base32(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    bytes
        .chunks(5)
        .flat_map(letters)
        .map(|digit| char::from(ALPHABET.get(digit).copied().unwrap_or(b'A')))
        .collect()
}

/// The digits of up to five bytes.
fn letters(chunk: &[u8]) -> impl Iterator<Item = usize> {
    let bits =
        chunk.iter().fold(0u64, |bits, byte| (bits << 8) | u64::from(*byte)) << (8 * (5 - chunk.len()));
    let count = (chunk.len() * 8).div_ceil(5);
    (0..count).map(move |place| usize::try_from((bits >> (35 - 5 * place)) & 31).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"12345678901234567890";

    fn at(seconds: i64) -> Timestamp {
        Timestamp(seconds * 1_000_000)
    }

    #[test]
    fn codes_are_those_of_the_standard() {
        // RFC 6238, appendix B: the last six of its eight digits.
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(totp_code(SECRET, totp_step(at(seconds))), code, "{seconds}");
        }
    }

    #[test]
    fn a_code_is_taken_within_a_step_of_its_own_and_never_again() {
        let now = at(1_234_567_890);
        let step = totp_step(now);
        for (code, taken) in
            [(step - 2, false), (step - 1, true), (step, true), (step + 1, true), (step + 2, false)]
        {
            assert_eq!(totp_check(SECRET, &totp_code(SECRET, code), now, 0), taken.then_some(code));
        }
        assert_eq!(totp_check(SECRET, &totp_code(SECRET, step), now, step), None);
        assert_eq!(totp_check(SECRET, "", now, 0), None);
    }

    #[test]
    fn secrets_are_written_as_the_standard_does() {
        for (bytes, text) in [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(base32(bytes.as_bytes()), text);
        }
    }
}
