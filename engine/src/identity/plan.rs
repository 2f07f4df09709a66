//! Nodes of plans: each of their kinds, and every field of it.

use datafusion::common::{
    DFSchema, JoinConstraint, JoinType, NullEquality, RecursionUnnestOption, UnnestOptions,
};
use datafusion::logical_expr::{
    Aggregate, ColumnUnnestList, DescribeTable, Distinct, DistinctOn, EmptyRelation, Expr,
    Extension, Filter, Join, Limit, LogicalPlan, Partitioning, Projection, RecursiveQuery,
    Repartition, Sort, Subquery, SubqueryAlias, TableScan, Union, Unnest, Values, Window,
};
use udf_runtime::{Identity, Shape};

use super::encoder::Encoder;
use super::scope::Scope;
use super::{Digest, Facts, Reason};
use crate::logical::{FirstRows, GroupRows, Keep, Udf, UdfCall};

/// The digest of a node from those of its inputs.
pub(super) fn digest(
    plan: &LogicalPlan,
    inputs: Vec<Digest>,
    facts: &dyn Facts,
) -> Result<Digest, Reason> {
    let (out, scope) = (Encoder::new("node"), Scope::default());
    let mut node = Node { out, scope, facts };
    node.out.count(inputs.len());
    for input in inputs {
        node.input(input);
    }
    node.plan(plan)?;
    let Node { out, scope, .. } = node;
    Ok(Digest { hash: out.finish(), scope })
}

/// A node that is encoded.
pub(super) struct Node<'a> {
    pub(super) out: Encoder,
    pub(super) scope: Scope,
    pub(super) facts: &'a dyn Facts,
}

