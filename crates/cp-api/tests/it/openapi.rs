use crate::world::with_world;

#[test]
fn the_committed_document_is_the_one_that_is_served() {
    with_world(async |world| {
        let (_, served) = world.get_json("/api/v1/openapi.json").await;
        let committed: serde_json::Value = serde_json::from_str(include_str!("../../openapi.json")).unwrap();
        assert!(
            served == committed,
            "the handlers have changed: cargo run -p cp-api --example openapi > crates/cp-api/openapi.json"
        );
        assert!(served["openapi"].as_str().unwrap().starts_with("3.1"));
        assert_eq!(cp_api::openapi_json(), include_str!("../../openapi.json"));
    });
}

#[test]
fn every_operation_and_every_schema_is_described() {
    let document: serde_json::Value = serde_json::from_str(&cp_api::openapi_json()).unwrap();
    let operations =
        document["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap());
    for (method, operation) in operations {
        assert!(operation["summary"].is_string(), "{method} {operation}");
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            assert!(parameter["description"].is_string(), "{parameter}");
        }
    }
}
