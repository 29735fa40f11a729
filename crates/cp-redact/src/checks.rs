//! The arithmetic that tells a number of a kind from any other number.

/// The digits of a text, in order.
pub(crate) fn digits(text: &str) -> Vec<u8> {
    text.bytes().filter(u8::is_ascii_digit).map(|byte| byte - b'0').collect()
}

fn number(digits: &[u8]) -> u64 {
    digits.iter().fold(0, |number, digit| number * 10 + u64::from(*digit))
}

fn weighted(digits: &[u8], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(digit, weight)| u32::from(*digit) * weight).sum()
}

/// ISO/IEC 7812-1, annex B.
pub(crate) fn luhn(digits: &[u8]) -> bool {
    let doubled = |digit: u32| if digit > 4 { 2 * digit - 9 } else { 2 * digit };
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| if place % 2 == 0 { u32::from(*digit) } else { doubled(u32::from(*digit)) })
        .sum();
    sum.is_multiple_of(10)
}

/// Card numbers: the ranges that the schemes have given out, with the lengths used there, and the check digit.
pub(crate) fn card(digits: &[u8]) -> bool {
    let length = digits.len();
    let Some(first) = digits.first_chunk::<6>() else { return false };
    let (two, three, four) = (number(first) / 10_000, number(first) / 1_000, number(first) / 100);
    let is_known = match two {
        // Visa.
        40..=49 => matches!(length, 16 | 19),
        // Mastercard.
        51..=55 => length == 16,
        22..=27 if (2221..=2720).contains(&four) => length == 16,
        // American Express.
        34 | 37 => length == 15,
        // Diners Club.
        30 if (300..=305).contains(&three) => length == 14,
        36 | 38 | 39 => length == 14,
        // JCB.
        35 if (3528..=3589).contains(&four) => (16..=19).contains(&length),
        // Discover.
        60 if four == 6011 => (16..=19).contains(&length),
        64 if (644..=649).contains(&three) => (16..=19).contains(&length),
        65 => (16..=19).contains(&length),
        // UnionPay.
        62 => (16..=19).contains(&length),
        // Maestro.
        _ => {
            matches!(four, 5018 | 5020 | 5038 | 5893 | 6304 | 6759 | 6761..=6763)
                && (12..=19).contains(&length)
        }
    };
    let is_varied = digits.iter().any(|digit| Some(digit) != digits.first());
    is_known && is_varied && luhn(digits)
}

/// ISO 13616: the country's length, and the check digits modulo 97.
pub(crate) fn iban(compact: &str) -> bool {
    iban_length(compact) == Some(compact.len()) && iban_remainder(compact) == Some(1)
}

fn iban_remainder(compact: &str) -> Option<u32> {
    let (head, account) = compact.split_at_checked(4)?;
    account.chars().chain(head.chars()).try_fold(0, |remainder, letter| {
        let value = letter.to_digit(36)?;
        let shift = if value > 9 { 100 } else { 10 };
        Some((remainder * shift + value) % 97)
    })
}

/// The length of an IBAN of the country that it begins with (the registry of ISO 13616).
pub(crate) fn iban_length(compact: &str) -> Option<usize> {
    const LENGTHS: [(usize, &str); 18] = [
        (15, "NO"),
        (16, "BE"),
        (18, "DK FO FI GL NL SD FK"),
        (19, "MK SI"),
        (20, "AT BA EE KZ LT LU XK MN"),
        (21, "CH HR LI LV"),
        (22, "BG BH CR DE GB GE IE ME RS VA"),
        (23, "AE GI IL IQ TL OM SO"),
        (24, "AD CZ ES MD PK RO SA SE SK TN VG"),
        (25, "LY PT ST"),
        (26, "IS TR"),
        (27, "BI DJ FR GR IT MC MR SM"),
        (28, "AL AZ BY CY DO GT HU LB NI PL SV"),
        (29, "BR EG PS QA UA"),
        (30, "JO KW MU"),
        (31, "MT SC"),
        (32, "LC"),
        (33, "RU"),
    ];
    let country = compact.get(..2)?;
    LENGTHS
        .iter()
        .find(|(_, countries)| countries.split(' ').any(|known| known == country))
        .map(|(length, _)| *length)
}

