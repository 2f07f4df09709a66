//! [`Ledger`]: the folder of a function. The names of its objects are the ledger; there is no other.
//!
//! * `CODE-TIME-CHECK.unit`: results that the code `CODE` computed; `CHECK` is the digest of the file, and by their times
//!   units are in the order in which they were made.
//! * `CODE-TIME-CHECK-CHECK[-FOR].keys`: the rows of arguments that the unit has the results of, and the digest of this
//!   file; then, for runs that look for no others, that of the version or the unit that they were computed for. A unit is
//!   there when both files are, each of which appears whole or not at all; what a power cut damaged is told by its digest and
//!   computed again. Where keys are the arguments' values, which say something only with their types, the ending is
//!   `.values-TYPES`, and who takes arguments of other types does not see the unit.
//! * `CODE.failed`: the function raised under that code; where that stands, and the digest of its text. Only then may
//!   repaired code take over what is there, and only code of another text that stands at the same place: a function
//!   elsewhere is another one, and so is one that was made with other values.
//! * `CODE-TIME-CHECK.sample`: arguments and results of rows that had been computed when the code raised. The repaired code
//!   computes these rows too, and takes over the others only if the results are the same.
//! * `NEW-OLD-CHECK.agrees` and `NEW-OLD-CHECK.differs`: what came of that, for the sample with that digest.
//! * `CODE-TIME-CHECK.rows` and `CODE-TIME-CHECK.function`: rows of arguments that other processes compute the results of,
//!   and the function that they call ([`given`]).
//! * `used`: written by each run, so that collectors of garbage see when the last one was.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};

pub(crate) use self::given::GIVEN;
use super::keys::DIGESTS;
use super::unit::{Results, Scope, Unit, UnitKeys, UnitWriter, all_batches, checked};
use crate::blocking::blocking;
use crate::logical::StageKey;
use crate::storage::{Entered, Entry, Fetched, Location, Storage};
use crate::{Result, layout};

mod given;
#[cfg(test)]
mod tests;

/// Digits of a digest in a name: a collision is as likely as a broken disk.
const DIGITS: usize = 16;

const USED: &str = "used";

/// What the names of samples end with.
const SAMPLE: &str = "sample";

/// A unit's origin and digest, as its name tells them; or those of a sample.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct UnitName {
    pub(crate) code: String,
    /// When it was made, in microseconds.
    pub(crate) time: u64,
    check: String,
}

/// A unit that is there, with the digest of its keys.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct UnitAt {
    pub(crate) name: UnitName,
    keys: String,
    /// What its rows were computed for, as a digest: see [`Scope::of`].
    of: Option<String>,
}

/// Code that raised, at the place where ours stands.
#[derive(Debug, Default)]
pub(crate) struct Failed {
    pub(crate) code: String,
    pub(crate) units: Vec<UnitAt>,
    /// What is to be compared; `None` where nothing is, so that nothing may be taken over.
    pub(crate) sample: Option<UnitName>,
    /// Whether our code agrees, if that is known.
    pub(crate) verdict: Option<bool>,
    /// Code that it agreed with.
    pub(crate) agrees_with: Vec<String>,
}

/// What is at hand.
#[derive(Debug, Default)]
pub(crate) struct Listed {
    /// The units of this code, in the order in which they were made.
    pub(crate) own: Vec<UnitAt>,
    /// Other code that raised, the last one first.
    pub(crate) failed: Vec<Failed>,
}

/// The folder of a function, for one code.
#[derive(Clone, Debug)]
pub(crate) struct Ledger {
    storage: Arc<Storage>,
    folder: Location,
    code: String,
    /// What decides which rows fail.
    pub(crate) failing: String,
    /// What the names of the keys end with that count.
    pub(crate) keys: String,
    /// Where the code stands, and its text.
    place: (String, String),
}

impl fmt::Display for UnitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code, time, check } = self;
        write!(f, "{code}-{time:016x}-{check}")
    }
}

