//! From the tensors that files store to those the graph reads: renamed, cut out of joined ones, put together from MXFP4's or ternary halves.

use std::collections::BTreeMap;
use std::path::Path;

use crate::arch::{Joined, Part, Stored};
use crate::config::{Architecture, ModelConfig};
use crate::graph::HEAD;
use crate::storage::{Entry, Place, Raw, TensorTable};
use crate::tensor::Tiled;
use crate::{Dtype, Error, blocks};

/// Suffixes of MXFP4's halves in safetensors, and of the tensor they make.
const BLOCKS: &str = "_blocks";
const SCALES: &str = "_scales";
const MXFP4: &str = "_mxfp4";
/// safetensors' name of a byte.
const BYTES: &str = "U8";

/// Where the embedding stands in names as families' files have it, and what the graph, or the family's own reading, has before its name.
const BODIES: [(&str, &str); 2] = [("embed_tokens.weight", "model."), ("wte.weight", "")];

/// Replaces every entry that the graph knows otherwise. Needs the entries' shapes to be what the configuration says.
pub(crate) fn resolve(table: &mut TensorTable, config: &ModelConfig) -> Result<(), Error> {
    strip_prefix(table)?;
    if config.architecture == Architecture::BitNet {
        pair_ternary(table);
    }
    pair_mxfp4(table)?;
    let names: Vec<String> = table.entries.keys().cloned().collect();
    for name in names {
        let Some(stored) = config.architecture.stored(&name, config) else { continue };
        let Some(entry) = table.entries.remove(&name) else { continue };
        match stored {
            Stored::As(new) => table.insert(new, entry)?,
            // A part that has the name of the whole, stored apart from the others.
            Stored::Joined(joined) if joined.parts.iter().any(|p| p.name == name && p.shape == entry.shape) => table.insert(name, entry)?,
            Stored::Joined(joined) => cut(table, &name, &entry, joined)?,
        }
    }
    Ok(())
}

/// Brings a checkpoint that lies whole under another prefix (`module.` of data parallelism, `_orig_mod.` of `torch.compile`,
/// `language_model.` of what also sees, none at all) under the graph's. The embedding tells the prefix of the body; the head stands beside
/// the body, or in it.
fn strip_prefix(table: &mut TensorTable) -> Result<(), Error> {
    let prefix_of = |name: &String| {
        BODIES.iter().find_map(|(embedding, ours)| {
            let prefix = name.strip_suffix(embedding)?;
            (prefix.is_empty() || prefix.ends_with('.')).then(|| (prefix.to_owned(), *ours))
        })
    };
    let found: Vec<_> = table.entries.keys().filter_map(prefix_of).collect();
    // Of a head alone, which is the embedding too, its own prefix and the usual one of a body.
    let (prefix, ours) = match &found[..] {
        [one] => one.clone(),
        [] => match table.entries.keys().filter_map(|name| name.strip_suffix(HEAD)).collect::<Vec<_>>()[..] {
            [head] if head.ends_with('.') => (format!("{head}model."), "model."),
            _ => return Ok(()),
        },
        _ => return Ok(()),
    };
    if prefix == ours {
        return Ok(());
    }
    let renamed = |name: &str| match name.strip_suffix(HEAD) {
        Some(head) if prefix.starts_with(head) && (head.is_empty() || head.ends_with('.')) => Some(HEAD.to_owned()),
        _ => name.strip_prefix(&prefix).map(|rest| format!("{ours}{rest}")),
    };
    let names: Vec<String> = table.entries.keys().cloned().collect();
    for name in names {
        if let Some(new) = renamed(&name).filter(|new| *new != name)
            && let Some(entry) = table.entries.remove(&name)
        {
            table.insert(new, entry)?;
        }
    }
    let raw = std::mem::take(&mut table.raw);
    table.raw = raw.into_iter().map(|(name, raw)| (renamed(&name).unwrap_or(name), raw)).collect();
    Ok(())
}

fn cut(table: &mut TensorTable, name: &str, entry: &Entry, joined: Joined) -> Result<(), Error> {
    let path = &table.shards[entry.shard].path;
    if !joined.has_shape(&entry.shape) {
        let needed_by = format!("{} and others, which it holds", joined.parts[0].name);
        let (found, expected) = (entry.shape.clone(), joined.shape);
        return Err(Error::TensorShape { path: path.clone(), tensor: name.to_owned(), found, expected, needed_by });
    }
    for part in joined.parts {
        let piece = piece(path, name, entry, &part)?;
        if table.entries.contains_key(&part.name) {
            let field = format!("tensor {}", part.name);
            return Err(Error::field(path, field, format!("a second one, in {name}"), "unique tensor names"));
        }
        table.entries.insert(part.name, piece);
    }
    Ok(())
}

