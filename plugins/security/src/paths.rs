//! What a path says about its content. Only ever used to guess less, never to skip a file.

/// Lockfiles, source maps and minified code are full of checksums and of names cut to nothing: there only rules that know
/// their secret's shape are run, not the one that guesses.
pub fn is_full_of_hashes(path: &[u8]) -> bool {
    const NAMES: &[&[u8]] = &[
        b"Cargo.lock",
        b".cargo-checksum.json",
        b"package-lock.json",
        b"npm-shrinkwrap.json",
        b"pnpm-lock.yaml",
        b"yarn.lock",
        b"bun.lock",
        b"go.sum",
        b"poetry.lock",
        b"uv.lock",
        b"pdm.lock",
        b"Pipfile.lock",
        b"composer.lock",
        b"Gemfile.lock",
        b"flake.lock",
        b"mix.lock",
        b"Podfile.lock",
        b"packages.lock.json",
        b"pubspec.lock",
    ];
    const ENDS: &[&[u8]] = &[b".min.js", b".min.css", b".map", b".svg", b".ipynb", b".sum"];
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or(path);
    NAMES.contains(&name) || ENDS.iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    // SEC-2
    #[test]
    fn lockfiles_are_known_by_name_wherever_they_stand() {
        assert!(is_full_of_hashes(b"web/package-lock.json"));
        assert!(is_full_of_hashes(b"static/app.min.js"));
        assert!(is_full_of_hashes(b"vendor/tower-http/.cargo-checksum.json"));
        assert!(!is_full_of_hashes(b"src/lock.rs"));
    }
}
