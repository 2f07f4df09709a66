//! Whose data is where: a location belongs to one dataset for good.

use object_store::path::Path;
use serde::{Deserialize, Serialize};

use crate::patience::Patience;

use super::documents::{Documents, pause};
use super::failure::Failure;
use super::head::Id;

/// A location and its dataset.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Settled {
    location: String,
    dataset: Id,
}

impl Documents {
    /// The dataset to which a location belongs; from now on this one, if it belonged to none.
    pub(super) async fn settle(&self, location: &str, dataset: &Id) -> Result<Id, Failure> {
        let path = self.location_path(location)?;
        let wanted = Settled { location: location.to_owned(), dataset: dataset.clone() };
        let mut patience = Patience::new();
        loop {
            if self.put_if(&path, &wanted, None).await? {
                return Ok(wanted.dataset);
            }
            if let Some(found) = self.get::<Settled>(&path).await? {
                let settler = &found.document.dataset;
                // WHY: a claim may have died after it settled here and before it made its dataset.
                if settler == dataset || !self.reserve(settler).await? {
                    return Ok(found.document.dataset);
                }
                if self.put_if(&path, &wanted, Some(found.state())).await? {
                    return Ok(wanted.dataset);
                }
            }
            pause(&mut patience).await?;
        }
    }

    /// The dataset to which a location belongs, if any.
    pub(super) async fn settler(&self, location: &str) -> Result<Option<Id>, Failure> {
        let found = self.get::<Settled>(&self.location_path(location)?).await?;
        Ok(found.map(|found| found.document.dataset))
    }

    fn location_path(&self, location: &str) -> Result<Path, Failure> {
        // WHY: a digest, because a location may be longer than a key.
        self.path(format_args!("locations/{}.json", blake3::hash(location.as_bytes()).to_hex()))
    }
}
