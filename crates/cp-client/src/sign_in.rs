//! Signing in and out, and invitations.

use cp_base::InvitationId;
use cp_wire::{Account, Invitations, MadeInvitation, NewInvitation, SessionToken, SetUp, SignIn, SignedIn};

use crate::{Client, ClientError};

impl Client {
    /// Makes the first person, who owns the installation.
    pub async fn set_up(&self, asked: &SetUp) -> Result<SignedIn, ClientError> {
        self.post_json("/api/v1/setup", asked).await
    }

    /// Signs in, for a token that this program keeps.
    pub async fn sign_in(&self, asked: &SignIn) -> Result<SessionToken, ClientError> {
        self.post_json("/api/v1/session/token", asked).await
    }

    /// Ends the session that asks.
    pub async fn sign_out(&self) -> Result<(), ClientError> {
        self.delete("/api/v1/session").await
    }

    /// The account of whoever is signed in.
    pub async fn get_account(&self) -> Result<Account, ClientError> {
        self.get_json("/api/v1/account").await
    }

    /// The invitations that nobody has taken yet.
    pub async fn list_invitations(&self) -> Result<Invitations, ClientError> {
        self.get_json("/api/v1/invitations").await
    }

    /// Invites somebody.
    pub async fn create_invitation(&self, new: &NewInvitation) -> Result<MadeInvitation, ClientError> {
        self.post_json("/api/v1/invitations", new).await
    }

    /// Withdraws an invitation.
    pub async fn withdraw_invitation(&self, id: InvitationId) -> Result<(), ClientError> {
        self.delete(&format!("/api/v1/invitations/{id}")).await
    }
}
