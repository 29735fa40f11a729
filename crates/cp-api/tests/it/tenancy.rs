//! Two organisations with everything that a request can name, and somebody of every kind to ask.

use std::time::Duration;

use cp_app::Role;
use cp_base::{
    ApiKeyId, Clock, InstallationScope, InvitationId, MasterKey, OrgScope, PersonId, ProjectScope, TeamId,
    Token,
};
use cp_db::Tx;
use cp_store::{ApiKey, Genesis, Invitation, Person, Principal, Team};
use cp_testkit::FakeClock;

use crate::world::World;

/// What a request can name.
pub(crate) struct Things {
    pub(crate) key: ApiKeyId,
    pub(crate) project_key: ApiKeyId,
    pub(crate) invitation: InvitationId,
    pub(crate) team: TeamId,
    pub(crate) member: PersonId,
    pub(crate) email: String,
}

impl World {
    pub(crate) async fn tx(&self) -> Tx {
        self.db.begin_write(InstallationScope::grant()).await.unwrap()
    }

    /// Another organisation with one project.
    pub(crate) async fn another_org(&self, name: &str) -> ProjectScope {
        let mut tx = self.tx().await;
        let slug = name.parse().unwrap();
        let org = cp_store::create_org(&mut tx, self.ids.mint(), slug, name, self.now()).await.unwrap();
        let clock = FakeClock::default();
        let project = another_project(self, &mut tx, org.scope, &clock).await;
        tx.commit().await.unwrap();
        project
    }

    /// Another project of the default organisation.
    pub(crate) async fn another_project(&self) -> ProjectScope {
        let mut tx = self.tx().await;
        let project = another_project(self, &mut tx, self.scope.org_scope(), &FakeClock::default()).await;
        tx.commit().await.unwrap();
        project
    }

    /// Somebody who is a member, with a role in the organisation or with none.
    pub(crate) async fn member(&self, scope: OrgScope, email: &str, role: Option<Role>) -> PersonId {
        let mut tx = self.tx().await;
        let person = person(self, &mut tx, scope, email).await;
        if let Some(role) = role {
            let principal = Principal::Person(person);
            cp_store::grant_in_org(&mut tx, scope, principal, role.as_str(), self.now()).await.unwrap();
        }
        tx.commit().await.unwrap();
        person
    }

    /// The header of a new key with this role: in the project where there is one, else in the organisation.
    pub(crate) async fn key(&self, scope: OrgScope, place: Option<ProjectScope>, role: Role) -> String {
        let mut tx = self.tx().await;
        let (id, header) = key(self, &mut tx, scope, place).await;
        let (key, now) = (Principal::ApiKey(id), self.now());
        match place {
            Some(place) => {
                cp_store::grant_in_project(&mut tx, place, key, role.as_str(), now).await.unwrap();
            }
            None => cp_store::grant_in_org(&mut tx, scope, key, role.as_str(), now).await.unwrap(),
        }
        tx.commit().await.unwrap();
        header
    }

    /// The header of a new key that has no role anywhere.
    pub(crate) async fn key_without_role(&self) -> String {
        let mut tx = self.tx().await;
        let (_, header) = key(self, &mut tx, self.scope.org_scope(), None).await;
        tx.commit().await.unwrap();
        header
    }

    /// Headers of keys that were good once: one expired, one revoked.
    pub(crate) async fn ended_keys(&self) -> [String; 2] {
        let (scope, now) = (self.scope.org_scope(), self.now());
        let mut tx = self.tx().await;
        let (expired, first) = key(self, &mut tx, scope, None).await;
        let (revoked, second) = key(self, &mut tx, scope, None).await;
        for id in [expired, revoked] {
            let principal = Principal::ApiKey(id);
            cp_store::grant_in_org(&mut tx, scope, principal, "owner", now).await.unwrap();
        }
        cp_store::expire_api_key(&mut tx, scope, expired, now).await.unwrap();
        cp_store::revoke_api_key(&mut tx, scope, revoked, now).await.unwrap();
        tx.commit().await.unwrap();
        [first, second]
    }

