//! The only user of sqlx: one portable SQL façade over SQLite and PostgreSQL.
//!
//! A statement is one constant text, the same on both engines, declared with [`statements!`]. It runs in a [`Tx`],
//! which hides the engine; values go in through [`args!`] and come out of a [`Row`] by column name. Schemas are the
//! one thing written twice, as `migrations/sqlite/NAME.sql` and `migrations/postgres/NAME.sql`, embedded with
//! [`migrations!`] and compared by [`Db::catalogue`].
//!
//! A transaction reaches the rows of one tenant, or of the installation: see [`Reach`].
//!
//! Portable types: `BLOB | UUID` for ids, `INTEGER | BIGINT` for time, money and counts,
//! `REAL | DOUBLE PRECISION` for what is measured, `INTEGER | BOOLEAN`,
//! `BLOB | BYTEA`, `TEXT`. SQL never reads a clock and never sorts text.

mod catalogue;
mod connect;
mod db;
mod error;
mod file;
mod migrate;
mod rows;
mod space;
mod statement;
mod tx;
mod value;

pub use connect::Durability;
pub use db::{Db, Engine};
pub use error::{DbError, OpenError};
pub use migrate::{MigrateError, Migration, Migrations};
pub use rows::{Reach, Rows, Table};
pub use statement::{Filter, Statement};
pub use tx::{Row, Tx};
pub use value::{Args, Stored, Value};
