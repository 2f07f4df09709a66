//! Nodes, each with one thing changed at a time.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{
    Column, DFSchema, DFSchemaRef, JoinConstraint, JoinType, NullEquality, RecursionUnnestOption,
    Spans, TableReference, UnnestOptions,
};
use datafusion::logical_expr::{
    Aggregate, ColumnUnnestList, DescribeTable, Distinct, DistinctOn, EmptyRelation, Expr,
    Extension, Filter, Join, Limit, LogicalPlan, Partitioning, Projection, RecursiveQuery,
    Repartition, Sort, SortExpr, Subquery, SubqueryAlias, TableScan, Union, Unnest, Values, Window,
    lit,
};
use udf_runtime::Shape;

use super::super::{column, rows, session, sql};
use crate::UdfOptions;
use crate::logical::{FirstRows, FunctionId, GroupRows, Keep, Udf, UdfCall};

pub(super) type Made = Vec<(&'static str, LogicalPlan)>;

pub(super) struct Inputs {
    /// The tables `a` and `b` side by side.
    pub(super) both: Arc<LogicalPlan>,
    other: Arc<LogicalPlan>,
}

impl Inputs {
    pub(super) async fn new() -> Self {
        let both = Arc::new(sql("SELECT * FROM a, b").await);
        Self { both, other: Arc::new(sql("SELECT * FROM a, c").await) }
    }
}

fn x() -> Expr {
    column("a", "x")
}

fn y() -> Expr {
    column("a", "y")
}

fn schema_of(table: Option<&str>, field: Field, metadata: &str) -> DFSchemaRef {
    let fields = vec![(table.map(TableReference::from), Arc::new(field))];
    let metadata = [("key".to_owned(), metadata.to_owned())].into();
    Arc::new(DFSchema::new_with_metadata(fields, metadata).unwrap())
}

/// Schemas of one column that differ in one thing each, the first one from all others.
fn schemas() -> Vec<DFSchemaRef> {
    let field = || Field::new("made", DataType::Int64, true);
    let model = [("lakebed.type".to_owned(), "json".to_owned())];
    vec![
        schema_of(None, field(), "1"),
        schema_of(Some("a"), field(), "1"),
        schema_of(Some("b"), field(), "1"),
        schema_of(None, field().with_name("other"), "1"),
        schema_of(None, field().with_data_type(DataType::Int32), "1"),
        schema_of(None, field().with_nullable(false), "1"),
        schema_of(None, field().with_metadata(model.into()), "1"),
        schema_of(None, field(), "2"),
    ]
}

pub(super) fn schema() -> DFSchemaRef {
    Arc::clone(&schemas()[0])
}

fn keys(expr: &Expr) -> [SortExpr; 3] {
    [(true, false), (false, false), (true, true)]
        .map(|(asc, nulls_first)| SortExpr::new(expr.clone(), asc, nulls_first))
}

fn projections(inputs: &Inputs) -> Made {
    let project = |expr: Expr, input: &Arc<LogicalPlan>, schema| {
        let made = Projection::try_new_with_schema(vec![expr], Arc::clone(input), schema);
        ("projection", LogicalPlan::Projection(made.unwrap()))
    };
    let mut made: Made =
        schemas().into_iter().map(|schema| project(x(), &inputs.both, schema)).collect();
    made.extend([project(y(), &inputs.both, schema()), project(x(), &inputs.other, schema())]);
    let filter = |expr: Expr, input: &Arc<LogicalPlan>| {
        let made = Filter::try_new(expr, Arc::clone(input)).unwrap();
        ("filter", LogicalPlan::Filter(made))
    };
    made.extend([
        filter(x().gt(lit(1)), &inputs.both),
        filter(x().gt(lit(2)), &inputs.both),
        filter(x().gt(lit(1)), &inputs.other),
    ]);
    made
}

fn grouped(inputs: &Inputs) -> Made {
    let mut made = Vec::new();
    let aggregate = |groups: Vec<Expr>, values: Vec<Expr>, schema| {
        let input = Arc::clone(&inputs.both);
        let made = Aggregate::try_new_with_schema(input, groups, values, schema).unwrap();
        ("aggregate", LogicalPlan::Aggregate(made))
    };
    for schema in schemas() {
        made.push(aggregate(vec![x()], vec![], Arc::clone(&schema)));
        let (input, window_expr) = (Arc::clone(&inputs.both), vec![x()]);
        made.push(("window", LogicalPlan::Window(Window { input, window_expr, schema })));
    }
    made.push(aggregate(vec![y()], vec![], schema()));
    made.push(aggregate(vec![], vec![x()], schema()));
    made.push(aggregate(vec![], vec![y()], schema()));
    let input = Arc::clone(&inputs.both);
    let window = Window { input, window_expr: vec![y()], schema: schema() };
    made.push(("window", LogicalPlan::Window(window)));
    for input in [&inputs.both, &inputs.other] {
        let all = Distinct::All(Arc::clone(input));
        made.push(("distinct", LogicalPlan::Distinct(all)));
    }
    let base = DistinctOn {
        on_expr: vec![x()],
        select_expr: vec![x()],
        sort_expr: None,
        input: Arc::clone(&inputs.both),
        schema: schema(),
    };
    let mut distinct = vec![
        DistinctOn { on_expr: vec![y()], ..base.clone() },
        DistinctOn { select_expr: vec![y()], ..base.clone() },
        DistinctOn { sort_expr: Some(vec![]), ..base.clone() },
    ];
    for key in keys(&x()) {
        distinct.push(DistinctOn { sort_expr: Some(vec![key]), ..base.clone() });
    }
    distinct.extend(schemas().into_iter().map(|schema| DistinctOn { schema, ..base.clone() }));
    made.extend(
        distinct.into_iter().map(|on| ("distinct on", LogicalPlan::Distinct(Distinct::On(on)))),
    );
    made
}

fn sorted(inputs: &Inputs) -> Made {
    let input = || Arc::clone(&inputs.both);
    let mut sorts = Vec::new();
    for key in keys(&x()) {
        sorts.push(Sort { expr: vec![key], input: input(), fetch: None });
    }
    let [key, ..] = keys(&x());
    let [other, ..] = keys(&y());
    sorts.extend([
        Sort { expr: vec![key.clone(), other.clone()], input: input(), fetch: None },
        Sort { expr: vec![other, key.clone()], input: input(), fetch: None },
        Sort { expr: vec![key.clone()], input: input(), fetch: Some(1) },
        Sort { expr: vec![key], input: input(), fetch: Some(2) },
    ]);
    let mut made: Made = sorts.into_iter().map(|sort| ("sort", LogicalPlan::Sort(sort))).collect();
    let rows = |rows: i64| Some(Box::new(lit(rows)));
    for (skip, fetch) in
        [(None, None), (rows(1), None), (None, rows(1)), (rows(1), rows(2)), (rows(2), rows(1))]
    {
        made.push(("limit", LogicalPlan::Limit(Limit { skip, fetch, input: input() })));
    }
    for partitioning_scheme in [
        Partitioning::RoundRobinBatch(1),
        Partitioning::RoundRobinBatch(2),
        Partitioning::Hash(vec![x()], 1),
        Partitioning::Hash(vec![x()], 2),
        Partitioning::Hash(vec![y()], 1),
        Partitioning::DistributeBy(vec![x()]),
        Partitioning::DistributeBy(vec![y()]),
    ] {
        let repartition = Repartition { input: input(), partitioning_scheme };
        made.push(("repartition", LogicalPlan::Repartition(repartition)));
    }
    made
}

async fn joins() -> Made {
    let (a, b) = (Arc::new(sql("SELECT * FROM a").await), Arc::new(sql("SELECT * FROM b").await));
    let base = Join {
        left: Arc::clone(&a),
        right: Arc::clone(&b),
        on: vec![(x(), column("b", "x"))],
        filter: None,
        join_type: JoinType::Inner,
        join_constraint: JoinConstraint::On,
        schema: schema(),
        null_equality: NullEquality::NullEqualsNothing,
        null_aware: false,
    };
    let mut joins = vec![
        Join { left: Arc::clone(&b), right: a, ..base.clone() },
        Join { left: b, ..base.clone() },
        Join { on: vec![(y(), column("b", "x"))], ..base.clone() },
        Join { on: vec![(x(), column("b", "y"))], ..base.clone() },
        Join { on: vec![], ..base.clone() },
        Join { filter: Some(x().gt(y())), ..base.clone() },
        Join { filter: Some(y().gt(x())), ..base.clone() },
        Join { join_constraint: JoinConstraint::Using, ..base.clone() },
        Join { null_equality: NullEquality::NullEqualsNull, ..base.clone() },
        Join { null_aware: true, ..base.clone() },
    ];
    for join_type in [
        JoinType::Left,
        JoinType::Right,
        JoinType::Full,
        JoinType::LeftSemi,
        JoinType::RightSemi,
        JoinType::LeftAnti,
        JoinType::RightAnti,
        JoinType::LeftMark,
        JoinType::RightMark,
    ] {
        joins.push(Join { join_type, ..base.clone() });
    }
    joins.extend(schemas().into_iter().map(|schema| Join { schema, ..base.clone() }));
    joins.into_iter().map(|join| ("join", LogicalPlan::Join(join))).collect()
}

fn several(inputs: &Inputs) -> Made {
    let (one, two) = (|| Arc::clone(&inputs.both), || Arc::clone(&inputs.other));
    let mut unions: Vec<Union> =
        schemas().into_iter().map(|schema| Union { inputs: vec![one(), two()], schema }).collect();
    for inputs in [vec![two(), one()], vec![one()], vec![one(), one(), two()]] {
        unions.push(Union { inputs, schema: schema() });
    }
    let mut made: Made =
        unions.into_iter().map(|union| ("union", LogicalPlan::Union(union))).collect();
    let base = RecursiveQuery {
        name: "r".to_owned(),
        static_term: one(),
        recursive_term: two(),
        is_distinct: false,
        schema: schema(),
    };
    let mut queries = vec![
        RecursiveQuery { name: "s".to_owned(), ..base.clone() },
        RecursiveQuery { static_term: two(), ..base.clone() },
        RecursiveQuery { recursive_term: one(), ..base.clone() },
        RecursiveQuery { is_distinct: true, ..base.clone() },
    ];
    queries.extend(schemas().into_iter().map(|schema| RecursiveQuery { schema, ..base.clone() }));
    made.extend(
        queries.into_iter().map(|query| ("recursive query", LogicalPlan::RecursiveQuery(query))),
    );
    made
}

/// The scan at the end of a plan.
pub(super) fn scan_of(plan: &LogicalPlan) -> TableScan {
    let mut found = None;
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            found = Some(scan.clone());
        }
        Ok(TreeNodeRecursion::Continue)
    })
    .unwrap();
    found.unwrap()
}

