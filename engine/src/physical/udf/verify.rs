//! `verify`: some rows whose results were kept are computed all the same, and the run fails if one comes out otherwise.
//!
//! They are computed in a run of their own behind the last row, before anything of the run is saved.

use std::hash::{BuildHasher, RandomState};

use arrow::array::{Array, ArrayRef, RecordBatch, UInt32Array};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::Schema;
use arrow::record_batch::RecordBatchOptions;
use arrow::util::display::array_value_to_string;
use datafusion::error::{DataFusionError, Result};
use udf_runtime::Shape;

use super::gather::Mixed;
use super::repair::Outcome;
use super::unit::lists;
use super::{Keeping, Run};
use crate::Error;
use crate::checkpoint::{Finder, Place, Reader};

/// What of a value stands in a message.
const SHOWN: usize = 120;

/// Some of the rows whose results are kept, all with the same chance.
#[derive(Debug)]
pub(super) struct Sample {
    most: usize,
    /// Such rows so far.
    met: usize,
    chance: RandomState,
    rows: Vec<(RecordBatch, Place)>,
}

impl Sample {
    pub(super) fn new(most: usize) -> Self {
        Self { most, met: 0, chance: RandomState::new(), rows: Vec::new() }
    }

    /// Looks at the next rows.
    pub(super) fn look(
        &mut self,
        arguments: &RecordBatch,
        places: &[Option<Place>],
        finder: &Finder,
    ) -> Result<()> {
        for (row, place) in places.iter().enumerate() {
            let Some(place) = *place else { continue };
            if place.is_of_run() || finder.has_failed(place) {
                continue;
            }
            // Reservoir sampling: https://en.wikipedia.org/wiki/Reservoir_sampling#Simple:_Algorithm_R
            self.met += 1;
            if self.rows.len() < self.most {
                self.rows.push((copy(arguments, row)?, place));
                continue;
            }
            let chosen = usize::try_from(self.chance.hash_one(self.met)).unwrap_or(0) % self.met;
            if let Some(other) = self.rows.get_mut(chosen) {
                *other = (copy(arguments, row)?, place);
            }
        }
        Ok(())
    }
}

impl Run {
    /// Computes the rows of a sample and compares them with what is kept.
    pub(super) async fn verify(
        &self,
        keeping: &Keeping,
        reader: &mut Reader,
        sample: Sample,
    ) -> Result<()> {
        let (rows, places): (Vec<_>, Vec<_>) =
            sample.rows.into_iter().map(|(row, place)| (row, Some(place))).unzip();
        let Some(first) = rows.first() else {
            return Ok(());
        };
        let arguments = concat_batches(first.schema_ref(), &rows)?;
        let known = self.known(reader, &places).await?;
        let (outcome, unit) = self.tried(keeping, &arguments, &known).await?;
        let name = &self.stage.name;
        let ours = match outcome {
            Outcome::Agrees => return Ok(()),
            Outcome::Differs => unit.lists()?,
            Outcome::Refuses => {
                return Err(refused(name, "a row whose results are kept fails now"));
            }
        };
        let same = |row: usize| ours.slice(row, 1).to_data() == known.slice(row, 1).to_data();
        let row = (0..known.len()).find(|row| !same(*row)).unwrap_or_default();
        let given: Vec<_> = arguments.columns().iter().map(|column| shown(column, row)).collect();
        let (given, was, is) = (given.join(", "), shown(&known, row), shown(&ours, row));
        let what = format!(
            "kept results are not what it gives now; for ({given}) it gave {was}, now {is}"
        );
        Err(refused(name, &what))
    }

    /// The results that are kept for rows, as lists.
    async fn known(&self, reader: &mut Reader, places: &[Option<Place>]) -> Result<ArrayRef> {
        let schema = Schema::new(self.stage.results.clone()).into();
        let options = RecordBatchOptions::new().with_row_count(Some(places.len()));
        let passing = RecordBatch::try_new_with_options(Schema::empty().into(), vec![], &options)?;
        let results = places.iter().flatten().map(|place| {
            let results = reader.results_of(*place);
            results.end - results.start
        });
        let counts: Vec<u64> = results.collect();
        let (mut mixed, mut found) = (Mixed::new(Shape::Any, &schema, &passing, places), vec![]);
        while let Some(rows) = mixed.next(Some(reader), None, places.len()).await? {
            found.push(rows);
        }
        lists(&counts, &concat_batches(&schema, &found)?)
    }
}

fn refused(name: &str, what: &str) -> DataFusionError {
    let hint = "settings(version=...) or LAKEBED_IGNORE_CHECKPOINTS=1 computes all rows anew";
    Error::Value { what: format!("`verify` of UDF '{name}': {what}; hint: {hint}") }.into()
}

/// A row by itself, so that the others do not stay in memory.
fn copy(rows: &RecordBatch, row: usize) -> Result<RecordBatch> {
    if rows.num_columns() == 0 {
        return Ok(rows.slice(row, 1));
    }
    let row = UInt32Array::from(vec![u32::try_from(row).unwrap_or(u32::MAX)]);
    Ok(take_record_batch(rows, &row)?)
}

fn shown(column: &ArrayRef, row: usize) -> String {
    let text = array_value_to_string(column, row).unwrap_or_else(|_| "?".to_owned());
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