/// Social security number of the United States: what was never given out is none.
pub(crate) fn ssn(digits: &[u8]) -> bool {
    let [a, b, c, d, e, rest @ ..] = digits else { return false };
    let (area, group) = (number(&[*a, *b, *c]), number(&[*d, *e]));
    rest.len() == 4 && area != 0 && area != 666 && area < 900 && group != 0 && number(rest) != 0
}

/// Tax id of Germany: of the first ten digits exactly one appears twice or thrice, and a check digit (ISO 7064, MOD 11,10).
pub(crate) fn steuer_id(digits: &[u8]) -> bool {
    let [body @ .., check] = digits else { return false };
    if body.len() != 10 || body.first() == Some(&0) {
        return false;
    }
    let counts = (0..10).map(|digit| body.iter().filter(|other| **other == digit).count());
    let repeated: Vec<_> = counts.filter(|count| *count > 1).collect();
    if !matches!(*repeated, [2 | 3]) {
        return false;
    }
    let product = body.iter().fold(10, |product, digit| {
        let sum = (product + u32::from(*digit)) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    (11 - product) % 10 == u32::from(*check)
}

/// Registration number of France, without the departments of Corsica: sex, month and a key modulo 97.
pub(crate) fn nir(digits: &[u8]) -> bool {
    let [sex, _, _, m, n, ..] = digits else { return false };
    let month = number(&[*m, *n]);
    let Some((body, key)) = digits.split_at_checked(13) else { return false };
    let is_month = (1..=12).contains(&month) || (20..=42).contains(&month);
    key.len() == 2 && matches!(sex, 1 | 2) && is_month && 97 - number(body) % 97 == number(key)
}

/// PESEL of Poland: a date of birth and a check digit.
pub(crate) fn pesel(digits: &[u8]) -> bool {
    let [_, _, m, n, d, e, ..] = digits else { return false };
    let (month, day) = (number(&[*m, *n]) % 20, number(&[*d, *e]));
    let sum = weighted(digits, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]);
    digits.len() == 11 && (1..=12).contains(&month) && (1..=31).contains(&day) && sum.is_multiple_of(10)
}

/// CPF of Brazil: two check digits.
pub(crate) fn cpf(digits: &[u8]) -> bool {
    let check = |length: usize| {
        let body = digits.iter().take(length).zip((2..=length as u32 + 1).rev());
        let sum: u32 = body.map(|(digit, weight)| u32::from(*digit) * weight).sum();
        let rest = sum * 10 % 11 % 10;
        digits.get(length).map(|digit| u32::from(*digit)) == Some(rest)
    };
    let is_varied = digits.iter().any(|digit| Some(digit) != digits.first());
    digits.len() == 11 && is_varied && check(9) && check(10)
}

/// Citizen service number of the Netherlands: the eleven test.
pub(crate) fn bsn(digits: &[u8]) -> bool {
    let [body @ .., last] = digits else { return false };
    let sum = i64::from(weighted(body, &[9, 8, 7, 6, 5, 4, 3, 2])) - i64::from(*last);
    body.len() == 8 && sum > 0 && sum % 11 == 0
}

/// Aadhaar of India: a first digit from 2, and the check digit of Verhoeff.
pub(crate) fn aadhaar(digits: &[u8]) -> bool {
    digits.len() == 12 && digits.first().is_some_and(|first| *first >= 2) && verhoeff(digits)
}

/// Verhoeff's check, in the dihedral group of order ten.
fn verhoeff(digits: &[u8]) -> bool {
    const PERMUTATION: [u8; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    let permute = |digit: u8| PERMUTATION.get(usize::from(digit)).copied().unwrap_or(digit);
    let multiply = |a: u8, b: u8| match (a < 5, b < 5) {
        (true, true) => (a + b) % 5,
        (true, false) => (a + b - 5) % 5 + 5,
        (false, true) => (a - 5 + 5 - b) % 5 + 5,
        (false, false) => (a + 5 - b) % 5,
    };
    let places = digits.iter().rev().enumerate();
    let product = places.fold(0, |product, (place, digit)| {
        let permuted = (0..place % 8).fold(*digit, |digit, _| permute(digit));
        multiply(product, permuted)
    });
    product == 0
}

/// The letter of a DNI or NIE of Spain.
pub(crate) fn dni(compact: &str) -> bool {
    const LETTERS: &[u8] = b"TRWAGMYFPDXBNJZSQVHLCKE";
    let Some((body, letter)) = compact.split_at_checked(compact.len().saturating_sub(1)) else {
        return false;
    };
    let body = match body.as_bytes().first() {
        Some(b'X') => body.replacen('X', "0", 1),
        Some(b'Y') => body.replacen('Y', "1", 1),
        Some(b'Z') => body.replacen('Z', "2", 1),
        _ => body.to_owned(),
    };
    let place = body.parse::<usize>().map(|number| number % 23);
    body.len() == 8 && place.is_ok_and(|place| LETTERS.get(place) == letter.as_bytes().first())
}

/// The check letter of a codice fiscale of Italy.
pub(crate) fn codice_fiscale(compact: &str) -> bool {
    const ODD: [u32; 26] =
        [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];
    let value = |letter: u8| match letter {
        b'0'..=b'9' => Some(usize::from(letter - b'0')),
        b'A'..=b'Z' => Some(usize::from(letter - b'A')),
        _ => None,
    };
    let [body @ .., check] = compact.as_bytes() else { return false };
    let sum = body.iter().enumerate().try_fold(0u32, |sum, (place, letter)| {
        let value = value(*letter)?;
        Some(sum + if place % 2 == 0 { *ODD.get(value)? } else { u32::try_from(value).ok()? })
    });
    body.len() == 15 && sum.is_some_and(|sum| value(*check) == usize::try_from(sum % 26).ok())
}

/// National Insurance number of the United Kingdom: the prefixes that are not used (HMRC, NIM39110).
pub(crate) fn nino(compact: &str) -> bool {
    let prefix = compact.get(..2).unwrap_or_default();
    let [first, second] = prefix.as_bytes() else { return false };
    let never = b"DFIQUV";
    !never.contains(first)
        && !never.contains(second)
        && *second != b'O'
        && !["BG", "GB", "KN", "NK", "NT", "TN", "ZZ"].contains(&prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_numbers_have_their_check() {
        assert!(card(&digits("4111 1111 1111 1111")) && card(&digits("378282246310005")));
        assert!(!card(&digits("4111111111111112")) && !card(&digits("1234567812345670")));
        assert!(
            iban("DE89370400440532013000")
                && !iban("DE88370400440532013000")
                && !iban("DE8937040044053201300")
        );
        assert!(steuer_id(&digits("86095742719")) && !steuer_id(&digits("86095742718")));
        assert!(nir(&digits("255081416802538")) && !nir(&digits("255081416802539")));
        assert!(pesel(&digits("44051401359")) && !pesel(&digits("44051401358")));
        assert!(cpf(&digits("529.982.247-25")) && !cpf(&digits("529.982.247-26")));
        assert!(bsn(&digits("111222333")) && !bsn(&digits("111222334")));
        assert!(aadhaar(&digits("2341 2341 2346")) && !aadhaar(&digits("2341 2341 2345")));
        assert!(dni("12345678Z") && dni("X1234567L") && !dni("12345678A"));
        assert!(codice_fiscale("RSSMRA85T10A562S") && !codice_fiscale("RSSMRA85T10A562T"));
        assert!(ssn(&digits("078-05-1120")) && !ssn(&digits("666-05-1120")));
        assert!(nino("AB123456C") && !nino("BG123456C"));
    }

    #[test]
    fn a_changed_digit_fails_verhoeff() {
        let right = digits("234123412346");
        for place in 0..right.len() {
            for digit in 0..10 {
                let mut other = right.clone();
                other[place] = digit;
                assert_eq!(verhoeff(&other), other == right, "{other:?}");
            }
        }
    }
}
