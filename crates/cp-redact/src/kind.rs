//! The kinds of data that are found.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A kind of data. A policy turns each on or off; its name stands in the placeholders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DataKind {
    /// E-mail addresses.
    Email,
    /// Phone numbers.
    Phone,
    /// Numbers of payment cards.
    Card,
    /// International bank account numbers.
    Iban,
    /// National ids of some countries.
    NationalId,
    /// IP addresses.
    IpAddress,
    /// Keys and tokens of known shapes, and passwords in URLs.
    Credential,
    /// Private keys.
    PrivateKey,
}

/// No such kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no kind of data; known are email, phone, card, iban, national_id, ip_address, credential and private_key"
)]
pub struct UnknownKind(String);

impl DataKind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Email,
        Self::Phone,
        Self::Card,
        Self::Iban,
        Self::NationalId,
        Self::IpAddress,
        Self::Credential,
        Self::PrivateKey,
    ];

    /// As it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Card => "card",
            Self::Iban => "iban",
            Self::NationalId => "national_id",
            Self::IpAddress => "ip_address",
            Self::Credential => "credential",
            Self::PrivateKey => "private_key",
        }
    }

    /// Its bit in a record. The numbers are stored.
    #[must_use]
    pub const fn bit(self) -> u32 {
        1 << match self {
            Self::Email => 0,
            Self::Phone => 1,
            Self::Card => 2,
            Self::Iban => 3,
            Self::NationalId => 4,
            Self::IpAddress => 5,
            Self::Credential => 6,
            Self::PrivateKey => 7,
        }
    }

    /// Where two finds overlap, the one of lower rank names the placeholder.
    pub(crate) const fn rank(self) -> u8 {
        match self {
            Self::PrivateKey => 0,
            Self::Credential => 1,
            Self::Email => 2,
            Self::Iban => 3,
            Self::Card => 4,
            Self::NationalId => 5,
            Self::IpAddress => 6,
            Self::Phone => 7,
        }
    }
}

impl fmt::Display for DataKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for DataKind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| UnknownKind(text.to_owned()))
    }
}
