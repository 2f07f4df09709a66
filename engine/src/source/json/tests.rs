//! JSON becomes the rows that Python's reader makes of it, however files are cut.

use std::io::Write;
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::json::ArrayWriter;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures::TryStreamExt;
use proptest::prelude::ProptestConfig;
use proptest::prelude::{Strategy, any, prop_oneof};
use proptest::{collection, proptest};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{JsonColumn, JsonFormat, JsonRequest};
use crate::{Chain, Config, Error, FileKind, Listing, Result, Session};

struct Case {
    folder: TempDir,
    format: JsonFormat,
    expression: Option<&'static str>,
    rows: Option<u64>,
}

impl Case {
    fn lines(text: &str) -> Self {
        Self::of(JsonFormat::Lines, &[("a.jsonl", text.as_bytes())])
    }

    fn document(text: &str) -> Self {
        Self::of(JsonFormat::Document, &[("a.json", text.as_bytes())])
    }

    fn of(format: JsonFormat, files: &[(&str, &[u8])]) -> Self {
        let folder = TempDir::new().unwrap();
        for (name, bytes) in files {
            std::fs::write(folder.path().join(name), bytes).unwrap();
        }
        Self { folder, format, expression: None, rows: None }
    }

    fn at(self, expression: &'static str) -> Self {
        Self { expression: Some(expression), ..self }
    }

    async fn chain(&self) -> Result<Chain> {
        let session = Session::open(Config::in_memory().unwrap()).await.unwrap();
        let path = self.folder.path().to_str().unwrap().to_owned();
        let request = JsonRequest {
            files: Listing::try_new(&[path], true, "file", FileKind::Text).unwrap(),
            format: self.format,
            expression: self.expression.map(str::to_owned),
            rows: self.rows,
            column: JsonColumn::Sampled { of: None, name: "v".to_owned(), model: "M".to_owned() },
        };
        session.read_json(request).await
    }

    async fn read(&self) -> Result<Vec<Value>> {
        rows(&self.chain().await?, "v").await
    }

    async fn check(&self, expected: Value) {
        assert_eq!(Value::Array(self.read().await.unwrap()), expected);
    }

    async fn fails(&self, part: &str) -> Error {
        let Err(error) = self.read().await else { panic!("it is read") };
        assert!(error.to_string().contains(part), "{error}");
        error
    }
}

/// The rows as JSON, nulls in them left out.
async fn rows(chain: &Chain, column: &str) -> Result<Vec<Value>> {
    let (_, batches) = chain.stream(&Arc::default()).await?;
    let batches: Vec<_> = batches.try_collect().await?;
    let mut writer = ArrayWriter::new(Vec::new());
    writer.write_batches(&batches.iter().collect::<Vec<_>>()).unwrap();
    writer.finish().unwrap();
    let text = writer.into_inner();
    let rows: Vec<Value> =
        if text.is_empty() { vec![] } else { serde_json::from_slice(&text).unwrap() };
    Ok(rows.into_iter().map(|mut row| row[column].take()).collect())
}

#[tokio::test]
async fn lines_are_rows() {
    Case::lines("{\"a\": 1}\n\n{\"a\": 2}\r\n  {\"a\": 3}")
        .check(json!([{"a": 1}, {"a": 2}, {"a": 3}]))
        .await;
}

#[tokio::test]
async fn items_of_a_list_are_rows() {
    Case::document("[{\"a\": 1}, {\"a\": 2}]\n").check(json!([{"a": 1}, {"a": 2}])).await;
    Case::document(" [ ] ").check(json!([])).await;
    Case::document("{\"a\": [1, 2]}").check(json!([{"a": [1, 2]}])).await;
    Case::document("[1, 2.5]").check(json!([1.0, 2.5])).await;
}

#[tokio::test]
async fn what_is_missing_is_null_and_kinds_meet() {
    Case::lines(
        "{\"a\": 1, \"b\": {\"c\": \"x\"}}\n{\"b\": {\"d\": true}}\n{\"a\": 2.5, \"b\": null}",
    )
    .check(json!([{"a": 1.0, "b": {"c": "x"}}, {"b": {"d": true}}, {"a": 2.5}]))
    .await;
}

