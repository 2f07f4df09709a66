//! What every [`CatalogStore`] must do, one function per behaviour; each wants a store of its own,
//! still empty.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::fmt::Debug;
use std::pin::Pin;
use std::result;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};

use crate::dataset::DatasetVersion;
use crate::error::Result;
use crate::job::{JobId, NewJob};
use crate::name::QualifiedName;
use crate::request::{Claim, ClaimRequest, CompletedVersion, Wanted};
use crate::store::CatalogStore;
use crate::version::Bump;

pub mod claims;
pub mod datasets;
pub mod shared;
pub mod versions;

/// A store under test.
pub type Store = dyn CatalogStore;

/// Nothing, or what the store did wrong.
pub type Verdict = result::Result<(), Box<dyn StdError + Send + Sync>>;

const PATCH: Wanted = Wanted::Bump(Bump::Patch);

/// A behaviour as a value.
type Behaviour = for<'s> fn(&'s Store) -> Pin<Box<dyn Future<Output = Verdict> + Send + 's>>;

macro_rules! behaviours {
    ($($behaviour:path),+ $(,)?) => {
        [$((stringify!($behaviour), |store| Box::pin($behaviour(store)))),+]
    };
}

/// Everything that [`all`] checks.
const BEHAVIOURS: [(&str, Behaviour); 28] = behaviours![
    claims::numbers_grow_from_the_highest,
    claims::exact_numbers_must_be_higher,
    claims::refused_claims_leave_nothing,
    claims::refused_claims_take_no_location,
    claims::versions_follow_the_newest,
    claims::finished_versions_are_found_by_time,
    claims::used_numbers_never_come_back,
    claims::concurrent_claims_differ,
    claims::claims_need_a_job,
    versions::only_complete_versions_are_visible,
    versions::completion_records_everything,
    claims::versions_complete_once,
    claims::abandoning_keeps_the_reason,
    claims::claims_survive_as_records,
    versions::listings_are_ordered_and_filtered,
    versions::removal_leaves_a_tombstone,
    versions::removal_of_the_unknown_is_an_error,
    versions::specifications_choose_the_highest,
    versions::unknown_names_suggest_near_ones,
    datasets::renames_keep_versions_and_lineage,
    datasets::locations_lead_to_their_dataset,
    datasets::taken_names_are_refused,
    datasets::descriptions_change_with_completion,
    claims::wanted_numbers_are_checked_early,
    datasets::jobs_end_once,
    datasets::jobs_are_noted_on_their_way,
    datasets::folders_are_there_once_made_or_used,
    datasets::views_stay_until_they_are_replaced,
];

/// Checks all behaviours, each on a store that `make` creates, and returns how many there are.
pub async fn all<S: CatalogStore + 'static>(
    make: impl AsyncFn() -> Result<S>,
) -> result::Result<usize, String> {
    for (name, behaviour) in BEHAVIOURS {
        let store = make().await.map_err(|error| format!("no store: {error}"))?;
        behaviour(&store).await.map_err(|error| format!("{name}: {error}"))?;
        store.close().await;
    }
    Ok(BEHAVIOURS.len())
}

/// Checks what is promised of two handles of one store, and how it behaves with many writers.
pub async fn shared(one: &Store, other: &Store) -> result::Result<(), String> {
    let told = |error| format!("shared: {error}");
    shared::handles_see_each_other(one, other).await.map_err(told)?;
    shared::locations_have_one_dataset(one, other).await.map_err(told)?;
    shared::names_have_one_dataset(one, other).await.map_err(told)?;
    shared::writers_follow_each_other(one, other).await.map_err(told)?;
    shared::saves_outlive_renames(one, other).await.map_err(told)
}

fn name(text: &str) -> Result<QualifiedName> {
    text.parse()
}

fn exact(text: &str) -> Result<Wanted> {
    Ok(Wanted::Exact(text.parse()?))
}

async fn start(store: &Store) -> Result<JobId> {
    Ok(store.start_job(NewJob::default()).await?.id)
}

async fn claim(store: &Store, job: &JobId, dataset: &str, wanted: Wanted) -> Result<Claim> {
    store.claim_version(ClaimRequest::new(name(dataset)?, wanted, job.clone())).await
}

async fn save(store: &Store, job: &JobId, dataset: &str, wanted: Wanted) -> Result<DatasetVersion> {
    let claimed = claim(store, job, dataset, wanted).await?;
    store.complete_version(&claimed, CompletedVersion::default()).await
}

fn typed_schema() -> Schema {
    let metadata = |text: &str| HashMap::from([("model".to_owned(), text.to_owned())]);
    let vector =
        DataType::FixedSizeList(Arc::new(Field::new_list_field(DataType::Float32, false)), 512);
    let path = Field::new("path", DataType::Utf8, false);
    let file = Field::new("file", DataType::Struct([path].into_iter().collect()), true);
    let fields = vec![file.with_metadata(metadata("File@v1")), Field::new("vector", vector, true)];
    Schema::new_with_metadata(fields, metadata("whole"))
}

fn shown(records: &[DatasetVersion]) -> String {
    let names: Vec<String> =
        records.iter().map(|record| format!("{}@{}", record.dataset, record.version)).collect();
    names.join(" ")
}

fn same<T: PartialEq + Debug>(what: &str, found: &T, expected: &T) -> Verdict {
    if found == expected {
        Ok(())
    } else {
        Err(format!("{what}: expected {expected:?}, found {found:?}").into())
    }
}

fn code<T: Debug>(what: &str, found: Result<T>, expected: &str) -> Verdict {
    match found {
        Err(error) => same(what, &error.code(), &expected),
        Ok(value) => wrong(what, &value),
    }
}

fn wrong(what: &str, found: &impl Debug) -> Verdict {
    Err(format!("{what}: not {found:?}").into())
}
