//! A registry with two organisations whose rows lie between one another.

use std::sync::Arc;

use cp_base::{Clock, DataKeys, IdGenerator, InstallationScope, MasterKey, PersonId, Random};
use cp_db::Tx;
use cp_store::{Genesis, MIGRATIONS, Org, Person, Principal, Project};
use cp_testkit::{FakeClock, TestDb};

pub(crate) struct World {
    pub(crate) test: TestDb,
    pub(crate) clock: Arc<FakeClock>,
    pub(crate) ids: IdGenerator,
    pub(crate) random: Arc<Random>,
    pub(crate) master: MasterKey,
}

/// One of the organisations, with everything that an organisation has.
pub(crate) struct Tenant {
    pub(crate) org: Org,
    pub(crate) project: Project,
    pub(crate) person: PersonId,
    pub(crate) keys: DataKeys,
}

impl World {
    pub(crate) async fn new(test: TestDb) -> Self {
        let clock = Arc::new(FakeClock::default());
        let random = Arc::new(Random::seeded(7));
        let ids = IdGenerator::new(Arc::<FakeClock>::clone(&clock), Arc::clone(&random));
        test.db.migrate(&[MIGRATIONS], clock.now()).await.unwrap();
        Self { test, clock, ids, random, master: MasterKey::new([1; 32]) }
    }

    pub(crate) async fn tx(&self) -> Tx {
        self.test.db.begin_write(InstallationScope::grant()).await.unwrap()
    }

    pub(crate) async fn tenant(&self, tx: &mut Tx, name: &str) -> Tenant {
        let now = self.clock.now();
        let org = cp_store::create_org(tx, self.ids.mint(), name.parse().unwrap(), name, now).await.unwrap();
        let genesis = self.genesis();
        let slug = "support".parse().unwrap();
        let (project, keys) = cp_store::create_project(tx, org.scope, &genesis, slug, name).await.unwrap();
        let person = self.person(tx, &format!("lead@{name}.example")).await;
        cp_store::add_member(tx, org.scope, person, now).await.unwrap();
        let principal = Principal::Person(person);
        cp_store::grant_in_org(tx, org.scope, principal, "owner", now).await.unwrap();
        Tenant { org, project, person, keys }
    }

    pub(crate) fn genesis(&self) -> Genesis<'_> {
        let clock: &dyn Clock = &*self.clock;
        Genesis { master: &self.master, ids: &self.ids, random: &self.random, clock }
    }

    pub(crate) async fn person(&self, tx: &mut Tx, email: &str) -> PersonId {
        let person = Person {
            id: self.ids.mint(),
            email: email.to_owned(),
            name: email.to_owned(),
            password_hash: None,
            totp_sealed: None,
        };
        cp_store::create_person(tx, &person, self.clock.now()).await.unwrap();
        person.id
    }
}
