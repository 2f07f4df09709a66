//! Expressions, each with one thing changed at a time.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use datafusion::common::metadata::FieldMetadata;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, ScalarValue, Spans};
use datafusion::logical_expr::expr::{
    AggregateFunction, AggregateFunctionParams, Alias, Between, BinaryExpr, Case, Cast, Exists,
    GroupingSet, HigherOrderFunction, InList, InSubquery, Lambda, LambdaVariable, Like,
    NullTreatment, Placeholder, ScalarFunction, SetComparison, SetQuantifier, TryCast, Unnest,
    WindowFunction, WindowFunctionDefinition, WindowFunctionParams,
};
use datafusion::logical_expr::{
    Expr, LogicalPlan, Operator, Projection, SortExpr, Subquery, WindowFrame, WindowFrameBound,
    WindowFrameUnits, lit,
};

use super::{check_distinct, column, digest, sql, told};

macro_rules! kinds {
    ($($kind:ident),*) => {
        #[expect(deprecated, reason = "all kinds are listed")]
        fn kind(expr: &Expr) -> &'static str {
            match expr {
                $(Expr::$kind { .. } => stringify!($kind)),*
            }
        }

        const KINDS: &[&str] = &[$(stringify!($kind)),*];
    };
}

kinds!(
    Alias,
    Column,
    ScalarVariable,
    Literal,
    BinaryExpr,
    Like,
    SimilarTo,
    Not,
    IsNotNull,
    IsNull,
    IsTrue,
    IsFalse,
    IsUnknown,
    IsNotTrue,
    IsNotFalse,
    IsNotUnknown,
    Negative,
    Between,
    Case,
    Cast,
    TryCast,
    ScalarFunction,
    AggregateFunction,
    WindowFunction,
    InList,
    Exists,
    InSubquery,
    SetComparison,
    ScalarSubquery,
    Wildcard,
    GroupingSet,
    Placeholder,
    OuterReferenceColumn,
    Unnest,
    HigherOrderFunction,
    Lambda,
    LambdaVariable
);

/// What has no identity.
const REFUSED: [&str; 2] = ["ScalarVariable", "Wildcard"];

/// A node over the tables `a` and `b` that holds an expression, whatever type that has.
fn holding(input: &LogicalPlan, expr: Expr) -> LogicalPlan {
    let field = Field::new("made", DataType::Int64, true);
    let schema = DFSchema::from_unqualified_fields(vec![field].into(), [].into()).unwrap();
    let input = Arc::new(input.clone());
    let made = Projection::try_new_with_schema(vec![expr], input, Arc::new(schema)).unwrap();
    LogicalPlan::Projection(made)
}

fn x() -> Expr {
    column("a", "x")
}

fn y() -> Expr {
    column("a", "y")
}

fn boxed(expr: Expr) -> Box<Expr> {
    Box::new(expr)
}

fn metadata(text: &str) -> Option<FieldMetadata> {
    Some(FieldMetadata::new(BTreeMap::from([("key".to_owned(), text.to_owned())])))
}

fn columns() -> Vec<Expr> {
    let mut made = vec![x(), y(), column("b", "x")];
    made.extend(["x", "z"].map(|name| Expr::Column(Column::new_unqualified(name))));
    made.extend([lit(1_i64), lit(2_i64), lit(1_i32), lit("1")]);
    made.extend(["1", "2"].map(|text| Expr::Literal(ScalarValue::from(1_i64), metadata(text))));
    let base = Alias { expr: boxed(x()), relation: None, name: "n".to_owned(), metadata: None };
    made.extend(
        [
            Alias { expr: boxed(y()), ..base.clone() },
            Alias { relation: Some("a".into()), ..base.clone() },
            Alias { relation: Some("b".into()), ..base.clone() },
            Alias { name: "m".to_owned(), ..base.clone() },
            Alias { metadata: metadata("1"), ..base.clone() },
            base,
        ]
        .map(Expr::Alias),
    );
    for kind in [DataType::Int64, DataType::Utf8] {
        let field = Arc::new(Field::new("x", kind, true));
        made.push(Expr::OuterReferenceColumn(Arc::clone(&field), Column::new(Some("a"), "x")));
        made.push(Expr::OuterReferenceColumn(Arc::clone(&field), Column::new(Some("a"), "y")));
        made.push(Expr::OuterReferenceColumn(Arc::clone(&field), Column::new(Some("b"), "x")));
        made.push(Expr::Placeholder(Placeholder::new_with_field(
            "$1".to_owned(),
            Some(Arc::clone(&field)),
        )));
        made.push(Expr::LambdaVariable(LambdaVariable::new("v".to_owned(), Some(field))));
    }
    made.push(Expr::Placeholder(Placeholder::new_with_field("$1".to_owned(), None)));
    made.push(Expr::Placeholder(Placeholder::new_with_field("$2".to_owned(), None)));
    made.push(Expr::LambdaVariable(LambdaVariable::new("v".to_owned(), None)));
    made.push(Expr::LambdaVariable(LambdaVariable::new("w".to_owned(), None)));
    made
}

