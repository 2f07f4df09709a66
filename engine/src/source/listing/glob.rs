//! [`Pattern`]: a path with wildcards, cut into the folder to walk and the pattern to match below it when it is looked at.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;

use globset::{GlobBuilder, GlobMatcher};
use percent_encoding::percent_decode_str;

use crate::storage::files;
use crate::{Error, Result};

#[cfg(test)]
mod tests;

/// A path as given. What of it exists is meant literally, whatever characters it has; the rest may hold wildcards.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    /// The path, without the escapes of a URI.
    path: String,
    /// The path of a URI with them: URIs are also made by joining a folder and a name.
    escaped: Option<String>,
    /// Whether a folder means everything below it.
    recursive: bool,
}

impl Pattern {
    /// Parses a path or URI; wildcards that are malformed are refused, unless a file is called so.
    pub(super) fn parse(uri: &str, recursive: bool) -> Result<Self> {
        let path = local_path(uri)?;
        let escaped = uri.strip_prefix("file://").filter(|raw| *raw != path).map(str::to_owned);
        let path = files::below_home(&path).unwrap_or_else(|| path.into_owned());
        let pattern = Self { path, escaped, recursive };
        for path in expand_braces(&pattern.path) {
            match first_wildcard_segment(&path).map(|at| matcher(&path[at..])) {
                Some(Err(error)) if pattern.walks().is_err() => return Err(error),
                _ => {}
            }
        }
        Ok(pattern)
    }

    /// The place as a URI, wherever the program runs.
    pub(super) fn uri(&self) -> String {
        let absolute = files::absolute(&self.path);
        let path = absolute.map_or_else(|_| self.path.clone(), |path| path.display().to_string());
        let path = if path.len() > 1 { path.trim_end_matches('/') } else { &path };
        let own = if self.recursive { "" } else { " (not below)" };
        format!("file://{path}{own}")
    }

    /// The path, if something is there that is called so.
    fn literal(&self) -> Option<String> {
        self.escaped.iter().chain([&self.path]).find(|path| files::exists(path)).cloned()
    }

    /// Where to look and how to choose, as far as is known now.
    pub(super) fn walks(&self) -> Result<Vec<Walk>> {
        if let Some(base) = self.literal() {
            return Ok(vec![Walk { base, matcher: None, recursive: self.recursive }]);
        }
        let (folder, rest) = self.path.split_at(existing_folder(&self.path));
        expand_braces(rest).iter().map(|rest| self.below(folder, rest)).collect()
    }

    fn below(&self, folder: &str, rest: &str) -> Result<Walk> {
        let literal = format!("{folder}{rest}");
        let Some(at) = first_wildcard_segment(rest).filter(|_| !files::exists(&literal)) else {
            return Ok(Walk { base: literal, matcher: None, recursive: self.recursive });
        };
        let base = match format!("{folder}{}", &rest[..at]) {
            here if here.is_empty() => ".".to_owned(),
            base => base,
        };
        let matcher = Some(matcher(&rest[at..])?);
        Ok(Walk { base, matcher, recursive: true })
    }
}

/// The length of the longest part of the path that is a folder, its slash included.
fn existing_folder(path: &str) -> usize {
    let ends = path.match_indices('/').map(|(at, _)| at + 1);
    ends.take_while(|end| files::is_folder(&path[..*end])).last().unwrap_or(0)
}

pub(super) fn matcher(pattern: &str) -> Result<GlobMatcher> {
    let glob = GlobBuilder::new(pattern).literal_separator(true).empty_alternates(true).build();
    let glob = glob.map_err(|error| Error::InvalidArgument {
        argument: "glob",
        given: pattern.to_owned(),
        accepted: error.kind().to_string(),
    })?;
    Ok(glob.compile_matcher())
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)
    }
}

/// A folder to walk, and how to choose below it.
pub(super) struct Walk {
    pub(super) base: String,
    matcher: Option<GlobMatcher>,
    pub(super) recursive: bool,
}

impl Walk {
    /// Whether the user gave a pattern for the files, rather than a folder above them.
    pub(super) fn is_pattern(&self) -> bool {
        self.matcher.is_some()
    }