    /// New things of a project and its organisation: a member with a role in the project, who is in the team.
    pub(crate) async fn things(&self, project: ProjectScope) -> Things {
        let (scope, now) = (project.org_scope(), self.now());
        let mut tx = self.tx().await;
        let team_id: TeamId = self.ids.mint();
        let slug = format!("team-{}", team_id.to_string().trim_start_matches("team_"));
        let email = format!("{slug}@x.example");
        let team = Team { id: team_id, slug: slug.parse().unwrap(), name: slug, created_at: now };
        cp_store::create_team(&mut tx, scope, &team).await.unwrap();
        let member = person(self, &mut tx, scope, &email).await;
        cp_store::join_team(&mut tx, scope, team_id, member).await.unwrap();
        let (of_org, _) = key(self, &mut tx, scope, None).await;
        let (of_project, _) = key(self, &mut tx, scope, Some(project)).await;
        let of = Principal::ApiKey(of_org);
        cp_store::grant_in_org(&mut tx, scope, of, "viewer", now).await.unwrap();
        for of in [Principal::ApiKey(of_project), Principal::Person(member)] {
            cp_store::grant_in_project(&mut tx, project, of, "viewer", now).await.unwrap();
        }
        let invitation = self.ids.mint();
        let waiting = Invitation {
            scope,
            id: invitation,
            project: None,
            email: format!("new-{email}"),
            role: "viewer".to_owned(),
            invited_by: "a test".to_owned(),
            created_at: now,
            expires_at: now.after(Duration::from_secs(3600)),
        };
        let token = Token::generate(&self.random, "cpi_");
        cp_store::create_invitation(&mut tx, &waiting, &token).await.unwrap();
        tx.commit().await.unwrap();
        Things { key: of_org, project_key: of_project, invitation, team: team_id, member, email }
    }

    /// How many events the organisation's chain has.
    pub(crate) async fn events(&self, scope: OrgScope) -> u64 {
        let mut tx = self.db.begin_read(InstallationScope::grant()).await.unwrap();
        cp_store::find_head(&mut tx, scope).await.unwrap().0
    }
}

async fn another_project(world: &World, tx: &mut Tx, scope: OrgScope, clock: &FakeClock) -> ProjectScope {
    let (master, clock): (_, &dyn Clock) = (MasterKey::new([1; 32]), clock);
    let genesis = Genesis { master: &master, ids: &world.ids, random: &world.random, clock };
    let slug = "another".parse().unwrap();
    cp_store::create_project(tx, scope, &genesis, slug, "Another").await.unwrap().0.scope
}

async fn person(world: &World, tx: &mut Tx, scope: OrgScope, email: &str) -> PersonId {
    let id = world.ids.mint();
    let (email, name) = (email.to_owned(), email.to_owned());
    let person = Person { id, email, name, password_hash: None, totp_sealed: None };
    cp_store::create_person(tx, &person, world.now()).await.unwrap();
    cp_store::add_member(tx, scope, id, world.now()).await.unwrap();
    id
}

async fn key(
    world: &World,
    tx: &mut Tx,
    scope: OrgScope,
    project: Option<ProjectScope>,
) -> (ApiKeyId, String) {
    let token = Token::generate(&world.random, cp_app::API_KEY_PREFIX);
    let key = ApiKey {
        scope,
        id: world.ids.mint(),
        project: project.map(ProjectScope::project),
        name: "a key".to_owned(),
        shown: String::new(),
        created_by: "a test".to_owned(),
        created_at: world.now(),
        expires_at: None,
        last_used_at: None,
        revoked_at: None,
    };
    cp_store::create_api_key(tx, &key, &token).await.unwrap();
    (key.id, format!("Bearer {}", token.expose()))
}
