//! The second factor: codes of an authenticator app, and recovery codes for whoever has lost it. Each works once.

use cp_base::{InstallationScope, Secret, Token, base32, hex, sha256, totp_check, unhex};
use cp_db::Tx;
use cp_store::{Person, SecondFactor};
use qrcode::QrCode;
use qrcode::render::svg;

use crate::act::Event;
use crate::ctx::Caller;
use crate::{App, AppError};

const PURPOSE: &str = "second factors";
const RECOVERY_CODES: usize = 10;

/// What an authenticator app is to be told.
#[derive(Debug)]
pub struct Enrolment {
    /// The secret, as it is typed.
    pub secret: Secret,
    /// The same with everything around it: `otpauth://…`.
    pub uri: Secret,
    /// The same as a picture to be photographed, SVG.
    pub picture: String,
}

impl App {
    /// Makes a secret for an authenticator app. It is asked for once [`Self::confirm_second_factor`] was told a code.
    pub async fn begin_second_factor(
        &self,
        caller: &Caller,
        password: Secret,
    ) -> Result<Enrolment, AppError> {
        let person = self.own_again_or_by_provider(caller, password).await?;
        if self.second_factor(&person)?.is_some() {
            return Err(AppError::conflict("there is a second factor already: remove it first"));
        }
        let secret: [u8; 20] = self.parts.random.bytes();
        let factor =
            SecondFactor { secret: hex(&secret), confirmed: false, last_step: 0, recovery: Vec::new() };
        let sealed = self.seal(&person, &factor)?;
        let mut tx = self.parts.db.begin_write(InstallationScope::grant()).await?;
        cp_store::set_totp(&mut tx, person.id, Some(sealed)).await?;
        self.record_of(&mut tx, caller, person.id, &Event::new("second_factor.begin", person.id)).await?;
        tx.commit().await?;
        let secret = base32(&secret);
        let uri = format!(
            "otpauth://totp/CodePromptu:{}?secret={secret}&issuer=CodePromptu",
            escaped(&person.email)
        );
        let picture = QrCode::new(&uri).map_err(AppError::internal)?;
        let picture = picture.render::<svg::Color<'_>>().min_dimensions(200, 200).build();
        Ok(Enrolment { secret: Secret::new(secret), uri: Secret::new(uri), picture })
    }

    /// From now on a code is asked for at sign-in. The recovery codes, for the only time.
    pub async fn confirm_second_factor(&self, caller: &Caller, code: &str) -> Result<Vec<String>, AppError> {
        let person = self.own(caller).await?;
        let now = self.parts.clock.now();
        self.entrance.attempt(&person.email, caller.address, now)?;
        let Some(mut factor) = self.open(&person)?.filter(|factor| !factor.confirmed) else {
            return Err(AppError::conflict("there is nothing to confirm: begin with a new second factor"));
        };
        let secret = unhex(&factor.secret).unwrap_or_default();
        let Some(step) = totp_check(&secret, code.trim(), now, factor.last_step) else {
            return Err(AppError::invalid(
                "the code is wrong: take the one that the app shows now, and see its clock",
            ));
        };
        let codes: Vec<_> = std::iter::repeat_with(|| self.recovery_code()).take(RECOVERY_CODES).collect();
        factor.confirmed = true;
        factor.last_step = step;
        factor.recovery = codes.iter().map(|code| recovery_digest(code)).collect();
        let mut tx = self.parts.db.begin_write(InstallationScope::grant()).await?;
        if !self.swap(&mut tx, &person, &factor).await? {
            return Err(AppError::conflict("the second factor was changed at the same time: begin again"));
        }
        if let Some(session) = caller.session() {
            cp_store::trust_session(&mut tx, session).await?;
        }
        self.record_of(&mut tx, caller, person.id, &Event::new("second_factor.add", person.id)).await?;
        tx.commit().await?;
        self.entrance.forgive(&person.email, caller.address);
        Ok(codes)
    }

    /// No code is asked for any more.
    pub async fn remove_second_factor(&self, caller: &Caller, password: Secret) -> Result<(), AppError> {
        let person = self.own_again_or_by_provider(caller, password).await?;
        if person.password_hash.is_none()
            && !caller.has_second_factor
            && self.second_factor(&person)?.is_some()
        {
            return Err(AppError::invalid("say a code of the second factor first"));
        }
        let mut tx = self.parts.db.begin_write(InstallationScope::grant()).await?;
        cp_store::set_totp(&mut tx, person.id, None).await?;
        cp_store::forget_second_factor(&mut tx, person.id).await?;
        self.record_of(&mut tx, caller, person.id, &Event::new("second_factor.remove", person.id)).await?;
        Ok(tx.commit().await?)
    }

