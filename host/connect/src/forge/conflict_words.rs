//! What a forge passes on of git's output, and which paths conflict by it.

/// The paths that git names as conflicting in its output, as far as a forge passes it on.
pub(crate) fn conflicting_paths(output: &str) -> Vec<String> {
    /// Nobody reads more.
    const MAX_PATHS: usize = 100;
    let mut paths: Vec<String> = Vec::new();
    // The output may stand inside JSON, its line ends escaped.
    for line in output.replace("\\n", "\n").lines() {
        let path = crate::text::one_line(path_in(line).trim_end_matches(['"', ',', '}', ' ', '\r']), 300);
        if !path.is_empty() && paths.len() < MAX_PATHS && !paths.contains(&path) {
            paths.push(path);
        }
    }
    paths
}

/// The path in one line of git's output; empty where there is none.
fn path_in(line: &str) -> &str {
    if let Some((_, path)) = line.split_once("Merge conflict in ") {
        return path;
    }
    let deleted = [("CONFLICT (modify/delete): ", " deleted in "), ("CONFLICT (rename/delete): ", " renamed to ")];
    let path = |(before, after)| Some(line.split_once(before)?.1.split_once(after)?.0);
    deleted.into_iter().find_map(path).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::conflicting_paths;

    // MRG-1
    #[test]
    fn conflicting_paths_are_read_from_git_s_words() {
        let output = r#"{"StdOut":"Auto-merging a.txt\nCONFLICT (content): Merge conflict in a.txt\nCONFLICT (add/add): Merge conflict in dir/b c.rs\nCONFLICT (content): Merge conflict in a.txt\n","StdErr":""}"#;
        assert_eq!(conflicting_paths(output), ["a.txt", "dir/b c.rs"]);
        for (line, path) in [
            ("CONFLICT (submodule): Merge conflict in sub", "sub"),
            (
                "CONFLICT (modify/delete): a b.txt deleted in 1f and modified in 2e.  Version 2e of a b.txt left in tree.",
                "a b.txt",
            ),
            ("CONFLICT (rename/delete): old.txt renamed to new.txt in 1f, but deleted in 2e.", "old.txt"),
        ] {
            assert_eq!(conflicting_paths(line), [path]);
        }
        for nothing in
            ["Merge conflict in ", "Merge conflict in \t\u{b}", "CONFLICT (modify/delete): a", "Auto-merging a.txt"]
        {
            assert!(conflicting_paths(nothing).is_empty(), "{nothing}");
        }
        assert_eq!(conflicting_paths(&"Merge conflict in x\n".repeat(5000)).len(), 1);
    }
}
