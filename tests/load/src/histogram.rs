//! Counts of durations in buckets that grow with the value: about 1.6 % wide each, so that a
//! quantile is as exact as anything on a shared machine, at a fixed and small cost per entry.

/// Buckets in each doubling.
const STEPS: usize = 64;
const STEP_BITS: u32 = STEPS.trailing_zeros();
const DOUBLINGS: usize = 40;

#[derive(Debug)]
pub(crate) struct Histogram {
    buckets: Vec<u64>,
    entries: u64,
}

impl Histogram {
    pub(crate) fn new() -> Self {
        Self {
            buckets: vec![0; STEPS * DOUBLINGS],
            entries: 0,
        }
    }

    pub(crate) fn clear(&mut self) {
        self.buckets.fill(0);
        self.entries = 0;
    }

    pub(crate) fn add(&mut self, ns: u64) {
        let last = self.buckets.len() - 1;
        self.buckets[bucket_of(ns).min(last)] += 1;
        self.entries += 1;
    }

    pub(crate) fn entries(&self) -> u64 {
        self.entries
    }

    /// The smallest value that at least `share` of the entries do not exceed.
    pub(crate) fn quantile(&self, share: f64) -> u64 {
        let wanted = (self.entries as f64 * share).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (bucket, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return middle_of(bucket);
            }
        }
        0
    }
}

fn bucket_of(ns: u64) -> usize {
    let doubling = (u64::BITS - ns.leading_zeros()).saturating_sub(STEP_BITS + 1);
    let step = (ns >> doubling) as usize;
    doubling as usize * STEPS + step
}

fn middle_of(bucket: usize) -> u64 {
    if bucket < 2 * STEPS {
        return bucket as u64;
    }
    let doubling = bucket / STEPS - 1;
    let step = (bucket % STEPS + STEPS) as u64;
    (step << doubling) + (1 << doubling) / 2
}

#[cfg(test)]
mod tests {
    use super::{Histogram, bucket_of, middle_of};

    #[test]
    fn a_bucket_is_close_to_what_is_put_into_it() {
        for ns in [0, 1, 63, 64, 127, 128, 129, 1_000, 123_456, 9_876_543_210] {
            let found = middle_of(bucket_of(ns));
            assert!(
                found.abs_diff(ns) as f64 <= ns as f64 * 0.016,
                "{ns}: {found}"
            );
        }
    }

    #[test]
    fn buckets_follow_each_other() {
        let mut last = 0;
        for ns in 0..100_000 {
            let bucket = bucket_of(ns);
            assert!(bucket == last || bucket == last + 1, "{ns}");
            last = bucket;
        }
    }

    #[test]
    fn quantiles_of_one_to_a_hundred() {
        let mut histogram = Histogram::new();
        for ns in 1..=100 {
            histogram.add(ns);
        }
        assert_eq!(histogram.quantile(0.5), 50);
        assert_eq!(histogram.quantile(0.99), 99);
        assert_eq!(histogram.quantile(1.0), 100);
        assert_eq!(histogram.entries(), 100);
    }

    #[test]
    fn nothing_has_no_quantile() {
        assert_eq!(Histogram::new().quantile(0.5), 0);
    }
}
