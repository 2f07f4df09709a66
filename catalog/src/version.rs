//! Version numbers: [`Version`], what comes next ([`Bump`]), and which ones a reader wants
//! ([`VersionSpec`]).

use std::fmt;
use std::str::FromStr;

use pep440_rs::VersionSpecifiers;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, one_line};

const LARGEST: u32 = 999_999;

/// `MAJOR.MINOR.PATCH`, in numeric order.
///
/// Invariant: each part is at most 999,999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version {
    major: u32,
    minor: u32,
    patch: u32,
}

impl Version {
    /// `1.0.0`, the number of a dataset's first version.
    pub const FIRST: Self = Self { major: 1, minor: 0, patch: 0 };

    /// A version of three parts, each at most 999,999.
    pub fn new(major: u32, minor: u32, patch: u32) -> Result<Self> {
        if [major, minor, patch].into_iter().any(|part| part > LARGEST) {
            let rule = "each part is at most 999999";
            return Err(Error::InvalidVersion { given: format!("{major}.{minor}.{patch}"), rule });
        }
        Ok(Self { major, minor, patch })
    }

    /// The first part.
    pub fn major(&self) -> u32 {
        self.major
    }

    /// The second part.
    pub fn minor(&self) -> u32 {
        self.minor
    }

    /// The third part.
    pub fn patch(&self) -> u32 {
        self.patch
    }

    /// The next version in this direction; fails only when a part would exceed 999,999.
    pub fn bump(self, bump: Bump) -> Result<Self> {
        match bump {
            Bump::Patch => Self::new(self.major, self.minor, self.patch + 1),
            Bump::Minor => Self::new(self.major, self.minor + 1, 0),
            Bump::Major => Self::new(self.major + 1, 0, 0),
        }
    }
}

impl FromStr for Version {
    type Err = Error;

    fn from_str(given: &str) -> Result<Self> {
        let mut parts = given.split('.').map(number);
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(Some(major)), Some(Some(minor)), Some(Some(patch)), None) => {
                Ok(Self { major, minor, patch })
            }
            _ => {
                let rule = "use MAJOR.MINOR.PATCH like `1.2.0`, each part at most 999999";
                Err(Error::InvalidVersion { given: one_line(given), rule })
            }
        }
    }
}

impl TryFrom<String> for Version {
    type Error = Error;

    fn try_from(given: String) -> Result<Self> {
        given.parse()
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.to_string()
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// Which part of the number grows by one; the parts after it become zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bump {
    /// `1.2.3` → `1.2.4`.
    #[default]
    Patch,
    /// `1.2.3` → `1.3.0`.
    Minor,
    /// `1.2.3` → `2.0.0`.
    Major,
}

impl FromStr for Bump {
    type Err = Error;

    fn from_str(given: &str) -> Result<Self> {
        match given {
            "patch" => Ok(Self::Patch),
            "minor" => Ok(Self::Minor),
            "major" => Ok(Self::Major),
            _ => {
                let rule = "a version update is one of `patch`, `minor`, `major`";
                Err(Error::InvalidVersion { given: one_line(given), rule })
            }
        }
    }
}

impl fmt::Display for Bump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Patch => "patch",
            Self::Minor => "minor",
            Self::Major => "major",
        })
    }
}

/// Which versions a reader accepts; the highest of them is read.
///
/// Read from the empty text or `latest`, a version `1.2.0`, a major number `1` (that is
/// `>=1.0.0,<2.0.0`), or a PEP 440 specifier set such as `>=1.2,<2`, `~=1.4.2` or `==1.2.*`. A `v`
/// before a number is ignored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum VersionSpec {
    /// Any version.
    #[default]
    Latest,
    /// One version.
    Exact(Version),
    /// All versions that the specifiers admit.
    Specifiers(VersionSpecifiers),
}

impl VersionSpec {
    /// Whether this version is accepted.
    pub fn matches(&self, version: &Version) -> bool {
        match self {
            Self::Latest => true,
            Self::Exact(exact) => exact == version,
            Self::Specifiers(specifiers) => {
                let parts = [version.major, version.minor, version.patch].map(u64::from);
                specifiers.contains(&pep440_rs::Version::new(parts))
            }
        }
    }
}

impl FromStr for VersionSpec {
    type Err = Error;

    fn from_str(given: &str) -> Result<Self> {
        let text = given.trim();
        if text.is_empty() || text == "latest" {
            return Ok(Self::Latest);
        }
        let plain =
            text.strip_prefix('v').filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        let plain = plain.unwrap_or(text);
        if let Ok(version) = plain.parse() {
            return Ok(Self::Exact(version));
        }
        let specifiers = match number(plain) {
            Some(major) => format!(">={major}.0.0,<{}.0.0", major + 1).parse(),
            None => text.parse(),
        };
        let Ok(specifiers) = specifiers else {
            let rule = "use MAJOR.MINOR.PATCH like `1.2.0`, a PEP 440 specifier like `>=1.2,<2`, or a major number like `1`";
            return Err(Error::InvalidVersion { given: one_line(given), rule });
        };
        Ok(Self::Specifiers(specifiers))
    }
}

impl TryFrom<String> for VersionSpec {
    type Error = Error;

    fn try_from(given: String) -> Result<Self> {
        given.parse()
    }
}

impl From<VersionSpec> for String {
    fn from(spec: VersionSpec) -> Self {
        spec.to_string()
    }
}

impl From<Version> for VersionSpec {
    fn from(version: Version) -> Self {
        Self::Exact(version)
    }
}

impl fmt::Display for VersionSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latest => f.write_str("latest"),
            Self::Exact(version) => version.fmt(f),
            Self::Specifiers(specifiers) => specifiers.fmt(f),
        }
    }
}

/// A part of a version: decimal digits without leading zeros, at most 999,999.
fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let canonical = digits && (text == "0" || !text.starts_with('0'));
    canonical.then(|| text.parse().ok())?.filter(|number| *number <= LARGEST)
}

#[cfg(test)]
mod tests;
