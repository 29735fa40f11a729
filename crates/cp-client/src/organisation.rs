//! Requests about organisations: people, teams, projects and keys.

use bytes::Bytes;
use cp_base::ApiKeyId;
use cp_wire::{
    ApiKeys, Grant, Grants, MadeApiKey, MadeOrg, Me, Member, MemberRole, Members, Named, NewApiKey, NewGrant,
    NewOrg, Org, Orgs, Project, Projects, Rotation, Team, Teams,
};
use http::Method;

use crate::query::encoded;
use crate::{Client, ClientError};

impl Client {
    /// Who asks, and as what.
    pub async fn get_me(&self) -> Result<Me, ClientError> {
        self.get_json("/api/v1/me").await
    }

    /// The organisations that the caller belongs to.
    pub async fn list_orgs(&self) -> Result<Orgs, ClientError> {
        self.get_json("/api/v1/orgs").await
    }

    /// The projects that the caller sees.
    pub async fn list_projects(&self) -> Result<Projects, ClientError> {
        self.get_json("/api/v1/projects").await
    }

    /// Makes a project.
    pub async fn create_project(&self, named: &Named) -> Result<Project, ClientError> {
        self.post_json("/api/v1/projects", named).await
    }

    /// Makes an organisation, with a first project.
    pub async fn create_org(&self, new: &NewOrg) -> Result<MadeOrg, ClientError> {
        self.post_json("/api/v1/orgs", new).await
    }

    /// Gives the organisation other names.
    pub async fn rename_org(&self, named: &Named) -> Result<Org, ClientError> {
        self.put_json("/api/v1/org", named).await
    }

    /// Gives the project other names.
    pub async fn rename_project(&self, named: &Named) -> Result<Project, ClientError> {
        self.put_json("/api/v1/project", named).await
    }

    /// The API keys of the organisation.
    pub async fn list_api_keys(&self) -> Result<ApiKeys, ClientError> {
        self.get_json("/api/v1/keys").await
    }

    /// Makes an API key that reaches the whole organisation.
    pub async fn create_api_key(&self, new: &NewApiKey) -> Result<MadeApiKey, ClientError> {
        self.post_json("/api/v1/keys", new).await
    }

    /// Makes an API key that reaches one project and nothing else.
    pub async fn create_project_key(&self, new: &NewApiKey) -> Result<MadeApiKey, ClientError> {
        self.post_json("/api/v1/project/keys", new).await
    }

    /// Ends an API key at once.
    pub async fn revoke_api_key(&self, key: ApiKeyId) -> Result<(), ClientError> {
        self.delete(&format!("/api/v1/keys/{key}")).await
    }

    /// Makes another API key like one, which goes on working for a while.
    pub async fn rotate_api_key(
        &self,
        key: ApiKeyId,
        rotation: &Rotation,
    ) -> Result<MadeApiKey, ClientError> {
        self.post_json(&format!("/api/v1/keys/{key}/rotate"), rotation).await
    }

    /// The API keys that reach the project and nothing else.
    pub async fn list_project_keys(&self) -> Result<ApiKeys, ClientError> {
        self.get_json("/api/v1/project/keys").await
    }

    /// Ends an API key of the project at once.
    pub async fn revoke_project_key(&self, key: ApiKeyId) -> Result<(), ClientError> {
        self.delete(&format!("/api/v1/project/keys/{key}")).await
    }

    /// Makes another API key like one of the project, which goes on working for a while.
    pub async fn rotate_project_key(
        &self,
        key: ApiKeyId,
        rotation: &Rotation,
    ) -> Result<MadeApiKey, ClientError> {
        self.post_json(&format!("/api/v1/project/keys/{key}/rotate"), rotation).await
    }

    /// The members of the organisation.
    pub async fn list_members(&self) -> Result<Members, ClientError> {
        self.get_json("/api/v1/members").await
    }

    /// Gives a member, named by id or e-mail address, another role in the organisation.
    pub async fn set_member_role(&self, member: &str, role: &MemberRole) -> Result<Member, ClientError> {
        self.put_json(&format!("/api/v1/members/{}", encoded(member)), role).await
    }

    /// Removes a member, named by id or e-mail address.
    pub async fn remove_member(&self, member: &str) -> Result<(), ClientError> {
        self.delete(&format!("/api/v1/members/{}", encoded(member))).await
    }

    /// The teams of the organisation.
    pub async fn list_teams(&self) -> Result<Teams, ClientError> {
        self.get_json("/api/v1/teams").await
    }

    /// A team, named by id or short name.
    pub async fn get_team(&self, team: &str) -> Result<Team, ClientError> {
        self.get_json(&format!("/api/v1/teams/{}", encoded(team))).await
    }

    /// Makes a team.
    pub async fn create_team(&self, named: &Named) -> Result<Team, ClientError> {
        self.post_json("/api/v1/teams", named).await
    }

    /// Gives a team other names.
    pub async fn rename_team(&self, team: &str, named: &Named) -> Result<Team, ClientError> {
        self.put_json(&format!("/api/v1/teams/{}", encoded(team)), named).await
    }

    /// Deletes a team.
    pub async fn delete_team(&self, team: &str) -> Result<(), ClientError> {
        self.delete(&format!("/api/v1/teams/{}", encoded(team))).await
    }

    /// Lets a member into a team.
    pub async fn join_team(&self, team: &str, member: &str) -> Result<(), ClientError> {
        let path = format!("/api/v1/teams/{}/members/{}", encoded(team), encoded(member));
        self.send(Method::PUT, &path, Bytes::new()).await.map(drop)
    }

    /// Takes a member out of a team.
    pub async fn leave_team(&self, team: &str, member: &str) -> Result<(), ClientError> {
        self.delete(&format!("/api/v1/teams/{}/members/{}", encoded(team), encoded(member))).await
    }

    /// Who has a role in the project itself.
    pub async fn list_grants(&self) -> Result<Grants, ClientError> {
        self.get_json("/api/v1/project/grants").await
    }

    /// Gives a person, team or API key a role in the project.
    pub async fn set_grant(&self, holder: &str, new: &NewGrant) -> Result<Grant, ClientError> {
        self.put_json(&format!("/api/v1/project/grants/{}", encoded(holder)), new).await
    }

    /// Takes the role of a person, team or API key in the project.
    pub async fn remove_grant(&self, holder: &str) -> Result<(), ClientError> {
        self.delete(&format!("/api/v1/project/grants/{}", encoded(holder))).await
    }
}
