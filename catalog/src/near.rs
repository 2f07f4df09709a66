//! Which existing names a user may have meant.

use std::{cmp, mem};

use crate::name::QualifiedName;

const SHOWN: usize = 3;

const MOST_ERRORS: usize = 3;

/// Up to three of the known names or paths that look like the given one, nearest first.
///
/// A path is near, too, when its last name is the given one.
#[must_use]
pub fn near_names<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let given = given.to_lowercase();
    let allowed = 1 + given.chars().count() / 3;
    let errors = |name: &'a str| (distance(&given, &name.to_lowercase()), name);
    let is_leaf = |path: &str| path.rsplit('.').next().unwrap_or(path).to_lowercase() == given;
    let near = known.into_iter().map(errors);
    nearest(near.filter(|(errors, name)| *errors <= allowed || is_leaf(name)))
        .map(str::to_owned)
        .collect()
}

/// Existing datasets like the wanted one, nearest first, in the form for messages.
///
/// A name is near when it is the same in another project, or a few typing errors away in the same
/// one.
pub(crate) fn near_datasets(wanted: &QualifiedName, existing: &[QualifiedName]) -> Vec<String> {
    let written = wanted.name.as_str().to_lowercase();
    let allowed = cmp::min(1 + written.chars().count() / 4, MOST_ERRORS);
    let near = existing
        .iter()
        .map(|name| (distance(&written, &name.name.as_str().to_lowercase()), name))
        .filter(|(errors, name)| *errors == 0 || *errors <= allowed && same_project(wanted, name));
    nearest(near).map(|name| name.short().to_string()).collect()
}

fn nearest<N: Ord>(near: impl Iterator<Item = (usize, N)>) -> impl Iterator<Item = N> {
    let mut near: Vec<_> = near.collect();
    near.sort_unstable();
    near.into_iter().take(SHOWN).map(|(_, name)| name)
}

fn same_project(one: &QualifiedName, other: &QualifiedName) -> bool {
    one.namespace == other.namespace && one.project == other.project
}

/// How many characters must be typed, deleted, replaced or swapped with their neighbour to get from
/// one to the other.
fn distance(from: &str, to: &str) -> usize {
    let from: Vec<char> = from.chars().collect();
    let to: Vec<char> = to.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in to.iter().enumerate() {
            let replaced = last[j] + usize::from(a != b);
            let mut fewest = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == to[j - 1] && from[i - 1] == *b {
                fewest = fewest.min(before[j - 1] + 1);
            }
            row.push(fewest);
        }
        before = mem::replace(&mut last, row);
    }
    last[to.len()]
}

#[cfg(test)]
mod tests;
