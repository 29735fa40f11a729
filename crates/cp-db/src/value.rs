//! Values on their way into and out of the database.

use cp_base::{Id, KeyId, OrgScope, Outcome, ProjectScope, Timestamp, UsdNanos};
use sqlx::{Postgres, Sqlite};
use uuid::Uuid;

/// The arguments of a statement, `$1` first.
pub type Args = Vec<Value>;

/// One argument. A null has a type as well, since PostgreSQL prepares a statement for the types of its first use.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `BIGINT | INTEGER`.
    Int(Option<i64>),
    /// `DOUBLE PRECISION | REAL`: measured, and never money.
    Real(Option<f64>),
    /// `BOOLEAN | INTEGER`.
    Bool(Option<bool>),
    /// `TEXT`.
    Text(Option<String>),
    /// `BYTEA | BLOB`.
    Bytes(Option<Vec<u8>>),
    /// `UUID | BLOB`.
    Uuid(Option<Uuid>),
}

/// Lists the arguments of a statement: `args![scope, call, limit]`.
#[macro_export]
macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$($crate::Value::from($value)),*] };
}

/// What a column holds, before it becomes a [`Stored`] type. Closed: the six types that both engines share.
pub trait Raw:
    for<'r> sqlx::Decode<'r, Sqlite>
    + sqlx::Type<Sqlite>
    + for<'r> sqlx::Decode<'r, Postgres>
    + sqlx::Type<Postgres>
{
}

impl Raw for i64 {}
impl Raw for f64 {}
impl Raw for bool {}
impl Raw for String {}
impl Raw for Vec<u8> {}
impl Raw for Uuid {}

/// A type that a column can hold. What goes in with `Value::from` comes out of [`crate::Row::get`].
pub trait Stored: Sized {
    /// How the column holds it.
    type Raw: Raw;

    /// The value; `None` where the column holds something else.
    fn from_raw(raw: Self::Raw) -> Option<Self>;
}

macro_rules! stored {
    ($($type:ty, $variant:ident($raw:ty), $into:expr, $from:expr;)*) => {$(
        impl Stored for $type {
            type Raw = $raw;
            fn from_raw(raw: $raw) -> Option<Self> {
                let from: fn($raw) -> Option<Self> = $from;
                from(raw)
            }
        }
        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Value::from(Some(value))
            }
        }
        impl From<Option<$type>> for Value {
            fn from(value: Option<$type>) -> Self {
                let into: fn($type) -> $raw = $into;
                Value::$variant(value.map(into))
            }
        }
    )*};
}

stored! {
    i64, Int(i64), |value| value, Some;
    f64, Real(f64), |value| value, Some;
    bool, Bool(bool), |value| value, Some;
    String, Text(String), storable, Some;
    Vec<u8>, Bytes(Vec<u8>), |value| value, Some;
    u64, Int(i64), |value| i64::try_from(value).unwrap_or(i64::MAX), |raw| raw.try_into().ok();
    u16, Int(i64), i64::from, |raw| raw.try_into().ok();
    Timestamp, Int(i64), |value| value.0, |raw| Some(Timestamp(raw));
    UsdNanos, Int(i64), |value| value.0, |raw| Some(UsdNanos(raw));
    Outcome, Text(String), |value| value.as_str().to_owned(), |raw| raw.parse().ok();
    KeyId, Bytes(Vec<u8>), |value| value.0.to_vec(), |raw| raw.try_into().ok().map(KeyId);
}

/// Text as both engines can hold it: PostgreSQL refuses U+0000, so it is stored as U+FFFD, on SQLite too.
fn storable(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

impl From<Option<&str>> for Value {
    fn from(text: Option<&str>) -> Self {
        Self::from(text.map(str::to_owned))
    }
}

impl From<ProjectScope> for Value {
    /// The project. Statements that need the organisation too name `scope.org()`.
    fn from(scope: ProjectScope) -> Self {
        Self::from(scope.project())
    }
}

impl From<OrgScope> for Value {
    fn from(scope: OrgScope) -> Self {
        Self::from(scope.org())
    }
}

impl<K> Stored for Id<K> {
    type Raw = Uuid;

    fn from_raw(raw: Uuid) -> Option<Self> {
        Some(Self::from_uuid(raw))
    }
}

impl<K> From<Id<K>> for Value {
    fn from(id: Id<K>) -> Self {
        Self::Uuid(Some(id.uuid()))
    }
}

impl<K> From<Option<Id<K>>> for Value {
    fn from(id: Option<Id<K>>) -> Self {
        Self::Uuid(id.map(Id::uuid))
    }
}

impl<const N: usize> Stored for [u8; N] {
    type Raw = Vec<u8>;

    fn from_raw(raw: Vec<u8>) -> Option<Self> {
        raw.try_into().ok()
    }
}

impl<const N: usize> From<[u8; N]> for Value {
    fn from(bytes: [u8; N]) -> Self {
        Self::Bytes(Some(bytes.to_vec()))
    }
}

impl<const N: usize> From<Option<[u8; N]>> for Value {
    fn from(bytes: Option<[u8; N]>) -> Self {
        Self::Bytes(bytes.map(|bytes| bytes.to_vec()))
    }
}
