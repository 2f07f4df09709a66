//! `+`, `-`, `*` and unary minus of whole numbers: what does not fit the type is an error and not another number.
//!
//! Plans from Python and from SQL hold the plain operators; [`CheckIntegers`] replaces them before types are coerced.

use arrow::compute::kernels::numeric::{add, mul, sub};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, DataFusionError, Result, ScalarValue, internal_err};
use datafusion::logical_expr::expr::{Alias, ScalarFunction};
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::type_coercion::binary::BinaryTypeCoercer;
use datafusion::logical_expr::{
    BinaryExpr, Cast, ColumnarValue, Expr, ExprSchemable, Operator, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility,
};
use datafusion::physical_expr_common::datum::apply;

use super::overflow;

/// Replaces operators of whole numbers by [`Checked`].
#[derive(Debug)]
pub(crate) struct CheckIntegers;

impl FunctionRewrite for CheckIntegers {
    fn name(&self) -> &'static str {
        "check_integers"
    }

    fn rewrite(
        &self,
        expr: Expr,
        schema: &DFSchema,
        _config: &ConfigOptions,
    ) -> Result<Transformed<Expr>> {
        let checked = match &expr {
            Expr::BinaryExpr(operation) => binary(operation, schema),
            Expr::Negative(inner) => negation(inner, schema),
            _ => None,
        };
        Ok(checked.map_or_else(|| Transformed::no(expr), Transformed::yes))
    }
}

/// `left op right`, if the result is a whole number. Where `left` is such an operation itself it gets one step more, so
/// that a long sum is not nested deeply.
fn binary(operation: &BinaryExpr, schema: &DFSchema) -> Option<Expr> {
    let step = Step::of(operation.op)?;
    let (left, right) = (kind(&operation.left, schema)?, kind(&operation.right, schema)?);
    let kind = step.result(&left, &right).ok()?;
    let shown = step.shown(&operation.left, &operation.right);
    let (mut steps, mut arguments) = match as_checked(&operation.left) {
        Some((checked, arguments)) => (checked.steps.clone(), arguments.to_vec()),
        None => (vec![], vec![operation.left.as_ref().clone()]),
    };
    steps.push(step);
    arguments.push(operation.right.as_ref().clone());
    kind.is_integer().then(|| Checked::call(steps, arguments, kind, shown))
}

/// `-inner`, if it is a whole number with a sign.
fn negation(inner: &Expr, schema: &DFSchema) -> Option<Expr> {
    let kind = kind(inner, schema).filter(DataType::is_signed_integer)?;
    let zero = Expr::Literal(ScalarValue::new_zero(&kind).ok()?, None);
    let shown = format!("-{}", operand(inner, Step::Multiply.rank()));
    Some(Checked::call(vec![Step::Subtract], vec![zero, inner.clone()], kind, shown))
}

fn kind(expr: &Expr, schema: &DFSchema) -> Option<DataType> {
    match as_checked(expr) {
        Some((checked, _)) => Some(checked.kind.clone()),
        None => expr.get_type(schema).ok(),
    }
}

fn as_checked(expr: &Expr) -> Option<(&Checked, &[Expr])> {
    let Expr::ScalarFunction(call) = expr else {
        return None;
    };
    Some((call.func.inner().downcast_ref::<Checked>()?, &call.args))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Step {
    Add,
    Subtract,
    Multiply,
}

impl Step {
    fn of(op: Operator) -> Option<Self> {
        match op {
            Operator::Plus => Some(Self::Add),
            Operator::Minus => Some(Self::Subtract),
            Operator::Multiply => Some(Self::Multiply),
            _ => None,
        }
    }

    fn operator(self) -> Operator {
        match self {
            Self::Add => Operator::Plus,
            Self::Subtract => Operator::Minus,
            Self::Multiply => Operator::Multiply,
        }
    }

    /// What binds more tightly ranks higher.
    fn rank(self) -> u8 {
        u8::from(self == Self::Multiply)
    }

    fn result(self, left: &DataType, right: &DataType) -> Result<DataType> {
        BinaryTypeCoercer::new(left, &self.operator(), right).get_result_type()
    }

    fn apply(self, left: &ColumnarValue, right: &ColumnarValue) -> Result<ColumnarValue> {
        match self {
            Self::Add => apply(left, right, add),
            Self::Subtract => apply(left, right, sub),
            Self::Multiply => apply(left, right, mul),
        }
    }

    fn shown(self, left: &Expr, right: &Expr) -> String {
        let (left, right) = (operand(left, self.rank()), operand(right, self.rank() + 1));
        format!("{left} {} {right}", self.operator())
    }
}

/// An operand as a user would write it, in parentheses if it binds less tightly than `rank`.
fn operand(expr: &Expr, rank: u8) -> String {
    let own = match as_checked(expr) {
        Some((checked, _)) => checked.steps.last().copied(),
        None => None,
    };
    let text = shown(expr);
    if own.is_some_and(|step| step.rank() < rank) { format!("({text})") } else { text }
}

/// The expression as a user would write it.
fn shown(expr: &Expr) -> String {
    if let Some((checked, _)) = as_checked(expr) {
        return checked.shown.clone();
    }
    match expr {
        Expr::Column(column) => column.name.clone(),
        Expr::Cast(Cast { expr, .. }) | Expr::Alias(Alias { expr, .. }) => shown(expr),
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            format!("({} {op} {})", shown(left), shown(right))
        }
        Expr::ScalarFunction(ScalarFunction { func, args }) if func.name() == "get_field" => {
            args.iter().map(shown).collect::<Vec<_>>().join(".")
        }
        Expr::ScalarFunction(ScalarFunction { func, args }) => {
            let args: Vec<String> = args.iter().map(shown).collect();
            format!("{}({})", func.name(), args.join(", "))
        }
        other => other.human_display().to_string(),
    }
}

/// Operations of whole numbers from left to right, which fail where a result does not fit.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Checked {
    steps: Vec<Step>,
    /// The type of all operands and of the result.
    kind: DataType,
    /// The expression, for the message.
    shown: String,
    signature: Signature,
}

impl Checked {
    fn call(steps: Vec<Step>, arguments: Vec<Expr>, kind: DataType, shown: String) -> Expr {
        let signature = Signature::user_defined(Volatility::Immutable);
        ScalarUDF::from(Self { steps, kind, shown, signature }).call(arguments)
    }
}

impl ScalarUDFImpl for Checked {
    fn name(&self) -> &str {
        match self.steps.as_slice() {
            [Step::Add] => "add",
            [Step::Subtract] => "subtract",
            [Step::Multiply] => "multiply",
            _ => "arithmetic",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        Ok(vec![self.kind.clone(); arguments.len()])
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(self.kind.clone())
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some((first, others)) = call.args.split_first() else {
            return internal_err!("{} needs operands", self.name());
        };
        let operated = self
            .steps
            .iter()
            .zip(others)
            .try_fold(first.clone(), |left, (step, right)| step.apply(&left, right));
        operated.map_err(|error| match error {
            DataFusionError::ArrowError(inner, _)
                if matches!(*inner, ArrowError::ArithmeticOverflow(_)) =>
            {
                overflow(&self.shown, &self.kind)
            }
            error => error,
        })
    }
}
