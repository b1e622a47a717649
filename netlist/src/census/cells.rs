//! The pieces every unit is counted in: registers, adders, selectors, products, shifts. Their shares of cells follow how
//! `rtl-gen/synth` maps them to a library; `docs/calibration.md` holds whole modules against synthesis.

use super::counts::Census;
use crate::width::table_bits;

pub fn flops(n: u64) -> Census {
    Census { flops: n, ..Census::default() }
}

pub fn sram(n: u64) -> Census {
    Census { sram_bits: n, ..Census::default() }
}

pub fn rom(n: u64) -> Census {
    Census { rom_bits: n, ..Census::default() }
}

pub fn gates(n: u64) -> Census {
    Census { gates: n, ..Census::default() }
}

/// A chain of full adders: the columns of a tile, and carry-save rows.
pub fn chain(bits: u64) -> Census {
    Census { full_adders: bits, ..Census::default() }
}

/// The longest sum that is a chain of full adders; longer ones are prefix adders.
const CHAIN: u64 = 4;

/// The sum of two numbers of `bits`.
pub fn sum(bits: u64) -> Census {
    if bits <= CHAIN { chain(bits.saturating_sub(1)) } else { Census { adder_bits: bits, ..Census::default() } }
}

/// One more, where a carry says so; a negation or a magnitude is an increment behind inverters.
pub fn increment(bits: u64) -> Census {
    Census { adder_bits: bits / 2, ..Census::default() }
}

/// Which of two numbers is greater: an adder's carries without its sums.
pub fn compare(bits: u64) -> Census {
    Census { adder_bits: 2 * bits / 3, ..Census::default() }
}

/// The one of two entries that a comparison says, which comes late and drives all of their bits.
pub fn select(bits: u64) -> Census {
    Census { mux2: 3 * bits, ..Census::default() }
}

/// A counter that wraps at a constant, and is cleared by reset.
pub fn counter(bits: u64) -> Census {
    flops(bits) + gates(5 * bits)
}

/// Stages of multiplexers, each between two inputs of `bits` bits: a shifter.
pub fn stages(n: u64, bits: u64) -> Census {
    Census { mux2: n * bits, ..Census::default() }
}

/// One of `ways` inputs of `bits` bits. Which is decoded once; then an input is three eighths of a multiplexer, as two of them share a
/// cell of two levels, and joining them half a one.
pub fn mux(ways: u64, bits: u64) -> Census {
    match ways {
        0 | 1 => Census::default(),
        2 => stages(1, bits),
        _ => Census { mux2: (3 * ways + 4) * bits / 8, gates: 2 * ways, ..Census::default() },
    }
}

/// The sum of `parts` numbers of `bits` in one stage: carry-save rows, of which the last is half adders, then an adder.
pub fn tree(parts: u64, bits: u64) -> Census {
    match parts {
        0 | 1 => Census::default(),
        2 => sum(bits),
        _ => chain((parts - 3) * bits) + gates(5 * bits) + sum(bits),
    }
}

/// The same with half a unit of the last place, a constant.
pub fn tree_and_half(parts: u64, bits: u64) -> Census {
    tree(parts, bits) + if parts > 1 { gates(3 * bits) } else { increment(bits) }
}

/// The sums of one stage of a tree, `fan` to one, and their registers: how many are left, and what they are made of.
pub fn stage(parts: u64, fan: u64, bits: u64) -> (u64, Census) {
    let left = parts.div_ceil(fan);
    let (whole, rest) = (parts / fan, parts % fan);
    (left, tree(fan, bits).times(whole) + tree(rest, bits) + flops(left * bits))
}

/// A tree that keeps the best of `entries`, four to one in each of `stages` stages: what two entries need to meet, by the stage from 1 on, and
/// the registers of those that are left, `kept` bits each.
pub fn contest(entries: u64, stages: u32, kept: u64, meeting: impl Fn(u64) -> Census) -> Census {
    let mut all = Census::default();
    let mut left = entries;
    for stage in 1..=u64::from(stages) {
        let next = left.div_ceil(4);
        all += meeting(stage).times(left - next) + flops(next * kept);
        left = next;
    }
    all
}

/// A radix-4 Booth product of `a` by `b` bits: the narrower is recoded, a row of selected multiples for each of its digits, carry-save
/// rows that grow by two bits a digit, an adder.
pub fn product(a: u64, b: u64) -> Census {
    let (wide, narrow) = (a.max(b), a.min(b));
    let digits = narrow.div_ceil(2);
    let rows = Census { mux2: digits * (wide + 1), gates: digits * (2 * wide + 8), ..Census::default() };
    let saved = digits.saturating_sub(2) * (wide + 2 * digits.saturating_sub(1));
    rows + chain(saved) + sum(wide + narrow)
}

