//! `pg_views`, `pg_get_viewdef` and what `pg_tables` leaves out: views, which the library's own (`datafusion-pg-catalog`
//! 0.18) has none of.

use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions, StringArray,
};
use datafusion::arrow::compute::{cast, filter_record_batch};
use datafusion::arrow::datatypes::{DataType, Int32Type};
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature,
    Volatility,
};

use crate::catalog_session::Table;
use crate::relations::Relations;

/// The rows of `pg_views`.
pub(crate) fn pg_views(relations: &Relations, none: &RecordBatch) -> Result<RecordBatch> {
    let views = relations.views();
    let owners = views.iter().map(|_| Some("lakebed")).collect::<StringArray>();
    let column = |text: fn(&Table) -> Option<&str>| -> ArrayRef {
        Arc::new(views.iter().map(text).collect::<StringArray>())
    };
    let columns = vec![
        column(|it| Some(&it.schema)),
        column(|it| Some(&it.name)),
        Arc::new(owners),
        column(|it| it.query.as_deref()),
    ];
    let options = RecordBatchOptions::new().with_row_count(Some(views.len()));
    Ok(RecordBatch::try_new_with_options(none.schema(), columns, &options)?)
}

/// The rows of `pg_tables` that are no views.
pub(crate) fn without_views(relations: &Relations, all: &RecordBatch) -> Result<RecordBatch> {
    let views = relations.views().into_iter().map(|it| (it.schema, it.name));
    let views: HashSet<(String, String)> = views.collect();
    let (schemas, names) =
        (all["schemaname"].as_string::<i32>(), all["tablename"].as_string::<i32>());
    let both = schemas.iter().zip(names);
    let is_table = both.map(|(schema, name)| {
        let (schema, name) = (schema.unwrap_or_default(), name.unwrap_or_default());
        Some(!views.contains(&(schema.to_owned(), name.to_owned())))
    });
    Ok(filter_record_batch(all, &is_table.collect::<BooleanArray>())?)
}

/// `pg_get_viewdef(number [, pretty])`.
pub(crate) fn pg_get_viewdef(relations: &Arc<Relations>) -> ScalarUDF {
    let numbers = [DataType::Int32, DataType::Int64];
    let forms = numbers.into_iter().flat_map(|number| {
        [vec![number.clone()], vec![number, DataType::Boolean]].map(TypeSignature::Exact)
    });
    // Other views may be there when it is asked again.
    let signature = Signature::one_of(forms.collect(), Volatility::Volatile);
    ScalarUDF::from(ViewText { relations: ByPlace(Arc::clone(relations)), signature })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct ViewText {
    relations: ByPlace,
    signature: Signature,
}

impl ScalarUDFImpl for ViewText {
    fn name(&self) -> &'static str {
        "pg_get_viewdef"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let numbers = ColumnarValue::values_to_arrays(&call.args)?;
        // A number that none can have is that of none.
        let numbers = cast(&numbers[0], &DataType::Int32)?;
        let numbers = numbers.as_primitive::<Int32Type>();
        let texts = numbers.iter().map(|number| self.relations.0.query(number?));
        Ok(ColumnarValue::Array(Arc::new(texts.collect::<StringArray>())))
    }
}

/// Relations that are themselves and no others.
#[derive(Debug)]
struct ByPlace(Arc<Relations>);

impl PartialEq for ByPlace {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for ByPlace {}

impl Hash for ByPlace {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).hash(state);
    }
}
