//! [`Ledger`]: the folder of a stage. Its file names are the ledger; there is no other.
//!
//! * `FROM-TO-CODE-CHECK.unit`: the results for the input rows `FROM..TO`, computed by the code `CODE`; `CHECK` is the
//!   digest of the file. A unit appears whole, by a rename, or not at all; one that a power cut damaged is told by its
//!   digest and computed again.
//! * `CODE.complete`: the names of the units that together are the whole result of that code, one a line.
//! * `CODE.failed`: the function raised under that code, and where that stands. Only then may repaired code take over
//!   what is there, and only code that stands at the same place: a function elsewhere is another one.

use std::collections::HashSet;
use std::fmt;
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::SystemTime;

use arrow::datatypes::SchemaRef;
use tempfile::NamedTempFile;
use udf_runtime::RowFailure;

use super::unit::{Unit, UnitWriter};
use crate::folder::FolderLock;
use crate::logical::StageKey;
use crate::{Error, Result};

/// How the names of files begin that are not finished.
const TEMPORARY: &str = ".tmp";

/// Digits of a digest in a file name: a collision is as likely as a broken disk.
const DIGITS: usize = 16;

/// A unit's place and origin, as its file name tells them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct UnitName {
    /// The first input row.
    pub(crate) from: u64,
    /// The input row behind the last one.
    pub(crate) to: u64,
    code: String,
    check: String,
}

/// The folder of a stage.
#[derive(Clone, Debug)]
pub(crate) struct Ledger {
    folder: PathBuf,
    code: String,
    origin: String,
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
    pub(crate) fn new(folder: PathBuf, key: &StageKey) -> Self {
        Self { folder, code: short(&key.code), origin: key.origin.clone() }
    }

    /// Marks the stage as used, and keeps collectors of garbage out until the lock is dropped.
    pub(crate) async fn enter(&self) -> Result<FolderLock> {
        self.sweep();
        let entered = async {
            let lock = FolderLock::share(&self.folder).await?;
            fs::File::open(&self.folder)?.set_modified(SystemTime::now())?;
            Ok(lock)
        };
        entered.await.map_err(|error| refused("open", &self.folder, error))
    }

    /// Removes what killed processes had not finished, which may be large; unless others are here, whose it may be.
    fn sweep(&self) {
        let Ok(Some(_alone)) = FolderLock::try_alone(&self.folder) else { return };
        for name in self.names().unwrap_or_default() {
            if name.starts_with(TEMPORARY) {
                // What stays is in nobody's way.
                drop(fs::remove_file(self.folder.join(name)));
            }
        }
    }

    /// The units that this code may use, without overlaps, in order: its whole result if all of it is here. A missing
    /// folder has none.
    pub(crate) fn usable(&self) -> Result<Vec<UnitName>> {
        if let Some(units) = self.complete_units()? {
            return Ok(units);
        }
        let mut units = self.candidates()?;
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
        Ok(units)
    }

    /// How many rows the whole result of this code was computed from, if all of it is here.
    pub(crate) fn complete_rows(&self) -> Result<Option<u64>> {
        Ok(self.complete_units()?.map(|units| units.iter().map(UnitName::rows).sum()))
    }

