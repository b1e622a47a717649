//! A weight by its name: `layers.1.mlp.down_proj[7,30]`, or the checkpoint's tensor with the same index.

use super::Silicon;
use crate::chip::Chip;
use crate::error::Error;

impl<'a> Silicon<'a> {
    /// The matrix that `at` names, with output and input of the weight. `at` is a unit's path, or the name of a tensor that one unit holds,
    /// and `[row, column]` of that tensor: `[output, input]`, as `--goto` of the viewer takes it. Tensors that a file has transposed or joined
    /// with others count as the matrix they are used as.
    ///
    /// # Errors
    /// [`Error::Place`]: a name that no matrix has, one that several have, or an index outside the matrix.
    pub fn find(chip: &'a Chip, at: &str) -> Result<(Silicon<'a>, u32, u32), Error> {
        let fail = |what: String| Error::place(at, what);
        let index = at.trim().strip_suffix(']').and_then(|s| s.split_once('['));
        let pair = index.and_then(|(name, pair)| Some((name, pair.split_once(',')?)));
        let number = |s: &str| s.trim().parse::<u32>().ok();
        let place = pair.and_then(|(name, (row, column))| Some((name.trim(), number(row)?, number(column)?)));
        let Some((name, row, column)) = place else {
            return Err(fail("expected a unit and an index, such as layers.1.mlp.down_proj[7,30]".into()));
        };
        let netlist = chip.netlist();
        let mut found: Vec<Silicon<'a>> = match netlist.find(name) {
            // A unit's own matrix is its first.
            Some(id) => Silicon::of(chip, id).into_iter().take(1).collect(),
            None => netlist.units().flat_map(|(id, _)| Silicon::of(chip, id)).filter(|s| s.matrix.tensor == name).collect(),
        };
        if found.len() > 1 {
            let units: Vec<&str> = found.iter().map(|s| s.path).collect();
            return Err(fail(format!("{} hold this tensor; name one of them", units.join(" and "))));
        }
        let Some(silicon) = found.pop() else {
            if netlist.find(name).is_some() {
                return Err(fail(format!("{name} holds no weights")));
            }
            let last = |p: &str| p.rsplit('.').next().unwrap_or(p).to_string();
            let alike = |p: &str| last(p) == last(name) || p.contains(name) || name.contains(p);
            let near = chip.structure.matrices().map(|(p, _)| p).filter(|p| alike(p)).min_by_key(|p| p.len().abs_diff(name.len()));
            let near = near.map_or(String::new(), |p| format!("; the nearest name is {p}"));
            return Err(fail(format!("no such unit or tensor{near}")));
        };
        let m = silicon.matrix;
        if row >= m.outputs || column >= m.inputs {
            return Err(fail(format!("{name} is [{}, {}]", m.outputs, m.inputs)));
        }
        let n = m.rows.output_of(row);
        Ok((silicon, n, column))
    }
}
