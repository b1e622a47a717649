//! Opens a chip folder and prints what it is made of, and one weight of it.
//!
//! `cargo run --release --example read_a_chip -- smollm2.chip`

use hardwire_netlist::{Chip, census};
use hardwire_study::load::{Compiled, Request, full_queue, one_user};
use std::error::Error;
use std::path::PathBuf;

pub fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from).ok_or("usage: read_a_chip CHIP")?;
    // Checks every digest and every number before anything is read from it.
    let chip = Chip::open(&folder)?;
    let total = census::total(chip.netlist());
    println!("{}: {} weights in {} bits of ROM", chip.model().name, total.weights, total.rom_bits);

    let request = Request::of(&chip);
    let (one, queue) = (one_user(&Compiled(&chip), request.context), full_queue(&Compiled(&chip), request, chip.model().users));
    println!("one user: {:.0} tokens/s, {:.3e} J a token", one.tokens_per_s, one.j_per_token);
    println!("a full queue: {:.0} tokens/s at {:.3} W", queue.tokens_per_s, queue.power_w);

    let (path, matrix) = chip.structure.matrices().last().ok_or("a chip has matrices")?;
    let view = chip.programs.matrix(matrix.program);
    let (n, k) = (0, 0);
    let code = view.code(n, k);
    println!("{path}[{n},{k}]: code {code} is {}, scale {}", matrix.codebook[usize::from(code)], view.scale(n, k / matrix.group));
    Ok(())
}