#[tokio::test]
async fn kinds_that_do_not_meet_are_kept_as_json() {
    Case::lines("{\"a\": 1}\n{\"a\": \"x\\u00e9\"}\n{\"a\": [1, {\"b\" : null}]}")
        .check(json!([{"a": "1"}, {"a": "\"xé\""}, {"a": "[1,{\"b\":null}]"}]))
        .await;
    Case::lines("{\"a\": {\"1\": 2}}\n{\"a\": {\"3\": 4}}")
        .check(json!([{"a": "{\"1\":2}"}, {"a": "{\"3\":4}"}]))
        .await;
}

#[tokio::test]
async fn a_key_that_is_no_name_gets_one() {
    Case::lines("{\"_id\": 1, \"first name\": 2, \"first_name\": 3}")
        .check(json!([{"field_id": 1, "first_name_1": 2, "first_name": 3}]))
        .await;
}

#[tokio::test]
async fn of_a_key_that_comes_twice_the_last_counts() {
    Case::lines("{\"a\": [1, 2], \"b\": \"x\", \"a\": [3], \"b\": \"yz\"}")
        .check(json!([{"a": [3], "b": "yz"}]))
        .await;
}

#[tokio::test]
async fn plain_paths_are_found_on_the_way() {
    let text = "{\"skip\": [{\"x\": \"]}\"}], \"a\": {\"b\": [{\"c\": 1}, [{\"c\": 2}], {\"d\": 3}, {\"c\": null}]}, \"z\": 1}";
    Case::document(text).at("a.b[].c").check(json!([1, 2])).await;
    Case::document(text).at("a.b[*].c").check(json!([1])).await;
    Case::document(text).at("skip").check(json!([{"x": "]}"}])).await;
    Case::document(text).at("z").check(json!([1])).await;
    Case::document(text).at("no.such").check(json!([])).await;
    Case::document(text).at("z.b").check(json!([])).await;
}

#[tokio::test]
async fn other_expressions_are_asked_of_the_document() {
    let text = "{\"a\": [{\"n\": 1}, {\"n\": 5}]}";
    Case::document(text).at("a[?n > `2`]").check(json!([{"n": 5}])).await;
    Case::document(text).at("length(a)").check(json!([2])).await;
    Case::document(text).at("a[?").fails("JMESPath").await;
}

#[tokio::test]
async fn an_expression_is_asked_of_each_line() {
    let text =
        "{\"v\": {\"x\": 1}, \"l\": [{\"y\": 1}, {\"y\": 2}]}\n{\"l\": []}\n{\"v\": {\"x\": 2}}";
    Case::lines(text).at("v").check(json!([{"x": 1}, {"x": 2}])).await;
    Case::lines(text).at("v.x").check(json!([1, 2])).await;
    Case::lines(text).at("l[].y").check(json!([[1, 2], []])).await;
}

#[tokio::test]
async fn so_many_rows_of_each_file() {
    let lines: &[u8] = b"1\n2\n3\n";
    let files = [("a.jsonl", lines), ("b.jsonl", lines)];
    let case = Case { rows: Some(2), ..Case::of(JsonFormat::Lines, &files) };
    case.check(json!([1, 2, 1, 2])).await;
    let case = Case { rows: Some(1), ..Case::document("[1, 2]") };
    case.check(json!([1])).await;
}

#[tokio::test]
async fn packed_files_are_read_too() {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(b"{\"a\": 1}\n{\"a\": 2}").unwrap();
    let packed = packed.finish().unwrap();
    let case = Case::of(JsonFormat::Lines, &[("a.jsonl.gz", &packed), ("b.jsonl", b"{\"a\": 3}")]);
    case.check(json!([{"a": 1}, {"a": 2}, {"a": 3}])).await;
    let cut = &packed[..packed.len() - 9];
    Case::of(JsonFormat::Lines, &[("a.jsonl.gz", cut)]).fails("unpacked").await;
}

