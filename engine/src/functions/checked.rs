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

/// `left op right`, if the result is a whole number.
fn binary(operation: &BinaryExpr, schema: &DFSchema) -> Option<Expr> {
    let operator = Operation::of(operation.op)?;
    let operands = [operation.left.as_ref(), operation.right.as_ref()];
    let [left, right] = operands;
    let kind = operator.result(&kind(left, schema)?, &kind(right, schema)?).ok()?;
    let shown = operator.shown(left, right);
    kind.is_integer().then(|| Checked::call(operands, operator, kind, shown))
}

/// `-inner`, if it is a whole number with a sign.
fn negation(inner: &Expr, schema: &DFSchema) -> Option<Expr> {
    let kind = kind(inner, schema).filter(DataType::is_signed_integer)?;
    let zero = Expr::Literal(ScalarValue::new_zero(&kind).ok()?, None);
    let shown = format!("-{}", operand(inner, Operation::Multiply.rank()));
    Some(Checked::call([&zero, inner], Operation::Subtract, kind, shown))
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

/// What is done to get at the result: values are put aside until an operation takes the last two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Step {
    /// Puts the next argument aside.
    Take,
    /// Puts the result of the last two values in their place.
    Operate(Operation),
}

/// The name of a function of these steps, and of no others.
fn named(steps: &[Step]) -> String {
    match steps {
        [Step::Take, Step::Take, Step::Operate(Operation::Add)] => "add".to_owned(),
        [Step::Take, Step::Take, Step::Operate(Operation::Subtract)] => "subtract".to_owned(),
        [Step::Take, Step::Take, Step::Operate(Operation::Multiply)] => "multiply".to_owned(),
        steps => {
            let symbol = |step: &Step| match step {
                Step::Take => "_".to_owned(),
                Step::Operate(operation) => operation.operator().to_string(),
            };
            format!("arithmetic[{}]", steps.iter().map(symbol).collect::<String>())
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Operation {
    Add,
    Subtract,
    Multiply,
}

impl Operation {
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
    let last = as_checked(expr).and_then(|(checked, _)| checked.steps.last());
    let is_looser = matches!(last, Some(Step::Operate(operation)) if operation.rank() < rank);
    let text = shown(expr);
    if is_looser { format!("({text})") } else { text }
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

/// Operations of whole numbers, which fail where a result does not fit.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Checked {
    /// Tells the steps, because plans are known by their text.
    name: String,
    steps: Vec<Step>,
    /// The type of all operands and of the result.
    kind: DataType,
    /// The expression, for the message.
    shown: String,
    signature: Signature,
}

impl Checked {
    /// The operation. Operands that are such calls themselves become a part of it: the query engine takes cubic time for
    /// calls within calls.
    fn call(operands: [&Expr; 2], operation: Operation, kind: DataType, shown: String) -> Expr {
        let (mut steps, mut arguments) = (Vec::new(), Vec::new());
        for operand in operands {
            match as_checked(operand) {
                Some((checked, inner)) => {
                    steps.extend_from_slice(&checked.steps);
                    arguments.extend_from_slice(inner);
                }
                None => {
                    steps.push(Step::Take);
                    arguments.push(operand.clone());
                }
            }
        }
        steps.push(Step::Operate(operation));
        let name = named(&steps);
        let signature = Signature::user_defined(Volatility::Immutable);
        ScalarUDF::from(Self { name, steps, kind, shown, signature }).call(arguments)
    }

    fn evaluate(&self, arguments: Vec<ColumnarValue>) -> Result<ColumnarValue> {
        let mut arguments = arguments.into_iter();
        let mut values: Vec<ColumnarValue> = Vec::new();
        for step in &self.steps {
            let value = match step {
                Step::Take => arguments.next(),
                Step::Operate(operation) => match (values.pop(), values.pop()) {
                    (Some(right), Some(left)) => Some(operation.apply(&left, &right)?),
                    _ => None,
                },
            };
            values.extend(value);
        }
        match values.pop() {
            Some(result) => Ok(result),
            None => internal_err!("{} needs operands", self.name()),
        }
    }
}

impl ScalarUDFImpl for Checked {
    fn name(&self) -> &str {
        &self.name
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
        self.evaluate(call.args).map_err(|error| match error {
            DataFusionError::ArrowError(inner, _)
                if matches!(*inner, ArrowError::ArithmeticOverflow(_)) =>
            {
                overflow(&self.shown, &self.kind)
            }
            error => error,
        })
    }
}
