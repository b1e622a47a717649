//! Choosing the next token from the chip's integer logits: greedy, as the chip's own Argmax unit does, or sampled by the host.

use hardwire_netlist::unit::Fixed;

/// How tokens are chosen. Temperature 0 is greedy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    pub temperature: f64,
    /// Only the greatest `top_k` logits take part; 0 = all.
    pub top_k: usize,
    /// Of those only the fewest whose probabilities reach this sum; 1 = all.
    pub top_p: f64,
    pub seed: u64,
}

impl Sampling {
    pub const GREEDY: Sampling = Sampling { temperature: 0.0, top_k: 0, top_p: 1.0, seed: 0 };

    /// Whether it is a temperature: zero or more.
    pub fn is_temperature(value: f64) -> bool {
        value >= 0.0 && value.is_finite()
    }

    /// Whether it is a sum of probabilities to sample among: more than 0, at most 1.
    pub fn is_top_p(value: f64) -> bool {
        value > 0.0 && value <= 1.0
    }
}

/// A seeded sequence of choices: the same seed and logits give the same tokens on every machine.
pub struct Sampler {
    sampling: Sampling,
    state: u64,
}

impl Sampler {
    pub fn new(sampling: Sampling) -> Self {
        Sampler { sampling, state: sampling.seed }
    }

    /// The next token; `top` is the greedy choice. Logits are in `format`.
    pub fn choose(&mut self, logits: &[i32], top: u32, format: Fixed) -> u32 {
        if self.sampling.temperature <= 0.0 {
            return top;
        }
        let mut order: Vec<u32> = (0..logits.len() as u32).collect();
        // Ties by index, so that the order is one order.
        order.sort_unstable_by_key(|&i| (std::cmp::Reverse(logits[i as usize]), i));
        if self.sampling.top_k > 0 {
            order.truncate(self.sampling.top_k);
        }
        let best = logits[top as usize];
        let scale = format.value(1) / self.sampling.temperature;
        // libm: one exponential on every machine.
        let weight = |i: &u32| libm::exp((f64::from(logits[*i as usize]) - f64::from(best)) * scale);
        let mut total: f64 = order.iter().map(weight).sum();
        if self.sampling.top_p < 1.0 {
            let (enough, mut sum) = (self.sampling.top_p * total, 0.0);
            let fewest = order.iter().position(|i| {
                sum += weight(i);
                sum >= enough
            });
            if let Some(last) = fewest {
                order.truncate(last + 1);
                total = sum;
            }
        }
        let mut left = self.uniform() * total;
        for i in &order {
            left -= weight(i);
            if left < 0.0 {
                return *i;
            }
        }
        top
    }

    /// SplitMix64 (Steele, Lea, Flood 2014), as a fraction in [0, 1).
    fn uniform(&mut self) -> f64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_follow_the_softmax_and_the_seed() {
        let format = Fixed::new(32, 10);
        // 1024 apart in logit units of 2^-10 is one nat: odds of e.
        let logits = [0, 1024, -100_000, 1024];
        let of = |sampling| {
            let mut s = Sampler::new(sampling);
            (0..4000).map(|_| s.choose(&logits, 1, format)).collect::<Vec<_>>()
        };
        let draw = |seed, top_k| of(Sampling { temperature: 1.0, top_k, top_p: 1.0, seed });
        assert_eq!(draw(1, 0), draw(1, 0));
        assert_ne!(draw(1, 0), draw(2, 0));
        let count = |d: &[u32], t| d.iter().filter(|&&x| x == t).count() as f64 / 4000.0;
        let p = 1.0 / (1.0 + 2.0 * std::f64::consts::E);
        let d = draw(7, 0);
        assert!((count(&d, 0) - p).abs() < 0.025, "{}", count(&d, 0));
        assert_eq!(count(&d, 2), 0.0);
        assert!(draw(3, 2).iter().all(|&t| t == 1 || t == 3));
        // Two tokens have e / (1 + 2e) = 0.42 each: a half takes both, less takes the first of them.
        let nucleus = |top_p| of(Sampling { temperature: 1.0, top_k: 0, top_p, seed: 3 });
        assert!(nucleus(0.5).iter().all(|&t| t == 1 || t == 3) && nucleus(0.5).contains(&3));
        assert!(nucleus(0.4).iter().all(|&t| t == 1));
        assert_eq!(Sampler::new(Sampling::GREEDY).choose(&logits, 1, format), 1);
    }
}
