//! `lead` and `lag`: DataFusion's, but with `IGNORE NULLS` the offset counts values that are not null.
//!
//! DataFusion 54 miscounts them for offsets of two and more, and takes rows away from `lead` below a limit.

use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef};
use arrow::compute::interleave;
use arrow::datatypes::FieldRef;
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::functions_window::lead_lag::WindowShift;
use datafusion::logical_expr::function::{
    ExpressionArgs, PartitionEvaluatorArgs, WindowUDFFieldArgs,
};
use datafusion::logical_expr::{
    Documentation, PartitionEvaluator, ReversedUDWF, Signature, WindowUDF, WindowUDFImpl,
};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Literal;

static LEAD: LazyLock<Arc<WindowUDF>> =
    LazyLock::new(|| Arc::new(WindowUDF::from(Shift(WindowShift::lead()))));

static LAG: LazyLock<Arc<WindowUDF>> =
    LazyLock::new(|| Arc::new(WindowUDF::from(Shift(WindowShift::lag()))));

pub(super) fn lead() -> Arc<WindowUDF> {
    Arc::clone(&LEAD)
}

pub(super) fn lag() -> Arc<WindowUDF> {
    Arc::clone(&LAG)
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Shift(WindowShift);

impl WindowUDFImpl for Shift {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn signature(&self) -> &Signature {
        self.0.signature()
    }

    fn expressions(&self, args: ExpressionArgs) -> Vec<Arc<dyn PhysicalExpr>> {
        self.0.expressions(args)
    }

    fn partition_evaluator(
        &self,
        args: PartitionEvaluatorArgs,
    ) -> Result<Box<dyn PartitionEvaluator>> {
        if !args.ignore_nulls() {
            return self.0.partition_evaluator(args);
        }
        let (exprs, fields) = (args.input_exprs(), args.input_fields());
        let steps = match constant(exprs.get(1))? {
            Some(offset) => offset.cast_to(&arrow::datatypes::DataType::Int64)?,
            None => ScalarValue::Int64(Some(1)),
        };
        let ScalarValue::Int64(Some(steps)) = steps else {
            return exec_err!("{} needs an offset, this is null", self.name());
        };
        let kind = fields[0].data_type();
        let default = match constant(exprs.get(2))? {
            Some(value) => value.cast_to(kind)?,
            None => ScalarValue::try_from(kind)?,
        };
        let ahead = if self.name() == "lead" { steps } else { -steps };
        Ok(Box::new(ShiftValues { ahead, default }))
    }

    fn field(&self, args: WindowUDFFieldArgs) -> Result<FieldRef> {
        self.0.field(args)
    }

    /// Their reverse would be DataFusion's.
    fn reverse_expr(&self) -> ReversedUDWF {
        ReversedUDWF::NotSupported
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.0.documentation()
    }
}

/// The value of an argument, which must not depend on the row.
fn constant(argument: Option<&Arc<dyn PhysicalExpr>>) -> Result<Option<ScalarValue>> {
    let Some(argument) = argument else {
        return Ok(None);
    };
    match argument.downcast_ref::<Literal>() {
        Some(literal) => Ok(Some(literal.value().clone())),
        None => exec_err!("offset and default of a shift are constants, this is {argument}"),
    }
}

/// Takes the value that is so many values ahead.
#[derive(Debug)]
struct ShiftValues {
    ahead: i64,
    default: ScalarValue,
}

impl PartitionEvaluator for ShiftValues {
    fn evaluate_all(&mut self, values: &[ArrayRef], num_rows: usize) -> Result<ArrayRef> {
        let column = &values[0];
        let there: Vec<usize> = (0..num_rows).filter(|row| column.is_valid(*row)).collect();
        let default = self.default.to_array()?;
        let distance = usize::try_from(self.ahead.unsigned_abs()).unwrap_or(usize::MAX);
        let mut places = Vec::with_capacity(num_rows);
        // How many values stand before the row.
        let mut before = 0;
        for row in 0..num_rows {
            let upto = before + usize::from(column.is_valid(row));
            let found = match self.ahead {
                0 => Some(row),
                1.. => upto.checked_add(distance - 1).and_then(|at| there.get(at)).copied(),
                _ => before.checked_sub(distance).and_then(|at| there.get(at)).copied(),
            };
            places.push(found.map_or((1, 0), |row| (0, row)));
            before = upto;
        }
        Ok(interleave(&[column.as_ref(), default.as_ref()], &places)?)
    }
}
