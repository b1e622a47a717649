//! Stored tensors that are several of the graph's: fused projections, stacked experts, transposed matrices.

use crate::config::ModelConfig;
use crate::tensor::{Layout, Tiled};

/// What a stored tensor is.
pub(crate) enum Stored {
    /// One of the graph's, under another name.
    As(String),
    Joined(Joined),
}

/// A tensor that holds several of the graph's.
pub(crate) struct Joined {
    /// What its shape must be.
    pub shape: Vec<usize>,
    pub parts: Vec<Part>,
}

impl Joined {
    /// Whether a stored tensor of this shape is it; extents of one say nothing.
    pub fn has_shape(&self, stored: &[usize]) -> bool {
        let extents = |shape: &[usize]| shape.iter().copied().filter(|&n| n != 1).collect::<Vec<_>>();
        extents(stored) == extents(&self.shape)
    }
}

/// One of the graph's tensors within a stored one, whose first element lies at `first`.
pub(crate) struct Part {
    pub name: String,
    pub shape: Vec<usize>,
    pub first: usize,
    pub layout: Layout,
}

impl Part {
    /// `count` rows of a row-major tensor of `cols` columns, from row `first`, every `step`th.
    pub fn rows(name: String, first: usize, step: usize, count: usize, cols: usize) -> Part {
        Part { name, shape: vec![count, cols], first: first * cols, layout: Layout::even(step * cols, 1) }
    }

    /// The transpose of `count` columns of a row-major `[rows, cols]` at `offset`, from column `first`, every `step`th.
    pub fn columns(name: String, offset: usize, (first, step, count): (usize, usize, usize), (rows, cols): (usize, usize)) -> Part {
        Part { name, shape: vec![count, rows], first: offset + first, layout: Layout::even(step, cols) }
    }

    /// `count` elements from `first`, every `step`th.
    pub fn vector(name: String, first: usize, step: usize, count: usize) -> Part {
        Part { name, shape: vec![count], first, layout: Layout::even(count * step, step) }
    }

    /// Of each of `blocks` blocks of `block` rows of a row-major tensor of `cols` columns, `rows` rows from `first`.
    pub fn blocks(name: String, (first, rows): (usize, usize), block: usize, blocks: usize, cols: usize) -> Part {
        let layout = Layout { block_rows: rows, block_pitch: block * cols, ..Layout::even(cols, 1) };
        Part { name, shape: vec![blocks * rows, cols], first: first * cols, layout }
    }

    /// The same, rows of heads in another order than the model's.
    pub fn with_row_heads(mut self, heads: Tiled) -> Part {
        self.layout.row_heads = Some(heads);
        self
    }

    /// The same, each row's elements of heads in another order than the model's.
    pub fn with_col_heads(mut self, heads: Tiled) -> Part {
        self.layout.col_heads = Some(heads);
        self
    }
}

/// Joined tensors as more than one architecture has them.
pub(super) fn common(tensor: &str, c: &ModelConfig) -> Option<Stored> {
    let (stem, kind) = tensor.rsplit_once('.')?;
    let (at, part) = stem.rsplit_once('.')?;
    let (at_name, vector) = (|part: &str| format!("{at}.{part}.{kind}"), kind == "bias");
    if !matches!(kind, "weight" | "bias") {
        return None;
    }
    let rows = |sizes: &[(&str, usize)], cols: usize| {
        let total: usize = sizes.iter().map(|s| s.1).sum();
        let mut first = 0;
        let mut parts = Vec::new();
        for &(name, count) in sizes {
            let name = at_name(name);
            parts.push(if vector { Part::vector(name, first, 1, count) } else { Part::rows(name, first, 1, count, cols) });
            first += count;
        }
        Stored::Joined(Joined { shape: if vector { vec![total] } else { vec![total, cols] }, parts })
    };
    match part {
        "qkv_proj" => Some(rows(&[("q_proj", c.q_width()), ("k_proj", c.kv_width()), ("v_proj", c.kv_width())], c.hidden)),
        "gate_up_proj" if !at.ends_with(".experts") => Some(rows(&[("gate_proj", c.ffn), ("up_proj", c.ffn)], c.hidden)),
        "gate_proj" | "up_proj" | "down_proj" if at.ends_with(".experts") => {
            let e = c.experts.as_ref()?;
            let (outputs, inputs) = if part == "down_proj" { (c.hidden, e.ffn) } else { (e.ffn, c.hidden) };
            let one = |expert: usize| {
                let name = format!("{at}.{expert}.{part}.{kind}");
                match vector {
                    true => Part::vector(name, expert * outputs, 1, outputs),
                    false => Part::rows(name, expert * outputs, 1, outputs, inputs),
                }
            };
            let shape = if vector { vec![e.count, outputs] } else { vec![e.count, outputs, inputs] };
            Some(Stored::Joined(Joined { shape, parts: (0..e.count).map(one).collect() }))
        }
        _ => None,
    }
}