async fn sources() -> Made {
    let base = scan_of(&sql("SELECT x FROM a").await);
    let other = scan_of(&sql("SELECT x FROM b").await).source;
    // The same rows with other names and types.
    let renamed = {
        let session = session().await;
        let rows = rows(1);
        let mut fields: Vec<FieldRef> = rows.schema().fields().to_vec();
        fields[0] = Arc::new(fields[0].as_ref().clone().with_name("z"));
        let schema = Arc::new(Schema::new(fields));
        let columns = rows.columns().to_vec();
        let options = RecordBatchOptions::new();
        let rows =
            RecordBatch::try_new_with_options(Arc::clone(&schema), columns, &options).unwrap();
        scan_of(session.read_batches(&schema, &[rows]).unwrap().plan()).source
    };
    let mut scans = vec![
        TableScan { source: other, ..base.clone() },
        TableScan { source: renamed, ..base.clone() },
        TableScan { projection: Some(vec![]), ..base.clone() },
        TableScan { projection: Some(vec![0, 1]), ..base.clone() },
        TableScan { projection: Some(vec![1, 0]), ..base.clone() },
        TableScan { filters: vec![lit(true)], ..base.clone() },
        TableScan { filters: vec![lit(false)], ..base.clone() },
        TableScan { fetch: Some(1), ..base.clone() },
        TableScan { fetch: Some(2), ..base.clone() },
    ];
    // Names of tables do not count: `b` is as new as `a`.
    let schemas = schemas().into_iter().enumerate().filter(|(at, _)| *at != 2);
    scans.extend(
        schemas.map(|(_, projected_schema)| TableScan { projected_schema, ..base.clone() }),
    );
    scans.push(base);
    let mut made: Made =
        scans.into_iter().map(|scan| ("scan", LogicalPlan::TableScan(scan))).collect();
    for schema in schemas_without_tables() {
        for produce_one_row in [false, true] {
            let schema = Arc::clone(&schema);
            let empty = EmptyRelation { produce_one_row, schema };
            made.push(("empty", LogicalPlan::EmptyRelation(empty)));
        }
        let values = vec![vec![lit(1)], vec![lit(2)]];
        made.push(("values", LogicalPlan::Values(Values { schema: Arc::clone(&schema), values })));
        let (inner, output_schema) = (Arc::clone(schema.inner()), self::schema());
        made.push((
            "describe",
            LogicalPlan::DescribeTable(DescribeTable { schema: inner, output_schema }),
        ));
    }
    let output_schema = Arc::clone(&self::schemas()[3]);
    let describe = DescribeTable { schema: Arc::clone(schema().inner()), output_schema };
    made.push(("describe", LogicalPlan::DescribeTable(describe)));
    for values in [vec![vec![lit(1), lit(2)]], vec![vec![lit(2)], vec![lit(1)]], vec![]] {
        made.push(("values", LogicalPlan::Values(Values { schema: schema(), values })));
    }
    made
}

