//! Reading a list that comes in pages, to its end or not at all: a list that was cut off could lack the one red check.

use super::success;
use crate::http::Rest;
use portcullis_core::facts::ForgeError;
use serde::de::DeserializeOwned;

/// More pages than this are an error, never a shorter list.
const MAX_PAGES: usize = 50;

/// How large a page we ask for.
#[derive(Clone, Copy)]
pub(super) struct PageSize {
    /// The parameter's name.
    pub(super) parameter: &'static str,
    /// Its value.
    pub(super) value: usize,
    /// The server gives pages of that size, and a `Link` header whenever there are several.
    pub(super) exact: bool,
}

/// Every item of `path`. `items` takes a page's items out of its answer.
///
/// A page that is shorter than asked for need not be the last (Gitea's operator caps the size), and the total that some
/// versions state is the page's own. So it ends with a `Link` header that has no next page, or with an empty page.
pub(super) async fn all<P, T>(
    rest: &Rest,
    path: &[&str],
    query: &[(&str, &str)],
    size: PageSize,
    items: impl Fn(P) -> Result<Vec<T>, ForgeError>,
) -> Result<Vec<T>, ForgeError>
where
    P: DeserializeOwned,
{
    let mut out = Vec::new();
    let value = size.value.to_string();
    for page in 1..=MAX_PAGES {
        let number = page.to_string();
        let mut query = query.to_vec();
        query.extend([(size.parameter, value.as_str()), ("page", number.as_str())]);
        let answer = success(rest.get(path, &query).await?)?;
        let found = items(answer.json()?)?;
        let short = size.exact && found.len() < size.value;
        let last = found.is_empty() || !answer.has_next_page().unwrap_or(!short);
        out.extend(found);
        if last {
            return Ok(out);
        }
    }
    Err(ForgeError::Unavailable(format!("`{}` has more than {MAX_PAGES} pages", path.join("/"))))
}
