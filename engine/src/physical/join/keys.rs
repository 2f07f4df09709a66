//! [`Keys`]: which keys the left side of a join has, for whoever reads its right side: rows with others find no partner.
//!
//! Whole numbers, dates and points in time only. They are known when all left rows are there, before the first right row is
//! read. [`AmongKeys`] asks for them.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, BooleanBufferBuilder, Int64Array};
use arrow::buffer::BooleanBuffer;
use arrow::compute::{cast, max, min};
use arrow::datatypes::{DataType, Int64Type, Schema};
use arrow::record_batch::RecordBatch;
use datafusion::common::{ScalarValue, internal_err};
use datafusion::error::Result;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, MemoryReservation};
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::PhysicalExpr;

/// A bit for each number between the least and the greatest key may take so much,
const FEW_BITS: usize = 1 << 26;

/// or so much for each row, which is less than a hash join takes.
const ROW_BITS: usize = 256;

/// The values of one key.
#[derive(Debug, Default)]
pub(crate) struct Keys(Mutex<Option<Arc<Known>>>);

impl Keys {
    /// Whether values of the type can be told apart here.
    pub(crate) fn can_be(kind: &DataType) -> bool {
        use DataType::{Date32, Date64, Timestamp, UInt64};
        let fits = kind.is_integer() && *kind != UInt64;
        fits || matches!(kind, Date32 | Date64 | Timestamp(..))
    }

    fn known(&self) -> Option<Arc<Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on these are the keys; with `None`, nobody knows.
    pub(super) fn tell(
        &self,
        values: Option<Vec<ArrayRef>>,
        pool: &Arc<dyn MemoryPool>,
    ) -> Result<()> {
        let known = values.map(|values| Known::of(&values, pool)).transpose()?.map(Arc::new);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = known;
        Ok(())
    }
}

/// Numbers from `least` to `least + span`.
#[derive(Debug)]
struct Known {
    least: i64,
    span: u64,
    /// Which of these numbers are keys; without it, any may be.
    are_keys: Option<BooleanBuffer>,
    /// For the bits.
    _memory: MemoryReservation,
}

impl Known {
    fn of(values: &[ArrayRef], pool: &Arc<dyn MemoryPool>) -> Result<Self> {
        let numbers = values.iter().map(numbers).collect::<Result<Vec<_>>>()?;
        let memory = MemoryConsumer::new("keys of a join").register(pool);
        let ends = (numbers.iter().filter_map(min).min(), numbers.iter().filter_map(max).max());
        let (Some(least), Some(most)) = ends else {
            let are_keys = Some(BooleanBuffer::new_unset(1));
            return Ok(Self { least: 0, span: 0, are_keys, _memory: memory });
        };
        let span = most.wrapping_sub(least).cast_unsigned();
        let rows: usize = numbers.iter().map(Array::len).sum();
        let bits = usize::try_from(span).ok().and_then(|span| span.checked_add(1));
        let bits = bits
            .filter(|bits| *bits <= FEW_BITS.max(rows.saturating_mul(ROW_BITS)))
            .filter(|bits| memory.try_grow(bits.div_ceil(8)).is_ok());
        let are_keys = bits.map(|bits| {
            let mut are_keys = BooleanBufferBuilder::new(bits);
            are_keys.append_n(bits, false);
            for number in numbers.iter().flat_map(Int64Array::iter).flatten() {
                are_keys.set_bit(place(number, least), true);
            }
            are_keys.finish()
        });
        Ok(Self { least, span, are_keys, _memory: memory })
    }

    /// Which of the values may be keys; nulls are none.
    fn among(&self, values: &Int64Array) -> BooleanArray {
        let (numbers, least) = (values.values(), self.least);
        let is_near = |at: usize| numbers[at].wrapping_sub(least).cast_unsigned() <= self.span;
        let found = match &self.are_keys {
            Some(are_keys) => BooleanBuffer::collect_bool(numbers.len(), |at| {
                is_near(at) && are_keys.value(place(numbers[at], least))
            }),
            None => BooleanBuffer::collect_bool(numbers.len(), is_near),
        };
        let found = match values.nulls() {
            Some(nulls) => &found & nulls.inner(),
            None => found,
        };
        BooleanArray::from(found)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "there are as many bits")]
fn place(number: i64, least: i64) -> usize {
    number.wrapping_sub(least).cast_unsigned() as usize
}

fn numbers(values: &ArrayRef) -> Result<Int64Array> {
    Ok(cast(values, &DataType::Int64)?.as_primitive::<Int64Type>().clone())
}

/// Whether a value may be one of the keys, as far as they are known.
#[derive(Debug)]
pub(crate) struct AmongKeys {
    value: Arc<dyn PhysicalExpr>,
    keys: Arc<Keys>,
}

impl AmongKeys {
    pub(crate) fn new(value: Arc<dyn PhysicalExpr>, keys: &Arc<Keys>) -> Self {
        Self { value, keys: Arc::clone(keys) }
    }
}

impl fmt::Display for AmongKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} AMONG KEYS", self.value)
    }
}

impl PartialEq for AmongKeys {
    fn eq(&self, other: &Self) -> bool {
        self.value.eq(&other.value) && Arc::ptr_eq(&self.keys, &other.keys)
    }
}

impl Eq for AmongKeys {}

impl Hash for AmongKeys {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.value.hash(state);
        Arc::as_ptr(&self.keys).hash(state);
    }
}

impl PhysicalExpr for AmongKeys {
    fn data_type(&self, _input: &Schema) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn nullable(&self, _input: &Schema) -> Result<bool> {
        Ok(false)
    }

    fn evaluate(&self, rows: &RecordBatch) -> Result<ColumnarValue> {
        let Some(known) = self.keys.known() else {
            return Ok(ColumnarValue::from(ScalarValue::from(true)));
        };
        let values = self.value.evaluate(rows)?.into_array(rows.num_rows())?;
        Ok(ColumnarValue::Array(Arc::new(known.among(&numbers(&values)?))))
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.value]
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        match children.pop() {
            Some(value) => Ok(Arc::new(Self::new(value, &self.keys))),
            None => internal_err!("a value is missing"),
        }
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