    /// Whether a path below the folder is one of those that writers keep for themselves, as `_temporary/` and
    /// `._x.parquet`, and that no pattern asks for.
    pub(super) fn is_private(&self, below: &Path) -> bool {
        let pattern = self.matcher.as_ref();
        below.to_str().is_some_and(|below| is_private(below, pattern))
    }

    pub(super) fn matches(&self, relative: &Path) -> bool {
        self.matcher.as_ref().is_none_or(|matcher| matcher.is_match(relative))
    }
}

/// Whether a path has steps that writers keep for themselves, and the pattern asks for none such.
pub(super) fn is_private(below: &str, pattern: Option<&GlobMatcher>) -> bool {
    let private = |segment: &str| segment.starts_with(['_', '.']);
    let is_asked = pattern.is_some_and(|one| one.glob().glob().split('/').any(private));
    !is_asked && below.split('/').any(private)
}

/// The path of a local URI; only in `file://` is `%20` a space.
fn local_path(uri: &str) -> Result<Cow<'_, str>> {
    match uri.split_once("://") {
        None => Ok(Cow::Borrowed(uri)),
        Some(("file", path)) => {
            let path = path.strip_prefix("localhost").unwrap_or(path);
            percent_decode_str(path).decode_utf8().map_err(|error| Error::InvalidArgument {
                argument: "uri",
                given: uri.to_owned(),
                accepted: format!("its escapes must be UTF-8: {error}"),
            })
        }
        Some((scheme, _)) => Err(Error::NotSupported {
            what: format!("reading from `{scheme}://` (`{uri}`)"),
            instead: "give a path, or a URI as `s3://…`, `gs://…`, `az://…`, `https://…`"
                .to_owned(),
        }),
    }
}

fn first_wildcard_segment(path: &str) -> Option<usize> {
    let wildcard = path.find(['*', '?', '['])?;
    Some(path[..wildcard].rfind('/').map_or(0, |slash| slash + 1))
}

/// `{a,b}`, `{1..9}`, `{01..12}`, `{a..z}`, nested and descending ones too; anything else in braces stays as it is.
pub(super) fn expand_braces(path: &str) -> Vec<String> {
    let Some((open, close)) = first_braces(path) else {
        return vec![path.to_owned()];
    };
    let (before, inside, after) = (&path[..open], &path[open + 1..close], &path[close + 1..]);
    let alternatives = match split_alternatives(inside) {
        parts if parts.len() > 1 => parts,
        _ => match range(inside) {
            Some(parts) => parts,
            None => {
                let rest = expand_braces(after);
                let stays = format!("{before}{{{inside}}}");
                return rest.into_iter().map(|rest| format!("{stays}{rest}")).collect();
            }
        },
    };
    alternatives.iter().flat_map(|part| expand_braces(&format!("{before}{part}{after}"))).collect()
}

fn first_braces(path: &str) -> Option<(usize, usize)> {
    let open = path.find('{')?;
    let mut depth = 0;
    for (at, c) in path.char_indices().skip_while(|(at, _)| *at < open) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some((open, at));
        }
    }
    None
}

fn split_alternatives(inside: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut depth = 0;
    for c in inside.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        match parts.last_mut() {
            Some(_) if c == ',' && depth == 0 => parts.push(String::new()),
            Some(part) => part.push(c),
            None => {}
        }
    }
    parts
}

fn range(inside: &str) -> Option<Vec<String>> {
    let (from, to) = inside.split_once("..")?;
    if let (Ok(first), Ok(last)) = (from.parse::<i64>(), to.parse::<i64>()) {
        let padded = [from, to].iter().any(|end| end.len() > 1 && end.starts_with('0'));
        let width = if padded { from.len().max(to.len()) } else { 0 };
        return Some(steps(first, last).map(|n| format!("{n:0width$}")).collect());
    }
    let single = |text: &str| {
        let mut chars = text.chars();
        chars.next().filter(|c| chars.as_str().is_empty() && c.is_ascii_alphabetic())
    };
    let (first, last) = (single(from)?, single(to)?);
    let letters = steps(i64::from(u32::from(first)), i64::from(u32::from(last)));
    let letters = letters.filter_map(|code| char::from_u32(u32::try_from(code).ok()?));
    Some(letters.map(String::from).collect())
}

fn steps(first: i64, last: i64) -> Box<dyn Iterator<Item = i64>> {
    if first <= last { Box::new(first..=last) } else { Box::new((last..=first).rev()) }
}
