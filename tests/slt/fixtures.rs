//! The datasets that every `.slt` file starts with.
//!
//! * `pets`: `1.0.0` has four rows, `1.1.0` six; columns `file{path, size}`, `info{width, height}` (null in one row),
//!   `emb` (vectors of two), `label` (null in one row).
//! * `zoo.pets`: one row, to be told apart from `pets`.
//! * `Numbers`: integers and floats with signs, zeros and nulls.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float32Array, Float64Array, Int64Array, ListArray, RecordBatch, StringArray,
    StructArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field};
use catalog::{Bump, NewJob, Wanted};
use engine::{Error, SaveMode, SaveRequest, Session};

/// Saves all fixtures.
pub(crate) async fn save(session: &Arc<Session>) -> Result<(), Error> {
    save_as(session, "pets", Bump::Patch, pets(4)).await?;
    save_as(session, "pets", Bump::Minor, pets(6)).await?;
    save_as(session, "zoo.pets", Bump::Patch, pets(1)).await?;
    save_as(session, "Numbers", Bump::Patch, numbers()).await
}

async fn save_as(
    session: &Arc<Session>,
    name: &str,
    bump: Bump,
    rows: RecordBatch,
) -> Result<(), Error> {
    let job =
        session.catalog().start_job(NewJob { name: "slt".into(), ..NewJob::default() }).await?;
    let request = SaveRequest {
        name: name.parse()?,
        wanted: Wanted::Bump(bump),
        mode: SaveMode::Replace,
        lists: false,
        job: job.id,
        description: None,
        attrs: None,
    };
    let chain = session.read_batches(&rows.schema(), std::slice::from_ref(&rows))?;
    chain.save(request, &Arc::default()).await?;
    Ok(())
}

fn pets(rows: usize) -> RecordBatch {
    let paths =
        ["cats/tom.jpg", "cats/kit.tar.gz", "dogs/rex.jpg", "dogs/.hidden", "fish", "dogs/ace.PNG"];
    let sizes = [10, 200, 3000, 0, 50, 70];
    let widths = [64, 128, 32, 0, 640, 128];
    let heights = [48, 128, 32, 0, 480, 256];
    let vectors: [[f32; 2]; 6] =
        [[1.0, 0.0], [0.0, 1.0], [3.0, 4.0], [-1.0, 0.0], [1.0, 1.0], [0.0, -2.0]];
    let labels = [Some("cat"), Some("cat"), Some("dog"), None, Some(""), Some("dog")];
    let file =
        structs(vec![("path", text(&paths[..rows])), ("size", integers(&sizes[..rows]))], None);
    let known = (0..rows).map(|row| row != 3).collect::<NullBuffer>();
    let info = vec![("width", integers(&widths[..rows])), ("height", integers(&heights[..rows]))];
    let item = Arc::new(Field::new("item", DataType::Float32, true));
    let values: ArrayRef = Arc::new(Float32Array::from(vectors[..rows].concat()));
    let offsets = OffsetBuffer::from_lengths(vec![2; rows]);
    let columns: Vec<(&str, ArrayRef, bool)> = vec![
        ("file", file, false),
        ("info", structs(info, Some(known)), true),
        ("emb", Arc::new(ListArray::new(item, offsets, values, None)), true),
        ("label", Arc::new(StringArray::from(labels[..rows].to_vec())), true),
    ];
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

fn numbers() -> RecordBatch {
    let a = Int64Array::from(vec![Some(7), Some(-7), Some(7), Some(1), None, Some(i64::MIN)]);
    let b = Int64Array::from(vec![Some(2), Some(2), Some(-2), Some(0), Some(1), Some(-1)]);
    let x = Float64Array::from(vec![Some(7.5), Some(-7.5), Some(0.0), Some(1.0), None, Some(2.0)]);
    let y =
        Float64Array::from(vec![Some(2.0), Some(2.0), Some(-3.0), Some(0.0), Some(1.0), Some(0.5)]);
    let columns: Vec<(&str, ArrayRef, bool)> = vec![
        ("a", Arc::new(a), true),
        ("b", Arc::new(b), true),
        ("x", Arc::new(x), true),
        ("Y", Arc::new(y), true),
    ];
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

fn text(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn integers(values: &[i64]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

fn structs(columns: Vec<(&str, ArrayRef)>, valid: Option<NullBuffer>) -> ArrayRef {
    let (fields, columns): (Vec<Field>, Vec<ArrayRef>) = columns
        .into_iter()
        .map(|(name, column)| (Field::new(name, column.data_type().clone(), false), column))
        .unzip();
    Arc::new(StructArray::new(fields.into(), columns, valid))
}
