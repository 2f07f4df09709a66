//! [`Operators`]: `a ^ b` and `a ** b` are powers, `a // b` a whole number, `a && b` of lists whether they share an item,
//! a date with an interval is a timestamp, and a time with one a time, as in `DuckDB` and PostgreSQL.
//!
//! DataFusion (54) takes `^` for XOR, knows `//` but cannot compute it, forgets an interval's hours beside a date, and takes a
//! time of day for an interval.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::{DFSchema, Result, plan_err};
use datafusion::execution::FunctionRegistry;
use datafusion::execution::context::SessionState;
use datafusion::logical_expr::expr_fn::cast;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, Operator, ScalarUDF};
use datafusion::sql::sqlparser::ast::BinaryOperator;

/// Plans the operators with the functions of a session.
#[derive(Debug)]
pub(crate) struct Operators {
    power: Arc<ScalarUDF>,
    shares: Arc<ScalarUDF>,
    time_plus: Arc<ScalarUDF>,
}

impl Operators {
    /// `None` where a session has not got the functions.
    pub(crate) fn of(state: &SessionState) -> Option<Self> {
        let function = |name| state.udf(name).ok();
        Some(Self {
            power: function("power")?,
            shares: function("array_has_any")?,
            time_plus: function("time_plus")?,
        })
    }
}

const CLOCK: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);

impl ExprPlanner for Operators {
    fn plan_binary_op(
        &self,
        mut written: RawBinaryExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawBinaryExpr>> {
        let planned = match written.op {
            BinaryOperator::BitwiseXor => {
                let number = |value: Expr| cast(value, DataType::Float64);
                self.power.call(vec![number(written.left), number(written.right)])
            }
            BinaryOperator::DuckIntegerDivide => {
                for side in [&written.left, &written.right] {
                    let kind = side.get_type(schema)?;
                    if !kind.is_integer() && !kind.is_null() {
                        return plan_err!(
                            "`//` divides whole numbers; hint: `floor(a / b)` divides others"
                        );
                    }
                }
                let (left, right) = (Box::new(written.left), Box::new(written.right));
                Expr::BinaryExpr(BinaryExpr::new(left, Operator::Divide, right))
            }
            BinaryOperator::PGOverlap => self.shares.call(vec![written.left, written.right]),
            BinaryOperator::Plus | BinaryOperator::Minus => {
                let kinds = (written.left.get_type(schema)?, written.right.get_type(schema)?);
                match kinds {
                    (DataType::Time32(_) | DataType::Time64(_), DataType::Interval(_)) => {
                        let length = match written.op {
                            BinaryOperator::Plus => written.right,
                            _ => Expr::Negative(Box::new(written.right)),
                        };
                        let time = self.time_plus.call(vec![written.left, length]);
                        return Ok(PlannerResult::Planned(time));
                    }
                    (DataType::Interval(_), DataType::Time32(_) | DataType::Time64(_))
                        if written.op == BinaryOperator::Plus =>
                    {
                        let time = self.time_plus.call(vec![written.right, written.left]);
                        return Ok(PlannerResult::Planned(time));
                    }
                    (DataType::Date32, DataType::Interval(_)) => {
                        written.left = cast(written.left, CLOCK);
                    }
                    (DataType::Interval(_), DataType::Date32) => {
                        written.right = cast(written.right, CLOCK);
                    }
                    _ => {}
                }
                return Ok(PlannerResult::Original(written));
            }
            _ => return Ok(PlannerResult::Original(written)),
        };
        Ok(PlannerResult::Planned(planned))
    }
}
