//! [`inferred`]: the types of parameters that follow from where they stand.
//!
//! DataFusion (54) sees those of comparisons with `=`, `BETWEEN`, `IN` and `LIKE`. Here are `= ANY($1)`, whose parameter
//! is a list, functions that take values of one type, `CAST`, `CASE`, `LIMIT`, and parameters that stand in several places.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::DFSchema;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::logical_expr::expr::{BinaryExpr, Placeholder};
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan};

/// Functions whose arguments have one type.
const ALIKE: [&str; 6] = ["coalesce", "nullif", "ifnull", "nvl", "greatest", "least"];

/// The plan whose parameters have the types that are known.
pub(crate) fn inferred(plan: LogicalPlan) -> Result<LogicalPlan> {
    let fields = plan.get_parameter_fields()?;
    if fields.values().all(Option::is_some) {
        return Ok(plan);
    }
    let mut known = Known(HashMap::new());
    plan.apply_with_subqueries(|step| {
        let schema = merge_schema(&step.inputs());
        step.apply_expressions(|expr| {
            if matches!(step, LogicalPlan::Limit(_)) {
                known.note(expr, Some(DataType::Int64));
            }
            expr.apply(|part| {
                known.look_at(part, &schema);
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    let with_types = plan.transform_up_with_subqueries(|step| {
        let step = step.map_expressions(|expr| expr.transform_up(|part| known.tell(part)))?;
        if step.transformed { step.map_data(LogicalPlan::recompute_schema) } else { Ok(step) }
    });
    Ok(with_types?.data)
}

/// Types by the parameters' names, as `$1`.
struct Known(HashMap<String, FieldRef>);

impl Known {
    /// Notes the type of an expression if that is a parameter without one.
    fn note(&mut self, expr: &Expr, kind: Option<DataType>) {
        if let (Expr::Placeholder(Placeholder { id, field: None }), Some(kind)) = (expr, kind) {
            let field = || Arc::new(Field::new("", kind, true));
            self.0.entry(id.clone()).or_insert_with(field);
        }
    }

    /// Notes what an expression says of the parameters in it.
    fn look_at(&mut self, expr: &Expr, schema: &DFSchema) {
        let kind = |expr: &Expr| type_of(expr, schema);
        match expr {
            Expr::Placeholder(Placeholder { id, field: Some(field) }) => {
                self.0.entry(id.clone()).or_insert_with(|| Arc::clone(field));
            }
            Expr::ScalarFunction(call) => match (call.name(), call.args.as_slice()) {
                ("array_has", [list, item]) => {
                    self.note(list, kind(item).map(list_of));
                    self.note(item, kind(list).and_then(item_of));
                }
                (name, values) if ALIKE.contains(&name) => {
                    let known = values.iter().find_map(kind);
                    values.iter().for_each(|value| self.note(value, known.clone()));
                }
                _ => {}
            },
            Expr::BinaryExpr(BinaryExpr { left, right, .. }) => {
                for (one, other) in [(left, right), (right, left)] {
                    if let Expr::ScalarFunction(call) = one.as_ref()
                        && let ("array_min" | "array_max", [list]) =
                            (call.name(), call.args.as_slice())
                    {
                        self.note(list, kind(other).map(list_of));
                    }
                }
            }
            Expr::Between(between) => {
                self.note(&between.expr, kind(&between.low).or_else(|| kind(&between.high)));
            }
            Expr::InList(list) => self.note(&list.expr, list.list.iter().find_map(kind)),
            Expr::InSubquery(query) => {
                let field = query.subquery.subquery.schema().field(0);
                self.note(&query.expr, Some(field.data_type().clone()));
            }
            Expr::Like(like) => self.note(&like.expr, Some(DataType::Utf8)),
            Expr::Cast(cast) => self.note(&cast.expr, Some(cast.field.data_type().clone())),
            Expr::TryCast(cast) => self.note(&cast.expr, Some(cast.field.data_type().clone())),
            Expr::Case(case) => {
                let results = || {
                    let then = case.when_then_expr.iter().map(|(_, then)| then.as_ref());
                    then.chain(case.else_expr.as_deref())
                };
                let known = results().find_map(kind);
                results().for_each(|result| self.note(result, known.clone()));
            }
            _ => {}
        }
    }

    /// A parameter with the type that is known.
    fn tell(&self, expr: Expr) -> Result<Transformed<Expr>> {
        match expr {
            Expr::Placeholder(Placeholder { id, field: None }) if self.0.contains_key(&id) => {
                let field = Some(Arc::clone(&self.0[&id]));
                Ok(Transformed::yes(Expr::Placeholder(Placeholder { id, field })))
            }
            expr => Ok(Transformed::no(expr)),
        }
    }
}

/// The type of an expression, if it has one yet.
fn type_of(expr: &Expr, schema: &DFSchema) -> Option<DataType> {
    expr.get_type(schema).ok().filter(|kind| !kind.is_null())
}

fn list_of(kind: DataType) -> DataType {
    DataType::new_list(kind, true)
}

fn item_of(kind: DataType) -> Option<DataType> {
    match kind {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            Some(item.data_type().clone())
        }
        _ => None,
    }
}
