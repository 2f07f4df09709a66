//! Expressions: each of their kinds, and every field of it.

use datafusion::common::metadata::FieldMetadata;
use datafusion::common::{Column, TableReference};
use datafusion::logical_expr::expr::{
    AggregateFunction, AggregateFunctionParams, Alias, Between, BinaryExpr, Case, Cast, Exists,
    GroupingSet, HigherOrderFunction, InList, InSubquery, Lambda, LambdaVariable, Like,
    NullTreatment, Placeholder, ScalarFunction, SetComparison, SetQuantifier, TryCast, Unnest,
    WindowFunction, WindowFunctionDefinition, WindowFunctionParams,
};
use datafusion::logical_expr::{
    Expr, Operator, SortExpr, Subquery, Volatility, WindowFrame, WindowFrameBound, WindowFrameUnits,
};

use super::encoder::Encoder;
use super::plan::Node;
use super::{Digests, Reason};

/// The parts of an expression that are still to be encoded, the first one last.
type Parts<'e> = Vec<&'e Expr>;

impl Node<'_> {
    pub(super) fn exprs(&mut self, exprs: &[Expr]) -> Result<(), Reason> {
        self.out.count(exprs.len());
        exprs.iter().try_for_each(|expr| self.expr(expr))
    }

    pub(super) fn sort_keys(&mut self, keys: &[SortExpr]) -> Result<(), Reason> {
        let mut parts = Parts::new();
        self.sorts(keys, &mut parts);
        parts.into_iter().try_for_each(|key| self.expr(key))
    }

    /// Each part follows what it is a part of, which tells how many there are.
    pub(super) fn expr(&mut self, expr: &Expr) -> Result<(), Reason> {
        // WHY: no recursion, because conditions of thousands of terms are deep and the stacks of threads are not.
        let mut parts = vec![expr];
        while let Some(part) = parts.pop() {
            let rest = parts.len();
            self.part(part, &mut parts)?;
            parts[rest..].reverse();
        }
        Ok(())
    }

    #[expect(deprecated, reason = "`*` has to be matched to be refused")]
    fn part<'e>(&mut self, expr: &'e Expr, parts: &mut Parts<'e>) -> Result<(), Reason> {
        match expr {
            Expr::Alias(alias) => self.alias(alias, parts),
            Expr::Column(column) => self.tagged_column("column", column),
            Expr::ScalarVariable(_, names) => {
                return Err(format!("`{}` is a variable of the session", names.join(".")));
            }
            Expr::Literal(value, metadata) => {
                self.out.tag("literal");
                self.out.scalar(value);
                self.metadata(metadata.as_ref());
            }
            Expr::BinaryExpr(binary) => self.binary(binary, parts),
            Expr::Like(like) => self.like("like", like, parts),
            Expr::SimilarTo(like) => self.like("similar to", like, parts),
            Expr::Not(operand) => self.unary("not", operand, parts),
            Expr::IsNotNull(operand) => self.unary("is not null", operand, parts),
            Expr::IsNull(operand) => self.unary("is null", operand, parts),
            Expr::IsTrue(operand) => self.unary("is true", operand, parts),
            Expr::IsFalse(operand) => self.unary("is false", operand, parts),
            Expr::IsUnknown(operand) => self.unary("is unknown", operand, parts),
            Expr::IsNotTrue(operand) => self.unary("is not true", operand, parts),
            Expr::IsNotFalse(operand) => self.unary("is not false", operand, parts),
            Expr::IsNotUnknown(operand) => self.unary("is not unknown", operand, parts),
            Expr::Negative(operand) => self.unary("negative", operand, parts),
            Expr::Between(between) => self.between(between, parts),
            Expr::Case(case) => self.case(case, parts),
            Expr::Cast(Cast { expr, field }) => {
                self.unary("cast", expr, parts);
                self.out.field(field);
            }
            Expr::TryCast(TryCast { expr, field }) => {
                self.unary("try cast", expr, parts);
                self.out.field(field);
            }
            Expr::ScalarFunction(call) => self.scalar_function(call, parts)?,
            Expr::AggregateFunction(call) => self.aggregate_function(call, parts)?,
            Expr::WindowFunction(call) => self.window_function(call, parts)?,
            Expr::InList(list) => self.in_list(list, parts),
            Expr::Exists(exists) => self.exists(exists, parts)?,
            Expr::InSubquery(found) => self.in_subquery(found, parts)?,
            Expr::SetComparison(found) => self.set_comparison(found, parts)?,
            Expr::ScalarSubquery(query) => self.subquery("subquery", query, parts)?,
            Expr::Wildcard { .. } => return Err("`*` does not name its columns".to_owned()),
            Expr::GroupingSet(set) => self.grouping_set(set, parts),
            Expr::Placeholder(placeholder) => self.placeholder(placeholder),
            Expr::OuterReferenceColumn(field, column) => {
                self.tagged_column("outer column", column);
                self.out.field(field);
            }
            Expr::Unnest(Unnest { expr }) => self.unary("unnest", expr, parts),
            Expr::HigherOrderFunction(call) => self.higher_order_function(call, parts)?,
            Expr::Lambda(lambda) => self.lambda(lambda, parts),
            Expr::LambdaVariable(variable) => self.lambda_variable(variable),
        }
        Ok(())
    }

    fn alias<'e>(&mut self, alias: &'e Alias, parts: &mut Parts<'e>) {
        let Alias { expr, relation, name, metadata } = alias;
        self.unary("alias", expr, parts);
        self.table(relation.as_ref());
        self.out.text(name);
        self.metadata(metadata.as_ref());
    }

    fn tagged_column(&mut self, tag: &str, column: &Column) {
        self.out.tag(tag);
        self.column(column);
    }

    /// Where it stands in a query's text does not count.
    pub(super) fn column(&mut self, column: &Column) {
        let Column { relation, name, spans: _ } = column;
        self.table(relation.as_ref());
        self.out.text(name);
    }

    pub(super) fn table(&mut self, table: Option<&TableReference>) {
        let number = table.map(|table| self.scope.number(table));
        self.out.maybe(number, Encoder::count);
    }

    fn metadata(&mut self, metadata: Option<&FieldMetadata>) {
        self.out.maybe(metadata, |out, metadata| out.list(metadata.inner(), Encoder::entry));
    }

    fn binary<'e>(&mut self, binary: &'e BinaryExpr, parts: &mut Parts<'e>) {
        let BinaryExpr { left, op, right } = binary;
        self.out.tag("binary");
        self.out.tag(operator(*op));
        parts.extend([left.as_ref(), right.as_ref()]);
    }

    fn like<'e>(&mut self, tag: &str, like: &'e Like, parts: &mut Parts<'e>) {
        let Like { negated, expr, pattern, escape_char, case_insensitive } = like;
        self.out.tag(tag);
        self.out.flag(*negated);
        self.out.maybe(*escape_char, |out, escape| out.number(u64::from(u32::from(escape))));
        self.out.flag(*case_insensitive);
        parts.extend([expr.as_ref(), pattern.as_ref()]);
    }

    fn unary<'e>(&mut self, tag: &str, operand: &'e Expr, parts: &mut Parts<'e>) {
        self.out.tag(tag);
        parts.push(operand);
    }

    fn between<'e>(&mut self, between: &'e Between, parts: &mut Parts<'e>) {
        let Between { expr, negated, low, high } = between;
        self.out.tag("between");
        self.out.flag(*negated);
        parts.extend([expr.as_ref(), low.as_ref(), high.as_ref()]);
    }

    fn case<'e>(&mut self, case: &'e Case, parts: &mut Parts<'e>) {
        let Case { expr, when_then_expr, else_expr } = case;
        self.out.tag("case");
        self.optional(expr.as_deref(), parts);
        self.out.count(when_then_expr.len());
        parts.extend(when_then_expr.iter().flat_map(|(when, then)| [when.as_ref(), then.as_ref()]));
        self.optional(else_expr.as_deref(), parts);
    }

    fn optional<'e>(&mut self, expr: Option<&'e Expr>, parts: &mut Parts<'e>) {
        self.out.flag(expr.is_some());
        parts.extend(expr);
    }

    fn several<'e>(&mut self, exprs: &'e [Expr], parts: &mut Parts<'e>) {
        self.out.count(exprs.len());
        parts.extend(exprs);
    }

    fn sorts<'e>(&mut self, keys: &'e [SortExpr], parts: &mut Parts<'e>) {
        self.out.count(keys.len());
        for SortExpr { expr, asc, nulls_first } in keys {
            self.out.flag(*asc);
            self.out.flag(*nulls_first);
            parts.push(expr);
        }
    }

    /// A function of the query engine is known by its name: what it holds beyond that shows in the types of columns.
    fn called(&mut self, tag: &str, name: &str, volatility: Volatility) -> Result<(), Reason> {
        if volatility != Volatility::Immutable {
            return Err(format!("`{name}()` differs each time"));
        }
        self.out.tag(tag);
        self.out.text(name);
        Ok(())
    }

    fn scalar_function<'e>(
        &mut self,
        call: &'e ScalarFunction,
        parts: &mut Parts<'e>,
    ) -> Result<(), Reason> {
        let ScalarFunction { func, args } = call;
        self.called("function", func.name(), func.signature().volatility)?;
        self.several(args, parts);
        Ok(())
    }

    fn higher_order_function<'e>(
        &mut self,
        call: &'e HigherOrderFunction,
        parts: &mut Parts<'e>,
    ) -> Result<(), Reason> {
        let HigherOrderFunction { func, args } = call;
        self.called("higher order function", func.name(), func.signature().volatility)?;
        self.several(args, parts);
        Ok(())
    }

    fn aggregate_function<'e>(
        &mut self,
        call: &'e AggregateFunction,
        parts: &mut Parts<'e>,
    ) -> Result<(), Reason> {
        let AggregateFunction { func, params } = call;
        let AggregateFunctionParams { args, distinct, filter, order_by, null_treatment } = params;
        self.called("aggregate function", func.name(), func.signature().volatility)?;
        self.out.flag(*distinct);
        self.null_treatment(*null_treatment);
        self.several(args, parts);
        self.optional(filter.as_deref(), parts);
        self.sorts(order_by, parts);
        Ok(())
    }

    fn window_function<'e>(
        &mut self,
        call: &'e WindowFunction,
        parts: &mut Parts<'e>,
    ) -> Result<(), Reason> {
        let WindowFunction { fun, params } = call;
        let WindowFunctionParams {
            args,
            partition_by,
            order_by,
            window_frame,
            filter,
            null_treatment,
            distinct,
        } = params;
        let (tag, volatility) = match fun {
            WindowFunctionDefinition::AggregateUDF(func) => {
                ("aggregate over a window", func.signature().volatility)
            }
            WindowFunctionDefinition::WindowUDF(func) => {
                ("window function", func.signature().volatility)
            }
        };
        self.called(tag, fun.name(), volatility)?;
        self.out.flag(*distinct);
        self.null_treatment(*null_treatment);
        self.window_frame(window_frame);
        self.several(args, parts);
        self.several(partition_by, parts);
        self.sorts(order_by, parts);
        self.optional(filter.as_deref(), parts);
        Ok(())
    }

    fn null_treatment(&mut self, treatment: Option<NullTreatment>) {
        self.out.maybe(treatment, |out, treatment| match treatment {
            NullTreatment::IgnoreNulls => out.tag("ignore nulls"),
            NullTreatment::RespectNulls => out.tag("respect nulls"),
        });
    }

    fn window_frame(&mut self, frame: &WindowFrame) {
        // All fields but one, which nobody else may name.
        let WindowFrame { units, start_bound, end_bound, .. } = frame;
        self.out.tag(match units {
            WindowFrameUnits::Rows => "rows",
            WindowFrameUnits::Range => "range",
            WindowFrameUnits::Groups => "groups",
        });
        self.window_bound(start_bound);
        self.window_bound(end_bound);
        self.out.flag(frame.is_causal());
    }

    fn window_bound(&mut self, bound: &WindowFrameBound) {
        match bound {
            WindowFrameBound::Preceding(rows) => {
                self.out.tag("preceding");
                self.out.scalar(rows);
            }
            WindowFrameBound::CurrentRow => self.out.tag("current row"),
            WindowFrameBound::Following(rows) => {
                self.out.tag("following");
                self.out.scalar(rows);
            }
        }
    }

    fn in_list<'e>(&mut self, found: &'e InList, parts: &mut Parts<'e>) {
        let InList { expr, list, negated } = found;
        self.unary("in list", expr, parts);
        self.out.flag(*negated);
        self.several(list, parts);
    }

    fn exists<'e>(&mut self, exists: &'e Exists, parts: &mut Parts<'e>) -> Result<(), Reason> {
        let Exists { subquery, negated } = exists;
        self.subquery("exists", subquery, parts)?;
        self.out.flag(*negated);
        Ok(())
    }

    fn in_subquery<'e>(
        &mut self,
        found: &'e InSubquery,
        parts: &mut Parts<'e>,
    ) -> Result<(), Reason> {
        let InSubquery { expr, subquery, negated } = found;
        self.subquery("in subquery", subquery, parts)?;
        self.out.flag(*negated);
        parts.push(expr);
        Ok(())
    }

    fn set_comparison<'e>(
        &mut self,
        found: &'e SetComparison,
        parts: &mut Parts<'e>,
    ) -> Result<(), Reason> {
        let SetComparison { expr, subquery, op, quantifier } = found;
        self.subquery("set comparison", subquery, parts)?;
        self.out.tag(operator(*op));
        self.out.tag(match quantifier {
            SetQuantifier::Any => "any",
            SetQuantifier::All => "all",
        });
        parts.push(expr);
        Ok(())
    }

    /// A query inside of an expression.
    fn subquery<'e>(
        &mut self,
        tag: &str,
        query: &'e Subquery,
        parts: &mut Parts<'e>,
    ) -> Result<(), Reason> {
        let Subquery { subquery, outer_ref_columns, spans: _ } = query;
        self.out.tag(tag);
        let rows = Digests::of(subquery, self.facts)?;
        self.input(rows);
        self.several(outer_ref_columns, parts);
        Ok(())
    }

    fn grouping_set<'e>(&mut self, set: &'e GroupingSet, parts: &mut Parts<'e>) {
        match set {
            GroupingSet::Rollup(keys) => {
                self.out.tag("rollup");
                self.several(keys, parts);
            }
            GroupingSet::Cube(keys) => {
                self.out.tag("cube");
                self.several(keys, parts);
            }
            GroupingSet::GroupingSets(sets) => {
                self.out.tag("grouping sets");
                self.out.count(sets.len());
                sets.iter().for_each(|keys| self.several(keys, parts));
            }
        }
    }

    fn placeholder(&mut self, placeholder: &Placeholder) {
        let Placeholder { id, field } = placeholder;
        self.out.tag("placeholder");
        self.out.text(id);
        self.out.maybe(field.as_deref(), Encoder::field);
    }

    fn lambda<'e>(&mut self, lambda: &'e Lambda, parts: &mut Parts<'e>) {
        let Lambda { params, body } = lambda;
        self.unary("lambda", body, parts);
        self.out.list(params, |out, name| out.text(name));
    }

    fn lambda_variable(&mut self, variable: &LambdaVariable) {
        let LambdaVariable { name, field, spans: _ } = variable;
        self.out.tag("lambda variable");
        self.out.text(name);
        self.out.maybe(field.as_deref(), Encoder::field);
    }
}