/// Digits of a factor of `bits`, nine bits each and the last with its sign, as the products with them see them.
fn digits(bits: u64) -> impl Iterator<Item = u64> {
    let n = if bits > 1 { (bits + 7) / 9 } else { 1 };
    (0..n).map(move |j| if j + 1 < n { 10 } else { bits - 9 * j })
}

/// A product of two stages: one with each digit of `b`, registered; the sum of them, which half a unit joins where it is then cut.
pub fn long_product(a: u64, b: u64, half: bool) -> Census {
    let each: Census = digits(b).map(|d| product(a, d) + flops(a + d)).sum();
    each + joined(a, b, half)
}

fn joined(a: u64, b: u64, half: bool) -> Census {
    let n = digits(b).count() as u64;
    if half { tree_and_half(n, a + b) } else { tree(n, a + b) }
}

/// The same by a constant: a row for every digit in radix 4 that is not zero.
pub fn long_product_by(a: u64, value: u64, half: bool) -> Census {
    let b = bit_length(value) + 1;
    let each = digits(b).enumerate().map(|(j, d)| product_by(a, value >> (9 * j) & 511) + flops(a + d));
    each.sum::<Census>() + joined(a, b, half)
}

/// A product by a constant.
pub fn product_by(a: u64, value: u64) -> Census {
    match radix4_digits(value as i64) {
        0 | 1 => Census::default(),
        rows => chain((rows - 2) * a) + sum(a + bit_length(value) / 2),
    }
}

/// Digits of a constant in radix 4, -1 to 2, that are not zero.
pub fn radix4_digits(value: i64) -> u64 {
    let (mut digits, mut left) = (0, value);
    while left != 0 {
        let digit = if left & 3 == 3 { -1 } else { left & 3 };
        digits += u64::from(digit != 0);
        left = (left - digit) >> 2;
    }
    digits
}

/// Saturation of a number of `wide` bits to `narrow`: which bits are all alike, and the choice.
pub fn clamp(wide: u64, narrow: u64) -> Census {
    gates(5 * narrow + 2 * wide.saturating_sub(narrow))
}

/// The same of a sum that is compared with both limits first.
pub fn limit(wide: u64, narrow: u64) -> Census {
    gates(4 * narrow) + clamp(wide, narrow)
}

/// `HW_CUT`: a shift by a constant to either side and saturation of a number that holds its half already.
pub fn cut(wide: u64, shift: i64, narrow: u64) -> Census {
    clamp(wide.saturating_add_signed(-shift).max(narrow), narrow)
}

/// `HW_ROUND_DOWN`: a rounding shift to the right by a number of `shift` bits, and saturation.
pub fn round_down(wide: u64, shift: u64, narrow: u64) -> Census {
    let stages = shift.min(bit_length(wide + 1));
    self::stages(stages, wide + 1) + increment(narrow) + clamp(wide, narrow)
}

/// `HW_ROUND`: the same to either side, one shift to the right of a number with 33 bits more. What is shifted out below is filled by stages
/// of 1, 2, 4, ...
pub fn round(wide: u64, narrow: u64) -> Census {
    let stages = bit_length(wide + 33);
    let below: u64 = (0..stages).map(|s| ((2 << s) - 1).min(33)).sum();
    self::stages(1, wide * stages + below) + increment(narrow) + clamp(wide + 32, narrow)
}

/// `HW_BITLEN`: of every pair of blocks the upper one, if it holds something.
pub fn length(bits: u64) -> Census {
    stages(1, bits) + gates(2 * bits)
}

/// A function table's ROM: a word of value and slope for every step between two entries.
pub fn table_rom(entries: &[i32]) -> Census {
    let (value, slope) = table_bits(entries);
    rom(entries.len().saturating_sub(1) as u64 * u64::from(value + slope))
}

/// The arithmetic behind a table's ROM: the product of a slope and a fraction, rounded, and the value, with the registers between.
pub fn interpolate((value, slope): (u32, u32), fraction: u64) -> Census {
    let (value, slope) = (u64::from(value), u64::from(slope));
    product(slope, fraction + 1) + flops(slope + fraction + 1 + value) + tree(3, value)
}

/// Bits that hold `n` itself; 0 for 0.
pub fn bit_length(n: u64) -> u64 {
    u64::from(64 - n.leading_zeros())
}
