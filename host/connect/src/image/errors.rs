//! Why a registry has given no usable answer. No error carries a secret or an address with one in it.

use portcullis_core::facts::ImageError;

/// Why a registry has given no usable answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// It does not have what was asked for.
    #[error("the registry has no such image")]
    NotFound,
    /// It refuses, or we refuse to show our password to whom it names.
    #[error("the registry refuses access: {0}")]
    Denied(String),
    /// It cannot be reached, is too slow or has no time.
    #[error("the registry is unavailable: {0}")]
    Unavailable(String),
    /// It answered something that is not what it should be; nothing of it counts.
    #[error("the registry's answer is not to be used: {0}")]
    Malformed(String),
}

impl RegistryError {
    pub(super) fn malformed(why: impl Into<String>) -> Self {
        Self::Malformed(why.into())
    }
}

impl From<RegistryError> for ImageError {
    /// In the shape in which gates read it: what makes no sense now may make sense later, so it is a fault, and never
    /// the absence of the image.
    fn from(error: RegistryError) -> Self {
        match error {
            RegistryError::NotFound => Self::NotFound,
            RegistryError::Denied(why) => {
                tracing::warn!(why, "the image registry refuses access");
                Self::Denied
            }
            RegistryError::Unavailable(why) => Self::Unavailable(why),
            RegistryError::Malformed(why) => Self::Unavailable(format!("its answer is not to be used: {why}")),
        }
    }
}
