//! Every option, its default and its bounds.

use std::time::Duration;
use std::{fmt, thread};

use catalog::NamePart;
use udf_runtime::WorkerCommand;

use crate::environment::{is_set, variable};
use crate::memory::{LEAST_BYTES, Memory};
use crate::storage::memory_bytes;
use crate::{CacheOptions, ClientConfig, Error, Pause, Result, Root};

/// The folder for catalog and data when [`ROOT_VARIABLE`] is not set.
const DEFAULT_ROOT: &str = ".lakebed";

/// The environment variable that names the root folder.
pub const ROOT_VARIABLE: &str = "LAKEBED_ROOT";

/// The environment variable that names a database for the catalog, `postgresql://…`.
const CATALOG_VARIABLE: &str = "LAKEBED_CATALOG";

/// The environment variable that, set to anything but `0` or `false`, makes runs compute everything anew.
pub const IGNORE_CHECKPOINTS_VARIABLE: &str = "LAKEBED_IGNORE_CHECKPOINTS";

/// The environment variable for how many seconds a bucket's listing is used before it is made anew.
pub const LISTING_TTL_VARIABLE: &str = "LAKEBED_LISTING_TTL";

/// For how long a bucket's listing is used when [`LISTING_TTL_VARIABLE`] is not set.
const LISTING_TTL: Duration = Duration::from_secs(4 * 60 * 60);

/// For how long a bucket's listing is used; asked at every run.
///
/// # Errors
/// [`Error::InvalidArgument`] when the variable is no number of seconds.
pub fn listing_ttl() -> Result<Duration> {
    let Some(given) = variable(LISTING_TTL_VARIABLE) else { return Ok(LISTING_TTL) };
    let seconds = given.parse().ok().and_then(|given| Duration::try_from_secs_f64(given).ok());
    seconds.ok_or_else(|| Error::InvalidArgument {
        argument: LISTING_TTL_VARIABLE,
        given,
        accepted: "it is a number of seconds, 0 for listings that are made anew in each run"
            .to_owned(),
    })
}

/// The environment variable for the namespace of names that have none.
const NAMESPACE_VARIABLE: &str = "LAKEBED_NAMESPACE";

/// The environment variable for the project of names that have none; `namespace.project` is both.
const PROJECT_VARIABLE: &str = "LAKEBED_PROJECT";

/// The namespace and the project of names that have none; asked at every name.
///
/// # Errors
/// [`Error::Catalog`] when a variable is no legal name.
pub fn default_folder() -> Result<(NamePart, NamePart)> {
    let project = variable(PROJECT_VARIABLE);
    let (outer, project) = match project.as_ref().and_then(|given| given.split_once('.')) {
        Some((namespace, project)) => (Some(namespace.to_owned()), Some(project.to_owned())),
        None => (variable(NAMESPACE_VARIABLE), project),
    };
    let part = |given: Option<String>| match given {
        Some(given) => NamePart::try_from(given),
        None => Ok(NamePart::local()),
    };
    Ok((part(outer)?, part(project)?))
}

/// The environment variable that names the folder of fetched files.
const CACHE_VARIABLE: &str = "LAKEBED_CACHE";

/// The environment variable that says how large they may be together.
const CACHE_SIZE_VARIABLE: &str = "LAKEBED_CACHE_SIZE";

/// Where programs of this user have their caches.
const CACHES_VARIABLE: &str = "XDG_CACHE_HOME";

/// Where the files are that are fetched for a session with this root: the environment's choice, else beside the data.
pub(crate) fn cache_of(root: &Root) -> Result<CacheOptions> {
    let mut cache = CacheOptions::beside(root, variable(CACHES_VARIABLE));
    if let Some(folder) = variable(CACHE_VARIABLE) {
        cache.folder = folder;
    }
    if let Some(size) = variable(CACHE_SIZE_VARIABLE) {
        cache.limit_bytes = bytes(&size).ok_or_else(|| Error::InvalidArgument {
            argument: CACHE_SIZE_VARIABLE,
            given: size,
            accepted: "give bytes, or text such as `10GiB`".to_owned(),
        })?;
    }
    Ok(cache)
}

/// The environment variable that says how much memory a session may use.
pub const MEMORY_VARIABLE: &str = "LAKEBED_MEMORY";

/// What the environment allows, else a share of what the machine or the process's control group has.
///
/// # Errors
/// [`Error::InvalidArgument`] when the variable is no size, or too small for the program itself.
pub(crate) fn memory() -> Result<Memory> {
    match variable(MEMORY_VARIABLE) {
        Some(given) => ceiling(MEMORY_VARIABLE, given),
        None => Ok(Memory::share_of(memory_bytes())),
    }
}

