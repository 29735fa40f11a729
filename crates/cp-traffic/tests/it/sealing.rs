//! Nothing that a person or a model wrote is on disk in the clear, and what is sealed opens only where it belongs.

use std::collections::HashMap;
use std::sync::Arc;

use cp_base::{KeyRing, MasterKey, ProjectScope, Random};
use cp_testkit::{db_test, run_on_sqlite};
use cp_traffic::{CallFilter, RawBodies, StoreError, TrafficStore};

use crate::world::{World, message, text};

/// In every place where a person or a model can write.
const MARKER: &str = "marker-4711-in-the-clear";

#[test]
fn no_file_holds_what_was_said() {
    run_on_sqlite(async |test| {
        let world = World::new(&test).await;
        world
            .add(|call| {
                call.messages.input.push(message("user", MARKER));
                call.messages.output.push(message("assistant", MARKER));
                call.raw = Some(RawBodies { request: MARKER.into(), response: MARKER.into() });
                let document = &mut call.document;
                document.query = Some(MARKER.to_owned());
                document.request_headers.push(("x-header".to_owned(), MARKER.to_owned()));
                document.decoded.system_instructions = vec![text(MARKER)];
                document.decoded.tool_definitions = vec![MARKER.into()];
                document.decoded.user = Some(MARKER.to_owned());
                document.decoded.metadata.insert(MARKER.to_owned(), MARKER.into());
                document.decoded.error =
                    Some(cp_genai::ProviderError { kind: None, message: MARKER.to_owned(), code: None });
            })
            .await;
        let found = world.list(CallFilter { text: Some(MARKER.to_owned()), ..CallFilter::default() }).await;
        assert_eq!(found.len(), 1);

        let files = test.files();
        assert!(files.iter().any(|file| file.to_string_lossy().ends_with("-wal")), "{files:?}");
        for file in files {
            let bytes = std::fs::read(&file).unwrap();
            assert!(!bytes.windows(MARKER.len()).any(|window| window == MARKER.as_bytes()), "{file:?}");
        }
    });
}

db_test! {
    async fn a_body_moved_to_another_place_does_not_open(test: TestDb) {
        let world = World::new(&test).await;
        let call = world.add(|_| {}).await;
        test.change("UPDATE call_contents SET document = (SELECT sealed FROM bodies LIMIT 1)").await;
        let error = world.store.find_call(world.ours, call).await.unwrap_err();
        assert!(matches!(error, StoreError::Unseal(_)), "{error:?}");
    }

    async fn without_its_key_a_project_cannot_be_read(test: TestDb) {
        let world = World::new(&test).await;
        let call = world.add(|_| {}).await;
        let keyless = TrafficStore::new(test.db.clone(), KeyRing::default(), Arc::new(Random::seeded(1)));
        assert!(matches!(keyless.find_call(world.ours, call).await, Err(StoreError::NoDataKey(_))));
        let (key, _) = MasterKey::new([9; 32]).new_data_key(&Random::seeded(9), b"");
        let wrong = HashMap::from([(ProjectScope::project(world.ours), key)]);
        let wrong = TrafficStore::new(test.db.clone(), wrong, Arc::new(Random::seeded(1)));
        assert!(matches!(wrong.find_call(world.ours, call).await, Err(StoreError::Unseal(_))));
        assert_eq!(wrong.list_calls(world.ours, &CallFilter::default(), None, 10).await.unwrap().calls.len(), 1);
    }
}
