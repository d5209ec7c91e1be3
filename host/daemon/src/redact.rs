//! Keeps known secrets out of whatever is shown, stored or sent on.

use std::sync::{Arc, PoisonError, RwLock};

/// Knows the daemon's secrets and blanks them. Copies share what they know: a project that comes later brings its own.
#[derive(Clone, Default)]
pub struct Redactor {
    secrets: Arc<RwLock<Vec<String>>>,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Redactor({} secrets)", self.secrets.read().unwrap_or_else(PoisonError::into_inner).len())
    }
}

impl Redactor {
    /// Adds a secret. Very short ones would blank ordinary words and are left out.
    pub fn add(&self, secret: &str) {
        let mut secrets = self.secrets.write().unwrap_or_else(PoisonError::into_inner);
        if secret.len() >= 6 && !secrets.iter().any(|s| s == secret) {
            secrets.push(secret.to_owned());
        }
    }

    /// `text` with every known secret replaced by `***`.
    pub fn clean(&self, text: &str) -> String {
        let secrets = self.secrets.read().unwrap_or_else(PoisonError::into_inner);
        secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "***"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_secret_never_comes_through() {
        // GAT-5
        let redactor = Redactor::default();
        redactor.add("hunter2-hunter2");
        assert_eq!(redactor.clean("token hunter2-hunter2!"), "token ***!");
        assert_eq!(format!("{redactor:?}"), "Redactor(1 secrets)");
    }
}
