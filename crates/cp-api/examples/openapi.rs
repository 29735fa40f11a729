//! Writes the OpenAPI document: `cargo run -p cp-api --example openapi > crates/cp-api/openapi.json`.

use std::io::Write;

fn main() -> std::io::Result<()> {
    std::io::stdout().write_all(cp_api::openapi_json().as_bytes())
}
