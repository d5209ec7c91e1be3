//! How long to wait before trying again.

use std::time::Duration;

/// Exponential backoff with jitter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// Wait after the first failure.
    pub first: Duration,
    /// Never longer than this.
    pub longest: Duration,
}

impl Backoff {
    /// The wait after failure number `failures` (1, 2, …): doubled each time, capped, and then reduced by up to a quarter
    /// by `seed`, so that rivals that failed together do not come back together. The same arguments give the same wait.
    pub fn wait(&self, failures: u32, seed: u64) -> Duration {
        let doublings = failures.saturating_sub(1).min(30);
        let full = self.first.saturating_mul(1 << doublings).min(self.longest);
        // splitmix64: spreads consecutive seeds (ids) over the whole range.
        let mut z = seed.wrapping_add(u64::from(failures)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        full - full.mul_f64((z % 1024) as f64 / 4096.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_the_cap_and_keep_three_quarters_at_least() {
        // QUE-5
        let backoff = Backoff { first: Duration::from_secs(10), longest: Duration::from_secs(300) };
        for seed in 0..200 {
            for failures in 1..80 {
                let full = Duration::from_secs(10).saturating_mul(1 << (failures - 1).min(20)).min(backoff.longest);
                let wait = backoff.wait(failures, seed);
                assert!(wait <= full && wait >= full.mul_f64(0.75), "{failures} {seed} {wait:?}");
            }
        }
        assert_ne!(backoff.wait(1, 1), backoff.wait(1, 2), "two jobs do not come back together");
    }
}
