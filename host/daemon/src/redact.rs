//! Keeps known secrets out of whatever is shown, stored or sent on.

/// Knows the daemon's secrets and blanks them.
#[derive(Clone, Default)]
pub struct Redactor {
    secrets: Vec<String>,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Redactor({} secrets)", self.secrets.len())
    }
}

impl Redactor {
    /// Adds a secret. Very short ones would blank ordinary words and are left out.
    pub fn add(&mut self, secret: &str) {
        if secret.len() >= 6 && !self.secrets.iter().any(|s| s == secret) {
            self.secrets.push(secret.to_owned());
        }
    }

    /// `text` with every known secret replaced by `***`.
    pub fn clean(&self, text: &str) -> String {
        self.secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "***"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_secret_never_comes_through() {
        // GAT-5
        let mut redactor = Redactor::default();
        redactor.add("hunter2-hunter2");
        assert_eq!(redactor.clean("token hunter2-hunter2!"), "token ***!");
        assert_eq!(format!("{redactor:?}"), "Redactor(1 secrets)");
    }
}
