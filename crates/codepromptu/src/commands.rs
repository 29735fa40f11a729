//! What a person asks for on the command line, one file a command.

pub(crate) mod audit;
pub(crate) mod calls;
pub(crate) mod cost;
pub(crate) mod demo;
mod export;
pub(crate) mod fingerprint;
pub(crate) mod gateway_key;
mod invitation;
pub(crate) mod key;
pub(crate) mod keys;
pub(crate) mod login;
pub(crate) mod member;
pub(crate) mod mock;
pub(crate) mod org;
pub(crate) mod policy;
pub(crate) mod prices;
pub(crate) mod project;
pub(crate) mod prompt;
pub(crate) mod provider_key;
pub(crate) mod retention;
pub(crate) mod run;
pub(crate) mod search;
mod show;
pub(crate) mod sso;
pub(crate) mod status;
pub(crate) mod subject;
pub(crate) mod team;
