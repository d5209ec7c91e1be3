//! Which reported contexts a required one names.

/// Whether `context` is what `pattern` requires: the same name, or one that its wildcards cover (`*` any run of
/// characters, `?` any single one), as forges let a branch's protection say it. Time is bounded by the product of the
/// two lengths, whatever they hold.
pub(crate) fn matches(pattern: &str, context: &str) -> bool {
    if pattern == context {
        return true;
    }
    let (pattern, context): (Vec<char>, Vec<char>) = (pattern.chars().collect(), context.chars().collect());
    let (mut p, mut c) = (0, 0);
    // The newest `*`, and up to where in `context` it has been stretched: the only place to come back to.
    let mut star: Option<(usize, usize)> = None;
    while c < context.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, c));
                p += 1;
            }
            Some(&wanted) if wanted == '?' || wanted == context[c] => {
                p += 1;
                c += 1;
            }
            _ => match star {
                Some((at, reached)) => {
                    star = Some((at, reached + 1));
                    p = at + 1;
                    c = reached + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&rest| rest == '*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_required_context_names_itself_and_what_its_wildcards_cover() {
        // CIG-1
        let table = [
            ("ci/test", "ci/test", true),
            ("ci/test", "ci/tests", false),
            ("ci/test", "CI/test", false),
            ("ci/*", "ci/test", true),
            ("ci/*", "ci/", true),
            ("ci/*", "cd/test", false),
            ("*test*", "a test (push)", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-b-b-d", false),
            ("build ?", "build 1", true),
            ("build ?", "build 12", false),
            ("build [*]", "build [*]", true),
            ("", "", true),
            ("", "x", false),
            ("*", "", true),
        ];
        for (pattern, context, expected) in table {
            assert_eq!(matches(pattern, context), expected, "{pattern} {context}");
        }
    }

    proptest! {
        #[test]
        fn a_star_in_place_of_any_part_still_covers_the_name(name in "[ab/]{0,12}", from in 0usize..12, len in 0usize..12) {
            let from = from.min(name.len());
            let to = (from + len).min(name.len());
            let starred = format!("{}*{}", &name[..from], &name[to..]);
            prop_assert!(matches(&starred, &name));
        }

        #[test]
        fn matching_never_panics(pattern: String, context: String) {
            let _ = matches(&pattern, &context);
        }
    }
}
