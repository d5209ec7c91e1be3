//! `portcullis image`: what a registry has, and the validated image under another name (IMG-2). For deploy hooks, which
//! find every option in the environment that their run was given.
//!
//! Exit codes: 1 the image is not what was expected (or not there), 3 the registry gave no usable answer.

use super::print::{self, json, line};
use super::{CliError, Outcome};
use crate::settings::SecretSource;
use portcullis_connect::image::{
    Credentials, Inspected, Order, Platforms, PromoteError, Promoted, Registry, RegistryError, RegistrySettings,
};
use portcullis_connect::secret::Secret;
use serde_json::json as object;
use std::path::PathBuf;
use std::process::ExitCode;

/// Exit code: the registry gave no usable answer.
const FAULT: u8 = 3;

/// Arguments of `portcullis image`.
#[derive(Debug, clap::Args)]
pub struct ImageArgs {
    #[command(subcommand)]
    command: ImageCommand,
    #[command(flatten)]
    place: Place,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, clap::Subcommand)]
enum ImageCommand {
    /// Shows an image's digest, labels and age
    Inspect {
        /// The image: [HOST/]NAME[:TAG][@DIGEST]
        image: String,
        /// Which images of an index: `every`, or a platform like linux/amd64
        #[arg(long, default_value = "every")]
        platform: Platforms,
    },
    /// Gives an image another name, by its digest: nothing is built, and nothing else than what is expected goes through
    Promote {
        /// The image with its digest: NAME[:TAG]@DIGEST; if a tag is named, it must still lead to that digest
        #[arg(env = "PORTCULLIS_IMAGE")]
        image: String,
        /// The new name: TAG, or NAME:TAG in the same registry
        #[arg(long)]
        to: String,
        /// The revision that the image must be built from
        #[arg(long, env = "PORTCULLIS_IMAGE_REVISION")]
        revision: String,
        /// The label that holds it
        #[arg(long, default_value = "org.opencontainers.image.revision")]
        label: String,
    },
}

/// Where the registry is and who we are there.
#[derive(Debug, clap::Args)]
struct Place {
    /// Address of the registry, e.g. https://registry.example
    #[arg(long, global = true, env = "PORTCULLIS_REGISTRY", default_value = "")]
    registry: String,
    /// User's name there
    #[arg(long, global = true, env = "PORTCULLIS_REGISTRY_USERNAME")]
    username: Option<String>,
    /// File that holds the password
    #[arg(long, global = true, env = "PORTCULLIS_REGISTRY_PASSWORD_FILE", conflicts_with = "password_env")]
    password_file: Option<PathBuf>,
    /// Environment variable that holds the password
    #[arg(long, global = true, env = "PORTCULLIS_REGISTRY_PASSWORD_ENV", value_name = "NAME")]
    password_env: Option<String>,
    /// Host of another token service that may see the password
    #[arg(long, global = true, env = "PORTCULLIS_REGISTRY_TOKEN_HOST")]
    token_host: Option<String>,
    /// Speak plain http with a registry on another machine
    #[arg(long, global = true, env = "PORTCULLIS_REGISTRY_INSECURE")]
    insecure: bool,
}

impl Place {
    fn open(self, platforms: Platforms) -> Result<Registry, CliError> {
        let usage = |text: &str| CliError::Usage(text.to_owned());
        if self.registry.is_empty() {
            return Err(usage("which registry? give --registry, or set PORTCULLIS_REGISTRY"));
        }
        let source = match (self.password_file, self.password_env) {
            (Some(file), _) => Some(SecretSource::File { file }),
            (None, Some(env)) => Some(SecretSource::Env { env }),
            (None, None) => None,
        };
        let password = source.map(|source| source.read("password")).transpose();
        let password = password.map_err(|error| CliError::Usage(error.to_string()))?;
        let credentials = match (self.username, password) {
            (Some(username), Some(password)) => Some(Credentials { username, password: Secret::new(password) }),
            (None, None) => None,
            (Some(_), None) => {
                return Err(usage("a user name needs a password; give --password-file or --password-env"));
            }
            (None, Some(_)) => return Err(usage("a password needs a user name; give --username")),
        };
        let settings = RegistrySettings {
            credentials,
            token_host: self.token_host,
            insecure: self.insecure,
            platforms,
            ..RegistrySettings::new(self.registry)
        };
        Registry::new(settings).map_err(|error| CliError::Usage(error.to_string()))
    }
}

/// Runs it.
///
/// # Errors
/// Usage; what the registry says is told by the exit code.
pub async fn run(args: ImageArgs) -> Outcome {
    match args.command {
        ImageCommand::Inspect { image, platform } => {
            let registry = args.place.open(platform)?;
            let reference = registry.reference(&image).map_err(|error| CliError::Usage(error.to_string()))?;
            Ok(match registry.inspect(&reference).await {
                Ok(found) => {
                    if args.json {
                        json(&described(&found));
                    } else {
                        show(&found);
                    }
                    ExitCode::SUCCESS
                }
                Err(error) => refused(&format!("{reference}: {error}"), &error),
            })
        }
        ImageCommand::Promote { image, to, revision, label } => {
            let registry = args.place.open(Platforms::Every)?;
            let from = registry.reference(&image).map_err(|error| CliError::Usage(error.to_string()))?;
            match registry.promote(&Order { from, to, revision, label }).await {
                Ok(promoted) => {
                    if args.json {
                        json(&object!({
                            "image": promoted.name.to_string(),
                            "digest": promoted.digest.as_str(),
                            "revision": promoted.revision,
                            "before": promoted.before.as_ref().map(|digest| digest.as_str()),
                        }));
                    } else {
                        line(&told(&promoted));
                    }
                    Ok(ExitCode::SUCCESS)
                }
                Err(PromoteError::Reference(error)) => Err(CliError::Usage(error.to_string())),
                Err(PromoteError::Registry(error)) => Ok(refused(&format!("{image}: {error}"), &error)),
                Err(
                    error @ (PromoteError::Unpinned(_)
                    | PromoteError::OtherRevision { .. }
                    | PromoteError::Moved { .. }),
                ) => {
                    print::error(&error.to_string());
                    Ok(ExitCode::FAILURE)
                }
            }
        }
    }
}

fn refused(text: &str, error: &RegistryError) -> ExitCode {
    print::error(text);
    match error {
        RegistryError::NotFound => ExitCode::FAILURE,
        RegistryError::Denied(_) | RegistryError::Unavailable(_) | RegistryError::Malformed(_) => ExitCode::from(FAULT),
    }
}

fn told(promoted: &Promoted) -> String {
    let Promoted { name, digest, revision, before } = promoted;
    match before {
        Some(before) if before == digest => format!("{name} is {digest} already, built from {revision}"),
        Some(before) => format!("{name} is now {digest}, built from {revision}; before it was {before}"),
        None => format!("{name} is now {digest}, built from {revision}"),
    }
}

fn show(found: &Inspected) {
    line(&format!("digest: {}", found.digest));
    for image in &found.platforms {
        line(&format!("{} {}", image.platform, image.digest));
        line(&format!("  created: {}", image.created.as_deref().unwrap_or("it does not say")));
        for (name, value) in &image.labels {
            line(&format!("  {name}: {value}"));
        }
    }
}

fn described(found: &Inspected) -> serde_json::Value {
    let platforms = found.platforms.iter().map(|image| {
        object!({
            "platform": image.platform, "digest": image.digest.as_str(),
            "labels": image.labels, "created": image.created,
        })
    });
    object!({
        "digest": found.digest.as_str(), "media_type": found.media_type,
        "platforms": platforms.collect::<Vec<_>>(),
    })
}
