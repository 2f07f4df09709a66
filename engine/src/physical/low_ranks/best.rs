//! [`Best`]: the best keys of each group.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::{take, take_record_batch};
use arrow::datatypes::{Field, Schema};
use arrow::row::{Row, RowConverter, Rows, SortField};
use datafusion::error::Result;
use datafusion::physical_plan::aggregates::group_values::{GroupValues, new_group_values};
use datafusion::physical_plan::aggregates::order::GroupOrdering;

use super::Ranking;
use super::rough::{Rough, rough};
use crate::physical::key_bytes::evaluate;

/// A key: as bytes that are less just when it comes earlier, and [roughly](super::rough).
struct Key {
    rough: Rough,
    bytes: Box<[u8]>,
}

/// The keys up to the last rank that is asked for, group by group.
pub(super) struct Best {
    ranking: Arc<Ranking>,
    /// None where all rows are one group.
    groups: Option<Box<dyn GroupValues>>,
    /// Of each row of a batch.
    numbers: Vec<usize>,
    converter: RowConverter,
    /// Of each group, in their order.
    keys: Vec<VecDeque<Key>>,
    /// The last one of each group, roughly: rows that come after it are beaten.
    last: Vec<Rough>,
    /// What the keys take beyond their place in these.
    bytes: usize,
}

/// Rows of a batch that nothing is known against, roughly.
struct Found {
    rows: UInt32Array,
    /// Of all rows.
    rough: Vec<Rough>,
    /// Of these rows.
    keys: Rows,
}

impl Found {
    fn iter(&self) -> impl Iterator<Item = (usize, Row<'_>)> {
        self.rows.values().iter().map(|row| *row as usize).zip(&self.keys)
    }
}

impl Best {
    pub(super) fn try_new(ranking: Arc<Ranking>, schema: &Schema) -> Result<Self> {
        let kinds = ranking.group.iter().enumerate().map(|(at, key)| {
            Ok(Field::new(at.to_string(), key.data_type(schema)?, key.nullable(schema)?))
        });
        let kinds = Arc::new(Schema::new(kinds.collect::<Result<Vec<_>>>()?));
        let groups = match ranking.group.is_empty() {
            true => None,
            false => Some(new_group_values(kinds, &GroupOrdering::None)?),
        };
        let fields = ranking
            .order
            .iter()
            .map(|key| Ok(SortField::new_with_options(key.expr.data_type(schema)?, key.options)));
        let converter = RowConverter::new(fields.collect::<Result<_>>()?)?;
        let (numbers, keys, last) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Self { ranking, groups, numbers, converter, keys, last, bytes: 0 })
    }

    /// Of rows that are new, those that may have one of the ranks, as far as is known with them.
    pub(super) fn unbeaten(&mut self, batch: &RecordBatch) -> Result<RecordBatch> {
        let found = self.roughly_unbeaten(batch)?;
        for (row, key) in found.iter() {
            self.learn(self.numbers[row], found.rough[row], key.data());
        }
        self.picked(batch, &found)
    }

    /// Of rows that were unbeaten, those that still are.
    pub(super) fn still_unbeaten(&mut self, batch: &RecordBatch) -> Result<RecordBatch> {
        let found = self.roughly_unbeaten(batch)?;
        self.picked(batch, &found)
    }

    fn roughly_unbeaten(&mut self, batch: &RecordBatch) -> Result<Found> {
        self.find_groups(batch)?;
        let order = &self.ranking.order;
        let keys = order.iter().map(|key| key.expr.evaluate(batch)?.into_array(batch.num_rows()));
        let keys = keys.collect::<Result<Vec<_>>>()?;
        let rough = rough(&keys[0], order[0].options);
        let rows = rough.iter().zip(&self.numbers).zip(0..);
        let rows = rows.filter(|((rough, group), _)| **rough <= self.last[**group]);
        let rows: UInt32Array = rows.map(|(_, row)| row).collect::<Vec<u32>>().into();
        let keys = keys.iter().map(|key| take(key, &rows, None)).collect::<Result<Vec<_>, _>>()?;
        Ok(Found { rows, rough, keys: self.converter.convert_columns(&keys)? })
    }

    fn picked(&self, batch: &RecordBatch, found: &Found) -> Result<RecordBatch> {
        let stays = found.rows.values().iter().zip(&found.keys).filter(|(row, key)| {
            let row = **row as usize;
            let (group, rough) = (self.numbers[row], found.rough[row]);
            if rough != self.last[group] {
                return rough < self.last[group];
            }
            let best = &self.keys[group];
            let last = best.back().filter(|_| best.len() == self.ranking.ranks);
            last.is_none_or(|last| key.data() <= &last.bytes[..])
        });
        let stays: Vec<u32> = stays.map(|(row, _)| *row).collect();
        Ok(take_record_batch(batch, &UInt32Array::from(stays))?)
    }

    fn find_groups(&mut self, batch: &RecordBatch) -> Result<()> {
        let count = match &mut self.groups {
            Some(known) => {
                known.intern(&evaluate(&self.ranking.group, batch)?, &mut self.numbers)?;
                known.len()
            }
            None => {
                self.numbers.clear();
                self.numbers.resize(batch.num_rows(), 0);
                1
            }
        };
        self.keys.resize_with(count, VecDeque::new);
        self.last.resize(count, Rough::MAX);
        Ok(())
    }

    fn learn(&mut self, group: usize, rough: Rough, bytes: &[u8]) {
        let (best, ranks) = (&mut self.keys[group], self.ranking.ranks);
        // WHY: what is rough stands beside each other, and bytes are anywhere.
        let place = best
            .binary_search_by(|key| key.rough.cmp(&rough).then_with(|| (*key.bytes).cmp(bytes)));
        let at = match place {
            Ok(_) if self.ranking.dense => return,
            Ok(at) | Err(at) => at,
        };
        if at == ranks {
            return;
        }
        if best.len() == ranks
            && let Some(beaten) = best.pop_back()
        {
            self.bytes -= beaten.bytes.len();
        }
        best.insert(at, Key { rough, bytes: bytes.into() });
        self.bytes += bytes.len();
        if best.len() == ranks
            && let Some(last) = best.back()
        {
            self.last[group] = last.rough;
        }
    }

    pub(super) fn bytes(&self) -> usize {
        let groups = self.groups.as_ref().map_or(0, |groups| groups.size());
        let per_group = size_of::<VecDeque<Key>>() + size_of::<Rough>();
        let kept = self.ranking.ranks.min(8) * size_of::<Key>();
        groups + self.keys.capacity() * per_group + self.keys.len() * kept + self.bytes
    }
}
