//! What is read twice is kept, and goes when its memory is needed.

use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch};

use super::{Hot, HotKey, HotVectors};

fn key(version: &str) -> HotKey {
    HotKey { version: version.into(), paths: vec![vec!["emb".to_owned()]], rows: vec![(0, 0, 3)] }
}

fn batch() -> RecordBatch {
    let values = Arc::new(Int64Array::from(vec![1, 2, 3]));
    RecordBatch::try_from_iter([("emb", values as _)]).unwrap()
}

fn is_here(hot: &HotVectors, version: &str) -> bool {
    matches!(hot.get(&key(version)), Hot::Here(_))
}

#[test]
fn the_second_read_is_wanted() {
    let hot = HotVectors::default();
    hot.leave(100);
    assert!(matches!(hot.get(&key("a")), Hot::New));
    assert!(matches!(hot.get(&key("a")), Hot::Wanted(50)));
    hot.keep(key("a"), vec![batch()], 24);
    let Hot::Here(batches) = hot.get(&key("a")) else { panic!("it was not kept") };
    assert_eq!(batches.as_ref(), [batch()]);
    assert!(!is_here(&hot, "b"));
}

#[test]
fn the_least_recently_used_goes_first() {
    let hot = HotVectors::default();
    hot.leave(100);
    hot.keep(key("a"), vec![batch()], 40);
    hot.keep(key("b"), vec![batch()], 40);
    assert!(is_here(&hot, "a"));
    hot.keep(key("c"), vec![batch()], 40);
    assert!(is_here(&hot, "a") && !is_here(&hot, "b") && is_here(&hot, "c"));
    hot.leave(50);
    assert!(!is_here(&hot, "a") && is_here(&hot, "c"));
    hot.leave(0);
    assert!(!is_here(&hot, "c"));
}
