//! A file of columns gives back what went in, of every type that it takes.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, FixedSizeListArray, Int64Array, LargeBinaryArray, ListArray,
    RecordBatch, StringArray, StructArray, TimestampMicrosecondArray,
};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, Float32Type, Int64Type, Schema};
use udf_runtime::task::spawn_blocking;

use super::{Columns, numbered, write};
use crate::Pause;
use crate::storage::{Buckets, Location, Root, Storage};

const ROWS: usize = 1000;

fn rows() -> RecordBatch {
    let there = |row: usize| row % 7 != 3;
    let texts = (0..ROWS).map(|row| there(row).then(|| format!("text {row}")));
    let bytes = |row: usize| there(row).then(|| vec![u8::try_from(row % 251).unwrap(); row % 90]);
    let numbers: ArrayRef = Arc::new((0..1000).collect::<Int64Array>());
    let field = |name, kind: &DataType| Arc::new(Field::new(name, kind.clone(), true));
    let binary: BinaryArray = (0..ROWS).map(bytes).collect();
    let large: LargeBinaryArray = (0..ROWS).map(bytes).collect();
    let model = StructArray::new(
        vec![field("number", &DataType::Int64), field("image", &DataType::Binary)].into(),
        vec![Arc::clone(&numbers), Arc::new(binary.clone())],
        Some((0..ROWS).map(|row| row % 5 != 0).collect::<NullBuffer>()),
    );
    let list = |row: usize| (row % 4 != 1).then(|| (0..row % 6).map(|at| Some(at as i64)));
    let lists = ListArray::from_iter_primitive::<Int64Type, _, _>((0..ROWS).map(list));
    let vector = |row: usize| Some([Some(row as f32), Some(0.5)]);
    let vectors =
        FixedSizeListArray::from_iter_primitive::<Float32Type, _, _>((0..ROWS).map(vector), 2);
    let moments = TimestampMicrosecondArray::from_iter_values(0..1000).with_timezone("UTC");
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("number", numbers),
        ("text", Arc::new(texts.collect::<StringArray>())),
        ("image", Arc::new(binary)),
        ("large", Arc::new(large)),
        ("model", Arc::new(model)),
        ("list", Arc::new(lists)),
        ("vector", Arc::new(vectors)),
        ("moment", Arc::new(moments)),
    ];
    let columns = columns.into_iter().map(|(name, column)| (name, column, true));
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_come_back_as_they_were() {
    let root = Root::temporary().unwrap();
    let storage = Storage::open(root, Pause::default(), &Buckets::default()).await.unwrap();
    let (rows, folder) = (rows(), Location::from("jobs"));
    let schema = numbered(&rows.schema()).unwrap();
    let (staged, parts) =
        (storage.stage(&folder).unwrap(), vec![rows.slice(0, 300), rows.slice(300, 700)]);
    let (staged, file, check) =
        spawn_blocking(move || write(staged, &schema, &parts).unwrap()).await.unwrap();
    assert_eq!(check.len(), 16);
    let at = folder.join("one");
    storage.publish(staged, &at).await.unwrap();
    let found = storage.fetch(&at).await.unwrap().unwrap();
    assert_eq!(found.bytes().unwrap(), file.bytes);
    let columns = Columns::open(found).await.unwrap();
    for (from, height) in [(0, 1000), (0, 1), (299, 2), (999, 1), (5, 0)] {
        let range = from as u64..(from + height) as u64;
        assert_eq!(columns.rows(range).await.unwrap(), rows.slice(from, height));
    }
}

#[test]
fn what_would_come_back_in_another_way_is_refused() {
    let refused = |kind| numbered(&Schema::new(vec![Field::new("column", kind, true)])).is_none();
    assert!(refused(DataType::Struct(Vec::<Field>::new().into())));
    assert!(refused(DataType::new_fixed_size_list(DataType::Utf8, 2, true)));
    assert!(!refused(DataType::new_list(DataType::Utf8, true)));
}
