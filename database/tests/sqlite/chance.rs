//! Random choices that a seed decides, so that a run can be repeated (threads still take turns as they like).

/// `SplitMix64`: small, and good enough to choose where something breaks.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below another, which is not 0.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    /// The same for an index.
    pub(crate) fn index(&mut self, end: usize) -> usize {
        usize::try_from(self.below(end as u64)).unwrap()
    }

    /// True once in so many times.
    pub(crate) fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }
}

/// The seeds of a test: some in the ordinary run, more with `SOUK_LONG=1`, one alone with `SOUK_SEED=n`.
pub(crate) fn seeds(ordinary: u64, long: u64) -> impl Iterator<Item = u64> {
    if let Ok(seed) = std::env::var("SOUK_SEED") {
        let seed = seed.parse().expect("SOUK_SEED is a number");
        return seed..seed + 1;
    }
    1..1 + if std::env::var_os("SOUK_LONG").is_some() { long } else { ordinary }
}

/// Whether one seed runs alone. What must show in some of many need not show in it.
pub(crate) fn is_one() -> bool {
    std::env::var_os("SOUK_SEED").is_some()
}
