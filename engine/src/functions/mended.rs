//! [`mended`]: one of DataFusion's functions, computed in a way of ours, and those that are so:
//! `log`, `power`: with nulls where an argument is. DataFusion (54) takes `log(x, 1)` for 0 and `power(x, 0)` for 1;
//! `replace`, which replaces no empty text; `regexp_count`, `regexp_instr`, with nulls and empty patterns;
//! `atan2`, of whole numbers and decimals with all digits.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, StringArray};
use arrow::buffer::NullBuffer;
use arrow::compute::kernels::zip::zip;
use arrow::compute::{and, binary, cast, is_not_null, nullif};
use arrow::datatypes::{DataType, FieldRef, Float64Type};
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::functions::{math, regex, string};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};

use super::simple::{refused, simple};

/// The result, which DataFusion's function may be asked for.
pub(super) type Compute = fn(&ScalarUDF, ScalarFunctionArgs) -> Result<ColumnarValue>;

pub(super) fn functions() -> Vec<ScalarUDF> {
    vec![
        mended(math::log(), ScalarUDF::invoke_with_args),
        mended(math::power(), ScalarUDF::invoke_with_args),
        mended(string::replace(), replace),
        mended(regex::regexp_count(), null_of_nulls),
        mended(regex::regexp_instr(), instr),
        simple("atan2", types_of_angle, |of| {
            let (y, x) = (of[0].as_primitive::<Float64Type>(), of[1].as_primitive::<Float64Type>());
            let angles: Float64Array = binary(y, x, f64::atan2)?;
            Ok(Arc::new(angles))
        }),
    ]
}

/// The function under its name, with the same types; what DataFusion takes it for without computing it is forgotten.
pub(super) fn mended(theirs: Arc<ScalarUDF>, compute: Compute) -> ScalarUDF {
    ScalarUDF::from(Mended { theirs, compute })
}

#[derive(Debug)]
struct Mended {
    theirs: Arc<ScalarUDF>,
    compute: Compute,
}

/// A name has one meaning.
impl PartialEq for Mended {
    fn eq(&self, other: &Self) -> bool {
        self.theirs == other.theirs
    }
}

impl Eq for Mended {}

impl Hash for Mended {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.theirs.hash(state);
    }
}

impl ScalarUDFImpl for Mended {
    fn name(&self) -> &str {
        self.theirs.name()
    }

    fn aliases(&self) -> &[String] {
        self.theirs.aliases()
    }

    fn signature(&self) -> &Signature {
        self.theirs.signature()
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        self.theirs.coerce_types(arguments)
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        self.theirs.return_type(arguments)
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs) -> Result<FieldRef> {
        self.theirs.return_field_from_args(arguments)
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        (self.compute)(&self.theirs, call)
    }
}

fn types_of_angle(kinds: &[DataType]) -> Result<(Vec<DataType>, DataType)> {
    let is_number = |kind: &DataType| kind.is_numeric() || kind.is_null();
    match kinds {
        [y, x] if is_number(y) && is_number(x) => {
            Ok((vec![DataType::Float64; 2], DataType::Float64))
        }
        kinds => refused("atan2", kinds),
    }
}

/// Their result, but null where an argument is.
fn null_of_nulls(theirs: &ScalarUDF, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
    let (rows, kind) = (call.number_rows, call.return_type().clone());
    let mut nulls: Option<NullBuffer> = None;
    for argument in &call.args {
        match argument {
            ColumnarValue::Scalar(value) if value.is_null() => {
                return Ok(ColumnarValue::Scalar(ScalarValue::try_from(&kind)?));
            }
            ColumnarValue::Scalar(_) => {}
            ColumnarValue::Array(values) => {
                nulls = NullBuffer::union(nulls.as_ref(), values.logical_nulls().as_ref());
            }
        }
    }
    let result = theirs.invoke_with_args(call)?;
    match nulls {
        Some(nulls) => {
            let is_null = BooleanArray::new(!nulls.inner(), None);
            Ok(ColumnarValue::Array(nullif(&result.to_array(rows)?, &is_null)?))
        }
        None => Ok(result),
    }
}

/// An empty pattern is found where the search begins.
fn instr(theirs: &ScalarUDF, mut call: ScalarFunctionArgs) -> Result<ColumnarValue> {
    let Some(pattern) = call.args.get_mut(1) else {
        return internal_err!("regexp_instr without a pattern");
    };
    let kind = pattern.data_type();
    let texts = cast(&pattern.to_array(call.number_rows)?, &DataType::Utf8)?;
    let texts = texts.as_string::<i32>();
    if texts.iter().any(|text| text == Some("")) {
        let any = |text: Option<_>| if text == Some("") { Some("(?:)") } else { text };
        let texts: StringArray = texts.iter().map(any).collect();
        *pattern = ColumnarValue::Array(cast(&texts, &kind)?);
    }
    null_of_nulls(theirs, call)
}

/// Where the text to be replaced is empty, the other stays as it is.
fn replace(theirs: &ScalarUDF, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
    let [text, from, to] = call.args.as_slice() else {
        return internal_err!("replace takes three arguments");
    };
    let rows = call.number_rows;
    let is_empty = match from {
        ColumnarValue::Scalar(from) if from.try_as_str().flatten() != Some("") => None,
        from => {
            let from = cast(&from.to_array(rows)?, &DataType::Utf8)?;
            let is_empty = from.as_string::<i32>().iter().map(|from| Some(from == Some("")));
            Some(is_empty.collect::<BooleanArray>()).filter(|is_empty| is_empty.true_count() > 0)
        }
    };
    let Some(is_empty) = is_empty else {
        return theirs.invoke_with_args(call);
    };
    let stays = and(&is_empty, &is_not_null(&to.to_array(rows)?)?)?;
    let text = cast(&text.to_array(rows)?, call.return_type())?;
    let replaced = theirs.invoke_with_args(call)?.to_array(rows)?;
    let result: ArrayRef = zip(&stays, &text, &replaced)?;
    Ok(ColumnarValue::Array(result))
}
