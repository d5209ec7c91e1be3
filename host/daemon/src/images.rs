//! Where a project's images are looked up: in a layout on disk, in a registry, or nowhere.

use crate::settings::ProjectSettings;
use portcullis_catalog::layout::{Layout, LayoutError};
use portcullis_connect::http::SetupError;
use portcullis_connect::image::Registry;
use portcullis_connect::secret::Secret;
use portcullis_core::facts::{Image, ImageError};
use std::path::PathBuf;

/// Where a project's images are looked up.
#[derive(Debug)]
pub enum Images {
    /// Nowhere: the settings name no place.
    Nowhere,
    /// In this folder, an OCI image layout.
    Layout(PathBuf),
    /// In this registry.
    Registry(Box<Registry>),
}

impl Images {
    /// As the project's settings say.
    ///
    /// # Errors
    /// An address of the registry that is none.
    pub fn of(settings: &ProjectSettings, password: Option<Secret>) -> Result<Self, SetupError> {
        match (&settings.registry, &settings.images) {
            (Some(registry), _) => {
                Registry::new(registry.client(password)).map(|registry| Self::Registry(Box::new(registry)))
            }
            (None, Some(folder)) => Ok(Self::Layout(folder.clone())),
            (None, None) => Ok(Self::Nowhere),
        }
    }

    /// What is known of an image.
    ///
    /// # Errors
    /// [`ImageError`].
    pub async fn inspect(&self, reference: &str) -> Result<Image, ImageError> {
        let unavailable = |error: &dyn std::fmt::Display| ImageError::Unavailable(error.to_string());
        match self {
            Self::Nowhere => {
                Err(unavailable(&"the project's settings name no place of images; set its `registry` or `images`"))
            }
            Self::Layout(folder) => {
                let (folder, reference) = (folder.clone(), reference.to_owned());
                let asked = tokio::task::spawn_blocking(move || Layout::open(folder)?.image(&reference));
                match asked.await.map_err(|error| unavailable(&error))? {
                    Ok(image) => Ok(image),
                    Err(LayoutError::UnknownReference { .. }) => Err(ImageError::NotFound),
                    Err(error) => Err(unavailable(&error)),
                }
            }
            Self::Registry(registry) => {
                let reference = registry.reference(reference).map_err(|error| unavailable(&error))?;
                Ok(registry.inspect(&reference).await?.facts())
            }
        }
    }
}
