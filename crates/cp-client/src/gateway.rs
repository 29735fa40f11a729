//! Requests about gateway keys, the vault and claims.

use cp_base::GatewayKeyId;
use cp_wire::{
    Claim, ClaimRequest, Fingerprints, GatewayAccess, GatewayKey, GatewayKeyLimits, GatewayKeys,
    MadeGatewayKey, NewGatewayKey, NewProviderKey, ProviderKey, ProviderKeys,
};

use crate::{Client, ClientError};

impl Client {
    /// The gateway keys of the project, newest first.
    pub async fn list_gateway_keys(&self) -> Result<GatewayKeys, ClientError> {
        self.get_json("/api/v1/gateway-keys").await
    }

    /// Makes a gateway key.
    pub async fn create_gateway_key(&self, new: &NewGatewayKey) -> Result<MadeGatewayKey, ClientError> {
        self.post_json("/api/v1/gateway-keys", new).await
    }

    /// Ends a gateway key.
    pub async fn revoke_gateway_key(&self, key: GatewayKeyId) -> Result<(), ClientError> {
        self.delete(&format!("/api/v1/gateway-keys/{key}")).await
    }

    /// Gives a gateway key these limits, in place of those that it has.
    pub async fn limit_gateway_key(
        &self,
        key: GatewayKeyId,
        limits: &GatewayKeyLimits,
    ) -> Result<GatewayKey, ClientError> {
        self.put_json(&format!("/api/v1/gateway-keys/{key}/limits"), limits).await
    }

    /// The vault of the project.
    pub async fn list_provider_keys(&self) -> Result<ProviderKeys, ClientError> {
        self.get_json("/api/v1/provider-keys").await
    }

    /// Puts a provider's key into the vault.
    pub async fn set_provider_key(
        &self,
        provider: &str,
        new: &NewProviderKey,
    ) -> Result<ProviderKey, ClientError> {
        self.put_json(&format!("/api/v1/provider-keys/{provider}"), new).await
    }

    /// Takes a provider's key out of the vault.
    pub async fn remove_provider_key(&self, provider: &str) -> Result<(), ClientError> {
        self.delete(&format!("/api/v1/provider-keys/{provider}")).await
    }

    /// The provider's keys by which calls come to the project, or might.
    pub async fn list_fingerprints(&self) -> Result<Fingerprints, ClientError> {
        self.get_json("/api/v1/fingerprints").await
    }

    /// Claims the calls that come with a provider's key.
    pub async fn claim_fingerprint(&self, request: &ClaimRequest) -> Result<Claim, ClientError> {
        self.post_json("/api/v1/fingerprints/claim", request).await
    }

    /// Gives a claim up.
    pub async fn release_fingerprint(&self, fingerprint: &str) -> Result<(), ClientError> {
        self.delete(&format!("/api/v1/fingerprints/{fingerprint}")).await
    }

    /// Who may put calls into the project.
    pub async fn get_gateway_access(&self) -> Result<GatewayAccess, ClientError> {
        self.get_json("/api/v1/gateway-access").await
    }

    /// Sets who may put calls into the project.
    pub async fn set_gateway_access(&self, access: &GatewayAccess) -> Result<GatewayAccess, ClientError> {
        self.put_json("/api/v1/gateway-access", access).await
    }
}
