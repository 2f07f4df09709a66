//! `verify`: some rows whose results were kept are computed all the same, and the run fails if one comes out otherwise.
//!
//! They are computed in a run of their own behind the last row, before anything of the run is saved.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StructArray, UInt32Array};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::{Fields, Schema};
use arrow::record_batch::RecordBatchOptions;
use arrow::util::display::array_value_to_string;
use datafusion::error::Result;
use udf_runtime::Shape;

use super::gather::Mixed;
use super::repair::Outcome;
use super::unit::lists;
use super::{Keeping, Run};
use crate::Error;
use crate::checkpoint::{Finder, Place, Reader};

/// What of a value stands in a message.
const SHOWN: usize = 120;

/// Some of the results that are kept and that rows of the run take, all with the same chance.
#[derive(Debug)]
pub(super) struct Sample {
    most: usize,
    chance: RandomState,
    /// By numbers made of their places by chance, of which the smallest stay: results that many rows take count once.
    rows: BTreeMap<u64, (RecordBatch, Place)>,
}

impl Sample {
    pub(super) fn new(most: usize) -> Self {
        Self { most, chance: RandomState::new(), rows: BTreeMap::new() }
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
            let number = self.chance.hash_one(place);
            let is_full = self.rows.len() >= self.most;
            let is_smaller = self.rows.last_key_value().is_some_and(|(last, _)| number < *last);
            if self.rows.contains_key(&number) || (is_full && !is_smaller) {
                continue;
            }
            self.rows.insert(number, (copy(arguments, row)?, place));
            if is_full {
                self.rows.pop_last();
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
            sample.rows.into_values().map(|(row, place)| (row, Some(place))).unzip();
        let Some(first) = rows.first() else {
            return Ok(());
        };
        let arguments = concat_batches(first.schema_ref(), &rows)?;
        let known = self.known(reader, &places).await?;
        let (outcome, unit) = self.tried(keeping, &arguments, &known).await?;
        let (row, now) = match outcome {
            Outcome::Agrees => return Ok(()),
            Outcome::Differs => {
                let ours = unit.lists()?;
                let same =
                    |row: usize| ours.slice(row, 1).to_data() == known.slice(row, 1).to_data();
                let row = (0..known.len()).find(|row| !same(*row)).unwrap_or_default();
                (row, format!("gives {}", self.shown_results(&ours, row)?))
            }
            Outcome::Refuses(failure) => {
                // Without its row, which is one of the sample and of nothing that users know.
                let (kind, message) = (&failure.kind, &failure.message);
                (failure.row.unwrap_or_default(), format!("fails with {kind}: {message}"))
            }
        };
        let own =
            self.stage.options.keyed_by.as_ref().map_or_else(|| arguments.num_columns(), Vec::len);
        let given: Vec<_> =
            arguments.columns()[..own].iter().map(|column| shown(column, row)).collect();
        let (name, arguments) = (self.stage.name.clone(), given.join(", "));
        let kept = self.shown_results(&known, row)?;
        Err(Error::KeptDiffers { name, arguments, kept, now }.into())
    }

    /// The results of a row, which are lists, under the names of their columns.
    fn shown_results(&self, lists: &ArrayRef, row: usize) -> Result<String> {
        let rows = lists.as_list::<i64>().value(row);
        let (rows, fields) = (rows.as_struct(), Fields::from(self.stage.results.clone()));
        let columns = rows.columns().to_vec();
        let named = StructArray::try_new_with_length(fields, columns, None, rows.len())?;
        let named: ArrayRef = Arc::new(named);
        if self.stage.shape == Shape::OnePerRow {
            return Ok(shown(&named, 0));
        }
        let all: Vec<_> = (0..named.len()).map(|result| shown(&named, result)).collect();
        Ok(cut(format!("[{}]", all.join(", "))))
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
        while let Some((rows, _)) = mixed.next(Some(reader), None, places.len()).await? {
            found.push(rows);
        }
        lists(&counts, &concat_batches(&schema, &found)?)
    }
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
    cut(array_value_to_string(column, row).unwrap_or_else(|_| "?".to_owned()))
}

fn cut(text: String) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
