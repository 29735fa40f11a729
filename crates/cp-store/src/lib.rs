//! The registry: organisations, projects and data keys.
//!
//! For now an installation has one organisation with one project, made when the program first starts. [`bootstrap`] is
//! the system constructor of that project's scope; no other code of this crate grants one.

mod bootstrap;
mod sql;

pub use bootstrap::{Genesis, Registry, RegistryError, bootstrap};

/// The registry's schema.
pub const MIGRATIONS: cp_db::Migrations = cp_db::migrations!("registry": "0001_registry");
