//! The handlers, one file for each thing that they serve.

pub(crate) mod account;
pub(crate) mod audit;
pub(crate) mod calls;
pub(crate) mod comments;
pub(crate) mod cost;
pub(crate) mod export;
pub(crate) mod gateway;
pub(crate) mod grants;
pub(crate) mod health;
pub(crate) mod invitations;
pub(crate) mod keys;
pub(crate) mod labels;
pub(crate) mod members;
pub(crate) mod orgs;
pub(crate) mod policy;
pub(crate) mod prices;
pub(crate) mod prompts;
pub(crate) mod proposals;
pub(crate) mod provider_sign_in;
pub(crate) mod references;
pub(crate) mod retention;
pub(crate) mod sign_in;
pub(crate) mod single_sign_on;
pub(crate) mod status;
pub(crate) mod tail;
pub(crate) mod teams;