fn schemas_without_tables() -> Vec<DFSchemaRef> {
    let mut schemas = schemas();
    schemas.drain(1..3);
    schemas
}

fn wrapped(inputs: &Inputs) -> Made {
    let mut made = Vec::new();
    for (subquery, outer_ref_columns) in [
        (&inputs.both, vec![]),
        (&inputs.other, vec![]),
        (&inputs.both, vec![x()]),
        (&inputs.both, vec![y()]),
    ] {
        let (subquery, spans) = (Arc::clone(subquery), Spans::new());
        let subquery = Subquery { subquery, outer_ref_columns, spans };
        made.push(("subquery", LogicalPlan::Subquery(subquery)));
    }
    for (input, alias) in [(&inputs.both, "t"), (&inputs.other, "t"), (&inputs.both, "a")] {
        let alias = SubqueryAlias::try_new(only(input), alias).unwrap();
        made.push(("table alias", LogicalPlan::SubqueryAlias(alias)));
    }
    made
}

/// One column of it, so that it can be given a new table.
fn only(input: &Arc<LogicalPlan>) -> Arc<LogicalPlan> {
    let made = Projection::try_new(vec![column_of(input)], Arc::clone(input)).unwrap();
    Arc::new(LogicalPlan::Projection(made))
}

fn column_of(input: &LogicalPlan) -> Expr {
    Expr::Column(Column::from(input.schema().qualified_field(0)))
}