impl FromStr for UnitName {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        let parts: Vec<&str> = name.split('-').collect();
        let [code, time, check] = parts[..] else {
            return Err(());
        };
        let time = u64::from_str_radix(time, 16).map_err(drop)?;
        Ok(Self { code: code.to_owned(), time, check: check.to_owned() })
    }
}

impl UnitAt {
    fn parse(name: &str, ending: &str) -> Option<Self> {
        let mut parts = name.strip_suffix(ending)?.splitn(5, '-');
        let name = [parts.next()?, parts.next()?, parts.next()?].join("-").parse().ok()?;
        Some(Self { name, keys: parts.next()?.to_owned(), of: parts.next().map(str::to_owned) })
    }

    fn keys_name(&self, ending: &str) -> String {
        let Self { name, keys, of } = self;
        let of = of.as_ref().map(|of| format!("-{of}")).unwrap_or_default();
        format!("{name}-{keys}{of}{ending}")
    }

    /// Whether its results count.
    pub(super) fn is_in(&self, scope: &Scope) -> bool {
        scope.of.as_deref().is_none_or(|of| self.of == Some(tag(of)))
    }

    fn rows_name(&self) -> String {
        unit_name(&self.name)
    }
}

impl Ledger {
    /// The ledger of a function for one code.
    pub(crate) fn new(storage: Arc<Storage>, key: &StageKey) -> Self {
        Self {
            storage,
            folder: layout::stage(&key.stage),
            code: short(&key.code),
            failing: key.failing.clone(),
            keys: DIGESTS.to_owned(),
            place: (key.origin.clone(), key.text.clone()),
        }
    }

    /// Marks the function as used, and keeps collectors of garbage out until the result is dropped. What killed processes
    /// had not finished goes first: it may be large.
    pub(crate) async fn enter(&self) -> Result<Entered> {
        self.storage.sweep(&self.folder).await;
        let entered = self.storage.share(&self.folder).await?;
        self.put(USED, String::new()).await?;
        Ok(entered)
    }

    /// What this code has, and what it may take over.
    pub(crate) async fn listed(&self) -> Result<Listed> {
        let names = self.names().await?;
        let mut units: HashMap<String, Vec<UnitAt>> = HashMap::new();
        for unit in names.iter().filter_map(|name| UnitAt::parse(name, &self.keys)) {
            if names.contains(&unit.rows_name()) {
                units.entry(unit.name.code.clone()).or_default().push(unit);
            }
        }
        units.values_mut().for_each(|units| units.sort_by_key(|unit| unit.name.time));
        let own = units.remove(&self.code).unwrap_or_default();
        let mut failed = Vec::new();
        for code in names.iter().filter_map(|name| name.strip_suffix(".failed")) {
            if code != self.code && self.may_follow(code).await? {
                let units = units.remove(code).unwrap_or_default();
                failed.push(self.code_that_failed(code, units, &names));
            }
        }
        failed.sort_by_key(|one| std::cmp::Reverse(one.sample.as_ref().map(|it| it.time)));
        Ok(Listed { own, failed })
    }

    /// Whether our code may be a repair of that one.
    async fn may_follow(&self, code: &str) -> Result<bool> {
        let marker = self.text(&format!("{code}.failed")).await?;
        let (origin, text) = marker.split_once('\n').unwrap_or((&marker, ""));
        Ok(origin == self.place.0 && text != self.place.1)
    }

    fn code_that_failed(&self, code: &str, units: Vec<UnitAt>, names: &HashSet<String>) -> Failed {
        let samples = names.iter().filter_map(|name| name.strip_suffix(".sample")?.parse().ok());
        let sample =
            samples.filter(|it: &UnitName| it.code == code).max_by_key(|sample| sample.time);
        let told = |end: &str| {
            let check = sample.as_ref().map(|it: &UnitName| it.check.as_str()).unwrap_or_default();
            names.contains(&format!("{}-{code}-{check}.{end}", self.code))
        };
        let verdict = match (told("agrees"), told("differs")) {
            (_, true) => Some(false),
            (true, false) => Some(true),
            (false, false) => None,
        };
        let agrees_with = names.iter().filter_map(|name| {
            let rest = name.strip_suffix(".agrees")?.strip_prefix(code)?.strip_prefix('-')?;
            Some(rest.split_once('-')?.0.to_owned())
        });
        let agrees_with = agrees_with.collect();
        Failed { code: code.to_owned(), units, sample, verdict, agrees_with }
    }

