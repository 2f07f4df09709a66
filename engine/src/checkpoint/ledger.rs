//! [`Ledger`]: the folder of a stage. The names of its objects are the ledger; there is no other.
//!
//! * `FROM-TO-CODE-CHECK.unit`: the results for the input rows `FROM..TO`, computed by the code `CODE`; `CHECK` is the
//!   digest of the file. A unit appears whole or not at all; one that a power cut damaged is told by its digest and
//!   computed again.
//! * `CODE.complete`: the names of the units that together are the whole result of that code, one a line.
//! * `CODE.failed`: the function raised under that code, and where that stands. Only then may repaired code take over
//!   what is there, and only code that stands at the same place: a function elsewhere is another one.
//! * `used`: written by each run, so that collectors of garbage see when the last one was.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use udf_runtime::RowFailure;

use super::unit::{Unit, UnitWriter};
use crate::blocking::blocking;
use crate::logical::StageKey;
use crate::storage::{Entered, Entry, Location, Storage};
use crate::{Result, layout};

#[cfg(test)]
mod tests;

/// Digits of a digest in a name: a collision is as likely as a broken disk.
const DIGITS: usize = 16;

const USED: &str = "used";

/// A unit's place and origin, as its name tells them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct UnitName {
    /// The first input row.
    pub(crate) from: u64,
    /// The input row behind the last one.
    pub(crate) to: u64,
    code: String,
    check: String,
}

/// The folder of a stage, for one code.
#[derive(Clone, Debug)]
pub(crate) struct Ledger {
    storage: Arc<Storage>,
    folder: Location,
    code: String,
    origin: String,
}

/// What is at hand.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// Units without overlaps, in order.
    pub(crate) units: Vec<UnitName>,
    /// Whether they are the whole result.
    pub(crate) complete: bool,
}

impl fmt::Display for UnitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to, code, check } = self;
        write!(f, "{from:012}-{to:012}-{code}-{check}.unit")
    }
}

impl FromStr for UnitName {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        let parts: Vec<&str> = name.strip_suffix(".unit").ok_or(())?.split('-').collect();
        let [from, to, code, check] = parts[..] else {
            return Err(());
        };
        let number = |text: &str| text.parse::<u64>().map_err(drop);
        let (from, to) = (number(from)?, number(to)?);
        let (code, check) = (code.to_owned(), check.to_owned());
        if from < to { Ok(Self { from, to, code, check }) } else { Err(()) }
    }
}

impl UnitName {
    /// Input rows of the unit.
    pub(crate) fn rows(&self) -> u64 {
        self.to - self.from
    }
}

impl Ledger {
    /// The ledger of a stage for one code.
    pub(crate) fn new(storage: Arc<Storage>, key: &StageKey) -> Self {
        let (code, origin) = (short(&key.code), key.origin.clone());
        Self { storage, folder: layout::stage(&key.stage), code, origin }
    }

    /// Marks the stage as used, and keeps collectors of garbage out until the result is dropped. What killed processes
    /// had not finished goes first: it may be large.
    pub(crate) async fn enter(&self) -> Result<Entered> {
        self.storage.sweep(&self.folder).await;
        let entered = self.storage.share(&self.folder).await?;
        self.put(USED, String::new()).await?;
        Ok(entered)
    }

    /// What this code may use: its whole result if all of it is here.
    pub(crate) async fn kept(&self) -> Result<Kept> {
        let names = self.names().await?;
        if let Some(units) = self.whole(&names).await? {
            return Ok(Kept { units, complete: true });
        }
        let mut units = self.candidates(&names).await?;
        // Of two that begin at the same row the longer one first, and of these our own.
        units.sort_by(|a, b| {
            (a.from, b.to, a.code != self.code, &a.check).cmp(&(
                b.from,
                a.to,
                b.code != self.code,
                &b.check,
            ))
        });
        let mut end = 0;
        units.retain(|unit| {
            let fits = unit.from >= end;
            end = if fits { unit.to } else { end };
            fits
        });
        Ok(Kept { units, complete: false })
    }

    /// Whether the whole result of this code is here.
    pub(crate) async fn is_complete(&self) -> Result<bool> {
        let names = self.names().await?;
        Ok(self.whole(&names).await?.is_some())
    }

