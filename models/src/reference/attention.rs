//! Causal attention of a block of tokens over cached keys and values.

use rayon::prelude::*;

use super::panels::{LANES, Lanes, PARALLEL_FROM, ROWS, sums};

/// Tokens given to a thread at a time.
const TOKENS_A_TASK: usize = 8;

/// What an attention node is.
#[derive(Clone)]
pub(super) struct Heads {
    /// Number of this node's keys and values in the state.
    pub memory: usize,
    pub heads: usize,
    pub kv_heads: usize,
    pub head_dim: usize,
    pub scale: f32,
    pub window: Option<usize>,
    /// One more score a query head, without a value.
    pub sinks: Option<Vec<f32>>,
}

/// Keys and values of one attention node, as panels that grow with the text.
#[derive(Clone, Default)]
pub(super) struct Cache {
    positions: usize,
    /// For each head `[positions / LANES, head_dim]`: a panel's outputs are scores.
    keys: Vec<Vec<Lanes>>,
    /// For each head and each [`LANES`] of its values `[positions]`: a panel's outputs are values of the mean.
    values: Vec<Vec<Lanes>>,
}

impl Heads {
    fn value_panels(&self) -> usize {
        self.head_dim.div_ceil(LANES)
    }

    /// Adds one position's keys and values, `[kv_heads * head_dim]` each.
    pub fn remember(&self, cache: &mut Cache, keys: &[f32], values: &[f32]) {
        cache.keys.resize_with(self.kv_heads, Vec::new);
        cache.values.resize_with(self.kv_heads * self.value_panels(), Vec::new);
        let lane = cache.positions % LANES;
        for (panels, key) in cache.keys.iter_mut().zip(keys.chunks_exact(self.head_dim)) {
            if lane == 0 {
                panels.resize(panels.len() + self.head_dim, [0.0; LANES]);
            }
            let last = panels.len() - self.head_dim;
            panels[last..].iter_mut().zip(key).for_each(|(to, k)| to[lane] = *k);
        }
        let pieces = values.chunks_exact(self.head_dim).flat_map(|value| value.chunks(LANES));
        for (panel, piece) in cache.values.iter_mut().zip(pieces) {
            let mut lanes = [0.0; LANES];
            lanes[..piece.len()].copy_from_slice(piece);
            panel.push(lanes);
        }
        cache.positions += 1;
    }

    /// `softmax(scale * q k^T) v` for the last tokens of the cache: `out`, `queries` `[tokens, heads * head_dim]`.
    pub fn attend(&self, out: &mut [f32], queries: &[f32], cache: &Cache) {
        let width = self.heads * self.head_dim;
        let first = cache.positions - out.len() / width;
        let task = |(i, (out, queries)): (usize, (&mut [f32], &[f32]))| {
            for kv_head in 0..self.kv_heads {
                self.group(out, queries, cache, first + i * TOKENS_A_TASK, kv_head);
            }
        };
        let (outs, ins) = (TOKENS_A_TASK * width, TOKENS_A_TASK * width);
        if out.len() * cache.positions < PARALLEL_FROM {
            out.chunks_mut(outs).zip(queries.chunks(ins)).enumerate().for_each(task);
        } else {
            out.par_chunks_mut(outs).zip(queries.par_chunks(ins)).enumerate().for_each(task);
        }
    }

    /// The query heads of one key-value head, for tokens from position `first` on.
    fn group(&self, out: &mut [f32], queries: &[f32], cache: &Cache, first: usize, kv_head: usize) {
        let (d, share) = (self.head_dim, self.heads / self.kv_heads);
        let tokens = out.len() / (self.heads * d);
        // A row is one query head of one token; all share this head's keys and values.
        let place = |row: usize| ((row / share) * self.heads + kv_head * share + row % share) * d;
        let mut queue = (0..tokens * share).collect::<Vec<_>>();
        while !queue.is_empty() {
            let rows: Vec<usize> = queue.drain(..queue.len().min(ROWS)).collect();
            let seen = |row: usize| {
                let position = first + row / share;
                self.window.map_or(0, |w| (position + 1).saturating_sub(w))..position + 1
            };
            let (from, to) = (seen(rows[0]).start / LANES, seen(rows[rows.len() - 1]).end.div_ceil(LANES));
            let mut query = vec![[0.0; ROWS]; d];
            for (r, &row) in rows.iter().enumerate() {
                query.iter_mut().zip(&queries[place(row)..]).for_each(|(to, q)| to[r] = *q);
            }
            // [positions from `from * LANES` on], first scores, then their exponentials; what a row does not see adds nothing
            let mut weights = vec![[f32::NEG_INFINITY; ROWS]; (to * LANES).min(cache.positions) - from * LANES];
            for (panel, weights) in (from..to).zip(weights.chunks_mut(LANES)) {
                let scores = sums(&cache.keys[kv_head][panel * d..(panel + 1) * d], &query, rows.len());
                for (r, &row) in rows.iter().enumerate() {
                    let seen = seen(row);
                    for (lane, weight) in weights.iter_mut().enumerate() {
                        if seen.contains(&(panel * LANES + lane)) {
                            weight[r] = scores[r][lane] * self.scale;
                        }
                    }
                }
            }
            let sink = |row: usize| self.sinks.as_ref().map(|sinks| sinks[kv_head * share + row % share]);
            let totals: Vec<f32> = rows.iter().enumerate().map(|(r, &row)| exponentials(&mut weights, r, sink(row))).collect();
            for (panel, at) in (0..self.value_panels()).map(|p| (p, p * LANES)) {
                let values = &cache.values[kv_head * self.value_panels() + panel][from * LANES..];
                let means = sums(values, &weights, rows.len());
                for (r, &row) in rows.iter().enumerate() {
                    let out = &mut out[place(row)..][at..(at + LANES).min(d)];
                    out.iter_mut().zip(&means[r]).for_each(|(y, sum)| *y = sum / totals[r]);
                }
            }
        }
    }
}

