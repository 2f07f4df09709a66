//! CSV files come as the rows that were written, or with an error that says where.

use std::fs;
use std::io::Write;
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::DataType::{self, Boolean, Date32, Float64, Int64, Utf8};
use arrow::datatypes::Int64Type;
use arrow::record_batch::RecordBatch;
use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;

use super::{CsvRequest, RaggedRow, RaggedRows};
use crate::source::{FileKind, Listing, TableFiles};
use crate::{Chain, Config, Error, Result, Root, Session};

/// Files of a folder, and how they are read.
struct Files(TempDir);

impl Files {
    fn of(files: &[(&str, &str)]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for (name, text) in files {
            folder.write(name, text.as_bytes());
        }
        folder
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.0.path().join(name), bytes).unwrap();
    }

    fn request(&self) -> CsvRequest {
        let paths = [self.0.path().to_str().unwrap().to_owned()];
        let listing = Listing::try_new(&paths, true, "file", FileKind::Binary).unwrap();
        CsvRequest {
            files: TableFiles::Found(listing),
            delimiter: None,
            quote: Some(b'"'),
            double_quote: true,
            escape: None,
            skip_empty_lines: true,
            header: true,
            names: None,
            types: vec![],
            rows: None,
            source: false,
            ragged: None,
        }
    }
}

async fn open(request: CsvRequest) -> Result<Chain> {
    let config = Config { target_partitions: 2, ..Config::with_root(Root::memory()) };
    Session::open(config).await?.read_csv(request).await
}

async fn batches(request: CsvRequest) -> Result<Vec<RecordBatch>> {
    open(request).await?.collect().await
}

/// The values of a column, as text.
async fn texts(request: CsvRequest, column: &str) -> Vec<String> {
    let mut texts = Vec::new();
    for batch in batches(request).await.unwrap() {
        let values = arrow::compute::cast(batch.column_by_name(column).unwrap(), &Utf8);
        let values = values.unwrap();
        let values = values.as_string::<i32>();
        texts.extend(values.iter().map(|value| value.unwrap_or("null").to_owned()));
    }
    texts
}

async fn refusal(request: CsvRequest) -> String {
    batches(request).await.unwrap_err().to_string()
}

fn numbers(rows: i64) -> String {
    let mut text = "i,t\n".to_owned();
    text.extend((0..rows).map(|i| format!("{i},\"row {i}\nof many\"\n")));
    text
}

#[tokio::test]
async fn types_are_what_values_have_in_common() {
    let text = "i,f,b,d,t\n1,1.5,true,2024-01-31,a\n,NA,,,\n";
    let chain = open(Files::of(&[("a.csv", text)]).request()).await.unwrap();
    let schema = chain.schema();
    let kinds: Vec<&DataType> = schema.fields().iter().map(|field| field.data_type()).collect();
    assert_eq!(kinds, [&Int64, &Float64, &Boolean, &Date32, &Utf8]);
}

#[tokio::test]
async fn rows_of_many_chunks_come_in_order_with_their_numbers() {
    let files = Files::of(&[("a.csv", &numbers(300_000)), ("b.csv", "t,i\nlast,7\n")]);
    let request = CsvRequest { source: true, ..files.request() };
    let (mut next, mut seen) = (0, Vec::new());
    for batch in batches(request).await.unwrap() {
        let numbers = batch.column(0).as_struct().column(1).as_primitive::<Int64Type>().clone();
        let values = batch.column(1).as_primitive::<Int64Type>();
        let texts = batch.column(2).as_string::<i32>();
        for row in 0..batch.num_rows() {
            if texts.value(row) == "last" {
                seen.push((numbers.value(row), values.value(row)));
                continue;
            }
            assert_eq!((numbers.value(row), values.value(row)), (next, next));
            assert_eq!(texts.value(row), format!("row {next}\nof many"));
            next += 1;
        }
    }
    assert_eq!((next, seen), (300_000, vec![(0, 7)]));
}

#[tokio::test]
async fn only_columns_that_are_asked_for_are_made() {
    let files = Files::of(&[("a.csv", "i,bad\n1,2\n")]);
    let types = vec![("bad".to_owned(), Boolean)];
    let chain = open(CsvRequest { types, ..files.request() }).await.unwrap();
    let chosen = chain.select(&["i".to_owned()]).unwrap();
    assert_eq!(chosen.collect().await.unwrap()[0].num_rows(), 1);
    assert_eq!(chain.count(&Arc::default()).await.unwrap(), 1);
    assert!(chain.collect().await.is_err());
}

#[tokio::test]
async fn packed_files_marks_and_line_ends() {
    let files = Files::of(&[("b.csv", "\u{feff}i\r\n2\r\n"), ("c.csv", "i\r3\r"), ("d.csv", "")]);
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(b"i\n1\n").unwrap();
    files.write("a.csv.gz", &packed.finish().unwrap());
    assert_eq!(texts(files.request(), "i").await, ["1", "2", "3"]);
}

#[tokio::test]
async fn delimiters_are_found() {
    for (name, text) in
        [("a.csv", "i;t\n1;x,y\n"), ("a.tsv", "i\tt\n1\tx,y\n"), ("a.csv", "i|t\n1|x,y")]
    {
        assert_eq!(texts(Files::of(&[(name, text)]).request(), "t").await, ["x,y"], "{name}");
    }
    assert_eq!(texts(Files::of(&[("a.csv", "t\na;b\nc\n")]).request(), "t").await, ["a;b", "c"]);
}

