//! Capture policies.

use cp_testkit::db_test;

use crate::world::World;

db_test! {
    async fn a_policy_is_replaced_by_whoever_saw_it(test: TestDb) {
        let world = World::new(test).await;
        let mut tx = world.tx().await;
        let (acme, other) = (world.tenant(&mut tx, "acme").await, world.tenant(&mut tx, "other").await);
        let (ours, theirs) = (acme.project.scope, other.project.scope);
        let now = cp_base::Timestamp(7);
        assert_eq!(cp_store::find_capture_policy(&mut tx, ours).await.unwrap(), None);
        assert!(!cp_store::set_capture_policy(&mut tx, ours, 3, "{}", now).await.unwrap());
        assert!(cp_store::set_capture_policy(&mut tx, ours, 0, "{}", now).await.unwrap());
        assert!(!cp_store::set_capture_policy(&mut tx, ours, 0, "[]", now).await.unwrap());
        assert!(cp_store::set_capture_policy(&mut tx, ours, 1, r#"{"mode":"off"}"#, now).await.unwrap());
        assert!(!cp_store::set_capture_policy(&mut tx, ours, 1, "[]", now).await.unwrap());
        let found = cp_store::find_capture_policy(&mut tx, ours).await.unwrap().unwrap();
        assert_eq!((found.version, &*found.document, found.changed_at), (2, r#"{"mode":"off"}"#, now));
        assert_eq!(found.project, ours.project());
        assert_eq!(cp_store::find_capture_policy(&mut tx, theirs).await.unwrap(), None);
        assert!(cp_store::set_capture_policy(&mut tx, theirs, 0, "{}", now).await.unwrap());
        assert_eq!(cp_store::list_capture_policies(&mut tx).await.unwrap().len(), 2);
    }
}
