//! [`Listed`]: the files of a version as another one lists them: which of their columns, under which numbers, and where
//! they are.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use lance::Dataset;
use lance_core::datatypes::{Field, Schema};
use lance_table::format::{BasePath, DataFile, Fragment};

use crate::storage::{Location, Storage};

/// How files of a version are named by others.
pub(super) struct Listed<'a> {
    dataset: &'a Dataset,
    storage: &'a Storage,
    /// The version's own folder.
    pub(super) home: Location,
}

impl<'a> Listed<'a> {
    /// `None` where some of the files cannot be named.
    pub(super) fn of(dataset: &'a Dataset, storage: &'a Storage) -> Option<Self> {
        let listed = Self { dataset, storage, home: storage.within(dataset.uri())? };
        let is_plain = |fragment: &Fragment| {
            let is_whole = |file: &DataFile| file.fields.len() == file.column_indices.len();
            fragment.overlays.is_empty()
                && fragment.row_id_meta.is_none()
                && fragment.physical_rows.is_some_and(|rows| u32::try_from(rows).is_ok())
                && fragment.files.iter().all(is_whole)
        };
        (dataset.fragments().iter().all(is_plain) && listed.folders().is_some()).then_some(listed)
    }

    /// The folders in which the files are.
    pub(super) fn folders(&self) -> Option<BTreeSet<Location>> {
        let files = self.dataset.fragments().iter().flat_map(|fragment| &fragment.files);
        files.map(|file| self.folder(file)).collect()
    }

    fn folder(&self, file: &DataFile) -> Option<Location> {
        let Some(number) = file.base_id else { return Some(self.home.clone()) };
        let base = self.dataset.manifest().base_paths.get(&number)?;
        self.storage.folder_of(base).filter(|_| base.is_dataset_root)
    }

    /// The fragment's files for a version in `folder`, as far as they hold the columns of `numbers`, which says what
    /// these are called there.
    pub(super) fn files(
        &self,
        fragment: &Fragment,
        numbers: &HashMap<i32, i32>,
        folder: &Location,
        bases: &mut BTreeMap<u32, BasePath>,
    ) -> Vec<DataFile> {
        let mut files = Vec::new();
        for file in &fragment.files {
            let columns = file.fields.iter().zip(file.column_indices.iter());
            let (fields, places): (Vec<i32>, Vec<i32>) =
                columns.filter_map(|(field, place)| Some((*numbers.get(field)?, *place))).unzip();
            if fields.is_empty() {
                continue;
            }
            let base = self.folder(file).filter(|home| home != folder);
            let base = base.map(|home| self.storage.base(&home));
            let base_id = base.as_ref().map(|base| base.id);
            bases.extend(base.map(|base| (base.id, base)));
            let (fields, column_indices) = (fields.into(), places.into());
            files.push(DataFile { fields, column_indices, base_id, ..file.clone() });
        }
        files
    }
}

/// The numbers of a column and of what is in it, and those of the same column in another version; `None` where it is
/// stored in another way.
pub(in crate::sink) fn numbers(old: &Field, new: &Field) -> Option<Vec<(i32, i32)>> {
    let is_same = old.logical_type == new.logical_type
        && old.children.len() == new.children.len()
        && old.children.iter().zip(&new.children).all(|(old, new)| old.name == new.name);
    let mut found = is_same.then(|| vec![(old.id, new.id)])?;
    for (old, new) in old.children.iter().zip(&new.children) {
        found.extend(numbers(old, new)?);
    }
    Some(found)
}

/// The column of a state that has the name.
pub(super) fn column<'s>(schema: &'s Schema, name: &str) -> Option<&'s Field> {
    schema.fields.iter().find(|field| field.name == name)
}