#[tokio::test]
async fn a_value_of_another_type_is_told_with_its_place() {
    let mut text = numbers(500_000);
    text.push_str("oops,x\n");
    let error = refusal(Files::of(&[("a.csv", &text)]).request()).await;
    assert!(error.starts_with("column `i` is read as int64, but row 500000 (the first is 0) of "));
    assert!(
        error.ends_with("a.csv` has `oops`; hint: column_types={\"i\": \"string\"}"),
        "{error}"
    );
}

/// Whole numbers, and as many others behind them.
fn halves(other: &str) -> Files {
    let mut text = "x\n".to_owned();
    text.extend((0..100_000).map(|i| format!("{i}\n")));
    text.extend((0..100_000).map(|_| format!("{other}\n")));
    Files::of(&[("a.csv", &text)])
}

#[tokio::test]
async fn types_are_those_of_rows_all_over_a_large_file() {
    let chain = open(halves("0.5").request()).await.unwrap();
    assert_eq!(chain.schema().field(0).data_type(), &Float64);
    let chain = open(halves("2024-01-31").request()).await.unwrap();
    assert_eq!(chain.schema().field(0).data_type(), &Utf8);
}

#[tokio::test]
async fn rows_in_quotes_tell_types_at_the_start_only() {
    let error = refusal(halves("\"0.5\"").request()).await;
    assert!(error.starts_with("column `x` is read as int64, but row 100000 "), "{error}");
    assert!(error.ends_with("has `0.5`; hint: column_types={\"x\": \"float\"}"), "{error}");
}

#[tokio::test]
async fn types_that_are_given() {
    let files = Files::of(&[("a.csv", "zip,n,u\n02134,1,7\n")]);
    let kind = |name: &str, kind| (name.to_owned(), kind);
    let types =
        vec![kind("zip", Utf8), kind("n", DataType::Decimal128(5, 1)), kind("u", DataType::UInt8)];
    let request = CsvRequest { types, ..files.request() };
    assert_eq!(texts(request.clone(), "zip").await, ["02134"]);
    assert_eq!(texts(request.clone(), "n").await, ["1.0"]);
    assert_eq!(texts(request, "u").await, ["7"]);
    let types = vec![kind("x", Utf8)];
    let error = open(CsvRequest { types, ..files.request() }).await.unwrap_err();
    assert!(matches!(error, Error::UnknownColumn { name, .. } if name == "x"));
}

#[tokio::test]
async fn files_with_other_columns_are_refused_by_name() {
    let error = refusal(Files::of(&[("a.csv", "i,t\n1,x\n"), ("b.csv", "i\n2\n")]).request()).await;
    assert!(error.contains("b.csv` has no column `t` as `"), "{error}");
    let error = refusal(Files::of(&[("a.csv", "i\n1\n"), ("b.csv", "i,t\n2,x\n")]).request()).await;
    assert!(error.contains("a.csv` has no column `t` as `"), "{error}");
}

#[tokio::test]
async fn rows_of_another_width_are_refused_or_left_out() {
    let files = Files::of(&[("a.csv", "i,t\n1,x\n# note\n2,y\n")]);
    let error = refusal(files.request()).await;
    assert!(error.contains("row 1 (the first is 0) of ") && error.contains("`# note`"), "{error}");
    let ragged = RaggedRows::new(|row: &RaggedRow| Ok(row.text.starts_with('#')));
    let request = CsvRequest { ragged: Some(ragged), ..files.request() };
    assert_eq!(texts(request, "t").await, ["x", "y"]);
}

#[tokio::test]
async fn a_limit_of_rows_is_one_of_each_file() {
    let files = Files::of(&[("a.csv", &numbers(100_000)), ("b.csv", "i,t\n5,x\nno,y\n")]);
    let request = CsvRequest { rows: Some(1), ..files.request() };
    let types = vec![("i".to_owned(), Int64)];
    assert_eq!(texts(CsvRequest { types, ..request }, "i").await, ["0", "5"]);
}

#[tokio::test]
async fn names_instead_of_a_header() {
    let files = Files::of(&[("a.csv", "1,x\n")]);
    let names = Some(vec!["n".to_owned(), "t".to_owned()]);
    let request = CsvRequest { header: false, names: names.clone(), ..files.request() };
    assert_eq!(texts(request, "n").await, ["1"]);
    let files = Files::of(&[("a.csv", "i,i\n1,x\n")]);
    assert!(open(files.request()).await.unwrap_err().to_string().contains("two columns `i`"));
    assert_eq!(texts(CsvRequest { names, ..files.request() }, "n").await, ["1"]);
}

#[tokio::test]
async fn what_is_no_table_is_told() {
    let error = refusal(Files::of(&[("a.csv", "")]).request()).await;
    assert!(error.contains("it is empty"), "{error}");
    let error = refusal(Files::of(&[("a.csv", "i\n\"open\n")]).request()).await;
    assert!(error.contains("row 0 (the first is 0)") && error.contains("never closed"), "{error}");
    let files = Files::of(&[]);
    files.write("a.csv", b"i\ncaf\xe9\n");
    let error = refusal(files.request()).await;
    assert!(error.contains("`caf\u{fffd}` is not UTF-8"), "{error}");
    files.write("a.csv", b"\xff\xfei\0\n\0");
    assert!(refusal(files.request()).await.contains("UTF-16"));
}

#[tokio::test]
async fn a_file_that_changed_is_not_read_as_the_one_that_was_looked_at() {
    let files = Files::of(&[("a.csv", "i\n1\n")]);
    let chain = open(files.request()).await.unwrap();
    files.write("a.csv", b"i\n1\n2\n");
    assert!(matches!(chain.collect().await.unwrap_err(), Error::FileChanged { .. }));
}
