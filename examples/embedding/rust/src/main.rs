//! Datasets in a program that has DataFusion of its own: one as a table, all of them as a catalog, joined with the
//! program's tables and written to.
//!
//! Run it with `cargo run -p embedding`. It makes a dataset in a temporary folder first; a program would open the folder
//! or bucket that its datasets are in.

use std::error::Error;
use std::sync::Arc;

use catalog::{Bump, NewJob, Wanted};
use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use datafusion::prelude::SessionContext;
use engine::{Config, Root, SaveMode, SaveRequest, Session};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // A root: `Root::folder_at(path)?`, or `Root::parse("s3://bucket/lake")?`.
    let session = Session::open(Config::with_root(Root::temporary()?)).await?;
    make_dataset(&session).await?;

    #[expect(clippy::disallowed_methods, reason = "the program's own engine has rules of its own")]
    let context = SessionContext::new();
    context.register_table("pets", session.table("pets").await?)?;
    context.register_catalog("lakebed", session.catalog_provider());

    context.sql("CREATE TABLE owners AS VALUES (1, 'Ada'), (3, 'Grace')").await?;
    let joined = "SELECT name, column2 AS owner FROM pets JOIN owners ON id = column1 ORDER BY id";
    context.sql(joined).await?.show().await?;

    // A new version; the one before stays as it was.
    context.sql("INSERT INTO pets VALUES (4, 'newt')").await?.show().await?;
    let versions = "SELECT (SELECT count(*) FROM lakebed.local.pets) AS now, \
                    (SELECT count(*) FROM lakebed.local.\"pets@1.0.0\") AS before";
    context.sql(versions).await?.show().await?;
    Ok(())
}

async fn make_dataset(session: &Arc<Session>) -> Result<(), Box<dyn Error>> {
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
    let names: ArrayRef = Arc::new(StringArray::from(vec!["cat", "dog", "owl"]));
    let rows =
        RecordBatch::try_from_iter_with_nullable([("id", ids, true), ("name", names, true)])?;
    let job = NewJob { name: "embedding".into(), ..NewJob::default() };
    let request = SaveRequest {
        name: "pets".parse()?,
        wanted: Wanted::Bump(Bump::Patch),
        mode: SaveMode::Replace,
        lists: false,
        job: session.catalog().start_job(job).await?.id,
        description: None,
        attrs: None,
    };
    session.read_batches(&rows.schema(), &[rows])?.save(request, &Arc::default()).await?;
    Ok(())
}