/// Scores of one row become `e^(score - max)`; gives their sum, with the sink's.
fn exponentials(scores: &mut [[f32; ROWS]], row: usize, sink: Option<f32>) -> f32 {
    let max = scores.iter().map(|s| s[row]).fold(sink.unwrap_or(f32::NEG_INFINITY), f32::max);
    let mut sum = sink.map_or(0.0, |sink| libm::expf(sink - max));
    for score in scores {
        score[row] = libm::expf(score[row] - max);
        sum += score[row];
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(i: usize) -> f32 {
        ((i * 2_654_435_761) % 997) as f32 / 400.0 - 1.2
    }

    /// The definition, one number at a time in double precision.
    fn plain(h: &Heads, queries: &[f32], keys: &[f32], values: &[f32], position: usize) -> Vec<f64> {
        let mut out = vec![];
        for head in 0..h.heads {
            let kv = head / (h.heads / h.kv_heads);
            let at = |p: usize, i: usize| (p * h.kv_heads + kv) * h.head_dim + i;
            let first = h.window.map_or(0, |w| (position + 1).saturating_sub(w));
            let score = |p: usize| {
                let dot: f64 = (0..h.head_dim).map(|i| f64::from(queries[head * h.head_dim + i]) * f64::from(keys[at(p, i)])).sum();
                (dot * f64::from(h.scale)).exp()
            };
            let sink = h.sinks.as_ref().map_or(0.0, |sinks| f64::from(sinks[head]).exp());
            let total: f64 = (first..=position).map(score).sum::<f64>() + sink;
            for i in 0..h.head_dim {
                out.push((first..=position).map(|p| score(p) / total * f64::from(values[at(p, i)])).sum());
            }
        }
        out
    }

    #[test]
    fn blocks_of_any_size_give_the_bits_of_single_tokens_and_the_definition() {
        for (heads, kv_heads, head_dim, window) in [(4, 2, 6, None), (3, 1, 18, Some(5)), (2, 2, 16, Some(40)), (7, 7, 4, Some(1))] {
            let sinks = (heads < 4).then(|| vec![0.7, -3.0, 5.0]);
            let h = Heads { memory: 0, heads, kv_heads, head_dim, scale: 0.4, window, sinks };
            let (tokens, q, kv) = (37, heads * head_dim, kv_heads * head_dim);
            let queries: Vec<f32> = (0..tokens * q).map(value).collect();
            let keys: Vec<f32> = (0..tokens * kv).map(|i| value(i + 5)).collect();
            let values: Vec<f32> = (0..tokens * kv).map(|i| value(i + 11)).collect();
            let run = |block: usize| {
                let (mut cache, mut out) = (Cache::default(), vec![0.0; tokens * q]);
                for (first, out) in (0..tokens).step_by(block).zip(out.chunks_mut(block * q)) {
                    let n = out.len() / q;
                    for t in first..first + n {
                        h.remember(&mut cache, &keys[t * kv..(t + 1) * kv], &values[t * kv..(t + 1) * kv]);
                    }
                    h.attend(out, &queries[first * q..(first + n) * q], &cache);
                }
                out
            };
            let one = run(1);
            for block in [2, 5, 16, 37] {
                assert!(one.iter().zip(run(block)).all(|(a, b)| a.to_bits() == b.to_bits()), "blocks of {block}, window {window:?}");
            }
            for t in [0, 1, 17, 36] {
                for (ours, exact) in one[t * q..].iter().zip(plain(&h, &queries[t * q..], &keys, &values, t)) {
                    assert!((f64::from(*ours) - exact).abs() < 1e-5, "{ours} against {exact} at {t}");
                }
            }
        }
    }
}