/// What somebody allows by `argument`.
fn ceiling(argument: &'static str, given: String) -> Result<Memory> {
    match bytes(&given).filter(|bytes| *bytes >= LEAST_BYTES) {
        Some(bytes) => Ok(Memory::new(bytes)),
        None => Err(Error::InvalidArgument {
            argument,
            given,
            accepted: "give bytes, or text such as `2GiB`; at least 256MiB".to_owned(),
        }),
    }
}

/// Whether somebody said how much memory a session may use.
#[must_use]
pub fn has_ceiling() -> bool {
    variable(MEMORY_VARIABLE).is_some()
}

/// How many threads of the runtime may wait for files at once.
#[must_use]
pub fn blocking_threads() -> usize {
    // A ceiling that is none is refused where a session is opened.
    memory().unwrap_or_else(|_refused| Memory::share_of(memory_bytes())).threads()
}

/// `10GiB`, `2 TB`, `4096`
fn bytes(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim_start();
    let unit = unit.strip_suffix('b').unwrap_or(unit);
    let (unit, base) = match unit.strip_suffix('i') {
        Some("") => return None,
        Some(unit) => (unit, 1024_u64),
        None => (unit, 1000),
    };
    let power = ["", "k", "m", "g", "t"].iter().position(|known| *known == unit)?;
    let factor = base.pow(u32::try_from(power).ok()?);
    number.parse::<u64>().ok()?.checked_mul(factor)
}

/// Whether kept results are not to be used; asked at every run.
pub(crate) fn ignores_checkpoints() -> bool {
    is_set(IGNORE_CHECKPOINTS_VARIABLE)
}

/// The environment variable that, set, makes panics print where they happened, also those that become errors.
const BACKTRACE_VARIABLE: &str = "LAKEBED_BACKTRACE";

/// Whether panics that become errors are printed too.
pub(crate) fn shows_panics() -> bool {
    is_set(BACKTRACE_VARIABLE)
}

/// What a session needs to know before it starts.
#[derive(Clone)]
pub struct Config {
    /// Place of catalog and data; created when it is missing.
    pub root: Root,
    /// How many partitions of a scan run at once; at least 1.
    pub target_partitions: usize,
    /// How to start a worker process; without it functions run in this process only.
    pub worker: Option<WorkerCommand>,
    /// What runs wait for before they make anything durable.
    pub pause: Pause,
    /// The database of the catalog, `postgresql://…`; without it, the catalog is below the root.
    pub catalog: Option<String>,
    /// How to reach buckets, beside what the environment says.
    pub client_config: ClientConfig,
    /// Where fetched files are kept; `None` leaves it to root and environment.
    pub cache: Option<CacheOptions>,
    /// How much memory the session may use; `None` leaves it to environment and machine.
    pub memory: Option<Memory>,
}

impl fmt::Debug for Config {
    // The database's URL has a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config").field("root", &self.root).finish_non_exhaustive()
    }
}

impl Config {
    /// The environment's choice: `$LAKEBED_ROOT`, else `./.lakebed`; one partition a core.
    ///
    /// # Errors
    /// [`Error::NotSupported`] when the environment asks for a root that this version does not have.
    pub fn from_environment() -> Result<Self> {
        let root = variable(ROOT_VARIABLE).unwrap_or_else(|| DEFAULT_ROOT.to_owned());
        Ok(Self::with_root(Root::parse(&root)?))
    }

    /// A given root, and the catalog that `$LAKEBED_CATALOG` names; everything else by default.
    #[must_use]
    pub fn with_root(root: Root) -> Self {
        let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            root,
            target_partitions: cores,
            worker: None,
            pause: Pause::default(),
            catalog: variable(CATALOG_VARIABLE),
            client_config: ClientConfig::default(),
            cache: None,
            memory: None,
        }
    }

    /// At most so much memory, whatever the environment says: bytes, or text such as `2GiB`.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] when it is no size, or too small for the program itself.
    pub fn with_memory(mut self, given: String) -> Result<Self> {
        let memory = ceiling("memory", given)?;
        self.target_partitions = memory.partitions(self.target_partitions);
        self.memory = Some(memory);
        Ok(self)
    }

    /// Nothing outlives the session: the catalog is in memory, the data in a temporary folder.
    ///
    /// # Errors
    /// [`Error::Storage`] when no folder can be made.
    pub fn in_memory() -> Result<Self> {
        Ok(Self { catalog: None, ..Self::with_root(Root::temporary()?) })
    }
}

#[cfg(test)]
mod tests;
