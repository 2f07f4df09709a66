//! A function that still has to be called is data, which any process computes that sees the root.

use engine::{Receipt, StageSpec};

use super::*;

/// The chain's stage with this number, as text: what leaves the process.
async fn stage(chain: &Chain, number: usize, unit_rows: usize) -> Option<String> {
    let spec = chain.stage_spec(number, Some(unit_rows), &Arc::default()).await.unwrap()?;
    Some(spec.to_text().unwrap())
}

/// Another process, which knows the root and a text, computes a unit: the receipt, and the calls.
async fn compute(root: &Place, text: &str, times: Option<usize>) -> (Result<Receipt>, usize) {
    let session = session_on(root).await;
    let spec = StageSpec::parse(text).unwrap();
    let copy = session.function_of(&spec).await.unwrap();
    let by = i64::from_le_bytes(copy.try_into().unwrap());
    let function = Multiply { times, ..Multiply::new(by, "not looked at") };
    let stage = Stage { options: spec.options.clone(), ..function.stage(10) };
    let receipt = session.run_unit(&spec, 0, stage, &Arc::default()).await;
    (receipt, function.computed())
}

fn units(text: &str) -> Vec<String> {
    StageSpec::parse(text).unwrap().units().map(|unit| unit.to_text().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn others_compute_the_rows_of_a_map() {
    let root = Place::new();
    let function = Multiply::new(3, "code");
    let (_session, all) = numbers(&root, 1000).await;
    let wanted = all.filter(&[compare("value", BinaryOp::Gt, 9)]).unwrap();
    let mapped = wanted.map(function.stage(100)).unwrap();
    let text = stage(&mapped, 0, 300).await.unwrap();
    let rows: Vec<u64> = StageSpec::parse(&text).unwrap().units().map(|one| one.rows()).collect();
    assert_eq!(rows, [300, 300, 300, 90]);
    for unit in units(&text) {
        let (receipt, calls) = compute(&root, &unit, None).await;
        let receipt = receipt.unwrap();
        assert_eq!((receipt.kept, receipt.failed), (0, 0));
        assert_eq!(calls as u64, receipt.rows);
    }
    // Once more is harmless.
    let (receipt, calls) = compute(&root, &units(&text)[1], None).await;
    assert_eq!((receipt.unwrap(), calls), (Receipt { rows: 300, kept: 300, failed: 0 }, 0));
    assert!(stage(&mapped, 1, 300).await.is_none());
    assert_eq!(values(&mapped, "product").await, (10..1000).map(|at| at * 3).collect::<Vec<_>>());
    assert_eq!(function.computed(), 0);
    assert_eq!(units(&stage(&mapped, 0, 300).await.unwrap()).len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_function_of_a_chain_is_a_stage() {
    let root = Place::new();
    let first = Multiply::new(3, "first");
    let second = Multiply { times: Some(2), ..Multiply::new(5, "second") };
    let (_session, all) = numbers(&root, 40).await;
    let mapped = all.map(first.stage(10)).unwrap();
    let made = Stage { arguments: vec![column("product")], ..second.stage(10) };
    let chain = mapped.generate(made, &["value".to_owned()]).unwrap();
    for (number, times) in [(0, None), (1, Some(2))] {
        let text = stage(&chain, number, 7).await.unwrap();
        for unit in units(&text).iter().rev() {
            compute(&root, unit, times).await.0.unwrap();
        }
    }
    assert!(stage(&chain, 2, 7).await.is_none());
    let wanted: Vec<i64> = (0..40).flat_map(|value| [value * 15; 2]).collect();
    assert_eq!(values(&chain, "product").await, wanted);
    assert_eq!((first.computed(), second.computed()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_are_rows_of_a_stage() {
    let root = Place::new();
    let function = Multiply { times: Some(1), ..Multiply::new(2, "code") };
    let chain = keyed(&root).await.aggregate(function.stage(10), &by_key(), &[]).unwrap();
    let text = stage(&chain, 0, 3).await.unwrap();
    assert_eq!(StageSpec::parse(&text).unwrap().rows(), 7);
    for unit in units(&text) {
        compute(&root, &unit, Some(1)).await.0.unwrap();
    }
    let sums = |key: i64| (0..1000).filter(|value| value % 7 == key).sum::<i64>() * 2;
    assert_eq!(values(&chain, "product").await, (0..7).map(sums).collect::<Vec<_>>());
    assert_eq!(function.computed(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_rows_have_results_of_their_own() {
    let root = Place::new();
    let function = Multiply::new(2, "code");
    let session = session_on(&root).await;
    let given: Vec<i64> = (0..100).map(|at| at % 7).collect();
    let rows = chain(&session, vec![batch(vec![("value", integers(given))])]);
    // Some are there before.
    rows.limit(30).unwrap().map(function.stage(10)).unwrap().collect().await.unwrap();
    assert_eq!(function.computed(), 30);
    let mapped = rows.map(function.stage(10)).unwrap();
    let text = stage(&mapped, 0, 20).await.unwrap();
    let mut calls = 0;
    for unit in units(&text) {
        calls += compute(&root, &unit, None).await.1;
    }
    assert_eq!(calls, 70);
    mapped.collect().await.unwrap();
    assert_eq!(function.computed(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_computed_is_told() {
    let root = Place::new();
    let (session, all) = numbers(&root, 30).await;
    let mapped = all.map(Multiply::new(2, "code").stage(10)).unwrap();
    let text = stage(&mapped, 0, 10).await.unwrap();
    let spec = StageSpec::parse(&text).unwrap();
    assert!(StageSpec::parse("{}").unwrap_err().to_string().contains("not what `stages()` made"));
    // Functions whose results are not kept are nobody else's.
    assert!(stage(&all.map(Multiply::new(2, "").stage(10)).unwrap(), 0, 10).await.is_none());
    session.forget_stage(&spec).await.unwrap();
    let error = session.function_of(&spec).await.unwrap_err().to_string();
    assert!(error.contains("the copy of its function cannot be found"), "{error}");
    let stage = Multiply::new(2, "code").stage(10);
    let error = session.run_unit(&spec, 1, stage, &Arc::default()).await.unwrap_err().to_string();
    assert!(error.contains("the rows of the unit cannot be found"), "{error}");
}
