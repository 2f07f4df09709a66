//! `row_digest`, `among`: rows by digests of some of their values.
//!
//! Two rows have one digest if all of these values are stored the same way; nulls agree. They are not for users to call by
//! name: updates of datasets put them into plans.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::{Arc, LazyLock, OnceLock};

use arrow::array::{Array, ArrayRef, BooleanArray, FixedSizeBinaryArray};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, Expr as PlanExpr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility, lit,
};

use super::digests::digests;

/// What a digest is an array of: bytes, so many a row.
const BYTES: i32 = 16;

/// What is known by digests.
pub(crate) type ByDigest<T> = HashMap<u128, T, BuildHasherDefault<LowBits>>;

/// A set of digests.
#[derive(Debug, Default)]
pub(crate) struct Units {
    all: HashSet<u128, BuildHasherDefault<LowBits>>,
    /// Of all of them.
    digest: OnceLock<String>,
}

/// The hash of what is a hash already.
#[derive(Debug, Default)]
pub(crate) struct LowBits(u64);

impl Hasher for LowBits {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(low) = bytes.first_chunk() {
            self.0 = u64::from_le_bytes(*low);
        }
    }

    fn write_u128(&mut self, digest: u128) {
        self.write(&digest.to_le_bytes());
    }
}

impl FromIterator<u128> for Units {
    fn from_iter<I: IntoIterator<Item = u128>>(digests: I) -> Self {
        Self { all: digests.into_iter().collect(), digest: OnceLock::new() }
    }
}

impl Units {
    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(crate) fn contains(&self, unit: u128) -> bool {
        self.all.contains(&unit)
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// Those that are not among others.
    pub(crate) fn without(&self, others: &Self) -> Self {
        self.iter().filter(|unit| !others.contains(*unit)).collect()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = u128> {
        self.all.iter().copied()
    }

    fn digest(&self) -> &str {
        self.digest.get_or_init(|| {
            let mut sorted: Vec<u128> = self.iter().collect();
            sorted.sort_unstable();
            let mut digest = blake3::Hasher::new();
            for unit in sorted {
                digest.update(&unit.to_le_bytes());
            }
            digest.finalize().to_hex().to_string()
        })
    }
}

/// The digest of the values; of none it is the same for all rows.
pub(crate) fn row_digest(values: Vec<PlanExpr>) -> PlanExpr {
    static DIGEST: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| {
        let signature = Signature::variadic_any(Volatility::Immutable);
        Arc::new(ScalarUDF::from(RowDigest { signature }))
    });
    DIGEST.call(of_some(values))
}

/// A function of nothing would be a constant of one row.
fn of_some(values: Vec<PlanExpr>) -> Vec<PlanExpr> {
    if values.is_empty() { vec![lit(true)] } else { values }
}

fn digests_of(values: &[ColumnarValue], rows: usize) -> Result<Vec<u128>> {
    let columns = values.iter().map(|value| value.to_array(rows)).collect::<Result<Vec<_>>>()?;
    digests(&columns, rows)
}

/// Whether the digest of the values is one of these.
pub(crate) fn among(values: Vec<PlanExpr>, units: &Arc<Units>) -> PlanExpr {
    let signature = Signature::variadic_any(Volatility::Immutable);
    // What the set is has to show in the plan.
    let told = lit(units.digest());
    let arguments = [told].into_iter().chain(of_some(values)).collect();
    ScalarUDF::from(Among { units: Arc::clone(units), signature }).call(arguments)
}

/// The digests of a column that [`row_digest`] computed.
pub(crate) fn digests_in(column: &ArrayRef) -> impl Iterator<Item = u128> {
    let column = column.as_any().downcast_ref::<FixedSizeBinaryArray>().cloned();
    let bytes = column.into_iter().flat_map(|column| {
        (0..column.len()).map(move |row| column.value(row).first_chunk().copied())
    });
    bytes.map(|bytes| u128::from_le_bytes(bytes.unwrap_or_default()))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct RowDigest {
    signature: Signature,
}

impl ScalarUDFImpl for RowDigest {
    fn name(&self) -> &'static str {
        "row_digest"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::FixedSizeBinary(BYTES))
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let digests = digests_of(&call.args, call.number_rows)?.into_iter();
        let digests: Vec<u8> = digests.flat_map(u128::to_le_bytes).collect();
        let digests = FixedSizeBinaryArray::try_new(BYTES, digests.into(), None)?;
        Ok(ColumnarValue::Array(Arc::new(digests)))
    }
}

#[derive(Debug)]
struct Among {
    units: Arc<Units>,
    signature: Signature,
}

/// Equal sets have equal digests.
impl PartialEq for Among {
    fn eq(&self, other: &Self) -> bool {
        self.units.digest() == other.units.digest()
    }
}

impl Eq for Among {}

impl Hash for Among {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.units.digest().hash(state);
    }
}

impl ScalarUDFImpl for Among {
    fn name(&self) -> &'static str {
        "among"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let values = &call.args[1..];
        // Rules ask what becomes of rows whose values are null, without saying of which type: maybe they are among them.
        if values.iter().any(|value| value.data_type().is_null()) {
            return Ok(ColumnarValue::Array(Arc::new(BooleanArray::from(vec![
                true;
                call.number_rows
            ]))));
        }
        let digests = digests_of(values, call.number_rows)?;
        let known =
            BooleanBuffer::collect_bool(digests.len(), |row| self.units.contains(digests[row]));
        Ok(ColumnarValue::Array(Arc::new(BooleanArray::from(known))))
    }
}
