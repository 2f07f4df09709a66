//! Functions of PostgreSQL with one answer here: `version()`, and those about what datasets do not have.

use std::sync::Arc;

use datafusion::arrow::array::{AsArray, Int32Array, new_null_array};
use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature,
    Volatility, create_udf,
};
use pgwire::api::Type;

/// What clients compare their features with.
pub(crate) const POSTGRES_VERSION: &str = "16.6";

/// Types of PostgreSQL itself have numbers below.
const BUILT_IN: u32 = 6_000;

/// Functions that are null for all arguments.
const ABSENT: [&str; 16] = [
    "col_description",
    "pg_get_constraintdef",
    "inet_server_addr",
    "json_build_object",
    "obj_description",
    "shobj_description",
    "pg_get_function_arguments",
    "pg_get_function_identity_arguments",
    "pg_get_function_result",
    "pg_get_functiondef",
    "pg_get_indexdef",
    "pg_get_partkeydef",
    "pg_get_ruledef",
    "pg_get_serial_sequence",
    "pg_get_triggerdef",
    "pg_tablespace_location",
];

/// Sizes, which nobody knows: files are shared by versions.
const SIZES: [&str; 6] = [
    "pg_database_size",
    "pg_indexes_size",
    "pg_relation_size",
    "pg_table_size",
    "pg_tablespace_size",
    "pg_total_relation_size",
];

/// What `version()` says.
pub(crate) fn version() -> String {
    let release = env!("CARGO_PKG_VERSION");
    format!("PostgreSQL {POSTGRES_VERSION} (lakebed {release})")
}

/// All of them; a server that only reads says that it is a copy of another.
pub(crate) fn functions(only_reads: bool) -> Vec<ScalarUDF> {
    let mut functions = vec![
        Constant::function("version", ScalarValue::Utf8(Some(version()))),
        Constant::function("pg_cancel_backend", ScalarValue::Boolean(Some(false))),
        Constant::function("pg_is_in_recovery", ScalarValue::Boolean(Some(only_reads))),
        Constant::function("pg_is_wal_replay_paused", ScalarValue::Boolean(Some(false))),
        Constant::function("pg_function_is_visible", ScalarValue::Boolean(Some(true))),
        Constant::function("pg_type_is_visible", ScalarValue::Boolean(Some(true))),
        Constant::function("inet_server_port", ScalarValue::Int32(None)),
        Constant::function("pg_my_temp_schema", ScalarValue::Int32(Some(0))),
        to_regtype(),
        Constant::function("pg_terminate_backend", ScalarValue::Boolean(Some(false))),
        Constant::function("txid_current", ScalarValue::Int64(Some(1))),
    ];
    functions.extend(ABSENT.map(|name| Constant::function(name, ScalarValue::Utf8(None))));
    functions.extend(SIZES.map(|name| Constant::function(name, ScalarValue::Int64(None))));
    functions.extend(rows().map(|(name, kind)| Constant::function(name, kind)));
    functions
}

/// Functions with rows of fields, of lists that are all null here.
fn rows() -> impl Iterator<Item = (&'static str, ScalarValue)> {
    let (text, number) = (DataType::Utf8, DataType::Int32);
    let key = vec![("x", number.clone()), ("n", number.clone())];
    let right = vec![
        ("grantor", number.clone()),
        ("grantee", number),
        ("privilege_type", text),
        ("is_grantable", DataType::Boolean),
    ];
    [("_pg_expandarray", key), ("aclexplode", right)].into_iter().map(|(name, fields)| {
        let fields = fields.into_iter().map(|(field, kind)| Field::new(field, kind, true));
        let nothing = new_null_array(&DataType::Struct(fields.collect()), 1);
        (name, ScalarValue::Struct(Arc::new(nothing.as_struct().clone())))
    })
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

    /// What it is asked about need not be found out.
    fn simplify(&self, _arguments: Vec<Expr>, _: &SimplifyContext) -> Result<ExprSimplifyResult> {
        Ok(ExprSimplifyResult::Simplified(Expr::Literal(self.value.clone(), None)))
    }

    fn invoke_with_args(&self, _arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Ok(ColumnarValue::Scalar(self.value.clone()))
    }
}

/// `to_regtype('int4')`: the number of a type; null for those of extensions, which there are none of.
fn to_regtype() -> ScalarUDF {
    let numbers = |arguments: &[ColumnarValue]| {
        let names = ColumnarValue::values_to_arrays(arguments)?;
        let number = |name: Option<&str>| name.and_then(number_of);
        let numbers: Int32Array = names[0].as_string::<i32>().iter().map(number).collect();
        Ok(ColumnarValue::Array(Arc::new(numbers)))
    };
    let (takes, gives) = (vec![DataType::Utf8], DataType::Int32);
    create_udf("to_regtype", takes, gives, Volatility::Stable, Arc::new(numbers))
}

fn number_of(name: &str) -> Option<i32> {
    let name = match name.trim().to_lowercase().as_str() {
        "boolean" => "bool".to_owned(),
        "smallint" => "int2".to_owned(),
        "integer" | "int" => "int4".to_owned(),
        "bigint" => "int8".to_owned(),
        "real" => "float4".to_owned(),
        "double precision" => "float8".to_owned(),
        "decimal" => "numeric".to_owned(),
        other => other.to_owned(),
    };
    let is_it = |number: &u32| Type::from_oid(*number).is_some_and(|kind| kind.name() == name);
    (1..BUILT_IN).find(is_it).and_then(|number| i32::try_from(number).ok())
}
