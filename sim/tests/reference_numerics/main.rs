//! The scalar reference against mathematics: every unit within a stated error of the real function, or exactly where it is
//! exact; whole tokens on hand-built chips against a float model of the same weights.

mod arith;
mod attention;
mod matrix;
mod small_chip;
mod support;
mod tokens;
mod vector_units;
mod wider_units;