    /// Shows a second factor in a session that began without one, as an organisation may require.
    pub async fn show_second_factor(&self, caller: &Caller, code: &str) -> Result<(), AppError> {
        let (person, session) =
            (self.own(caller).await?, caller.session().ok_or_else(AppError::people_only)?);
        self.entrance.attempt(&person.email, caller.address, self.parts.clock.now())?;
        let Some(factor) = self.second_factor(&person)? else {
            return Err(AppError::conflict("there is no second factor yet: set one up first"));
        };
        let mut tx = self.parts.db.begin_write(InstallationScope::grant()).await?;
        if !self.use_code(&mut tx, &person, factor, code).await? {
            drop(tx);
            let mut tx = self.parts.db.begin_write(InstallationScope::grant()).await?;
            self.record_of(&mut tx, caller, person.id, &Event::new("second_factor.refuse", person.id))
                .await?;
            tx.commit().await?;
            return Err(AppError::invalid("the code is wrong, or was used before"));
        }
        cp_store::trust_session(&mut tx, session).await?;
        self.record_of(&mut tx, caller, person.id, &Event::new("second_factor.show", session)).await?;
        tx.commit().await?;
        self.entrance.forgive(&person.email, caller.address);
        Ok(())
    }

    /// The caller, who shows once more that it is them; but for somebody without a password, whom a provider has shown.
    async fn own_again_or_by_provider(&self, caller: &Caller, password: Secret) -> Result<Person, AppError> {
        let person = self.own(caller).await?;
        if person.password_hash.is_none() && caller.home.is_some() {
            return Ok(person);
        }
        self.own_again(caller, password).await
    }

    /// The factor that is asked for at sign-in.
    pub(crate) fn second_factor(&self, person: &Person) -> Result<Option<SecondFactor>, AppError> {
        Ok(self.open(person)?.filter(|factor| factor.confirmed))
    }

    /// Whether a code, or a recovery code, is right; it is used by that, once `tx` is committed.
    pub(crate) async fn use_code(
        &self,
        tx: &mut Tx,
        person: &Person,
        mut factor: SecondFactor,
        code: &str,
    ) -> Result<bool, AppError> {
        let (code, secret) = (code.trim(), unhex(&factor.secret).unwrap_or_default());
        let recovery = recovery_digest(&code.to_lowercase());
        if let Some(step) = totp_check(&secret, code, self.parts.clock.now(), factor.last_step) {
            factor.last_step = step;
        } else if let Some(place) = factor.recovery.iter().position(|left| *left == recovery) {
            factor.recovery.remove(place);
        } else {
            return Ok(false);
        }
        self.swap(tx, person, &factor).await
    }

    /// Keeps the factor in place of the one that was read with the person. Whether nobody else was faster.
    async fn swap(&self, tx: &mut Tx, person: &Person, factor: &SecondFactor) -> Result<bool, AppError> {
        let (before, sealed) = (person.totp_sealed.clone().unwrap_or_default(), self.seal(person, factor)?);
        Ok(cp_store::swap_totp(tx, person.id, before, sealed).await?)
    }

    fn open(&self, person: &Person) -> Result<Option<SecondFactor>, AppError> {
        let Some(sealed) = &person.totp_sealed else { return Ok(None) };
        let key = self.parts.installation.derive(PURPOSE);
        Ok(Some(SecondFactor::open(&key, person.id.to_string().as_bytes(), sealed)?))
    }

    fn seal(&self, person: &Person, factor: &SecondFactor) -> Result<Vec<u8>, AppError> {
        let key = self.parts.installation.derive(PURPOSE);
        Ok(factor.seal(&key, &self.parts.random, person.id.to_string().as_bytes())?)
    }

    /// Ten letters and digits in two groups: 50 random bits.
    fn recovery_code(&self) -> String {
        let token = Token::generate(&self.parts.random, "");
        let group = |range| token.expose().get(range).unwrap_or_default();
        format!("{}-{}", group(0..5), group(5..10))
    }
}

fn recovery_digest(code: &str) -> String {
    hex(&sha256(&[b"codepromptu recovery code v1", code.as_bytes()]))
}

/// An address as a part of a URI: all but letters, digits and a few marks as `%` and two digits (RFC 3986).
fn escaped(text: &str) -> String {
    let keep = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    text.bytes()
        .map(|byte| if keep(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
