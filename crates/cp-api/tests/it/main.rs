//! The API over a real store and a real socket, asked by the project's own client and by plain requests.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a helper of tests fails the test")]

mod access;
mod export;
mod guard;
mod health;
mod isolation;
mod list;
mod matrix;
mod money;
mod openapi;
mod page;
mod people;
mod policy;
mod tail;
mod tenancy;
mod world;
