//! Names for findings that outlive the commits that do not touch them.

use sha2::{Digest, Sha256};

/// A short name (16 hexadecimal digits of a sha256) for what `parts` say together. Order counts, and so do the borders
/// between parts: `["ab", "c"]` and `["a", "bc"]` differ. Leave line numbers and revisions out, or it will not be stable.
pub fn fingerprint<P: AsRef<[u8]>>(parts: impl IntoIterator<Item = P>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        let part = part.as_ref();
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_depends_on_every_part_and_its_borders_and_on_nothing_else() {
        assert_eq!(fingerprint(["rule", "path"]), fingerprint([b"rule".as_slice(), b"path".as_slice()]));
        assert_ne!(fingerprint(["ab", "c"]), fingerprint(["a", "bc"]));
        assert_ne!(fingerprint(["a", "b"]), fingerprint(["b", "a"]));
        // Pinned: findings already recorded must be recognised by every later version.
        assert_eq!(fingerprint::<&str>([]), "e3b0c44298fc1c14");
        assert_eq!(fingerprint(["a"]).len(), 16);
    }
}
