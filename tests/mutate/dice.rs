//! Numbers that look like chance and are the same on every machine: a failure is told by its seed alone.

/// SplitMix64.
pub struct Dice(u64);

impl Dice {
    /// Dice that fall the same way for the same name and number.
    pub fn of(name: &str, number: u64) -> Self {
        // FNV-1a, so that neighbouring numbers start far apart.
        let bytes = name.bytes().chain(number.to_le_bytes());
        Dice(bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`; 0 where there is none.
    pub fn below(&mut self, end: usize) -> usize {
        if end == 0 { 0 } else { (self.next() % end as u64) as usize }
    }

    /// A number up to `end`, small ones as likely as large ones.
    pub fn size(&mut self, end: usize) -> usize {
        let bits = usize::BITS - end.leading_zeros();
        let most = 1usize << self.below(bits as usize + 1);
        1 + self.below(most.min(end))
    }

    /// Whether one of `of` sides came up.
    pub fn one_in(&mut self, of: usize) -> bool {
        self.below(of) == 0
    }

    /// One of several.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    /// A stretch of something `length` long, of at most `most`.
    pub fn stretch(&mut self, length: usize, most: usize) -> std::ops::Range<usize> {
        let start = self.below(length + 1);
        let long = self.size(most.min(length).max(1));
        start..(start + long).min(length)
    }
}
