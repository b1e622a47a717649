//! What the matrices of every fabric have: an output stage and a codebook.

use hardwire_netlist::Unit;
use hardwire_netlist::silicon::{Part, Silicon};
use hardwire_netlist::unit::MatrixSpec;
use hardwire_netlist::width::range_bits;

/// What the output stage of a matrix reads.
pub struct Outputs {
    /// Bits of an output.
    pub bits: u32,
    pub shift_bits: u32,
    pub shifts: String,
    /// 1: there is a bias.
    pub bias: u32,
    /// Empty where there is none.
    pub biases: String,
}

impl Outputs {
    pub fn of(unit: &Unit, silicon: &Silicon<'_>) -> Outputs {
        let biased = silicon.matrix.bias;
        Outputs {
            bits: u32::from(unit.out.bits),
            shift_bits: silicon.shift_bits(),
            shifts: silicon.file(Part::Shifts, (0, 0)),
            bias: u32::from(biased),
            biases: if biased { silicon.file(Part::Biases, (0, 0)) } else { String::new() },
        }
    }
}

/// Value bits and Verilog literal of a codebook, value 0 lowest.
pub fn codebook(m: &MatrixSpec) -> (u32, String) {
    list(&m.codebook)
}

/// As [`codebook`], of any numbers.
pub fn list(values: &[i32]) -> (u32, String) {
    let bits = range_bits(values.iter().map(|&v| i64::from(v)));
    let mut digits = String::with_capacity(values.len() * bits as usize + 16);
    for &v in values.iter().rev() {
        for b in (0..bits).rev() {
            digits.push(if v >> b & 1 == 1 { '1' } else { '0' });
        }
    }
    (bits, format!("{}'b{digits}", values.len() * bits as usize))
}
