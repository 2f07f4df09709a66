//! `row_digest`, `among`: rows by digests of some of their values.
//!
//! Two rows have one digest if all of these values are stored the same way; nulls agree. They are not for users to call by
//! name: updates of datasets put them into plans.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, BooleanArray, FixedSizeBinaryArray};
use arrow::datatypes::DataType;
use arrow::row::{Row, RowConverter, SortField};
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, Expr as PlanExpr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility, lit,
};

/// What a digest is an array of: bytes, so many a row.
const BYTES: i32 = 16;

/// A set of digests.
#[derive(Debug, Default)]
pub(crate) struct Units {
    all: HashSet<u128, BuildHasherDefault<LowBits>>,
    /// Of all of them.
    digest: String,
}

/// The hash of what is a hash already.
#[derive(Default)]
struct LowBits(u64);

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
        let all: HashSet<u128, _> = digests.into_iter().collect();
        let mut sorted: Vec<u128> = all.iter().copied().collect();
        sorted.sort_unstable();
        let mut digest = blake3::Hasher::new();
        for unit in sorted {
            digest.update(&unit.to_le_bytes());
        }
        Self { all, digest: digest.finalize().to_hex().to_string() }
    }
}

impl Units {
    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(crate) fn contains(&self, unit: u128) -> bool {
        self.all.contains(&unit)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = u128> {
        self.all.iter().copied()
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

/// The digests of rows.
fn digests(values: &[ColumnarValue], rows: usize) -> Result<Vec<[u8; 16]>> {
    let columns = values.iter().map(|value| value.to_array(rows));
    let columns = columns.collect::<Result<Vec<_>>>()?;
    let fields = columns.iter().map(|column| SortField::new(column.data_type().clone()));
    let rows = RowConverter::new(fields.collect())?.convert_columns(&columns)?;
    let digest = |row: Row<'_>| {
        let digest = blake3::hash(row.as_ref());
        digest.as_bytes().first_chunk().copied().unwrap_or_default()
    };
    Ok(rows.iter().map(digest).collect())
}

/// Whether the digest of the values is one of these.
pub(crate) fn among(values: Vec<PlanExpr>, units: &Arc<Units>) -> PlanExpr {
    let signature = Signature::variadic_any(Volatility::Immutable);
    // What the set is has to show in the plan.
    let told = lit(units.digest.clone());
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

/// Whether digests can be told from values of this type.
pub(crate) fn has_digest(kind: &DataType) -> bool {
    RowConverter::supports_fields(&[SortField::new(kind.clone())])
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
        let digests = digests(&call.args, call.number_rows)?.concat();
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
        self.units.digest == other.units.digest
    }
}

impl Eq for Among {}

impl Hash for Among {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.units.digest.hash(state);
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
        let known = digests(values, call.number_rows)?.into_iter();
        let known = known.map(|digest| Some(self.units.contains(u128::from_le_bytes(digest))));
        Ok(ColumnarValue::Array(Arc::new(BooleanArray::from_iter(known))))
    }
}
