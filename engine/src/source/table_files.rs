//! [`TableFiles`]: which files a table is read from.

use super::{FileAt, Listing};
use crate::storage::{Buckets, Uri, files};
use crate::{Error, Result};

/// Which files a table is read from.
#[derive(Clone, Debug)]
pub enum TableFiles {
    /// Those that are found.
    Found(Listing),
    /// These: what `File.source` and `File.path` say.
    Named(Vec<(String, String)>),
}

impl TableFiles {
    /// Where they are looked for, if they are.
    pub(crate) fn listing(&self) -> Option<&Listing> {
        match self {
            Self::Found(listing) => Some(listing),
            Self::Named(_) => None,
        }
    }

    /// The files, one at least; of folders those whose names end so.
    pub(crate) async fn find(
        &self,
        buckets: &Buckets,
        endings: &'static [&'static str],
    ) -> Result<Vec<FileAt>> {
        let listing = match self {
            Self::Found(listing) => listing,
            Self::Named(files) => return files.iter().map(named).collect(),
        };
        let found = listing.files(buckets, endings).await?;
        if !found.is_empty() {
            return Ok(found);
        }
        let shown = listing.to_string();
        if !files::is_folder(&shown) {
            return Err(Error::PathNotFound { path: shown });
        }
        let names: Vec<String> = endings.iter().map(|ending| format!("`*{ending}`")).collect();
        let names = names.join(" or ");
        let accepted =
            format!("no file in it is called {names}; hint: name the files, as in `folder/part-*`");
        Err(Error::InvalidArgument { argument: "folder", given: shown, accepted })
    }
}

fn named((source, path): &(String, String)) -> Result<FileAt> {
    if let Some(uri) = Uri::parse(source)? {
        let uri = uri.with_key(path);
        return Ok(FileAt {
            path: uri.to_string(),
            below: path.clone(),
            uri: Some(uri),
            listed: None,
        });
    }
    let folder = source.strip_prefix("file://").unwrap_or(source).trim_end_matches('/');
    let at = if source.is_empty() { path.clone() } else { format!("{folder}/{path}") };
    Ok(FileAt { path: at, below: path.clone(), uri: None, listed: None })
}
