//! Requests about how the members of an organisation sign in.

use cp_wire::{NewSingleSignOn, SecondFactorRule, SingleSignOn, SingleSignOnCheck};

use crate::{Client, ClientError};

impl Client {
    /// The provider that the organisation signs its people in with.
    pub async fn get_sso(&self) -> Result<SingleSignOn, ClientError> {
        self.get_json("/api/v1/sso").await
    }

    /// Sets it.
    pub async fn set_sso(&self, new: &NewSingleSignOn) -> Result<SingleSignOn, ClientError> {
        self.put_json("/api/v1/sso", new).await
    }

    /// Has none any more.
    pub async fn remove_sso(&self) -> Result<(), ClientError> {
        self.delete("/api/v1/sso").await
    }

    /// What asking the provider comes to.
    pub async fn check_sso(&self) -> Result<SingleSignOnCheck, ClientError> {
        self.get_json("/api/v1/sso/check").await
    }

    /// Requires a second factor of the organisation's members, or no longer.
    pub async fn set_second_factor_rule(
        &self,
        rule: SecondFactorRule,
    ) -> Result<SecondFactorRule, ClientError> {
        self.put_json("/api/v1/org/second-factor", &rule).await
    }
}