const OPERATORS: [Operator; 43] = [
    Operator::Eq,
    Operator::NotEq,
    Operator::Lt,
    Operator::LtEq,
    Operator::Gt,
    Operator::GtEq,
    Operator::Plus,
    Operator::Minus,
    Operator::Multiply,
    Operator::Divide,
    Operator::Modulo,
    Operator::And,
    Operator::Or,
    Operator::IsDistinctFrom,
    Operator::IsNotDistinctFrom,
    Operator::RegexMatch,
    Operator::RegexIMatch,
    Operator::RegexNotMatch,
    Operator::RegexNotIMatch,
    Operator::LikeMatch,
    Operator::ILikeMatch,
    Operator::NotLikeMatch,
    Operator::NotILikeMatch,
    Operator::BitwiseAnd,
    Operator::BitwiseOr,
    Operator::BitwiseXor,
    Operator::BitwiseShiftRight,
    Operator::BitwiseShiftLeft,
    Operator::StringConcat,
    Operator::AtArrow,
    Operator::ArrowAt,
    Operator::Arrow,
    Operator::LongArrow,
    Operator::HashArrow,
    Operator::HashLongArrow,
    Operator::AtAt,
    Operator::IntegerDivide,
    Operator::HashMinus,
    Operator::AtQuestion,
    Operator::Question,
    Operator::QuestionAnd,
    Operator::QuestionPipe,
    Operator::Colon,
];

fn operations() -> Vec<Expr> {
    let unary: [fn(Box<Expr>) -> Expr; 10] = [
        Expr::Not,
        Expr::IsNotNull,
        Expr::IsNull,
        Expr::IsTrue,
        Expr::IsFalse,
        Expr::IsUnknown,
        Expr::IsNotTrue,
        Expr::IsNotFalse,
        Expr::IsNotUnknown,
        Expr::Negative,
    ];
    let mut made: Vec<Expr> =
        unary.iter().flat_map(|unary| [unary(boxed(x())), unary(boxed(y()))]).collect();
    made.extend([x(), y()].map(|expr| Expr::Unnest(Unnest { expr: boxed(expr) })));
    let binary = |op| Expr::BinaryExpr(BinaryExpr::new(boxed(x()), op, boxed(y())));
    made.extend(OPERATORS.map(binary));
    made.push(Expr::BinaryExpr(BinaryExpr::new(boxed(y()), Operator::Eq, boxed(x()))));
    let base = Like::new(false, boxed(x()), boxed(y()), None, false);
    let likes = [
        Like { negated: true, ..base.clone() },
        Like { expr: boxed(y()), ..base.clone() },
        Like { pattern: boxed(x()), ..base.clone() },
        Like { escape_char: Some('a'), ..base.clone() },
        Like { escape_char: Some('b'), ..base.clone() },
        Like { case_insensitive: true, ..base.clone() },
        base,
    ];
    made.extend(likes.iter().cloned().map(Expr::Like));
    made.extend(likes.into_iter().map(Expr::SimilarTo));
    let base = Between::new(boxed(x()), false, boxed(y()), boxed(x()));
    made.extend(
        [
            Between { expr: boxed(y()), ..base.clone() },
            Between { negated: true, ..base.clone() },
            Between { low: boxed(x()), ..base.clone() },
            Between { high: boxed(y()), ..base.clone() },
            base,
        ]
        .map(Expr::Between),
    );
    made
}