fn unnested(inputs: &Inputs) -> Made {
    let list = |name: &str, depth| {
        (4, ColumnUnnestList { output_column: Column::new_unqualified(name), depth })
    };
    let base = Unnest {
        input: Arc::clone(&inputs.both),
        exec_columns: vec![Column::new(Some("a"), "list")],
        list_type_columns: vec![list("list", 1)],
        struct_type_columns: vec![],
        dependency_indices: vec![0],
        schema: schema(),
        options: UnnestOptions::default(),
    };
    let recursion = |input: &str, output: &str, depth| RecursionUnnestOption {
        input_column: Column::new_unqualified(input),
        output_column: Column::new_unqualified(output),
        depth,
    };
    let options = [
        UnnestOptions::default().with_preserve_nulls(false),
        UnnestOptions::default().with_recursions(recursion("a", "b", 1)),
        UnnestOptions::default().with_recursions(recursion("b", "b", 1)),
        UnnestOptions::default().with_recursions(recursion("a", "a", 1)),
        UnnestOptions::default().with_recursions(recursion("a", "b", 2)),
    ];
    let mut made = vec![
        Unnest { input: Arc::clone(&inputs.other), ..base.clone() },
        Unnest { exec_columns: vec![], ..base.clone() },
        Unnest { exec_columns: vec![Column::new(Some("b"), "list")], ..base.clone() },
        Unnest { list_type_columns: vec![list("list", 2)], ..base.clone() },
        Unnest { list_type_columns: vec![list("other", 1)], ..base.clone() },
        Unnest { list_type_columns: vec![(5, list("list", 1).1)], ..base.clone() },
        Unnest { struct_type_columns: vec![1], ..base.clone() },
        Unnest { dependency_indices: vec![1], ..base.clone() },
    ];
    made.extend(options.map(|options| Unnest { options, ..base.clone() }));
    made.extend(schemas().into_iter().map(|schema| Unnest { schema, ..base.clone() }));
    made.into_iter().map(|unnest| ("unnest", LogicalPlan::Unnest(unnest))).collect()
}

