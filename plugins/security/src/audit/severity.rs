//! How bad a vulnerability is: from CVSS vectors and from words.

use serde::{Deserialize, Serialize};

const V3_METRICS: [&str; 8] = ["/AV:", "/AC:", "/PR:", "/UI:", "/S:", "/C:", "/I:", "/A:"];

/// A severity, from the mildest on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// CVSS below 4.0.
    Low,
    /// From 4.0 on.
    Medium,
    /// From 7.0 on.
    High,
    /// From 9.0 on.
    Critical,
}

impl Level {
    /// As findings write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// What a CVSS vector (version 3 or 4) comes to.
    pub fn of_vector(vector: &str) -> Option<Self> {
        // Longer than any vector there is. One without all of its metrics says nothing, and not that little is at stake.
        let vector = vector.trim();
        let incomplete = vector.starts_with("CVSS:3.") && V3_METRICS.iter().any(|metric| !vector.contains(metric));
        if vector.len() > 512 || incomplete {
            return None;
        }
        let score = vector.parse::<cvss::Cvss>().ok()?.score();
        Some(match score {
            score if score >= 9.0 => Self::Critical,
            score if score >= 7.0 => Self::High,
            score if score >= 4.0 => Self::Medium,
            _ => Self::Low,
        })
    }

    /// What a database's own word means.
    pub fn of_word(word: &str) -> Option<Self> {
        Some(match word.trim().to_ascii_lowercase().as_str() {
            "low" | "minor" => Self::Low,
            "medium" | "moderate" => Self::Medium,
            "high" | "important" => Self::High,
            "critical" => Self::Critical,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // SEC-3
    #[test]
    fn a_vector_comes_to_the_severity_that_its_specification_gives_it() {
        let table = [
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", Some(Level::Critical)),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H", Some(Level::High)),
            ("CVSS:3.0/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", Some(Level::Medium)),
            ("CVSS:3.1/AV:L/AC:H/PR:L/UI:N/S:U/C:L/I:N/A:N", Some(Level::Low)),
            ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", Some(Level::Critical)),
            ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:H/SC:N/SI:N/SA:N", Some(Level::High)),
            ("CVSS:3.1/AV:N", None),
            ("7.5", None),
            ("", None),
        ];
        for (vector, level) in table {
            assert_eq!(Level::of_vector(vector), level, "{vector}");
        }
        assert_eq!((Level::of_word("MODERATE"), Level::of_word("?")), (Some(Level::Medium), None));
        assert!(Level::Low < Level::Medium && Level::High < Level::Critical);
    }
}