fn choices() -> Vec<Expr> {
    let pair = |when: Expr, then: Expr| (boxed(when), boxed(then));
    let base = Case::new(None, vec![pair(x(), y())], None);
    let mut made = [
        Case { expr: Some(boxed(x())), ..base.clone() },
        Case { expr: Some(boxed(y())), ..base.clone() },
        Case { when_then_expr: vec![pair(y(), x())], ..base.clone() },
        Case { when_then_expr: vec![pair(x(), y()), pair(x(), y())], ..base.clone() },
        Case { else_expr: Some(boxed(x())), ..base.clone() },
        Case { else_expr: Some(boxed(y())), ..base.clone() },
        base,
    ]
    .map(Expr::Case)
    .to_vec();
    for expr in [x(), y()] {
        for field in [Field::new("", DataType::Int8, true), Field::new("", DataType::Int8, false)] {
            let (expr, field) = (boxed(expr.clone()), Arc::new(field));
            made.push(Expr::Cast(Cast { expr: expr.clone(), field: Arc::clone(&field) }));
            made.push(Expr::TryCast(TryCast { expr, field }));
        }
    }
    let base = InList::new(boxed(x()), vec![lit(1), lit(2)], false);
    made.extend(
        [
            InList { expr: boxed(y()), ..base.clone() },
            InList { list: vec![lit(2), lit(1)], ..base.clone() },
            InList { list: vec![lit(1)], ..base.clone() },
            InList { negated: true, ..base.clone() },
            base,
        ]
        .map(Expr::InList),
    );
    let sets = [
        GroupingSet::Rollup(vec![x(), y()]),
        GroupingSet::Rollup(vec![y(), x()]),
        GroupingSet::Cube(vec![x(), y()]),
        GroupingSet::GroupingSets(vec![vec![x(), y()]]),
        GroupingSet::GroupingSets(vec![vec![x()], vec![y()]]),
        GroupingSet::GroupingSets(vec![vec![], vec![x(), y()]]),
    ];
    made.extend(sets.map(Expr::GroupingSet));
    made
}

async fn queries() -> Vec<Expr> {
    let (one, two) = (sql("SELECT x FROM a").await, sql("SELECT x FROM b").await);
    let query = |plan: &LogicalPlan, outer_ref_columns| Subquery {
        subquery: Arc::new(plan.clone()),
        outer_ref_columns,
        spans: Spans::new(),
    };
    let queries = [query(&one, vec![]), query(&two, vec![]), query(&one, vec![x()])];
    let mut made = Vec::new();
    for subquery in queries {
        made.push(Expr::ScalarSubquery(subquery.clone()));
        for negated in [false, true] {
            made.push(Expr::Exists(Exists::new(subquery.clone(), negated)));
            made.push(Expr::InSubquery(InSubquery::new(boxed(x()), subquery.clone(), negated)));
        }
        made.push(Expr::InSubquery(InSubquery::new(boxed(y()), subquery.clone(), false)));
        let base = SetComparison::new(boxed(x()), subquery, Operator::Lt, SetQuantifier::Any);
        made.extend(
            [
                SetComparison { expr: boxed(y()), ..base.clone() },
                SetComparison { op: Operator::Gt, ..base.clone() },
                SetComparison { quantifier: SetQuantifier::All, ..base.clone() },
                base,
            ]
            .map(Expr::SetComparison),
        );
    }
    made
}