pub(super) fn call() -> UdfCall {
    UdfCall {
        name: "f".to_owned(),
        function: FunctionId(10),
        shape: Shape::OnePerRow,
        arguments: vec![x()],
        results: vec![Arc::new(Field::new("made", DataType::Int64, true))],
        keep: Keep::All,
        options: UdfOptions::default(),
    }
}

pub(super) fn node(call: UdfCall, input: &LogicalPlan) -> LogicalPlan {
    let node = Udf::try_new(input.clone(), call).unwrap();
    LogicalPlan::Extension(Extension { node: Arc::new(node) })
}

fn ours(inputs: &Inputs) -> Made {
    let base = call();
    let columns = |name: &str| vec![Column::new(Some("a"), name)];
    let result = |field: Field| vec![Arc::new(field)];
    let calls = [
        UdfCall { function: FunctionId(11), ..base.clone() },
        UdfCall { function: FunctionId(20), ..base.clone() },
        UdfCall { shape: Shape::Any, ..base.clone() },
        UdfCall { arguments: vec![y()], ..base.clone() },
        UdfCall { arguments: vec![x(), y()], ..base.clone() },
        UdfCall { results: result(Field::new("other", DataType::Int64, true)), ..base.clone() },
        UdfCall { results: result(Field::new("made", DataType::Int32, true)), ..base.clone() },
        UdfCall { results: result(Field::new("made", DataType::Int64, false)), ..base.clone() },
        UdfCall { keep: Keep::Columns(vec![]), ..base.clone() },
        UdfCall { keep: Keep::Columns(columns("x")), ..base.clone() },
        UdfCall { keep: Keep::Columns(columns("y")), ..base.clone() },
        UdfCall { keep: Keep::Groups(columns("x")), ..base.clone() },
        base.clone(),
    ];
    let mut made: Made =
        calls.into_iter().map(|call| ("function", node(call, &inputs.both))).collect();
    made.push(("function", node(base, &inputs.other)));
    for (keys, firsts, lists) in [
        (vec![], vec![], vec![x()]),
        (vec![], vec![], vec![y()]),
        (vec![], vec![x()], vec![]),
        (vec![x()], vec![], vec![]),
        (vec![x()], vec![], vec![x()]),
        (vec![x(), y()], vec![], vec![]),
    ] {
        let groups = GroupRows::try_new(inputs.both.as_ref().clone(), keys, firsts, lists).unwrap();
        made.push(("groups", LogicalPlan::Extension(Extension { node: Arc::new(groups) })));
    }
    for keys in [vec![], vec![x()], vec![y()], vec![x(), y()]] {
        let first = FirstRows { input: inputs.both.as_ref().clone(), keys };
        made.push(("first rows", LogicalPlan::Extension(Extension { node: Arc::new(first) })));
    }
    made
}

pub(super) async fn all() -> Made {
    let inputs = Inputs::new().await;
    let mut made =
        [projections(&inputs), grouped(&inputs), sorted(&inputs), joins().await].concat();
    made.extend([several(&inputs), sources().await, wrapped(&inputs)].concat());
    made.extend([unnested(&inputs), ours(&inputs)].concat());
    made
}
