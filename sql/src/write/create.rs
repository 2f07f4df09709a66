//! `CREATE TABLE … AS`, `INSERT` and `DROP TABLE`.

use std::sync::Arc;

use catalog::{Bump, CatalogExt, QualifiedName, VersionFilter, Wanted};
use datafusion::arrow::datatypes::{FieldRef, Schema};
use datafusion::sql::sqlparser::ast::{
    ColumnDef, ColumnOption, CreateTable, Insert, ObjectName, ObjectType, Query,
    Statement as SqlStatement, TableObject,
};
use engine::{Chain, RowChange, SaveMode};

use super::target::{
    ATTEMPTS, Target, aliased, check_no_view, check_plain, gave_up, is_overtaken, own_name, quoted,
};
use super::{Answer, Write, answer};
use crate::statement::{check_reads, parsed_query};
use crate::system::Rows;
use crate::{Error, Result};

impl Write<'_> {
    pub(super) async fn create(&mut self, create: &CreateTable) -> Result<Answer> {
        let name = own_name(&create.name)?;
        let query = rows_of(create)?;
        let catalog = self.session().catalog();
        let patch = Wanted::Bump(Bump::Patch);
        let (wanted, mode) = match (create.or_replace, create.if_not_exists) {
            (true, _) => (patch, SaveMode::Replace),
            (false, true) => (patch, SaveMode::Create),
            // Of two who create it, one gets the number; the other need not begin.
            (false, false) => {
                (Wanted::Exact(catalog.check_wanted(&name, patch).await?), SaveMode::Create)
            }
        };
        if mode == SaveMode::Create && catalog.newest(&name).await?.is_some() {
            return self.found(create, name).await;
        }
        check_no_view(self.session(), &name).await?;
        let chain = without_nulls(self.planner.chain(query).await?, create)?;
        let creates = mode == SaveMode::Create;
        let request = self.request(&name, wanted, mode);
        match chain.save(request, &self.writing.progress).await {
            Err(error) if creates && is_overtaken(&error) => self.found(create, name).await,
            Err(engine::Error::Catalog(catalog::Error::VersionTaken { name, .. })) if creates => {
                let title = name.short();
                let reason = format!(
                    "`{title}` is being made by another statement; hint: CREATE TABLE IF NOT EXISTS \
                     takes what is there"
                );
                Err(Error::Plan { reason })
            }
            saved => {
                let saved = saved?;
                Ok(Answer { changed: Some(saved.record.rows), ..answer(saved) })
            }
        }
    }

    /// What `CREATE TABLE` finds in place of nothing.
    async fn found(&self, create: &CreateTable, name: QualifiedName) -> Result<Answer> {
        let there = Target::open(self.session(), name).await?;
        if create.if_not_exists {
            let version = Some((there.name, there.version));
            return Ok(Answer { version, ..Answer::of(there.chain) });
        }
        let (title, version) = (there.name.short(), there.version);
        let reason = format!(
            "`{title}` exists, its version is `{version}`; hint: CREATE OR REPLACE TABLE makes a \
             new version, INSERT adds rows"
        );
        Err(Error::Plan { reason })
    }

    pub(super) async fn insert(&mut self, insert: &Insert) -> Result<Answer> {
        let (TableObject::TableName(written), Some(query)) = (&insert.table, &insert.source) else {
            return Err(Error::refused(
                "INSERT without a table and rows",
                "write INSERT INTO name SELECT … or VALUES …",
            ));
        };
        let named: Vec<String> = insert.columns.iter().map(ToString::to_string).collect();
        let list = match named.as_slice() {
            [] => String::new(),
            named => format!("({}) ", named.join(", ")),
        };
        let into = if insert.into { "INTO " } else { "" };
        let plain = format!("INSERT {into}{written} {list}{query}");
        check_plain(&insert.to_string(), &plain, "INSERT")?;
        check_reads(query)?;
        let name = own_name(written)?;
        for _ in 0..ATTEMPTS {
            let target = Target::open(self.session(), name.clone()).await?;
            let chain = Box::pin(self.inserted(query, &insert.columns, &target)).await?;
            let mode = SaveMode::Append;
            let request = self.request(&name, Wanted::Bump(Bump::Patch), mode);
            let saved = chain.save_change(request, RowChange::default(), &self.writing.progress);
            match saved.await {
                Err(error) if is_overtaken(&error) => self.again()?,
                saved => return Ok(answer(saved?)),
            }
        }
        Err(gave_up(&name))
    }

    /// The rows as those of the table.
    async fn inserted(
        &mut self,
        query: &Query,
        named: &[ObjectName],
        target: &Target,
    ) -> Result<Chain> {
        let rows = self.planner.chain(SqlStatement::Query(Box::new(query.clone()))).await?;
        let columns = target.columns();
        if named.is_empty() {
            return Ok(rows.fitted(&columns)?);
        }
        let mut names = Vec::with_capacity(named.len());
        for name in named {
            let name = name.0.last().and_then(|part| part.as_ident());
            let name = name.map(|part| part.value.clone()).unwrap_or_default();
            target.check_column(&name)?;
            if names.contains(&name) {
                return Err(Error::Plan { reason: format!("column `{name}` is named twice") });
            }
            names.push(name);
        }
        let given = rows.schema();
        if given.fields().len() != names.len() {
            let (given, wanted) = (given.fields().len(), names.len());
            let reason = format!("{given} values are given for {wanted} columns");
            return Err(Error::Plan { reason });
        }
        let value = |column: &str| match names.iter().position(|name| name == column) {
            Some(at) => format!("{} AS {}", quoted(given.field(at).name()), quoted(column)),
            None => format!("NULL AS {}", quoted(column)),
        };
        let needs = |it: &&FieldRef| !it.is_nullable() && !names.contains(it.name());
        if let Some(missing) = columns.fields().iter().find(needs) {
            let reason = format!("column `{}` takes no nulls: give it a value", missing.name());
            return Err(Error::Plan { reason });
        }
        let values: Vec<String> = columns.fields().iter().map(|it| value(it.name())).collect();
        self.aim_at(&rows);
        let text = format!("SELECT {} FROM {}", values.join(", "), aliased("rows"));
        Ok(self.planner.chain(parsed_query(&text)?).await?.fitted(&columns)?)
    }

    /// Removes all versions of datasets, the oldest first: a name goes last.
    pub(super) async fn remove(
        &mut self,
        kind: ObjectType,
        if_exists: bool,
        names: &[ObjectName],
    ) -> Result<Answer> {
        if kind == ObjectType::View {
            return self.drop_views(if_exists, names).await;
        }
        if kind != ObjectType::Table {
            return Err(Error::refused(
                format!("DROP {kind}"),
                "DROP TABLE removes a dataset with all of its versions, DROP VIEW a view",
            ));
        }
        let catalog = self.session().catalog();
        let names: Vec<_> = names.iter().map(own_name).collect::<Result<_>>()?;
        let mut found = Vec::new();
        for name in &names {
            let versions = catalog.versions(VersionFilter::of(name)).await?;
            if versions.is_empty() && !if_exists {
                check_no_view(self.session(), name).await?;
                // Says which names look alike.
                catalog.latest(name).await?;
            }
            found.extend(versions);
        }
        for version in &found {
            catalog.remove_version(&version.dataset, version.version).await?;
        }
        let chain = Rows::new(found.len())
            .texts("removed", found.iter().map(|it| Some(it.dataset.short().to_string())))
            .texts("version", found.iter().map(|it| Some(it.version.to_string())))
            .into_chain(self.session())?;
        Ok(Answer::of(chain))
    }
}

