//! `with_meaning`, `with_item_meaning`: the same values, known to be a model, JSON or an enum, or lists of these.
//!
//! What Arrow's types cannot say is in the metadata of fields, which query engines drop in expressions. It is not for
//! users to call by name: [`crate::Chain`]'s verbs put it into plans.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{Array, AsArray, ListArray};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, internal_err};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr as PlanExpr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, Volatility,
};

/// `value` with this metadata on its field.
pub(crate) fn with_meaning(value: PlanExpr, metadata: &HashMap<String, String>) -> PlanExpr {
    let signature = Signature::any(1, Volatility::Immutable);
    let metadata = metadata.iter().map(|(key, text)| (key.clone(), text.clone())).collect();
    ScalarUDF::from(WithMeaning { metadata, signature }).call(vec![value])
}

/// The value that a call says the meaning of.
pub(crate) fn meant_value(call: &ScalarFunction) -> Option<&PlanExpr> {
    (call.name() == "with_meaning").then(|| call.args.first()).flatten()
}

/// `list` whose items have the metadata of a field.
pub(crate) fn with_item_meaning(list: PlanExpr, item: &FieldRef) -> PlanExpr {
    let item = Arc::new(
        Field::new_list_field(item.data_type().clone(), true)
            .with_metadata(item.metadata().clone()),
    );
    let signature = Signature::any(1, Volatility::Immutable);
    ScalarUDF::from(WithItemMeaning { item, signature }).call(vec![list])
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct WithMeaning {
    metadata: BTreeMap<String, String>,
    signature: Signature,
}

impl ScalarUDFImpl for WithMeaning {
    fn name(&self) -> &str {
        "with_meaning"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        match arguments {
            [only] => Ok(only.clone()),
            _ => internal_err!("with_meaning takes one argument"),
        }
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs) -> Result<FieldRef> {
        let [only] = arguments.arg_fields else {
            return internal_err!("with_meaning takes one argument");
        };
        let metadata = self.metadata.clone().into_iter().collect();
        Ok(Arc::new(only.as_ref().clone().with_metadata(metadata)))
    }

    fn invoke_with_args(&self, mut call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match call.args.pop() {
            Some(value) => Ok(value),
            None => internal_err!("with_meaning takes one argument"),
        }
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct WithItemMeaning {
    item: FieldRef,
    signature: Signature,
}

impl ScalarUDFImpl for WithItemMeaning {
    fn name(&self) -> &'static str {
        "with_item_meaning"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::List(Arc::clone(&self.item)))
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&call.args)?;
        let lists = arrays[0].as_list::<i32>();
        let (offsets, values) = (lists.offsets().clone(), Arc::clone(lists.values()));
        let nulls = lists.nulls().cloned();
        let lists = ListArray::try_new(Arc::clone(&self.item), offsets, values, nulls)?;
        Ok(ColumnarValue::Array(Arc::new(lists)))
    }
}
