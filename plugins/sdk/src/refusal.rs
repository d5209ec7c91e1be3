//! From a host's error to a gate's refusal, so that `?` works on every call of `host` and says what went wrong.
//!
//! What tells the kinds apart is whether asking again, with nothing changed, can help: then it is `unavailable`.

use crate::Refusal;
use crate::host::{
    advisories, approvals, documents, forge, images, own_documents, repository, test_runs, web, workspace,
};

impl Refusal {
    /// The configuration's `key` is not usable, and why.
    pub fn config(key: &str, why: impl std::fmt::Display) -> Self {
        Self::BadConfig(format!("key `{key}`: {why}"))
    }
}

/// Names, in a refusal, what the gate wanted of the host.
pub trait OrRefuse<T> {
    /// Turns the host's error into "failed to `wanted`: reason"; `wanted` is a phrase like `read the checks of 9f2c`.
    ///
    /// # Errors
    /// The host's error, as a refusal.
    fn or_refuse(self, wanted: &str) -> Result<T, Refusal>;
}

impl<T, E: HostError> OrRefuse<T> for Result<T, E> {
    fn or_refuse(self, wanted: &str) -> Result<T, Refusal> {
        self.map_err(|error| error.refusal(wanted))
    }
}

/// An error of one of the host's interfaces.
trait HostError {
    /// What its interface is for, where the caller did not say it.
    const WANTED: &'static str;
    fn refusal(self, wanted: &str) -> Refusal;
}

fn unavailable(wanted: &str, why: impl std::fmt::Display) -> Refusal {
    Refusal::Unavailable(format!("failed to {wanted}: {why}"))
}

fn bad_input(wanted: &str, why: impl std::fmt::Display) -> Refusal {
    Refusal::BadInput(format!("failed to {wanted}: {why}"))
}

macro_rules! host_error {
    ($module:ident, $default:literal, |$wanted:ident| { $($pattern:pat => $refusal:expr),+ $(,)? }) => {
        impl HostError for $module::Error {
            const WANTED: &'static str = $default;
            fn refusal(self, $wanted: &str) -> Refusal {
                use $module::Error::*;
                match self { $($pattern => $refusal),+ }
            }
        }

        impl From<$module::Error> for Refusal {
            fn from(error: $module::Error) -> Self {
                error.refusal(<$module::Error as HostError>::WANTED)
            }
        }
    };
}

host_error!(repository, "read the repository", |wanted| {
    NotFound(what) => bad_input(wanted, format_args!("{what} is not in the repository")),
    TooLarge(bytes) => bad_input(wanted, format_args!("its {bytes} bytes are more than the host hands over")),
    Failed(why) => unavailable(wanted, why),
});
host_error!(forge, "ask the forge", |wanted| {
    NotFound => unavailable(wanted, "the forge does not know it"),
    RateLimited(seconds) => unavailable(wanted, format_args!("the forge asks to be left alone for {seconds} s")),
    Unavailable(why) => unavailable(wanted, why),
});
host_error!(documents, "read a document of the work item", |wanted| {
    NotFound => bad_input(wanted, "there is no such document"),
    Malformed(why) => bad_input(wanted, why),
    Failed(why) => unavailable(wanted, why),
});
host_error!(images, "inspect an image", |wanted| {
    NotFound => bad_input(wanted, "the registry has no such image"),
    Denied => bad_input(wanted, "the registry denies access to it; check the registry's credentials in the host's settings"),
    Unavailable(why) => unavailable(wanted, why),
});
host_error!(approvals, "read the newest approval", |wanted| { Unavailable(why) => unavailable(wanted, why) });
host_error!(test_runs, "read the recorded test runs", |wanted| { Unavailable(why) => unavailable(wanted, why) });
host_error!(own_documents, "write a document of the work item", |wanted| {
    Denied(why) => unavailable(wanted, format_args!("the host does not allow it: {why}")),
    Failed(why) => unavailable(wanted, why),
});
host_error!(advisories, "look advisories up", |wanted| {
    Unavailable(why) => unavailable(wanted, why),
    TooLarge => bad_input(wanted, "too many packages were asked for at once"),
});
host_error!(web, "ask over the network", |wanted| {
    Denied(why) => unavailable(wanted, format_args!("the host does not allow it: {why}")),
    Failed(why) => unavailable(wanted, why),
});
host_error!(workspace, "work on the branch", |wanted| {
    Denied(why) => unavailable(wanted, format_args!("the host does not allow it: {why}")),
    Failed(why) => unavailable(wanted, why),
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_was_wanted_and_whether_asking_again_helps() {
        let wanted = Err::<(), _>(forge::Error::RateLimited(30)).or_refuse("read the checks of 9f2c");
        let text = "failed to read the checks of 9f2c: the forge asks to be left alone for 30 s";
        assert_eq!(wanted, Err(Refusal::Unavailable(text.into())));
        assert_eq!(
            Refusal::from(repository::Error::NotFound("9f2c".into())),
            Refusal::BadInput("failed to read the repository: 9f2c is not in the repository".into())
        );
        assert!(matches!(Refusal::from(documents::Error::Failed("disk".into())), Refusal::Unavailable(_)));
        assert!(matches!(Refusal::from(images::Error::NotFound), Refusal::BadInput(_)));
    }
}