/// One part's bytes and layout. Parts lie within a tensor of the joined shape, which the entry has.
fn piece(path: &Path, name: &str, entry: &Entry, part: &Part) -> Result<Entry, Error> {
    let (values, bytes) = entry.dtype.block();
    let unit = if entry.scales.is_some() { bytes - 1 } else { bytes };
    let columns = part.shape[part.shape.len() - 1];
    let rows = if part.shape.len() == 1 { 1 } else { part.shape[0] };
    let whole = |heads: Tiled| blocks::format(entry.dtype).is_none_or(|format| heads.width.is_multiple_of(format.group));
    if values > 1 && (part.layout.col_pitch != 1 || !columns.is_multiple_of(values)) || !part.layout.col_heads.is_none_or(whole) {
        let found = format!("{} in rows that do not stay whole", entry.dtype);
        return Err(Error::unsupported(path, format!("tensor {name}: dtype"), found, "F32, F16, BF16"));
    }
    let last = part.first + part.layout.row(rows - 1) + (columns - 1) * part.layout.col_pitch;
    let held = part.first / values..last / values + 1;
    let within = |range: &std::ops::Range<usize>, unit: usize| range.start + held.start * unit..range.start + held.end * unit;
    Ok(Entry {
        shard: entry.shard,
        dtype: entry.dtype,
        shape: part.shape.clone(),
        range: within(&entry.range, unit),
        layout: part.layout,
        scales: entry.scales.as_ref().map(|s| Place { shard: s.shard, range: within(&s.range, 1) }),
    })
}

/// `x.weight` `[rows / 4, columns]` of bytes and `x.weight_scale` `[1]` become a ternary `x.weight` `[rows, columns]`. What does not fit
/// stays, to be refused.
fn pair_ternary(table: &mut TensorTable) {
    let mut left = BTreeMap::new();
    for (name, raw) in std::mem::take(&mut table.raw) {
        let scale_name = format!("{name}_scale");
        let scale = table.entries.get(&scale_name).filter(|s| s.shape == [1] && matches!(s.dtype, Dtype::F32 | Dtype::BF16));
        let scale = scale.map(|s| Place { shard: s.shard, range: s.range.clone() });
        let rows = raw.shape.first().and_then(|rows| rows.checked_mul(4)).filter(|_| raw.dtype == BYTES);
        let (Some(scale), Some(rows), [_, columns]) = (scale, rows, &raw.shape[..]) else {
            left.insert(name, raw);
            continue;
        };
        if rows == 0 || *columns == 0 || !columns.is_multiple_of(32) || table.entries.contains_key(&name) {
            left.insert(name, raw);
            continue;
        }
        let mut entry = Entry::stored(raw.place.shard, Dtype::Ternary, vec![rows, *columns], raw.place.range);
        entry.scales = Some(scale);
        table.entries.remove(&scale_name);
        table.entries.insert(name, entry);
    }
    table.raw = left;
}

/// `x_blocks` `[.., n, 16]` and `x_scales` `[.., n]` of bytes become `x_mxfp4` `[.., 32 n]`.
fn pair_mxfp4(table: &mut TensorTable) -> Result<(), Error> {
    let stems: Vec<String> = table.raw.keys().filter_map(|name| name.strip_suffix(BLOCKS)).map(str::to_owned).collect();
    for stem in stems {
        let (blocks_name, scales_name) = (format!("{stem}{BLOCKS}"), format!("{stem}{SCALES}"));
        let halves = (table.raw.get(&blocks_name), table.raw.get(&scales_name));
        let (Some(blocks), Some(scales)) = halves else { continue };
        if blocks.dtype != BYTES || scales.dtype != BYTES {
            continue;
        }
        let path = &table.shards[blocks.place.shard].path;
        let Raw { shape, .. } = blocks;
        let fits = shape.len() > 1 && shape[..shape.len() - 1] == scales.shape[..] && shape[shape.len() - 1] == 16;
        if !fits {
            let found = format!("shape {:?} beside blocks {shape:?}", scales.shape);
            return Err(Error::field(path, format!("tensor {scales_name}"), found, "blocks of 16 bytes, and a scale for each"));
        }
        let mut whole = scales.shape.clone();
        let columns = whole.last_mut().and_then(|n| n.checked_mul(32).map(|c| *n = c));
        if columns.is_none() {
            let supported = "F32, F16, BF16, F64, MXFP4";
            return Err(Error::unsupported(path, format!("tensor {blocks_name}: dtype"), "U8 of an impossible shape", supported));
        }
        let mut entry = Entry::stored(blocks.place.shard, Dtype::MxFp4, whole, blocks.place.range.clone());
        entry.scales = Some(scales.place.clone());
        table.raw.remove(&blocks_name);
        table.raw.remove(&scales_name);
        table.entries.insert(format!("{stem}{MXFP4}"), entry);
    }
    Ok(())
}
