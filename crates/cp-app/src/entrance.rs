//! What guards the ways in: how often guesses may fail, where passwords are hashed, and the link of the first start. It
//! is in memory, of one node: a node that starts again forgets it.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use cp_base::{Digest, Timestamp};

use crate::AppError;
use crate::passwords::Passwords;
use crate::throttle::Throttle;

const WINDOW: Duration = Duration::from_secs(15 * 60);
/// Attempts to sign in that may fail within the window, for an account and for an address.
const PER_ACCOUNT: u32 = 10;
const PER_ADDRESS: u32 = 50;
/// Different wrong keys, sessions and links that an address may show within a minute.
const WRONG_CREDENTIALS: u32 = 60;

#[derive(Debug)]
pub(crate) struct Entrance {
    pub(crate) passwords: Passwords,
    accounts: Throttle,
    addresses: Throttle,
    credentials: Throttle,
    setup: Mutex<Option<Digest>>,
}

impl Default for Entrance {
    fn default() -> Self {
        Self {
            passwords: Passwords::default(),
            accounts: Throttle::new(PER_ACCOUNT, WINDOW),
            addresses: Throttle::new(PER_ADDRESS, WINDOW),
            credentials: Throttle::new(WRONG_CREDENTIALS, Duration::from_secs(60)),
            setup: Mutex::default(),
        }
    }
}

fn named(address: Option<IpAddr>) -> String {
    address.map_or_else(String::new, |address| address.to_string())
}

impl Entrance {
    /// Begins an attempt with a password or code. It counts as failed until it is [`Self::forgive`]n, so that attempts at
    /// once are no way around.
    pub(crate) fn attempt(
        &self,
        email: &str,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<(), AppError> {
        let address = named(address);
        self.addresses.check(&address, now)?;
        self.accounts.check(email, now)?;
        self.addresses.count(&address, now);
        self.accounts.count(email, now);
        Ok(())
    }

    /// The attempt was no failure.
    pub(crate) fn forgive(&self, email: &str, address: Option<IpAddr>) {
        self.addresses.forgive(&named(address));
        self.accounts.forgive(email);
    }

    /// Nothing, or that an address has shown too many wrong credentials.
    pub(crate) fn admit(&self, address: Option<IpAddr>, now: Timestamp) -> Result<(), AppError> {
        self.credentials.check(&named(address), now)
    }

    /// A credential was wrong.
    pub(crate) fn note_wrong(&self, address: Option<IpAddr>, credential: &str, now: Timestamp) {
        self.credentials.count_other(&named(address), credential, now);
    }

    /// From now on this link makes the owner, and no other.
    pub(crate) fn offer_setup(&self, token: Digest) {
        *self.setup.lock().unwrap_or_else(PoisonError::into_inner) = Some(token);
    }

    /// Takes the link; whoever comes later with it finds it used.
    pub(crate) fn take_setup(&self, token: &Digest) -> bool {
        let mut setup = self.setup.lock().unwrap_or_else(PoisonError::into_inner);
        setup.take_if(|offered| offered == token).is_some()
    }
}
