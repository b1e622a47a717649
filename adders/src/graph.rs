//! The result: two-input adders in an order in which each only reads what stands before it.

use crate::matrix::Matrix;

/// `±(value << shift)`; values are the inputs, then the adders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Operand {
    /// Index of the value: below `inputs` an input, else adder `value - inputs`.
    pub value: usize,
    /// Bits to the left.
    pub shift: u32,
    /// Whether it is taken off.
    pub negative: bool,
}

/// One adder or subtractor; at most one of its operands is negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Adder {
    pub a: Operand,
    pub b: Operand,
}

/// Shifts and adds that compute `x · M`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Graph {
    /// Length of `x`.
    pub inputs: usize,
    /// Adders in topological order.
    pub adders: Vec<Adder>,
    /// Each output: none where its column is all zero. Shifts and signs of outputs are wires to whoever reads them, and not counted.
    pub outputs: Vec<Option<Operand>>,
}

impl Graph {
    /// Adders between the inputs and each value.
    pub fn depths(&self) -> Vec<u32> {
        let mut depths = vec![0; self.inputs];
        for adder in &self.adders {
            depths.push(1 + u32::max(depths[adder.a.value], depths[adder.b.value]));
        }
        depths
    }

    /// Most adders between an input and an output.
    pub fn depth(&self) -> u32 {
        let depths = self.depths();
        self.outputs.iter().flatten().map(|o| depths[o.value]).max().unwrap_or(0)
    }

    /// Outputs for one vector of inputs.
    pub fn evaluate(&self, x: &[i64]) -> Vec<i128> {
        let mut values: Vec<i128> = x.iter().map(|x| i128::from(*x)).collect();
        for adder in &self.adders {
            values.push(read(&values, adder.a) + read(&values, adder.b));
        }
        self.outputs.iter().map(|o| o.map_or(0, |o| read(&values, o))).collect()
    }

    /// Whether the graph gives the products of `matrix`, for every vector: sums are linear, so that of each single input decides.
    pub fn computes(&self, matrix: &Matrix) -> bool {
        let sides = self.inputs == matrix.inputs() && self.outputs.len() == matrix.outputs();
        let unit = |at: usize| (0..self.inputs).map(|i| i64::from(i == at)).collect::<Vec<_>>();
        sides && (0..self.inputs).map(unit).all(|x| self.evaluate(&x) == matrix.product(&x))
    }

    /// Least and greatest of every value where all inputs lie in `range`, exact for each: inputs are independent.
    pub fn ranges(&self, range: (i64, i64)) -> Vec<(i128, i128)> {
        let mut ranges = vec![(i128::from(range.0), i128::from(range.1)); self.inputs];
        for adder in &self.adders {
            let (a, b) = (interval(&ranges, adder.a), interval(&ranges, adder.b));
            ranges.push((a.0 + b.0, a.1 + b.1));
        }
        ranges
    }

    /// The cost that da4ml gives such adders (`cost_add` in its `state_opr.cc`): every adder as long as its longer operand is from the
    /// coarser step up, in cells of `adder_size` bits; one for each adder where there is no size.
    pub fn cost(&self, range: (i64, i64), adder_size: Option<u32>) -> u64 {
        let Some(size) = adder_size else { return self.adders.len() as u64 };
        let ranges = self.ranges(range);
        let steps = self.steps();
        let bits = |adder: &Adder| {
            let step = |o: Operand| steps[o.value] + o.shift;
            let reach = |o: Operand| {
                let (low, high) = interval(&ranges, o);
                low.unsigned_abs().max((high + (1 << step(o))).unsigned_abs())
            };
            let signed = [adder.a, adder.b].iter().any(|o| ranges[o.value].0 < 0);
            let magnitude = reach(adder.a).max(reach(adder.b)).max(1);
            let length = (magnitude - 1).checked_ilog2().map_or(0, |l| l + 1);
            u64::from((u32::from(signed) + length).saturating_sub(step(adder.a).max(step(adder.b)))).div_ceil(u64::from(size.max(1)))
        };
        self.adders.iter().map(bits).sum()
    }

    /// Low bits of each value that are always zero.
    pub fn steps(&self) -> Vec<u32> {
        let mut steps = vec![0; self.inputs];
        for adder in &self.adders {
            steps.push(u32::min(steps[adder.a.value] + adder.a.shift, steps[adder.b.value] + adder.b.shift));
        }
        steps
    }
}

fn read(values: &[i128], o: Operand) -> i128 {
    let value = values[o.value] << o.shift;
    if o.negative { -value } else { value }
}

fn interval(ranges: &[(i128, i128)], o: Operand) -> (i128, i128) {
    let (low, high) = (ranges[o.value].0 << o.shift, ranges[o.value].1 << o.shift);
    if o.negative { (-high, -low) } else { (low, high) }
}
