//! [`Settings`]: what a client has `SET`. Few settings do anything; one that would and cannot is refused.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::constant_functions::POSTGRES_VERSION;
use crate::limits::parse_timeout;
use crate::search_path::SearchPath;
use crate::{Error, Result};

const TIMEOUT: &str = "statement_timeout";

/// Whether transactions only read that do not say.
pub(crate) const DEFAULT_ACCESS: &str = "default_transaction_read_only";

/// Whether the one does that there is.
pub(crate) const ACCESS: &str = "transaction_read_only";

/// Where names without a schema are looked for.
const PATH: &str = "search_path";

/// What the settings are that say whether clients may write: the server's option decides.
const READ_ONLY: &str = "on";

/// What PostgreSQL takes for true and for false; the words also as their beginnings.
const YES: [&str; 4] = ["on", "true", "yes", "1"];
const NO: [&str; 4] = ["off", "false", "no", "0"];

/// Settings, what they are at first, and the values that they take; none for all.
const KNOWN: &[(&str, &str, &[&str])] = &[
    ("application_name", "", &[]),
    ("bytea_output", "hex", &["hex"]),
    ("client_encoding", "UTF8", &["utf8", "utf-8", "unicode"]),
    ("client_min_messages", "notice", &[]),
    ("datestyle", "ISO, MDY", &["iso", "iso, mdy", "iso,mdy", "iso, ymd", "iso, dmy"]),
    ("default_transaction_isolation", "read committed", &[]),
    (DEFAULT_ACCESS, READ_ONLY, &[]),
    ("extra_float_digits", "1", &[]),
    ("idle_in_transaction_session_timeout", "0", &["0"]),
    ("integer_datetimes", "on", &["on"]),
    ("intervalstyle", "postgres", &["postgres"]),
    ("lock_timeout", "0", &[]),
    ("max_identifier_length", "63", &["63"]),
    ("max_index_keys", "32", &["32"]),
    ("row_security", "on", &[]),
    (PATH, "public", &[]),
    ("server_encoding", "UTF8", &["utf8"]),
    ("server_version", POSTGRES_VERSION, &[POSTGRES_VERSION]),
    ("server_version_num", "160006", &["160006"]),
    ("session characteristics", "", &[]),
    ("standard_conforming_strings", "on", &["on", "true", "1"]),
    (TIMEOUT, "0", &[]),
    // Times are sent with their offset.
    ("timezone", "UTC", &[]),
    ("transaction_isolation", "read committed", &[]),
    (ACCESS, READ_ONLY, &[]),
];

/// The settings of one client.
pub(crate) struct Settings {
    given: Mutex<BTreeMap<String, String>>,
    first: Option<Duration>,
    only_reads: bool,
}

impl Settings {
    pub(crate) fn new(statement_timeout: Option<Duration>, only_reads: bool) -> Self {
        Self { given: Mutex::default(), first: statement_timeout, only_reads }
    }

    /// Whether transactions only read that do not say: the client may not write, or does not want to.
    pub(crate) fn only_reads(&self) -> bool {
        let says_so = |text: &String| is_yes(DEFAULT_ACCESS, text).unwrap_or_default();
        self.only_reads || self.given().get(DEFAULT_ACCESS).is_some_and(says_so)
    }

    /// Whether no statement of the server writes.
    pub(crate) fn may_not_write(&self) -> bool {
        self.only_reads
    }

    /// How long each statement may run.
    pub(crate) fn statement_timeout(&self) -> Option<Duration> {
        match self.given().get(TIMEOUT) {
            // It was checked when it was set.
            Some(text) => parse_timeout(text).unwrap_or(self.first),
            None => self.first,
        }
    }

    /// Gives a setting a value; `DEFAULT` is the one at first.
    pub(crate) fn set(&self, name: &str, value: &str) -> Result<()> {
        let name = match name.to_lowercase() {
            // Where a connection starts with it there is no transaction yet.
            name if name == ACCESS => DEFAULT_ACCESS.to_owned(),
            name => name,
        };
        let (_, _, values) = known(&name)?;
        if value.eq_ignore_ascii_case("DEFAULT") {
            self.given().remove(&name);
            return Ok(());
        }
        let plain = value.replace(['"', '\''], "").replace("$user, ", "").to_lowercase();
        if !values.is_empty() && !values.contains(&plain.as_str()) {
            let what = format!("`{name}` cannot be `{value}`: here it is `{}`", values[0]);
            return Err(Error::refused("22023", what));
        }
        if name == TIMEOUT {
            parse_timeout(value)?;
        }
        if name == DEFAULT_ACCESS && !is_yes(&name, value)? && self.only_reads {
            let what = format!(
                "`{name}` cannot be `{value}`: statements only read here; hint: a server that is started with --write"
            );
            return Err(Error::refused("22023", what));
        }
        let value = if name == PATH { SearchPath::of(value).text() } else { value.to_owned() };
        self.given().insert(name, value);
        Ok(())
    }

    /// Where names without a schema are looked for, unless it is the default folder.
    pub(crate) fn search_path(&self) -> Option<SearchPath> {
        let path = self.given().get(PATH).map(|value| SearchPath::of(value));
        path.filter(|path| !path.is_public())
    }

    /// All as at first.
    pub(crate) fn reset(&self) {
        self.given().clear();
    }

    pub(crate) fn value(&self, name: &str) -> Result<String> {
        let name = name.to_lowercase();
        let (_, first, _) = known(&name)?;
        if let Some(value) = self.given().get(&name) {
            return Ok(value.clone());
        }
        match (name.as_str(), self.first) {
            (TIMEOUT, Some(timeout)) => Ok(format!("{}ms", timeout.as_millis())),
            (DEFAULT_ACCESS, _) if !self.only_reads() => Ok("off".to_owned()),
            _ => Ok((*first).to_owned()),
        }
    }

    fn given(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the value of a setting says that is true or false.
pub(crate) fn is_yes(name: &str, value: &str) -> Result<bool> {
    let plain = value.replace(['"', '\''], "").to_lowercase();
    let says = |words: [&str; 4]| {
        // `o` begins both `on` and `off`.
        !["", "o"].contains(&plain.as_str()) && words.iter().any(|word| word.starts_with(&plain))
    };
    match (says(YES), says(NO)) {
        (true, _) => Ok(true),
        (_, true) => Ok(false),
        _ => {
            let what = format!("`{name}` cannot be `{value}`: it is `on` or `off`");
            Err(Error::refused("22023", what))
        }
    }
}

/// All settings, and what they are at first.
pub(crate) fn first_settings(
    only_reads: bool,
) -> impl Iterator<Item = (&'static str, &'static str)> {
    let named = KNOWN.iter().filter(|(name, ..)| !name.contains(' '));
    named.map(move |(name, value, _)| match *name {
        // The server's option decides.
        access if access.ends_with("transaction_read_only") && !only_reads => (access, "off"),
        name => (name, *value),
    })
}

fn known(name: &str) -> Result<&'static (&'static str, &'static str, &'static [&'static str])> {
    KNOWN.iter().find(|(known, ..)| *known == name).ok_or_else(|| {
        let names: Vec<&str> = KNOWN.iter().map(|(known, ..)| *known).collect();
        let what = format!("unknown setting `{name}`: there are `{}`", names.join("`, `"));
        Error::refused("42704", what)
    })
}