#[tokio::test]
async fn an_error_says_where() {
    Case::lines("{\"a\": 1}\n\n{\"a\": }").fails("a.jsonl` is damaged: line 3, byte 7").await;
    Case::document("[1, 2, tru]").fails("item 2 of the list").await;
    Case::document("[1, 2").fails("without its end").await;
    Case::document("{\"a\": 1}\n{\"a\": 2}").fails("format=\"jsonl\"").await;
    Case::lines("{\n  \"a\": 1\n}").fails("format=\"json\"").await;
    Case::document("").fails("it is empty").await;
    Case::of(JsonFormat::Lines, &[("a.jsonl", b"1\n\"\xff\"\n")])
        .fails("line 2 is not UTF-8")
        .await;
    let deep = "[".repeat(600) + &"]".repeat(600);
    Case::lines(&deep).fails("nested deeper").await;
}

/// Lines of which the sample does not see the last.
fn with_late(late: &str) -> Case {
    let mut text = String::new();
    for number in 0..400_000 {
        text += &format!("{{\"number\": {number}, \"of\": {{\"name\": \"row {number}\"}}}}\n");
        if number == 290_000 {
            text += late;
            text.push('\n');
        }
    }
    Case::lines(&text)
}

#[tokio::test]
async fn what_the_sample_did_not_see_is_an_error_that_says_where() {
    with_late("{\"number\": \"x\"}")
        .fails("line 290002, key `number`: `\"x\"` is no whole number")
        .await;
    with_late("{\"of\": {\"new\": 1}}").fails("line 290002, key `of`: the key `new` is new").await;
}

#[tokio::test]
async fn partitions_are_consecutive_lines() {
    let mut text = String::new();
    for number in 0..200_000 {
        text += &format!("{{\"n\": {number}, \"t\": \"{}\"}}\n", "é".repeat(number % 17));
    }
    let case = Case::lines(&text);
    let (_, batches) = case.chain().await.unwrap().stream(&Arc::default()).await.unwrap();
    let batches: Vec<_> = batches.try_collect().await.unwrap();
    let mut next = 0;
    for batch in batches {
        let numbers = Arc::clone(batch.column(0).as_struct().column(0));
        for number in numbers.as_primitive::<arrow::datatypes::Int64Type>().values() {
            assert_eq!(*number, next);
            next += 1;
        }
    }
    assert_eq!(next, 200_000);
}

#[tokio::test]
async fn only_what_is_asked_for_is_kept() {
    let text = "{\"a\": {\"b\": 1, \"c\": \"x\"}, \"d\": 2}\n{\"a\": null, \"d\": 3}";
    let case = Case::lines(text);
    let chain = case.chain().await.unwrap();
    let chosen = chain.select(&["v.a.c", "v.d"].map(str::to_owned)).unwrap();
    let expected = vec![json!({"a": {"c": "x"}, "d": 2}), json!({"d": 3})];
    assert_eq!(rows(&chosen, "v").await.unwrap(), expected);
    assert_eq!(chain.count(&Arc::default()).await.unwrap(), 2);
}

/// Objects with keys of their own, of kinds that meet.
fn objects() -> impl Strategy<Value = Vec<Value>> {
    let text = prop_oneof![any::<String>(), "[\"\\\\/é\u{1f600}\u{7}]{0,12}"];
    let leaf = || {
        (
            any::<i64>(),
            any::<bool>(),
            text.clone(),
            collection::vec(any::<i32>(), 1..4),
            any::<i32>(),
        )
            .prop_map(|(int, flag, text, list, float)| {
                // What reads the answer is not exact to the last digit of all floats.
                let float = f64::from(float) / 8.0;
                json!({"int": int, "flag": flag, "text": text, "list": list, "float": float})
            })
    };
    let nested = (leaf(), leaf()).prop_map(|(mut outer, inner)| {
        outer["inner"] = inner;
        outer
    });
    collection::vec(nested, 1..20)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn values_come_back_as_they_were(rows in objects(), is_pretty in any::<bool>()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let expected = Value::Array(rows.clone());
            let lines: Vec<String> = rows.iter().map(Value::to_string).collect();
            Case::lines(&lines.join("\n")).check(expected.clone()).await;
            let write = if is_pretty { serde_json::to_string_pretty } else { serde_json::to_string };
            Case::document(&write(&expected).unwrap()).check(expected).await;
        });
    }
}