/// The query of the rows of a new dataset: those that are given, as the columns that are named, or none.
fn rows_of(create: &CreateTable) -> Result<SqlStatement> {
    if create.columns.is_empty() && create.query.is_none() {
        return Err(Error::refused(
            "CREATE TABLE without columns",
            "write CREATE TABLE … AS SELECT, or name columns with their types",
        ));
    }
    let columns: Vec<String> = create.columns.iter().map(column).collect();
    let list = match columns.as_slice() {
        [] => String::new(),
        columns => format!(" ({})", columns.join(", ")),
    };
    let replaces = if create.or_replace { "OR REPLACE " } else { "" };
    let checks = if create.if_not_exists { "IF NOT EXISTS " } else { "" };
    let rows = create.query.as_ref().map_or_else(String::new, |query| format!(" AS {query}"));
    let plain = format!("CREATE {replaces}TABLE {checks}{}{list}{rows}", create.name);
    check_plain(&create.to_string(), &plain, "CREATE TABLE")?;
    create.query.as_deref().map_or(Ok(()), check_reads)?;
    let names = (1..=columns.len()).map(|at| format!("\"column {at}\"")).collect::<Vec<_>>();
    let typed = |given: &[String]| {
        let columns = given.iter().zip(&create.columns);
        let columns = columns.map(|(value, it)| {
            format!("CAST({value} AS {}) AS {}", it.data_type, quoted(&it.name.value))
        });
        columns.collect::<Vec<_>>().join(", ")
    };
    match &create.query {
        Some(query) if names.is_empty() => Ok(SqlStatement::Query(query.clone())),
        Some(query) => parsed_query(&format!(
            "SELECT {} FROM ({query}) AS \"rows\"({})",
            typed(&names),
            names.join(", ")
        )),
        None => {
            let nulls = vec!["NULL".to_owned(); names.len()];
            parsed_query(&format!("SELECT {} WHERE false", typed(&nulls)))
        }
    }
}

/// A column as far as it is supported.
fn column(column: &ColumnDef) -> String {
    let not_null = if takes_no_nulls(column) { " NOT NULL" } else { "" };
    format!("{} {}{not_null}", column.name, column.data_type)
}

fn takes_no_nulls(column: &ColumnDef) -> bool {
    column.options.iter().any(|it| it.option == ColumnOption::NotNull)
}

/// The rows, which fail where a column has a null that is to have none.
fn without_nulls(rows: Chain, create: &CreateTable) -> Result<Chain> {
    if !create.columns.iter().any(takes_no_nulls) {
        return Ok(rows);
    }
    let schema = rows.schema();
    let columns = schema.fields().iter().zip(&create.columns).map(|(field, column)| {
        let is_nullable = field.is_nullable() && !takes_no_nulls(column);
        field.as_ref().clone().with_nullable(is_nullable)
    });
    Ok(rows.fitted(&Arc::new(Schema::new(columns.collect::<Vec<_>>())))?)
}