    /// Removes all that this code may use, so that what is computed anew never stands beside it.
    pub(crate) fn forget(&self) -> Result<()> {
        let units = self.candidates()?;
        let names = units.iter().map(ToString::to_string);
        for name in std::iter::once(self.complete_name()).chain(names) {
            let path = self.folder.join(name);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(refused("remove", &path, error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The units of this code, and those of code that raised which no whole result needs.
    fn candidates(&self) -> Result<Vec<UnitName>> {
        let names = self.names()?;
        let mut failed = HashSet::new();
        for name in names.iter().filter(|name| name.ends_with(".failed")) {
            if self.lines(name)?.concat() == self.origin {
                failed.insert(name.trim_end_matches(".failed"));
            }
        }
        let mut taken = HashSet::new();
        for name in names.iter().filter(|name| name.ends_with(".complete")) {
            taken.extend(self.lines(name)?);
        }
        let units = names.iter().filter_map(|name| Some((name, name.parse::<UnitName>().ok()?)));
        let may_use = |(name, unit): &(&String, UnitName)| {
            unit.code == self.code
                || (failed.contains(unit.code.as_str()) && !taken.contains(*name))
        };
        Ok(units.filter(may_use).map(|(_, unit)| unit).collect())
    }

    /// The units of the whole result, if all of them are here.
    fn complete_units(&self) -> Result<Option<Vec<UnitName>>> {
        let name = self.complete_name();
        if !self.folder.join(&name).exists() {
            return Ok(None);
        }
        let units: Vec<UnitName> =
            self.lines(&name)?.iter().filter_map(|line| line.parse().ok()).collect();
        let here = units.iter().all(|unit| self.folder.join(unit.to_string()).exists());
        Ok(here.then_some(units))
    }

    fn complete_name(&self) -> String {
        format!("{}.complete", self.code)
    }

    /// Whether another code computed the unit.
    pub(crate) fn is_older(&self, unit: &UnitName) -> bool {
        unit.code != self.code
    }

    /// A place for the results of some input rows.
    pub(crate) fn create(&self, schema: &SchemaRef) -> Result<UnitWriter> {
        UnitWriter::create(&self.folder, schema)
    }

    /// Makes the results for the input rows `from..to` durable.
    pub(crate) fn commit(
        &self,
        unit: UnitWriter,
        (from, to): (u64, u64),
        arguments: String,
        failures: &[RowFailure],
    ) -> Result<UnitName> {
        let (file, check) = unit.finish(arguments, failures)?;
        let name = UnitName { from, to, code: self.code.clone(), check };
        let path = self.folder.join(name.to_string());
        file.persist(&path).map_err(|error| refused("write", &path, error.error))?;
        Ok(name)
    }

    /// The results of a unit; `None` when they are damaged or gone.
    pub(crate) fn open(&self, name: &UnitName) -> Result<Option<Unit>> {
        Unit::open(&self.folder.join(name.to_string()), &name.check)
    }

    /// Remembers that these units are the whole result.
    pub(crate) fn complete(&self, units: &[UnitName]) -> Result<()> {
        let lines: Vec<String> = units.iter().map(ToString::to_string).collect();
        self.put(&self.complete_name(), lines.join("\n").as_bytes())
    }

    /// Remembers that the function raised.
    pub(crate) fn failed(&self) -> Result<()> {
        self.put(&format!("{}.failed", self.code), self.origin.as_bytes())
    }

    /// The place for the input of the stage, when it has to be kept.
    pub(crate) fn input(&self, schema: &SchemaRef) -> PathBuf {
        let digest = blake3::hash(format!("{schema:?}").as_bytes());
        self.folder.join(format!("{}.input", short(digest.to_hex().as_str())))
    }

    fn put(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let path = self.folder.join(name);
        let write = || {
            let mut temporary = temporary(&self.folder)?;
            temporary.write_all(bytes)?;
            temporary.persist(&path).map_err(|error| error.error)?;
            Ok(())
        };
        write().map_err(|error| refused("write", &path, error))
    }

    fn names(&self) -> Result<Vec<String>> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(refused("read", &self.folder, error)),
        };
        let name = |entry: io::Result<fs::DirEntry>| entry.ok()?.file_name().into_string().ok();
        Ok(entries.filter_map(name).collect())
    }

    fn lines(&self, name: &str) -> Result<Vec<String>> {
        let path = self.folder.join(name);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(text.lines().map(str::to_owned).collect()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(refused("read", &path, error)),
        }
    }
}

/// A file that nobody can see yet.
pub(crate) fn temporary(folder: &Path) -> io::Result<NamedTempFile> {
    tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(folder)
}

pub(super) fn short(digest: &str) -> String {
    digest.chars().take(DIGITS).collect()
}

pub(super) fn refused(action: &'static str, path: &Path, error: io::Error) -> Error {
    Error::Storage {
        action,
        location: path.display().to_string(),
        reason: error.to_string(),
        source: Some(Box::new(error)),
    }
}
