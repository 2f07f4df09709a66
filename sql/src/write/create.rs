//! `CREATE TABLE … AS`, `INSERT` and `DROP TABLE`.

use catalog::{Bump, CatalogExt, VersionFilter, Wanted};
use datafusion::arrow::datatypes::FieldRef;
use datafusion::sql::sqlparser::ast::{
    CreateTable, Insert, ObjectName, ObjectType, Query, Statement as SqlStatement, TableObject,
};
use engine::{Chain, RowChange, SaveMode};

use super::target::{
    ATTEMPTS, Target, aliased, check_plain, gave_up, is_overtaken, own_name, quoted,
};
use super::{Answer, Write, answer};
use crate::statement::{check_reads, parsed_query};
use crate::system::Rows;
use crate::{Error, Result};

impl Write<'_> {
    pub(super) async fn create(&mut self, create: &CreateTable) -> Result<Answer> {
        let name = own_name(&create.name)?;
        let Some(query) = &create.query else {
            return Err(Error::NotSupported {
                what: "CREATE TABLE without rows".to_owned(),
                instead: "write CREATE TABLE … AS SELECT".to_owned(),
            });
        };
        let replaces = if create.or_replace { "OR REPLACE " } else { "" };
        let checks = if create.if_not_exists { "IF NOT EXISTS " } else { "" };
        let plain = format!("CREATE {replaces}TABLE {checks}{} AS {query}", create.name);
        check_plain(&create.to_string(), &plain, "CREATE TABLE")?;
        check_reads(query)?;
        let catalog = self.session().catalog();
        let wanted = match (create.or_replace, catalog.newest(&name).await?) {
            (true, _) => Wanted::Bump(Bump::Patch),
            (false, None) => {
                // Of two who create it, one gets the number.
                Wanted::Exact(catalog.check_wanted(&name, Wanted::Bump(Bump::Patch)).await?)
            }
            (false, Some(_)) if create.if_not_exists => {
                let there = Target::open(self.session(), name).await?;
                let version = Some((there.name, there.version));
                return Ok(Answer { version, ..Answer::of(there.chain) });
            }
            (false, Some(newest)) => {
                let title = name.short();
                let reason = format!(
                    "`{title}` exists, its version is `{}`; hint: CREATE OR REPLACE TABLE makes a \
                     new version, INSERT adds rows",
                    newest.version
                );
                return Err(Error::Plan { reason });
            }
        };
        let chain = self.planner.chain(SqlStatement::Query(query.clone())).await?;
        let request = self.request(&name, wanted, SaveMode::Replace);
        let saved = chain.save(request, &self.writing.progress).await?;
        Ok(Answer { changed: Some(saved.record.rows), ..answer(saved) })
    }

    pub(super) async fn insert(&mut self, insert: &Insert) -> Result<Answer> {
        let (TableObject::TableName(written), Some(query)) = (&insert.table, &insert.source) else {
            return Err(Error::NotSupported {
                what: "INSERT without a table and rows".to_owned(),
                instead: "write INSERT INTO name SELECT … or VALUES …".to_owned(),
            });
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
        if kind != ObjectType::Table {
            return Err(Error::NotSupported {
                what: format!("DROP {kind}"),
                instead: "DROP TABLE removes a dataset with all of its versions".to_owned(),
            });
        }
        let catalog = self.session().catalog();
        let names: Vec<_> = names.iter().map(own_name).collect::<Result<_>>()?;
        let mut found = Vec::new();
        for name in &names {
            let versions = catalog.versions(VersionFilter::of(name)).await?;
            if versions.is_empty() && !if_exists {
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
