//! No read crosses a scope: two organisations whose rows lie between one another as chance has it, and each read for one
//! of them.

use cp_base::{Clock, PersonId, Slug, TeamId, Token};
use cp_db::Tx;
use cp_store::{Actor, ApiKey, AuditEvent, EventFilter, Invitation, Principal, Team};
use cp_testkit::db_test;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::world::{Tenant, World};

/// One of the organisations, the word that is in all that is written of it, and what it has.
struct Side {
    tenant: Tenant,
    word: &'static str,
    people: Vec<PersonId>,
    teams: Vec<TeamId>,
    keys: Vec<ApiKey>,
    invitations: Vec<cp_base::InvitationId>,
    /// Steps done, for names of their own.
    steps: usize,
}

/// Something that is done to an organisation; the number chooses among what it has.
#[derive(Clone, Copy, Debug)]
enum Step {
    Member,
    Team,
    Join(usize),
    Key { of_project: bool },
    GrantPerson(usize),
    GrantTeam(usize),
    Invite,
    Event,
}

fn step() -> impl Strategy<Value = (bool, Step)> {
    let number = 0..8_usize;
    let step = prop_oneof![
        Just(Step::Member),
        Just(Step::Team),
        number.clone().prop_map(Step::Join),
        any::<bool>().prop_map(|of_project| Step::Key { of_project }),
        number.clone().prop_map(Step::GrantPerson),
        number.prop_map(Step::GrantTeam),
        Just(Step::Invite),
        Just(Step::Event),
    ];
    (any::<bool>(), step)
}

impl Side {
    async fn new(world: &World, tx: &mut Tx, word: &'static str) -> Self {
        let tenant = world.tenant(tx, word).await;
        let people = vec![tenant.person];
        Self { tenant, word, people, teams: Vec::new(), keys: Vec::new(), invitations: Vec::new(), steps: 0 }
    }

    async fn do_step(&mut self, world: &World, tx: &mut Tx, step: Step) {
        self.steps += 1;
        let (scope, project) = (self.tenant.org.scope, self.tenant.project.scope);
        let (now, name) = (world.clock.now(), format!("{}-{}", self.word, self.steps));
        match step {
            Step::Member => {
                let person = world.person(tx, &format!("{name}@x.example")).await;
                cp_store::add_member(tx, scope, person, now).await.unwrap();
                cp_store::grant_in_org(tx, scope, Principal::Person(person), &name, now).await.unwrap();
                self.people.push(person);
            }
            Step::Team => {
                let slug = name.parse().unwrap();
                let team = Team { id: world.ids.mint(), slug, name, created_at: now };
                cp_store::create_team(tx, scope, &team).await.unwrap();
                self.teams.push(team.id);
            }
            Step::Join(number) => {
                let Some(team) = self.teams.get(number % self.teams.len().max(1)).copied() else { return };
                let person = self.people[number % self.people.len()];
                cp_store::join_team(tx, scope, team, person).await.unwrap();
            }
            Step::Key { of_project } => {
                let key = ApiKey {
                    scope,
                    id: world.ids.mint(),
                    project: of_project.then(|| project.project()),
                    name: name.clone(),
                    shown: String::new(),
                    created_by: name.clone(),
                    created_at: now,
                    expires_at: None,
                    last_used_at: None,
                    revoked_at: None,
                };
                cp_store::create_api_key(tx, &key, &Token::generate(&world.random, "cpa_")).await.unwrap();
                let principal = Principal::ApiKey(key.id);
                cp_store::grant_in_project(tx, project, principal, &name, now).await.unwrap();
                self.keys.push(key);
            }
            Step::GrantPerson(number) => {
                let person = Principal::Person(self.people[number % self.people.len()]);
                cp_store::grant_in_project(tx, project, person, &name, now).await.unwrap();
            }
            Step::GrantTeam(number) => {
                let Some(team) = self.teams.get(number % self.teams.len().max(1)).copied() else { return };
                cp_store::grant_in_project(tx, project, Principal::Team(team), &name, now).await.unwrap();
            }
            Step::Invite => {
                let invitation = Invitation {
                    scope,
                    id: world.ids.mint(),
                    project: Some(project.project()),
                    email: format!("{name}@x.example"),
                    role: name.clone(),
                    invited_by: name,
                    created_at: now,
                    expires_at: now,
                };
                let token = Token::generate(&world.random, "cpi_");
                cp_store::create_invitation(tx, &invitation, &token).await.unwrap();
                self.invitations.push(invitation.id);
            }
            Step::Event => cp_store::record(tx, scope, event(world, &name)).await.unwrap(),
        }
    }
}

fn event(world: &World, name: &str) -> AuditEvent {
    AuditEvent {
        v: 1,
        id: world.ids.mint(),
        sequence: 0,
        at: world.clock.now(),
        actor: Actor { id: Some(name.to_owned()), name: name.to_owned() },
        via: "session".to_owned(),
        address: None,
        action: "shared".to_owned(),
        target: "shared".to_owned(),
        project: None,
        detail: Some(name.to_owned()),
        before: None,
        after: None,
    }
}

