//! What users choose: equal arguments are one call; some kept results are looked at again.

use super::*;

fn stage(function: &Multiply, options: UdfOptions) -> Stage {
    Stage { options, ..function.stage(10) }
}

fn distinct(unit_rows: usize, batch_rows: Option<usize>) -> UdfOptions {
    UdfOptions { distinct: true, unit_rows, batch_rows, ..UdfOptions::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_arguments_are_one_call() {
    for (unit_rows, batch_rows) in [(10_000, None), (10_000, Some(1)), (7, Some(3)), (1, Some(1))] {
        let root = Place::new();
        let function = Multiply::new(2, "code");
        let session = session_on(&root).await;
        let given: Vec<i64> = (0..1000).map(|at| at * at % 37).collect();
        let rows = chain(&session, vec![batch(vec![("value", integers(given.clone()))])]);
        let mapped = rows.map(stage(&function, distinct(unit_rows, batch_rows))).unwrap();
        let wanted: Vec<i64> = given.iter().map(|value| value * 2).collect();
        for calls in [19, 0] {
            assert_eq!(values(&mapped, "product").await, wanted);
            assert_eq!(function.computed(), calls);
        }
        // Where each row is a call, as many are made as rows have none yet.
        assert_eq!(values(&rows.map(function.stage(10)).unwrap(), "product").await, wanted);
        assert_eq!(function.computed(), 1000 - 19);
        assert_eq!(values(&mapped, "product").await, wanted);
        assert_eq!(function.computed(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_arguments_have_all_results_of_one_call() {
    let root = Place::new();
    let function = Multiply { times: Some(3), ..Multiply::new(2, "code") };
    let session = session_on(&root).await;
    let given: Vec<i64> = (0..200).map(|at| at % 7).collect();
    let rows = chain(&session, vec![batch(vec![("value", integers(given.clone()))])]);
    for batch_rows in [None, Some(2)] {
        let stage = stage(&function, distinct(4, batch_rows));
        let made = rows.generate(stage, &["value".to_owned()]).unwrap();
        let wanted: Vec<i64> = given.iter().flat_map(|value| [value * 2; 3]).collect();
        assert_eq!(values(&made, "product").await, wanted);
    }
    assert_eq!(function.computed(), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_kept_cannot_be_distinct() {
    let root = Place::new();
    let function = Multiply::new(2, "");
    let (_session, all) = numbers(&root, 10).await;
    let mapped = all.map(stage(&function, distinct(10, None))).unwrap();
    let error = mapped.collect().await.unwrap_err().to_string();
    assert!(error.contains("`distinct=True` of UDF 'multiply'"), "{error}");
    assert!(error.contains("its code is secret"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn kept_results_are_looked_at_again() {
    let root = Place::new();
    let verified = |by: i64, rows: usize| {
        let options = UdfOptions { verify: rows, ..UdfOptions::default() };
        let function = Multiply::new(by, "code");
        (stage(&function, options), function)
    };
    let (_session, all) = numbers(&root, 1000).await;
    let (first, function) = verified(2, 5);
    let mapped = all.map(first).unwrap();
    for computed in [1000, 5] {
        assert_eq!(values(&mapped, "product").await, products(2));
        assert_eq!(function.computed(), computed);
    }
    // The same code by name, which gives something else.
    let (other, _) = verified(3, 1);
    let rows = all.filter(&[compare("value", BinaryOp::Gt, 500)]).unwrap();
    let error = rows.map(other).unwrap().collect().await.unwrap_err();
    assert_eq!(error.code(), "udf.kept_differs");
    let engine::Error::KeptDiffers { name, arguments, kept, now } = error else {
        panic!("{error}")
    };
    let value: i64 = arguments.parse().unwrap();
    assert_eq!((name.as_str(), value > 500), ("multiply", true));
    let product = |by: i64| format!("{{product: {}}}", value * by);
    assert_eq!((kept, now), (product(2), format!("gives {}", product(3))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_fails_now_is_told() {
    let root = Place::new();
    let (_session, all) = numbers(&root, 30).await;
    all.map(Multiply::new(2, "code").stage(10)).unwrap().collect().await.unwrap();
    let fails = Multiply { fail_at: Some(7), ..Multiply::new(2, "code") };
    let options = UdfOptions { verify: 1000, ..UdfOptions::default() };
    let error = all.map(stage(&fails, options)).unwrap().collect().await.unwrap_err().to_string();
    let wanted = "`verify`: what is kept of function `multiply` is not what it gives: \
                  for (7) {product: 14} is kept, and now it fails with ValueError: told to fail; hint: ";
    assert!(error.starts_with(wanted), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn results_that_many_rows_take_are_looked_at_once() {
    let root = Place::new();
    let session = session_on(&root).await;
    let rows = |count: i64| {
        let given: Vec<i64> = (0..count).map(|at| at % 10).collect();
        chain(&session, vec![batch(vec![("value", integers(given))])])
    };
    let function = Multiply::new(2, "code");
    for (verify, computed) in [(0, 10), (7, 7), (1000, 10)] {
        let options = UdfOptions { verify, ..distinct(10, None) };
        values(&rows(500).map(stage(&function, options)).unwrap(), "product").await;
        assert_eq!(function.computed(), computed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_results_are_told_with_their_names() {
    let root = Place::new();
    let session = session_on(&root).await;
    let five = chain(&session, vec![batch(vec![("value", integers([5]))])]);
    let given = |by: i64, verify: usize| {
        let function = Multiply { times: Some(2), ..Multiply::new(by, "code") };
        let options = UdfOptions { verify, ..UdfOptions::default() };
        five.generate(stage(&function, options), &[]).unwrap()
    };
    given(2, 0).collect().await.unwrap();
    let error = given(3, 1).collect().await.unwrap_err().to_string();
    let wanted = "for (5) [{product: 10}, {product: 10}] is kept, and now it gives [{product: 15}, {product: 15}]";
    assert!(error.contains(wanted), "{error}");
}
