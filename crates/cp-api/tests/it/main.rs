//! The API over a real store and a real socket, asked by the project's own client and by plain requests.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a helper of tests fails the test")]

mod access;
mod browser;
mod export;
mod gateway;
mod guard;
mod health;
mod identity_provider;
mod ingestion;
mod invitations;
mod langfuse;
mod library;

mod isolation;
mod list;
mod matrix;
mod money;
mod openapi;
mod page;
mod people;
mod policy;
mod review;
mod scores;
mod second_factor;
mod serving;
mod sign_in;
mod single_sign_on;
mod tail;
mod talk;
mod tenancy;
mod world;