async fn calls() -> Vec<Expr> {
    let session = super::session().await;
    let state = session.state();
    let mut made = Vec::new();
    for name in ["abs", "signum"] {
        let func = &state.scalar_functions()[name];
        for args in [vec![x()], vec![y()], vec![x(), y()]] {
            made.push(Expr::ScalarFunction(ScalarFunction::new_udf(Arc::clone(func), args)));
        }
    }
    for func in
        ["array_any_match", "array_transform"].map(|name| &state.higher_order_functions()[name])
    {
        for params in [vec!["v".to_owned()], vec!["w".to_owned()]] {
            let args = vec![x(), Expr::Lambda(Lambda::new(params, y()))];
            made.push(Expr::HigherOrderFunction(HigherOrderFunction::new(Arc::clone(func), args)));
        }
    }
    made.push(Expr::Lambda(Lambda::new(vec!["v".to_owned()], x())));
    made.push(Expr::Lambda(Lambda::new(vec!["v".to_owned(), "w".to_owned()], x())));
    for name in ["sum", "count"] {
        let func = Arc::clone(&state.aggregate_functions()[name]);
        made.extend(aggregates().into_iter().map(|params| {
            Expr::AggregateFunction(AggregateFunction { func: Arc::clone(&func), params })
        }));
        let fun = WindowFunctionDefinition::AggregateUDF(func);
        made.extend(windows().into_iter().map(|params| over(&fun, params)));
    }
    for name in ["rank", "lag"] {
        let fun = WindowFunctionDefinition::WindowUDF(Arc::clone(&state.window_functions()[name]));
        made.extend(windows().into_iter().map(|params| over(&fun, params)));
    }
    made
}

fn over(fun: &WindowFunctionDefinition, params: WindowFunctionParams) -> Expr {
    Expr::WindowFunction(Box::new(WindowFunction { fun: fun.clone(), params }))
}

fn sorts() -> Vec<Vec<SortExpr>> {
    let key = |asc, nulls_first| SortExpr::new(x(), asc, nulls_first);
    vec![
        vec![key(true, false)],
        vec![key(false, false)],
        vec![key(true, true)],
        vec![key(true, false), SortExpr::new(y(), true, false)],
        vec![SortExpr::new(y(), true, false)],
    ]
}

fn aggregates() -> Vec<AggregateFunctionParams> {
    let base = AggregateFunctionParams {
        args: vec![x()],
        distinct: false,
        filter: None,
        order_by: vec![],
        null_treatment: None,
    };
    let mut made = vec![
        AggregateFunctionParams { args: vec![y()], ..base.clone() },
        AggregateFunctionParams { distinct: true, ..base.clone() },
        AggregateFunctionParams { filter: Some(boxed(x())), ..base.clone() },
        AggregateFunctionParams { filter: Some(boxed(y())), ..base.clone() },
    ];
    for treatment in [NullTreatment::IgnoreNulls, NullTreatment::RespectNulls] {
        made.push(AggregateFunctionParams { null_treatment: Some(treatment), ..base.clone() });
    }
    made.extend(
        sorts().into_iter().map(|order_by| AggregateFunctionParams { order_by, ..base.clone() }),
    );
    made.push(base);
    made
}

fn windows() -> Vec<WindowFunctionParams> {
    let bounds = |rows: u64| {
        let rows = ScalarValue::UInt64(Some(rows));
        [WindowFrameBound::Preceding(rows.clone()), WindowFrameBound::Following(rows)]
    };
    let frame =
        |units, [start, end]: [WindowFrameBound; 2]| WindowFrame::new_bounds(units, start, end);
    let base = WindowFunctionParams {
        args: vec![x()],
        partition_by: vec![],
        order_by: vec![],
        window_frame: frame(WindowFrameUnits::Rows, bounds(1)),
        filter: None,
        null_treatment: None,
        distinct: false,
    };
    let [preceding, following] = bounds(1);
    let frames = [
        frame(WindowFrameUnits::Range, bounds(1)),
        frame(WindowFrameUnits::Groups, bounds(1)),
        frame(WindowFrameUnits::Rows, bounds(2)),
        frame(WindowFrameUnits::Rows, [WindowFrameBound::CurrentRow, following.clone()]),
        frame(WindowFrameUnits::Rows, [preceding.clone(), WindowFrameBound::CurrentRow]),
        frame(WindowFrameUnits::Rows, [preceding.clone(), preceding]),
        frame(WindowFrameUnits::Rows, [following.clone(), following]),
    ];
    let mut made = vec![
        WindowFunctionParams { args: vec![y()], ..base.clone() },
        WindowFunctionParams { args: vec![x(), y()], ..base.clone() },
        WindowFunctionParams { partition_by: vec![x()], ..base.clone() },
        WindowFunctionParams { partition_by: vec![y()], ..base.clone() },
        WindowFunctionParams { filter: Some(boxed(x())), ..base.clone() },
        WindowFunctionParams { filter: Some(boxed(y())), ..base.clone() },
        WindowFunctionParams { distinct: true, ..base.clone() },
    ];
    for treatment in [NullTreatment::IgnoreNulls, NullTreatment::RespectNulls] {
        made.push(WindowFunctionParams { null_treatment: Some(treatment), ..base.clone() });
    }
    made.extend(
        sorts().into_iter().map(|order_by| WindowFunctionParams { order_by, ..base.clone() }),
    );
    made.extend(frames.map(|window_frame| WindowFunctionParams { window_frame, ..base.clone() }));
    made.push(base);
    made
}

