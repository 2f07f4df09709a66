//! What a plan is, as far as its rows go: digests that change whenever the rows could.
//!
//! Each node is encoded, field by field, after the digests of its inputs, so that a plan is gone through once, from its
//! sources up ([`Digests`]). Covered are the versions, files or values that are read, every expression with its
//! constants, every user function with its code, types with their metadata, and the order of all that. Which names the
//! session gave to tables does not count, only which column is whose ([`scope`]); nor does how functions are run.
//!
//! The matches name every node, expression, type and value of the query engine, and every field of theirs: a release
//! that adds one does not compile before it is decided what it means. Nothing of it is text for users.
//!
//! A leaf: what sources and functions are is told by whoever implements [`Facts`].

mod content;
mod encoder;
mod expr;
mod order;
mod plan;
mod scope;
mod source;
#[cfg(test)]
mod tests;
mod value;

use blake3::Hash;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result as PlanResult;
use datafusion::logical_expr::{LogicalPlan, TableScan};
use udf_runtime::Identity;

use crate::logical::{FunctionId, Keep, Udf, UdfCall, inputs_first};
use encoder::Encoder;
use scope::Scope;

pub(crate) use content::Content;
pub(crate) use order::has_fixed_order;
pub(crate) use source::{FileIdentity, SourceIdentity};

/// Why something has no identity, in words for users: what follows "because".
pub(crate) type Reason = String;

/// What the nodes of a plan refer to.
pub(crate) trait Facts {
    /// What a function is.
    fn function(&self, id: FunctionId) -> Result<Identity, Reason>;

    /// The digest of a [`SourceIdentity`].
    fn source(&self, scan: &TableScan) -> Result<Hash, Reason>;
}

/// A plan's digest, and what it takes to tell those of the nodes above it.
#[derive(Debug)]
pub(crate) struct Digest {
    hash: Hash,
    scope: Scope,
}

/// The digests of a plan's nodes, made with inputs before the nodes that read them.
pub(crate) struct Digests<'a> {
    facts: &'a dyn Facts,
    /// Of the nodes that nobody has read yet.
    unread: Vec<Result<Digest, Reason>>,
}

impl<'a> Digests<'a> {
    /// The digest of a whole plan.
    pub(crate) fn of(plan: &LogicalPlan, facts: &'a dyn Facts) -> Result<Digest, Reason> {
        let mut digests = Self { facts, unread: Vec::new() };
        inputs_first(plan).into_iter().for_each(|node| digests.add(node));
        digests.unread.pop().unwrap_or_else(|| Err("it has no nodes".to_owned()))
    }

    /// Adds a node whose inputs were added last.
    fn add(&mut self, plan: &LogicalPlan) {
        let inputs = self.unread.split_off(self.unread.len().saturating_sub(plan.inputs().len()));
        // Of two reasons a function's own is the nearer one.
        let own =
            Udf::of(plan).map_or(Ok(()), |udf| self.facts.function(udf.call.function).map(drop));
        let told = own.and_then(|()| inputs.into_iter().collect::<Result<Vec<_>, _>>());
        self.unread.push(told.and_then(|inputs| plan::digest(plan, inputs, self.facts)));
    }
}

/// The digest of what a function is that keeps its results: its name, what it takes and gives, and which one of equal
/// functions of a plan it is. What its columns are called does not count, nor where its rows come from.
pub(crate) fn function_digest(call: &UdfCall, stage: &str, ordinal: usize) -> String {
    let mut out = Encoder::new("results");
    out.text(stage);
    out.flag(matches!(call.keep, Keep::Groups(_)));
    out.list(&call.results, |out, field| {
        // Where failed rows are nulls, every result may be one.
        out.field(&field.as_ref().clone().with_name("").with_nullable(true));
    });
    out.count(ordinal);
    out.finish().to_hex().to_string()
}

/// What decides the rows of a plan and what they are called, as hexadecimal text, or why that cannot be told.
pub(crate) fn fingerprint(
    plan: &LogicalPlan,
    facts: &dyn Facts,
) -> PlanResult<Result<String, Reason>> {
    let rows = match Digests::of(plan, facts) {
        Ok(rows) => rows,
        Err(reason) => return Ok(Err(reason)),
    };
    let mut out = Encoder::new("fingerprint");
    out.hash(&rows.hash);
    out.fields(plan.schema().fields());
    plan.apply_with_subqueries(|node| {
        // So many rows may fail: no kept result depends on that, but whether there is a whole one does.
        if let Some(udf) = Udf::of(node) {
            out.maybe(udf.call.options.max_failures, Encoder::number);
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(Ok(out.finish().to_hex().to_string()))
}
