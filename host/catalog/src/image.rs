//! Container images in a layout on disk: what gates may know of one (its digest, labels and age).
//!
//! Deliberately absent: pulling from a registry over the network (`connect`), and unpacking layers.

use crate::layout::{Layout, LayoutError};
use crate::oci::{
    Annotations, Descriptor, IMAGE_CONFIG_TYPE, IMAGE_LAYER_TYPE, ImageConfig, ImageManifest, ImageRuntime,
    MANIFEST_TYPE, RootFs,
};
use crate::sha::digest_of;
use portcullis_core::facts::Image;

impl Layout {
    /// The facts of image `reference`. The digest is that of what the reference points to, so of an index where there is
    /// one: that is what a retag moves.
    ///
    /// # Errors
    /// If the layout has no such image, or it cannot be read.
    pub fn image(&self, reference: &str) -> Result<Image, LayoutError> {
        let descriptor = self.resolve(reference)?;
        let manifest = self.manifest(&descriptor)?;
        let config: ImageConfig = self.read_document(&manifest.config)?;
        Ok(Image {
            digest: descriptor.digest.to_string(),
            labels: config.config.labels.unwrap_or_default().into_iter().collect(),
            created: config.created,
        })
    }

    /// Writes an image of one uncompressed layer for linux/amd64 and lists it under `reference`, in place of what stood
    /// there.
    ///
    /// # Errors
    /// If something could not be written; then the reference points to what it pointed to before.
    pub fn write_image(
        &self,
        reference: &str,
        labels: Annotations,
        created: Option<String>,
        layer: &[u8],
    ) -> Result<Descriptor, LayoutError> {
        let config = ImageConfig {
            created,
            architecture: "amd64".into(),
            os: "linux".into(),
            config: ImageRuntime { labels: Some(labels) },
            rootfs: RootFs { kind: "layers".into(), diff_ids: vec![digest_of(layer)] },
        };
        let manifest = ImageManifest {
            schema_version: 2,
            media_type: Some(MANIFEST_TYPE.into()),
            config: self.write_document(IMAGE_CONFIG_TYPE, &config)?,
            layers: vec![self.write_blob(IMAGE_LAYER_TYPE, layer)?],
            annotations: Annotations::new(),
        };
        self.tag(reference, self.write_document(MANIFEST_TYPE, &manifest)?)
    }
}