async fn all() -> Vec<Expr> {
    [columns(), operations(), choices(), queries().await, calls().await].concat()
}

#[tokio::test]
async fn every_field_of_every_kind_counts() {
    let input = sql("SELECT * FROM a, b").await;
    let made = all().await;
    let mut seen: HashSet<&str> = REFUSED.into();
    for expr in &made {
        expr.apply(|part| {
            seen.insert(kind(part));
            Ok(TreeNodeRecursion::Continue)
        })
        .unwrap();
    }
    let missing: Vec<_> = KINDS.iter().filter(|kind| !seen.contains(*kind)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    let nested = made.iter().map(|expr| Expr::Not(boxed(Expr::Not(boxed(expr.clone())))));
    check_distinct(
        made.iter()
            .cloned()
            .chain(nested)
            .map(|expr| (format!("{expr:?}"), digest(&holding(&input, expr)))),
    );
}

#[tokio::test]
async fn which_table_a_column_is_of() {
    let of = |alias: &'static str, other: &'static str| async move {
        digest(
            &sql(&format!("SELECT {alias}.x AS n FROM a AS {alias} JOIN b AS {other} ON true"))
                .await,
        )
    };
    let left = of("s", "t").await;
    assert_eq!(left, of("one", "two").await);
    assert_eq!(left, digest(&sql("SELECT t.x AS n FROM a AS t JOIN b AS s ON true").await));
    assert_ne!(left, digest(&sql("SELECT t.x AS n FROM a AS s JOIN b AS t ON true").await));
    assert_ne!(left, digest(&sql("SELECT s.x AS n FROM b AS s JOIN a AS t ON true").await));
    let outer = |table: &str| {
        format!("SELECT a.x FROM a, b WHERE EXISTS (SELECT 1 FROM c WHERE c.y = {table}.y)")
    };
    assert_ne!(digest(&sql(&outer("a")).await), digest(&sql(&outer("b")).await));
}

#[tokio::test]
async fn what_has_no_identity_says_why() {
    let input = sql("SELECT * FROM a").await;
    let field = Arc::new(Field::new("v", DataType::Int64, true));
    let reason = |expr| told(&holding(&input, Expr::Not(boxed(expr)))).unwrap_err();
    let variable = Expr::ScalarVariable(field, vec!["@v".to_owned()]);
    assert_eq!(reason(variable), "`@v` is a variable of the session");
    for (query, expected) in [
        ("SELECT random() FROM a", "`random()` differs each time"),
        ("SELECT now() FROM a", "`now()` differs each time"),
        ("SELECT x FROM a WHERE x > (SELECT max(random()) FROM b)", "`random()` differs each time"),
        ("SELECT sum(x) OVER (ORDER BY random()) FROM a", "`random()` differs each time"),
    ] {
        assert_eq!(told(&sql(query).await).unwrap_err(), expected, "{query}");
    }
}

#[tokio::test]
async fn conditions_of_thousands_of_terms() {
    let input = sql("SELECT * FROM a, b").await;
    let long = |last: i64| {
        let terms = (0..3000).chain([last]).map(|at| x().eq(lit(at)));
        digest(&holding(&input, terms.reduce(Expr::or).unwrap()))
    };
    assert_eq!(long(-1), long(-1));
    assert_ne!(long(-1), long(-2));
}
