//! Files in folders of users that are not finished yet. Their names say which process writes them, so that whoever comes
//! later can tell those that nobody will finish.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use tempfile::{Builder, NamedTempFile};

/// How their names begin.
const PREFIX: &str = ".tmp";

/// A file for others to read once it has its name, as far as the process lets them.
pub(super) fn public(folder: &Path) -> io::Result<NamedTempFile> {
    let owner = owner(std::process::id()).unwrap_or_default();
    let permissions = Permissions::from_mode(0o666);
    Builder::new().prefix(&format!("{PREFIX}{owner}-")).permissions(permissions).tempfile_in(folder)
}

/// Removes those of this user whose processes died. What cannot be told stays: that of other machines and containers.
pub(super) fn remove_left(folder: &Path) {
    let (Ok(own), Ok(entries)) = (fs::metadata("/proc/self"), fs::read_dir(folder)) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let is_own =
            || entry.metadata().is_ok_and(|found| found.is_file() && found.uid() == own.uid());
        if name.to_str().is_some_and(is_left) && is_own() {
            // Another one may remove it, too.
            drop(fs::remove_file(entry.path()));
        }
    }
}

fn is_left(name: &str) -> bool {
    let Some(named) = name.strip_prefix(PREFIX).and_then(|rest| rest.split_once('-')) else {
        return false;
    };
    let Some(here) = here().filter(|here| named.0.starts_with(here)) else { return false };
    let mut numbers = named.0[here.len()..].split('.');
    let (Some(process), Some(started)) = (numbers.next(), numbers.next()) else { return false };
    process.parse().is_ok_and(|process| started_at(process).as_deref() != Some(started))
}

/// Where processes have their numbers, the number, and when it started, as numbers come again: digits and dots.
fn owner(process: u32) -> Option<String> {
    Some(format!("{}{process}.{}", here()?, started_at(process)?))
}

/// This run of this machine, and the space of its process numbers.
fn here() -> Option<String> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let space = fs::read_link("/proc/self/ns/pid").ok()?;
    let number = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>();
    Some(format!("{}.{}.", number(&boot), number(space.to_str()?)))
}

/// In ticks since the machine started; none of a process that is no more, also if nobody asked yet how it ended.
fn started_at(process: u32) -> Option<String> {
    let told = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name before it may hold anything.
    let mut fields = told.rsplit_once(") ")?.1.split(' ');
    let is_alive = fields.next().is_some_and(|state| !matches!(state, "Z" | "X" | "x"));
    fields.nth(18).filter(|_| is_alive).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::{Command, id};

    use tempfile::tempdir;

    use super::{PREFIX, here, owner, public, remove_left, started_at};

    #[test]
    fn only_files_of_processes_that_died_are_removed() {
        let folder = tempdir().unwrap();
        let dead = {
            let mut child = Command::new("true").spawn().unwrap();
            child.wait().unwrap();
            child.id()
        };
        let here = here().unwrap();
        let left = [format!("{PREFIX}{here}{dead}.1-abc"), format!("{PREFIX}{here}{}.1-abc", id())];
        let others = [
            format!("{PREFIX}{}-abc", owner(id()).unwrap()),
            format!("{PREFIX}0e1f.pid7.{dead}.1-abc"),
            format!("{PREFIX}{here}x.1-abc"),
            ".tmpAbCdEf".to_owned(),
            "rows.parquet".to_owned(),
        ];
        for name in left.iter().chain(&others) {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let own = public(folder.path()).unwrap();
        remove_left(folder.path());
        let is_there = |name: &String| folder.path().join(name).exists();
        assert!(!left.iter().any(is_there));
        assert!(others.iter().all(is_there));
        assert!(own.path().exists());
    }

    #[test]
    fn a_process_is_told_by_when_it_started() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let started = started_at(child.id());
        assert!(started.as_deref().is_some_and(|ticks| ticks.parse::<u64>().is_ok()));
        assert_eq!(started_at(child.id()), started);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_ne!(started_at(child.id()), started);
    }
}