/// Everything that is read for a side, of itself and of what the other's ids and names mean, as text.
async fn read_all(tx: &mut Tx, side: &Side, other: &Side) -> String {
    let (scope, project) = (side.tenant.org.scope, side.tenant.project.scope);
    let mut seen = [
        format!("{:?}", cp_store::find_org(tx, scope).await.unwrap()),
        format!("{:?}", cp_store::list_orgs_of(tx, side.tenant.person).await.unwrap()),
        format!("{:?}", cp_store::list_projects(tx, scope).await.unwrap()),
        format!("{:?}", cp_store::find_project_named(tx, scope, &other.tenant.project.slug).await.unwrap()),
        format!("{:?}", cp_store::list_members(tx, scope).await.unwrap()),
        format!("{:?}", cp_store::list_teams(tx, scope).await.unwrap()),
        format!("{:?}", cp_store::list_team_members(tx, scope).await.unwrap()),
        format!("{:?}", cp_store::list_project_grants(tx, project).await.unwrap()),
        format!("{:?}", cp_store::list_api_keys(tx, scope).await.unwrap()),
        format!("{:?}", cp_store::list_project_keys(tx, project).await.unwrap()),
        format!("{:?}", cp_store::list_invitations(tx, scope).await.unwrap()),
        format!("{:?}", cp_store::list_events(tx, scope, 0, 1_000).await.unwrap()),
        format!(
            "{:?}",
            cp_store::find_events(tx, scope, &EventFilter::default(), None, 1_000).await.unwrap()
        ),
    ]
    .concat();
    let shared = EventFilter { target: Some("shared".to_owned()), ..EventFilter::default() };
    seen += &format!("{:?}", cp_store::find_events(tx, scope, &shared, None, 1_000).await.unwrap());
    let foreign = other.tenant.project.scope.project();
    assert!(cp_store::find_project(tx, scope, foreign).await.unwrap().is_none());
    for person in &other.people {
        seen += &format!("{:?}", cp_store::find_member(tx, scope, *person).await.unwrap());
        seen += &format!("{:?}", cp_store::list_roles(tx, scope, Principal::Person(*person)).await.unwrap());
    }
    for team in &other.teams {
        seen += &format!("{:?}", cp_store::find_team(tx, scope, *team).await.unwrap());
        seen += &format!("{:?}", cp_store::list_roles(tx, scope, Principal::Team(*team)).await.unwrap());
    }
    for step in 0..=other.steps {
        let slug: Slug = format!("{}-{step}", other.word).parse().unwrap();
        seen += &format!("{:?}", cp_store::find_team_named(tx, scope, &slug).await.unwrap());
    }
    for key in &other.keys {
        seen += &format!("{:?}", cp_store::find_api_key(tx, scope, key.id).await.unwrap());
        seen += &format!("{:?}", cp_store::list_roles(tx, scope, Principal::ApiKey(key.id)).await.unwrap());
    }
    seen
}

db_test! {
    async fn no_read_crosses_a_scope(test: TestDb) {
        let world = World::new(test).await;
        let mut tx = world.tx().await;
        let mut ours = Side::new(&world, &mut tx, "ours").await;
        let mut theirs = Side::new(&world, &mut tx, "theirs").await;
        let mut runner = TestRunner::deterministic();
        for _ in 0..6 {
            let steps = proptest::collection::vec(step(), 1..24).new_tree(&mut runner).unwrap().current();
            for (is_theirs, step) in steps {
                let side = if is_theirs { &mut theirs } else { &mut ours };
                side.do_step(&world, &mut tx, step).await;
            }
            for (side, other) in [(&ours, &theirs), (&theirs, &ours)] {
                let seen = read_all(&mut tx, side, other).await;
                assert!(seen.contains(side.word) && !seen.contains(other.word), "{seen}");
            }
        }
        assert!(ours.steps > 20 && theirs.steps > 20);
    }

    async fn no_write_crosses_a_scope(test: TestDb) {
        let world = World::new(test).await;
        let mut tx = world.tx().await;
        let mut ours = Side::new(&world, &mut tx, "ours").await;
        let theirs = Side::new(&world, &mut tx, "theirs").await;
        let steps = [Step::Member, Step::Team, Step::Join(1), Step::Key { of_project: true }, Step::GrantPerson(0)];
        for step in steps.into_iter().chain([Step::GrantTeam(0), Step::Invite, Step::Event]) {
            ours.do_step(&world, &mut tx, step).await;
        }
        let before = read_all(&mut tx, &ours, &theirs).await;
        let (scope, project, now) = (theirs.tenant.org.scope, theirs.tenant.project.scope, world.clock.now());
        let stolen: Slug = "stolen".parse().unwrap();
        for person in &ours.people {
            let principal = Principal::Person(*person);
            assert!(!cp_store::revoke_in_org(&mut tx, scope, principal).await.unwrap());
            assert!(!cp_store::revoke_in_project(&mut tx, project, principal).await.unwrap());
            assert!(!cp_store::remove_member(&mut tx, scope, *person).await.unwrap());
        }
        for team in &ours.teams {
            cp_store::rename_team(&mut tx, scope, *team, &stolen, "stolen").await.unwrap();
            cp_store::delete_team(&mut tx, scope, *team).await.unwrap();
            assert!(!cp_store::leave_team(&mut tx, scope, *team, ours.people[0]).await.unwrap());
        }
        for key in &ours.keys {
            assert!(!cp_store::revoke_api_key(&mut tx, scope, key.id, now).await.unwrap());
            cp_store::expire_api_key(&mut tx, scope, key.id, now).await.unwrap();
        }
        for invitation in &ours.invitations {
            assert!(!cp_store::delete_invitation(&mut tx, scope, *invitation).await.unwrap());
        }
        assert_eq!(read_all(&mut tx, &ours, &theirs).await, before);
    }
}
