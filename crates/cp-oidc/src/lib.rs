//! OpenID Connect, from the side of whoever relies on a provider: discovery, the authorization code flow with PKCE, and
//! what an identity token is believed for.
//!
//! [`Providers`] asks and remembers; [`verify`] decides, and asks nobody. Time and randomness are given. Nothing here knows
//! of organisations, people or sessions.
//!
//! A token counts when its provider's published key signed it by an asymmetric algorithm, for this client, for this
//! sign-in, now (OpenID Connect Core 1.0, 3.1.3.7).

mod claims;
mod flow;
mod http;
mod keys;
mod metadata;
mod provider;
mod token;

pub use claims::{Claims, GroupsError};
pub use flow::{Client, SignInRequest};
pub use http::{FetchError, Http};
pub use keys::Keys;
pub use metadata::{IssuerError, Metadata, MetadataError, check_issuer};
pub use provider::{Found, OidcError, Providers, Returned};
pub use token::{Expected, TokenError, verify};
