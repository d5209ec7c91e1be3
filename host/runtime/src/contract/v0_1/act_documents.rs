//! `portcullis:act/documents`, behind the same wall and with the same hands as the workspace.

use super::act::documents::{Error, Host};
use super::workspace::{Acting, Denying};
use portcullis_core::facts::ActError;

const INTERFACE: &str = "portcullis:act/documents@0.1.0";

impl Host for Denying<'_> {
    async fn write(&mut self, name: String, content: Vec<u8>) -> wasmtime::Result<Result<(), Error>> {
        Ok(self.deny_of::<()>(INTERFACE, "write", &(name, content.len())).await?.map_err(error))
    }
}

impl Host for Acting<'_> {
    async fn write(&mut self, name: String, content: Vec<u8>) -> wasmtime::Result<Result<(), Error>> {
        // The transcript names the document and its size; the content is what the branch then holds.
        let arguments = (name.clone(), content.len());
        let writing = |acts: std::sync::Arc<dyn crate::Acts>| async move { acts.write_document(&name, &content).await };
        Ok(self.call_of(INTERFACE, "write", &arguments, writing).await?.map_err(error))
    }
}

fn error(error: ActError) -> Error {
    match error {
        ActError::Denied(why) => Error::Denied(why),
        ActError::Failed(how) => Error::Failed(how),
    }
}
