//! Certificates of erasures, and the holds that stand against them.

use cp_base::{SealingKey, SigningKey, Timestamp};
use cp_store::{
    CertificateError, Erased, Erasure, ErasureCertificate, ErasureState, Found, Held, LegalHold,
    RetentionPolicy, create_erasure, create_hold, find_erasure, find_erasure_of, find_retention,
    finish_erasure, list_erasures, list_holds, list_retention, release_hold, save_erasure, set_retention,
};
use cp_testkit::db_test;

use crate::world::World;

db_test! {
    async fn an_erasure_is_followed_to_its_certificate(test: TestDb) {
        let world = World::new(test).await;
        let mut tx = world.tx().await;
        let ours = world.tenant(&mut tx, "ours").await.project.scope;
        let theirs = world.tenant(&mut tx, "theirs").await.project.scope;
        let mut erasure = Erasure {
            scope: ours,
            id: world.ids.mint(),
            person: [7; 32],
            requested_at: Timestamp(1_000_000),
            state: ErasureState::Erasing,
            found: Found { calls: 3, sealed_with_the_project: 1, carried: 2 },
            erased: Erased::default(),
            secrets: Vec::new(),
            certificate: None,
        };
        create_erasure(&mut tx, &erasure).await.unwrap();
        assert_eq!(find_erasure_of(&mut tx, ours, [7; 32]).await.unwrap(), Some(erasure.clone()));
        assert_eq!(find_erasure(&mut tx, theirs, erasure.id).await.unwrap(), None);
        erasure.erased = Erased { calls: 3, labels: 6, ..Erased::default() };
        erasure.secrets = vec!["sk_1".to_owned()];
        erasure.state = ErasureState::Log;
        save_erasure(&mut tx, &erasure).await.unwrap();
        assert_eq!(list_erasures(&mut tx).await.unwrap(), std::slice::from_ref(&erasure));

        let [key, other] = [1, 2].map(|byte| SigningKey::derived_from(&SealingKey::new([byte; 32])));
        let statement = erasure.statement(&[], Timestamp(2_000_000));
        assert_eq!(statement.remains.len(), 2, "{statement:?}");
        let text = ErasureCertificate::sign(statement, &key).to_json();
        finish_erasure(&mut tx, erasure.id, &text).await.unwrap();
        assert!(list_erasures(&mut tx).await.unwrap().is_empty());
        let kept = find_erasure(&mut tx, ours, erasure.id).await.unwrap().unwrap().certificate.unwrap();
        let read = ErasureCertificate::verify(&kept, Some(key.public())).unwrap();
        assert_eq!(read.statement.erased, erasure.erased);
        let altered = kept.replace("\"calls\": 3", "\"calls\": 4");
        assert_ne!(altered, kept);
        assert_eq!(ErasureCertificate::verify(&altered, None), Err(CertificateError::BadSignature));
        let error = ErasureCertificate::verify(&kept, Some(other.public())).unwrap_err();
        assert!(matches!(error, CertificateError::OtherKey(_)), "{error}");
        assert!(ErasureCertificate::verify("{}", None).unwrap_err().to_string().contains("statement"));
    }

    async fn holds_and_policies_are_a_projects_own(test: TestDb) {
        let world = World::new(test).await;
        let mut tx = world.tx().await;
        let ours = world.tenant(&mut tx, "ours").await.project.scope;
        let theirs = world.tenant(&mut tx, "theirs").await.project.scope;
        let call = world.ids.mint();
        let mut holds = Vec::new();
        for held in [Held::Project, Held::Person([7; 32]), Held::Call(call)] {
            let hold = LegalHold {
                id: world.ids.mint(),
                held,
                reason: "a case".to_owned(),
                placed_by: "counsel".to_owned(),
                placed_at: Timestamp(5),
            };
            create_hold(&mut tx, ours, &hold).await.unwrap();
            holds.insert(0, hold);
        }
        assert_eq!(list_holds(&mut tx, ours).await.unwrap(), holds);
        assert_eq!(list_holds(&mut tx, theirs).await.unwrap(), []);
        assert!(!release_hold(&mut tx, theirs, holds[0].id, Timestamp(6)).await.unwrap());
        assert!(release_hold(&mut tx, ours, holds[0].id, Timestamp(6)).await.unwrap());
        assert!(!release_hold(&mut tx, ours, holds[0].id, Timestamp(7)).await.unwrap());
        assert_eq!(list_holds(&mut tx, ours).await.unwrap(), holds[1..]);

        let policy = RetentionPolicy { bodies_days: Some(30), metadata_days: None, scores_days: Some(90) };
        set_retention(&mut tx, ours, RetentionPolicy::default(), Timestamp(8)).await.unwrap();
        assert_eq!(list_retention(&mut tx).await.unwrap(), []);
        set_retention(&mut tx, ours, policy, Timestamp(8)).await.unwrap();
        assert_eq!(find_retention(&mut tx, ours).await.unwrap(), policy);
        assert_eq!(find_retention(&mut tx, theirs).await.unwrap(), RetentionPolicy::default());
        assert_eq!(list_retention(&mut tx).await.unwrap(), [(ours, policy)]);
    }
}
