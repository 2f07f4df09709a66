//! Functions of PostgreSQL with one answer here: `version()`, and those about what datasets do not have.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature,
    Volatility,
};

/// What clients compare their features with.
pub(crate) const POSTGRES_VERSION: &str = "16.6";

/// Functions that are null for all arguments.
const ABSENT: [&str; 9] = [
    "col_description",
    "obj_description",
    "shobj_description",
    "pg_get_indexdef",
    "pg_get_ruledef",
    "pg_get_serial_sequence",
    "pg_get_triggerdef",
    "pg_get_viewdef",
    "pg_tablespace_location",
];

/// All of them.
pub(crate) fn functions() -> Vec<ScalarUDF> {
    let release = env!("CARGO_PKG_VERSION");
    let version = format!("PostgreSQL {POSTGRES_VERSION} (lakebed {release})");
    let text = |text: &str| ScalarValue::Utf8(Some(text.to_owned()));
    let mut functions = vec![
        Constant::function("version", text(&version)),
        Constant::function("pg_is_in_recovery", ScalarValue::Boolean(Some(true))),
        Constant::function("pg_is_wal_replay_paused", ScalarValue::Boolean(Some(false))),
        Constant::function("pg_function_is_visible", ScalarValue::Boolean(Some(true))),
        Constant::function("pg_type_is_visible", ScalarValue::Boolean(Some(true))),
        Constant::function("txid_current", ScalarValue::Int64(Some(1))),
    ];
    functions.extend(ABSENT.map(|name| Constant::function(name, ScalarValue::Utf8(None))));
    functions
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Constant {
    name: &'static str,
    value: ScalarValue,
    signature: Signature,
}

impl Constant {
    fn function(name: &'static str, value: ScalarValue) -> ScalarUDF {
        let any = Signature::one_of(
            vec![TypeSignature::Nullary, TypeSignature::VariadicAny],
            Volatility::Stable,
        );
        ScalarUDF::from(Self { name, value, signature: any })
    }
}

impl ScalarUDFImpl for Constant {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(self.value.data_type())
    }

    fn invoke_with_args(&self, _arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Ok(ColumnarValue::Scalar(self.value.clone()))
    }
}
