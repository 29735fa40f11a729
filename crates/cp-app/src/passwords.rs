//! Passwords: which are taken, and how they are kept.
//!
//! An argon2id hash is kept, with 19 MiB and two passes (OWASP's advice). Hashing is slow on purpose, so it is done on
//! threads for blocking work and a few at once: whoever sends many wrong passwords takes no more of the machine than that.
//! An account that is not there costs as much as a wrong password.

use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use cp_base::{Random, Secret};
use tokio::sync::Semaphore;
use zxcvbn::Score;

use crate::AppError;

/// The shortest and the longest password, in characters. What is longer is no password but a burden.
const LENGTH: std::ops::RangeInclusive<usize> = 12..=200;
/// Hashes at once.
const AT_ONCE: usize = 2;
/// What a password is compared with where there is none: no password has this hash.
const NOBODYS: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Where passwords are hashed.
#[derive(Debug)]
pub(crate) struct Passwords {
    slots: Semaphore,
}

impl Default for Passwords {
    fn default() -> Self {
        Self { slots: Semaphore::new(AT_ONCE) }
    }
}

impl Passwords {
    /// The hash that is kept.
    pub(crate) async fn hash(&self, password: Secret, random: &Random) -> Result<String, AppError> {
        let salt: [u8; 16] = random.bytes();
        self.aside(move || Argon2::default().hash_password_with_salt(password.expose().as_bytes(), &salt))
            .await?
            .map(|hash| hash.to_string())
            .map_err(AppError::internal)
    }

    /// Whether it is the password of this hash. Without a hash it is not, and takes as long.
    pub(crate) async fn verify(&self, password: Secret, hash: Option<String>) -> Result<bool, AppError> {
        let (is_kept, hash) = (hash.is_some(), hash.unwrap_or_else(|| NOBODYS.to_owned()));
        let verified = self
            .aside(move || Argon2::default().verify_password(password.expose().as_bytes(), hash.as_str()))
            .await?;
        Ok(verified.is_ok() && is_kept)
    }

    async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, AppError> {
        let _slot = self.slots.acquire().await.map_err(AppError::internal)?;
        tokio::task::spawn_blocking(work).await.map_err(AppError::internal)
    }
}

/// Nothing, or why it cannot be a password of somebody who is called `names`. It is measured by how many guesses find it,
/// with lists of common and leaked passwords, words and names, and with their usual disguises.
pub(crate) fn check(password: &Secret, names: &[&str]) -> Result<(), AppError> {
    let text = password.expose();
    let (shortest, longest) = (LENGTH.start(), LENGTH.end());
    if !LENGTH.contains(&text.chars().count()) {
        return Err(AppError::invalid(format_args!("a password takes {shortest} to {longest} characters")));
    }
    let lower = text.to_lowercase();
    let words = names.iter().flat_map(|name| name.split(['@', ' '])).chain(["codepromptu"]);
    let known: Vec<_> = words.map(str::to_lowercase).filter(|word| word.len() > 3).collect();
    if let Some(word) = known.iter().find(|word| lower.contains(word.as_str())) {
        return Err(AppError::invalid(format_args!(
            "the password contains `{word}`, which is guessed first: choose one without it"
        )));
    }
    let inputs: Vec<_> = known.iter().map(String::as_str).collect();
    let strength = zxcvbn::zxcvbn(text, &inputs);
    if strength.score() >= Score::Three {
        return Ok(());
    }
    let warning = strength.feedback().and_then(zxcvbn::feedback::Feedback::warning);
    let why = warning.map_or_else(String::new, |warning| format!(" {warning}"));
    Err(AppError::invalid(format_args!(
        "the password is easy to guess, or in lists of leaked ones: take some words that do not belong together.{why}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(password: &str) -> String {
        let names = ["ada.lovelace@example.test", "Ada Lovelace"];
        check(&Secret::new(password.to_owned()), &names).map_or_else(|error| error.public, |()| String::new())
    }

    #[test]
    fn what_is_guessed_first_is_refused() {
        for (password, why) in [
            ("eleven.char", "12 to 200"),
            (&"long".repeat(60), "12 to 200"),
            ("password1234", "easy to guess"),
            ("P@ssw0rd123456", "easy to guess"),
            ("qwertyuiop[]", "easy to guess"),
            ("aaaaaaaaaaaaaaaa", "easy to guess"),
            ("iloveyouiloveyou", "easy to guess"),
            ("verse-LOVELACE-kiln-42", "contains `lovelace`"),
            ("ada.lovelace+zinc-otter", "contains `ada.lovelace`"),
            ("CodePromptu-zinc-otter", "contains `codepromptu`"),
        ] {
            assert!(refused(password).contains(why), "{password}: {}", refused(password));
        }
        assert_eq!(refused("brine kettle vowel otter"), "");
        assert_eq!(refused("x8#Vq2!mRz0wLp"), "");
    }

    #[tokio::test]
    async fn a_hash_knows_its_password_and_an_absent_one_costs_as_much() {
        let (passwords, random) = (Passwords::default(), Random::seeded(1));
        let secret = |text: &str| Secret::new(text.to_owned());
        let hash = passwords.hash(secret("brine kettle vowel"), &random).await.unwrap();
        assert!(passwords.verify(secret("brine kettle vowel"), Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify(secret("brine kettle Vowel"), Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify(secret("brine kettle vowel"), None).await.unwrap());
        // The work is what the parameters say: algorithm, version, memory, passes, lanes, and the length of the hash.
        let work = |hash: &str| hash.split('$').take(4).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(work(&hash), work(NOBODYS));
        assert_eq!(hash.len(), NOBODYS.len());
        let again = passwords.hash(secret("brine kettle vowel"), &random).await.unwrap();
        assert_ne!(hash, again);
    }
}