    /// Removes all that this code may use, so that what is computed anew never stands beside it.
    pub(crate) async fn forget(&self) -> Result<()> {
        let names = self.names().await?;
        let codes = names.iter().filter_map(|name| name.strip_suffix(".failed"));
        let mut all = vec![self.code.clone()];
        for code in codes {
            if self.may_follow(code).await? {
                all.push(code.to_owned());
            }
        }
        let is_of = |name: &&String| {
            all.iter().any(|code| {
                name.strip_prefix(code.as_str()).is_some_and(|rest| rest.starts_with(['-', '.']))
            })
        };
        // Keys first: without them, a unit is not there.
        let (results, others): (Vec<_>, Vec<_>) =
            names.iter().filter(is_of).partition(|name| name.ends_with(".unit"));
        for name in others.into_iter().chain(results) {
            self.storage.delete(&self.at(name)).await?;
        }
        Ok(())
    }

    /// A place for results. Blocks.
    pub(crate) fn create(&self, schema: &SchemaRef) -> Result<UnitWriter> {
        UnitWriter::try_new(self.storage.stage(&self.folder)?, schema)
    }

    /// Waits until a run that is to be stopped was.
    pub(crate) async fn pause(&self) {
        self.storage.pause().await;
    }

    /// Makes results durable.
    pub(crate) async fn commit(
        &self,
        results: Results,
        mut keys: UnitKeys,
    ) -> Result<(UnitAt, UnitKeys)> {
        let (storage, folder) = (Arc::clone(&self.storage), self.folder.clone());
        let (rows, check, file, keys_check, keys) = blocking(move || -> Result<_> {
            let (rows, check) = results.finish(|| storage.stage(&folder), &mut keys.facts)?;
            let (file, keys_check) = keys.write(storage.stage(&folder)?)?;
            Ok((rows, check, file, keys_check, keys))
        })
        .await?;
        let name = UnitName { code: self.code.clone(), time: now(), check };
        let unit = UnitAt { name, keys: keys_check, of: keys.facts.of.as_deref().map(tag) };
        self.storage.publish(rows, &self.at(&unit.rows_name())).await?;
        self.storage.publish(file, &self.at(&unit.keys_name(&self.keys))).await?;
        Ok((unit, keys))
    }

    /// The keys of a unit; `None` when they are damaged or gone.
    pub(crate) async fn keys(&self, unit: &UnitAt) -> Result<Option<UnitKeys>> {
        let check = unit.keys.clone();
        self.opened(&unit.keys_name(&self.keys), move |file| UnitKeys::read(file, &check)).await
    }

    /// The results of a unit; `None` when they are damaged or gone.
    pub(crate) async fn open(&self, unit: &UnitName) -> Result<Option<Unit>> {
        let check = unit.check.clone();
        let file = self.opened(&unit_name(unit), move |file| checked(file, &check)).await?;
        opened(file).await
    }

    /// The same for a unit that was opened before.
    pub(crate) async fn open_again(&self, unit: &UnitName) -> Result<Option<Unit>> {
        opened(self.storage.fetch(&self.location(unit)).await?).await
    }

    /// Where the results of a unit are.
    pub(crate) fn location(&self, unit: &UnitName) -> Location {
        self.at(&unit_name(unit))
    }