impl Node<'_> {
    /// Adds a plan that the node reads, and which of the tables in it are which of those that were met before.
    pub(super) fn input(&mut self, input: Digest) {
        let Digest { hash, scope } = input;
        self.out.hash(&hash);
        if self.scope.tables().is_empty() {
            self.scope = scope;
            return;
        }
        let numbers = scope.tables().iter().map(|table| self.scope.number(table));
        self.out.list(numbers, Encoder::count);
    }

    fn plan(&mut self, plan: &LogicalPlan) -> Result<(), Reason> {
        match plan {
            LogicalPlan::Projection(node) => self.projection(node)?,
            LogicalPlan::Filter(node) => self.filter(node)?,
            LogicalPlan::Window(node) => self.window(node)?,
            LogicalPlan::Aggregate(node) => self.aggregate(node)?,
            LogicalPlan::Sort(node) => self.sort(node)?,
            LogicalPlan::Join(node) => self.join(node)?,
            LogicalPlan::Repartition(node) => self.repartition(node)?,
            LogicalPlan::Union(node) => self.union(node),
            LogicalPlan::TableScan(node) => self.scan(node)?,
            LogicalPlan::EmptyRelation(node) => self.empty(node),
            LogicalPlan::Subquery(node) => self.subquery_rows(node)?,
            LogicalPlan::SubqueryAlias(node) => self.table_alias(node),
            LogicalPlan::Limit(node) => self.limit(node)?,
            LogicalPlan::Values(node) => self.values(node)?,
            LogicalPlan::Extension(node) => self.extension(node)?,
            LogicalPlan::Distinct(node) => self.distinct(node)?,
            LogicalPlan::DescribeTable(node) => self.describe(node),
            LogicalPlan::Unnest(node) => self.unnest(node),
            LogicalPlan::RecursiveQuery(node) => self.recursive_query(node),
            LogicalPlan::Statement(_) => return refused("it is a command, which has no rows"),
            LogicalPlan::Explain(_) | LogicalPlan::Analyze(_) => {
                return refused("it explains how a query runs, which differs each time");
            }
            LogicalPlan::Dml(_) => return refused("it changes a table"),
            LogicalPlan::Ddl(_) => return refused("it makes or drops a table"),
            LogicalPlan::Copy(_) => return refused("it writes files"),
        }
        Ok(())
    }

    fn projection(&mut self, node: &Projection) -> Result<(), Reason> {
        // Nodes that are matched with `..` cannot be matched without; `tests.rs` counts their fields.
        let Projection { expr, input: _, schema, .. } = node;
        self.out.tag("projection");
        self.exprs(expr)?;
        self.schema(schema);
        Ok(())
    }

    fn filter(&mut self, node: &Filter) -> Result<(), Reason> {
        let Filter { predicate, input: _, .. } = node;
        self.out.tag("filter");
        self.expr(predicate)
    }

    fn window(&mut self, node: &Window) -> Result<(), Reason> {
        let Window { input: _, window_expr, schema } = node;
        self.out.tag("window");
        self.exprs(window_expr)?;
        self.schema(schema);
        Ok(())
    }

    fn aggregate(&mut self, node: &Aggregate) -> Result<(), Reason> {
        let Aggregate { input: _, group_expr, aggr_expr, schema, .. } = node;
        self.out.tag("aggregate");
        self.exprs(group_expr)?;
        self.exprs(aggr_expr)?;
        self.schema(schema);
        Ok(())
    }

    fn sort(&mut self, node: &Sort) -> Result<(), Reason> {
        let Sort { expr, input: _, fetch } = node;
        self.out.tag("sort");
        self.out.maybe(*fetch, Encoder::count);
        self.sort_keys(expr)
    }

    fn join(&mut self, node: &Join) -> Result<(), Reason> {
        let Join {
            left: _,
            right: _,
            on,
            filter,
            join_type,
            join_constraint,
            schema,
            null_equality,
            null_aware,
        } = node;
        self.out.tag("join");
        self.out.tag(joins(*join_type));
        self.out.tag(match join_constraint {
            JoinConstraint::On => "on",
            JoinConstraint::Using => "using",
        });
        self.out.tag(match null_equality {
            NullEquality::NullEqualsNothing => "null equals nothing",
            NullEquality::NullEqualsNull => "null equals null",
        });
        self.out.flag(*null_aware);
        self.schema(schema);
        self.out.count(on.len());
        for (left, right) in on {
            self.expr(left)?;
            self.expr(right)?;
        }
        self.optional_expr(filter.as_ref())
    }

    fn optional_expr(&mut self, expr: Option<&Expr>) -> Result<(), Reason> {
        self.out.flag(expr.is_some());
        expr.map_or(Ok(()), |expr| self.expr(expr))
    }

    fn repartition(&mut self, node: &Repartition) -> Result<(), Reason> {
        let Repartition { input: _, partitioning_scheme } = node;
        self.out.tag("repartition");
        match partitioning_scheme {
            Partitioning::RoundRobinBatch(partitions) => {
                self.out.tag("round robin");
                self.out.count(*partitions);
                Ok(())
            }
            Partitioning::Hash(keys, partitions) => {
                self.out.tag("hash");
                self.out.count(*partitions);
                self.exprs(keys)
            }
            Partitioning::DistributeBy(keys) => {
                self.out.tag("distribute by");
                self.exprs(keys)
            }
        }
    }

    fn union(&mut self, node: &Union) {
        let Union { inputs: _, schema } = node;
        self.out.tag("union");
        self.schema(schema);
    }

    fn scan(&mut self, node: &TableScan) -> Result<(), Reason> {
        let TableScan { table_name, source, projection, projected_schema, filters, fetch } = node;
        self.out.tag("scan");
        self.table(Some(table_name));
        let rows = self.facts.source(node)?;
        self.out.hash(&rows);
        // What the rows are called and how they are typed is not in what they hold.
        self.out.schema(&source.schema());
        self.out
            .maybe(projection.as_ref(), |out, columns| out.list(columns, |out, at| out.count(*at)));
        self.schema(projected_schema);
        self.out.maybe(*fetch, Encoder::count);
        self.exprs(filters)
    }

    fn empty(&mut self, node: &EmptyRelation) {
        let EmptyRelation { produce_one_row, schema } = node;
        self.out.tag("empty");
        self.out.flag(*produce_one_row);
        self.schema(schema);
    }

    fn subquery_rows(&mut self, node: &Subquery) -> Result<(), Reason> {
        let Subquery { subquery: _, outer_ref_columns, spans: _ } = node;
        self.out.tag("subquery");
        self.exprs(outer_ref_columns)
    }

    fn table_alias(&mut self, node: &SubqueryAlias) {
        let SubqueryAlias { input: _, alias, schema, .. } = node;
        self.out.tag("table alias");
        self.table(Some(alias));
        self.schema(schema);
    }

    fn limit(&mut self, node: &Limit) -> Result<(), Reason> {
        let Limit { skip, fetch, input: _ } = node;
        self.out.tag("limit");
        self.optional_expr(skip.as_deref())?;
        self.optional_expr(fetch.as_deref())
    }

    fn values(&mut self, node: &Values) -> Result<(), Reason> {
        let Values { schema, values } = node;
        self.out.tag("values");
        self.schema(schema);
        self.out.count(values.len());
        values.iter().try_for_each(|row| self.exprs(row))
    }

    fn distinct(&mut self, node: &Distinct) -> Result<(), Reason> {
        let node = match node {
            Distinct::All(_) => {
                self.out.tag("distinct");
                return Ok(());
            }
            Distinct::On(node) => node,
        };
        let DistinctOn { on_expr, select_expr, sort_expr, input: _, schema } = node;
        self.out.tag("distinct on");
        self.exprs(on_expr)?;
        self.exprs(select_expr)?;
        self.schema(schema);
        self.out.flag(sort_expr.is_some());
        sort_expr.as_ref().map_or(Ok(()), |keys| self.sort_keys(keys))
    }

    fn describe(&mut self, node: &DescribeTable) {
        let DescribeTable { schema, output_schema } = node;
        self.out.tag("describe");
        self.out.schema(schema);
        self.schema(output_schema);
    }

    fn unnest(&mut self, node: &Unnest) {
        let Unnest {
            input: _,
            exec_columns,
            list_type_columns,
            struct_type_columns,
            dependency_indices,
            schema,
            options,
        } = node;
        self.out.tag("unnest");
        self.out.count(exec_columns.len());
        exec_columns.iter().for_each(|column| self.column(column));
        self.out.count(list_type_columns.len());
        for (at, ColumnUnnestList { output_column, depth }) in list_type_columns {
            self.out.count(*at);
            self.column(output_column);
            self.out.count(*depth);
        }
        self.out.list(struct_type_columns, |out, at| out.count(*at));
        self.out.list(dependency_indices, |out, at| out.count(*at));
        self.schema(schema);
        let UnnestOptions { preserve_nulls, recursions } = options;
        self.out.flag(*preserve_nulls);
        self.out.count(recursions.len());
        for RecursionUnnestOption { input_column, output_column, depth } in recursions {
            self.column(input_column);
            self.column(output_column);
            self.out.count(*depth);
        }
    }

    fn recursive_query(&mut self, node: &RecursiveQuery) {
        let RecursiveQuery { name, static_term: _, recursive_term: _, is_distinct, schema } = node;
        self.out.tag("recursive query");
        self.out.text(name);
        self.out.flag(*is_distinct);
        self.schema(schema);
    }

    fn extension(&mut self, node: &Extension) -> Result<(), Reason> {
        let Extension { node } = node;
        if let Some(udf) = node.as_any().downcast_ref::<Udf>() {
            return self.function(udf);
        }
        if let Some(FirstRows { input: _, keys }) = node.as_any().downcast_ref() {
            self.out.tag("first rows");
            return self.exprs(keys);
        }
        let Some(groups) = node.as_any().downcast_ref::<GroupRows>() else {
            return Err(format!("the step `{}` is not known", node.name()));
        };
        // The schema, which only the node itself may name, follows from the rest.
        let GroupRows { input: _, keys, firsts, lists, .. } = groups;
        self.out.tag("group rows");
        self.exprs(keys)?;
        self.exprs(firsts)?;
        self.exprs(lists)
    }

    /// Where the code stands does not count.
    fn function(&mut self, udf: &Udf) -> Result<(), Reason> {
        // The schema, which only the node itself may name, follows from the rest.
        let Udf { input: _, call, key: _, .. } = udf;
        let UdfCall { name: _, function, shape, arguments, results, keep, options: _ } = call;
        let Identity { stage, code, failing, origin: _, text: _ } =
            self.facts.function(*function)?;
        self.out.tag("function");
        [stage, code, failing].iter().for_each(|digest| self.out.text(digest));
        self.out.tag(match shape {
            Shape::OnePerRow => "one per row",
            Shape::Any => "any",
        });
        self.keep(keep);
        self.out.fields(results);
        self.exprs(arguments)
    }

    fn keep(&mut self, keep: &Keep) {
        let (tag, columns) = match keep {
            Keep::All => return self.out.tag("keep all"),
            Keep::Columns(columns) => ("keep columns", columns),
            Keep::Groups(columns) => ("keep groups", columns),
        };
        self.out.tag(tag);
        self.out.count(columns.len());
        columns.iter().for_each(|column| self.column(column));
    }

    /// What follows from keys (`functional_dependencies`) is no part of the rows.
    fn schema(&mut self, schema: &DFSchema) {
        self.out.count(schema.fields().len());
        for (table, field) in schema.iter() {
            self.table(table);
            self.out.field(field);
        }
        self.out.metadata(schema.metadata());
    }
}

fn refused(reason: &str) -> Result<(), Reason> {
    Err(reason.to_owned())
}

fn joins(kind: JoinType) -> &'static str {
    match kind {
        JoinType::Inner => "inner",
        JoinType::Left => "left",
        JoinType::Right => "right",
        JoinType::Full => "full",
        JoinType::LeftSemi => "left semi",
        JoinType::RightSemi => "right semi",
        JoinType::LeftAnti => "left anti",
        JoinType::RightAnti => "right anti",
        JoinType::LeftMark => "left mark",
        JoinType::RightMark => "right mark",
    }
}
