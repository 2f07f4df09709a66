//! The reference store passes the conformance suite.

use super::MemoryCatalog;
use crate::conformance;

#[tokio::test]
async fn behaves_as_every_store() {
    let passed = conformance::all(async || Ok(MemoryCatalog::new())).await.unwrap();
    let store = MemoryCatalog::new();
    conformance::shared(&store, &store).await.unwrap();
    assert!(passed >= 20, "only {passed} behaviours were checked");
}