    async fn opened<T: Send + 'static>(
        &self,
        name: &str,
        read: impl FnOnce(Fetched) -> Result<Option<T>> + Send + 'static,
    ) -> Result<Option<T>> {
        let Some(file) = self.storage.fetch(&self.at(name)).await? else {
            return Ok(None);
        };
        blocking(move || read(file)).await
    }

    /// Remembers that the function raised, and what it had computed by then that is not durable.
    pub(crate) async fn failed(&self, sample: Option<RecordBatch>) -> Result<()> {
        let (origin, text) = &self.place;
        self.leave_sample(sample).await?;
        self.put(&format!("{}.failed", self.code), format!("{origin}\n{text}")).await
    }

    /// Keeps rows that were computed, for repaired code to be compared with.
    pub(crate) async fn leave_sample(&self, sample: Option<RecordBatch>) -> Result<()> {
        match sample {
            Some(rows) => self.put_rows(vec![rows], SAMPLE).await.map(drop),
            None => Ok(()),
        }
    }

    /// Remembers that the code came to its end: nothing of it is for others.
    pub(crate) async fn succeeded(&self) -> Result<()> {
        self.storage.delete(&self.at(&format!("{}.failed", self.code))).await
    }

    /// The rows of a sample; `None` when they are damaged or gone.
    pub(crate) async fn sample(&self, name: &UnitName) -> Result<Option<Vec<RecordBatch>>> {
        self.read_rows(name, SAMPLE).await
    }

    /// Writes rows into a file of their own.
    async fn put_rows(&self, rows: Vec<RecordBatch>, kind: &str) -> Result<UnitName> {
        let ledger = self.clone();
        let (staged, check, _) = blocking(move || {
            let schema =
                rows.first().map_or_else(|| Arc::new(Schema::empty()), RecordBatch::schema);
            let mut file = ledger.create(&schema)?;
            rows.iter().try_for_each(|rows| file.add(rows, 0))?;
            file.finish()
        })
        .await?;
        let name = UnitName { code: self.code.clone(), time: now(), check };
        self.storage.publish(staged, &self.at(&format!("{name}.{kind}"))).await?;
        Ok(name)
    }

    /// The rows of such a file; `None` when they are damaged or gone.
    async fn read_rows(&self, name: &UnitName, kind: &str) -> Result<Option<Vec<RecordBatch>>> {
        let check = name.check.clone();
        self.opened(&format!("{name}.{kind}"), move |file| all_batches(file, &check)).await
    }

    /// Remembers whether this code agrees with one that failed.
    pub(crate) async fn judge(&self, failed: &Failed, agrees: bool) -> Result<()> {
        let Some(UnitName { check, .. }) = &failed.sample else {
            return Ok(());
        };
        let end = if agrees { "agrees" } else { "differs" };
        self.put(&format!("{}-{}-{check}.{end}", self.code, failed.code), String::new()).await
    }

    fn at(&self, name: &str) -> Location {
        self.folder.clone().join(name)
    }

    async fn put(&self, name: &str, text: String) -> Result<()> {
        self.storage.put(&self.at(name), text.into_bytes()).await
    }

    async fn names(&self) -> Result<HashSet<String>> {
        let found = self.storage.list(&self.folder).await?;
        let name = |entry: &Entry| entry.location.filename().map(str::to_owned);
        Ok(found.iter().filter_map(name).collect())
    }

    async fn text(&self, name: &str) -> Result<String> {
        let bytes = self.storage.get(&self.at(name)).await?.unwrap_or_default();
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// What the file of a unit's results is called.
fn unit_name(unit: &UnitName) -> String {
    format!("{unit}.unit")
}

async fn opened(file: Option<Fetched>) -> Result<Option<Unit>> {
    match file {
        Some(file) => Unit::open(file).await.map(Some),
        None => Ok(None),
    }
}

/// Microseconds since 1970, another number each time.
pub(crate) fn now() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let time = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let last = LAST.fetch_max(time, Ordering::Relaxed);
    if last < time { time } else { LAST.fetch_add(1, Ordering::Relaxed) + 1 }
}

/// What rows were computed for, in a name.
fn tag(of: &str) -> String {
    short(blake3::hash(of.as_bytes()).to_hex().as_str())
}

pub(super) fn short(digest: &str) -> String {
    digest.chars().take(DIGITS).collect()
}