fn operator(operator: Operator) -> &'static str {
    match operator {
        Operator::Eq => "eq",
        Operator::NotEq => "not eq",
        Operator::Lt => "lt",
        Operator::LtEq => "lt eq",
        Operator::Gt => "gt",
        Operator::GtEq => "gt eq",
        Operator::Plus => "plus",
        Operator::Minus => "minus",
        Operator::Multiply => "multiply",
        Operator::Divide => "divide",
        Operator::Modulo => "modulo",
        Operator::And => "and",
        Operator::Or => "or",
        Operator::IsDistinctFrom => "is distinct from",
        Operator::IsNotDistinctFrom => "is not distinct from",
        Operator::RegexMatch => "regex match",
        Operator::RegexIMatch => "regex i match",
        Operator::RegexNotMatch => "regex not match",
        Operator::RegexNotIMatch => "regex not i match",
        Operator::LikeMatch => "like match",
        Operator::ILikeMatch => "i like match",
        Operator::NotLikeMatch => "not like match",
        Operator::NotILikeMatch => "not i like match",
        Operator::BitwiseAnd => "bitwise and",
        Operator::BitwiseOr => "bitwise or",
        Operator::BitwiseXor => "bitwise xor",
        Operator::BitwiseShiftRight => "bitwise shift right",
        Operator::BitwiseShiftLeft => "bitwise shift left",
        Operator::StringConcat => "string concat",
        Operator::AtArrow => "at arrow",
        Operator::ArrowAt => "arrow at",
        Operator::Arrow => "arrow",
        Operator::LongArrow => "long arrow",
        Operator::HashArrow => "hash arrow",
        Operator::HashLongArrow => "hash long arrow",
        Operator::AtAt => "at at",
        Operator::IntegerDivide => "integer divide",
        Operator::HashMinus => "hash minus",
        Operator::AtQuestion => "at question",
        Operator::Question => "question",
        Operator::QuestionAnd => "question and",
        Operator::QuestionPipe => "question pipe",
        Operator::Colon => "colon",
    }
}
