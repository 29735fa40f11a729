//! The API over a real store and a real socket, asked by the project's own client and by plain requests.

mod export;
mod guard;
mod health;
mod list;
mod openapi;
mod page;
mod tail;
mod world;