    /// Removes all that this code may use, so that what is computed anew never stands beside it.
    pub(crate) async fn forget(&self) -> Result<()> {
        let names = self.names().await?;
        let units = self.candidates(&names).await?;
        let units = units.iter().map(ToString::to_string);
        for name in std::iter::once(self.complete_name()).chain(units) {
            self.storage.delete(&self.folder.clone().join(name)).await?;
        }
        Ok(())
    }

    /// The units of this code, and those of code that raised which no whole result needs.
    async fn candidates(&self, names: &HashSet<String>) -> Result<Vec<UnitName>> {
        let mut failed = HashSet::new();
        for name in names.iter().filter(|name| name.ends_with(".failed")) {
            if self.text(name).await? == self.origin {
                failed.insert(name.trim_end_matches(".failed"));
            }
        }
        let mut taken = HashSet::new();
        for name in names.iter().filter(|name| name.ends_with(".complete")) {
            taken.extend(self.text(name).await?.lines().map(str::to_owned));
        }
        let units = names.iter().filter_map(|name| Some((name, name.parse::<UnitName>().ok()?)));
        let may_use = |(name, unit): &(&String, UnitName)| {
            unit.code == self.code
                || (failed.contains(unit.code.as_str()) && !taken.contains(*name))
        };
        Ok(units.filter(may_use).map(|(_, unit)| unit).collect())
    }

    /// The units of the whole result, if all of them are here.
    async fn whole(&self, names: &HashSet<String>) -> Result<Option<Vec<UnitName>>> {
        let name = self.complete_name();
        if !names.contains(&name) {
            return Ok(None);
        }
        let text = self.text(&name).await?;
        let is_here = text.lines().all(|line| names.contains(line));
        Ok(is_here.then(|| text.lines().filter_map(|line| line.parse().ok()).collect()))
    }

    fn complete_name(&self) -> String {
        format!("{}.complete", self.code)
    }

    /// Whether another code computed the unit.
    pub(crate) fn is_older(&self, unit: &UnitName) -> bool {
        unit.code != self.code
    }

    /// A place for the results of some input rows. Blocks.
    pub(crate) fn create(&self, schema: &SchemaRef) -> Result<UnitWriter> {
        UnitWriter::try_new(self.storage.stage(&self.folder)?, schema)
    }

    /// Waits until a run that is to be stopped was.
    pub(crate) async fn pause(&self) {
        self.storage.pause().await;
    }

    /// Makes the results for the input rows `from..to` durable.
    pub(crate) async fn commit(
        &self,
        unit: UnitWriter,
        (from, to): (u64, u64),
        arguments: String,
        failures: Vec<RowFailure>,
    ) -> Result<UnitName> {
        let (staged, check) = blocking(move || unit.finish(arguments, &failures)).await?;
        let name = UnitName { from, to, code: self.code.clone(), check };
        self.storage.publish(staged, &self.at(&name.to_string())).await?;
        Ok(name)
    }

    /// The results of a unit; `None` when they are damaged or gone.
    pub(crate) async fn open(&self, name: &UnitName) -> Result<Option<Unit>> {
        let Some(file) = self.storage.fetch(&self.at(&name.to_string())).await? else {
            return Ok(None);
        };
        let check = name.check.clone();
        blocking(move || Unit::open(file, &check)).await
    }

    /// Remembers that these units are the whole result.
    pub(crate) async fn complete(&self, units: &[UnitName]) -> Result<()> {
        let lines: Vec<String> = units.iter().map(ToString::to_string).collect();
        self.put(&self.complete_name(), lines.join("\n")).await
    }

    /// Remembers that the function raised.
    pub(crate) async fn failed(&self) -> Result<()> {
        self.put(&format!("{}.failed", self.code), self.origin.clone()).await
    }

    /// The place for the input of the stage, when it has to be kept.
    pub(crate) fn input(&self, schema: &SchemaRef) -> Location {
        let digest = blake3::hash(format!("{schema:?}").as_bytes());
        self.at(&format!("{}.input", short(digest.to_hex().as_str())))
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

pub(super) fn short(digest: &str) -> String {
    digest.chars().take(DIGITS).collect()
}
