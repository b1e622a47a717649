//! Sections 2, 3 and 6: matrices of codes, exactly.

use crate::support::{Random, fresh};
use hardwire_netlist::program::{MatrixData, ProgramStore, ProgramWriter, pack_row, row_stride};
use hardwire_netlist::unit::MatrixSpec;
use hardwire_netlist::{Fixed, ProgramId};
use hardwire_sim::reference::{Activations, embed, mvm};

/// A matrix in ROM beside the numbers it was made from.
struct Matrix {
    spec: MatrixSpec,
    store: ProgramStore,
    /// `s * v + o` of each weight, `[outputs][inputs]`.
    weights: Vec<Vec<i128>>,
    shifts: Vec<i16>,
    bias: Option<Vec<i32>>,
}

struct Form {
    outputs: u32,
    inputs: u32,
    code_bits: u8,
    group: u32,
    scale_bits: u8,
    offset_bits: u8,
    bias: bool,
    shifts: (i64, i64),
}

fn build(name: &str, form: &Form, random: &mut Random) -> Matrix {
    let &Form { outputs, inputs, code_bits, group, scale_bits, offset_bits, bias, shifts } = form;
    let groups = inputs.div_ceil(group);
    let signed = |bits: u8| (1i64 << (bits - 1)) - 1;
    let codebook: Vec<i32> = random.vector(1 << code_bits, 127);
    let scales = random.vector((outputs * groups) as usize, signed(scale_bits));
    let offsets = (offset_bits > 0).then(|| random.vector((outputs * groups) as usize, signed(offset_bits)));
    let shifts: Vec<i16> = (0..outputs).map(|_| random.within(shifts.0, shifts.1) as i16).collect();
    let bias = bias.then(|| random.vector(outputs as usize, 20_000));

    let (mut packed, mut weights) = (Vec::new(), Vec::new());
    for n in 0..outputs {
        let codes: Vec<u8> = (0..inputs).map(|_| random.within(0, (1 << code_bits) - 1) as u8).collect();
        let mut row = vec![0; row_stride(inputs, code_bits) as usize];
        pack_row(&codes, code_bits, &mut row);
        packed.extend(row);
        let weight = |k: usize| {
            let at = n as usize * groups as usize + k / group as usize;
            i128::from(scales[at]) * i128::from(codebook[usize::from(codes[k])]) + offsets.as_ref().map_or(0, |o| i128::from(o[at]))
        };
        weights.push((0..inputs as usize).map(weight).collect());
    }

    let path = fresh(name);
    let mut writer = ProgramWriter::create(&path).unwrap();
    let program = writer
        .matrix(&MatrixData {
            name,
            outputs,
            inputs,
            code_bits,
            codes: &packed,
            groups,
            scales: &scales,
            scale_bits,
            offsets: offsets.as_deref().map(|o| (o, offset_bits)),
            shifts: &shifts,
            bias: bias.as_deref(),
        })
        .unwrap();
    let (records, ..) = writer.finish().unwrap();
    let store = ProgramStore::open(&path, records).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(program, ProgramId(0));
    let spec = MatrixSpec {
        tensor: name.into(),
        inputs,
        outputs,
        code_bits,
        codebook,
        group,
        scale_bits,
        offset_bits,
        bias: bias.is_some(),
        shift_bits: 0,
        rows: Default::default(),
        program,
    };
    Matrix { spec, store, weights, shifts, bias }
}

/// `floor(z / 2^s + 1/2)`, by Euclidean division.
fn rounded(z: i128, s: i32) -> i128 {
    if s > 0 { (z + (1i128 << (s - 1))).div_euclid(1 << s) } else { z << -s }
}

const FORMS: [(&str, Form); 6] = {
    const fn form(outputs: u32, inputs: u32, code_bits: u8, group: u32, scale_bits: u8, offset_bits: u8, bias: bool) -> Form {
        Form { outputs, inputs, code_bits, group, scale_bits, offset_bits, bias, shifts: (4, 20) }
    }
    [
        ("ternary", form(17, 40, 2, 64, 16, 0, false)),
        ("three", form(9, 33, 3, 16, 8, 0, true)),
        ("four", form(20, 64, 4, 32, 8, 8, false)),
        ("six", form(5, 50, 6, 20, 12, 6, true)),
        ("eight", form(12, 70, 8, 32, 20, 0, false)),
        ("one", form(1, 1, 4, 1, 4, 4, true)),
    ]
};

#[test]
fn a_product_is_that_of_the_dequantised_weights() {
    let mut random = Random(21);
    let out = Fixed::new(24, 0);
    for (name, form) in &FORMS {
        let m = build(&format!("mvm-{name}"), form, &mut random);
        for h in [0u32, 1, 7, 20] {
            let a = random.vector(form.inputs as usize, 2047);
            let mut want = Vec::new();
            let mut want_clamped = 0;
            let mut limit = |x: i128| {
                let y = x.clamp(-(1 << 23) + 1, (1 << 23) - 1);
                want_clamped += u64::from(x != y);
                y
            };
            for n in 0..form.outputs as usize {
                let mut z = 0i128;
                for (&weight, &activation) in m.weights[n].iter().zip(&a) {
                    z += weight * i128::from(activation);
                }
                let y = limit(rounded(z, i32::from(m.shifts[n]) - h as i32));
                want.push(m.bias.as_ref().map_or(y, |b| limit(y + i128::from(b[n]))) as i32);
            }
            let mut clamped = 0;
            let y = mvm(&m.spec, &m.store.matrix(m.spec.program), &Activations { a, h }, out, &mut clamped);
            assert_eq!((y, clamped), (want, want_clamped), "{name}, h = {h}");
        }
    }
}

#[test]
fn a_zero_vector_gives_the_bias() {
    let mut random = Random(22);
    for (name, form) in &FORMS {
        let m = build(&format!("zero-{name}"), form, &mut random);
        let (input, mut clamped) = (Activations { a: vec![0; form.inputs as usize], h: 0 }, 0);
        let y = mvm(&m.spec, &m.store.matrix(m.spec.program), &input, Fixed::new(16, 0), &mut clamped);
        assert_eq!(y, m.bias.unwrap_or(vec![0; form.outputs as usize]));
        assert_eq!(clamped, 0);
    }
}

#[test]
fn extreme_shifts_saturate_or_vanish() {
    let mut random = Random(23);
    let form = |shift| Form { shifts: (shift, shift), bias: false, ..FORMS[2].1 };
    let input = Activations { a: vec![2047; 64], h: 21 };
    let product = |m: &Matrix| {
        let mut clamped = 0;
        (mvm(&m.spec, &m.store.matrix(m.spec.program), &input, Fixed::new(16, 0), &mut clamped), clamped)
    };
    let m = build("left", &form(-32768), &mut random);
    let signs: Vec<i32> = m.weights.iter().map(|row| row.iter().sum::<i128>().signum() as i32 * 32767).collect();
    assert_eq!(product(&m), (signs, 20));
    let m = build("right", &form(32767), &mut random);
    assert_eq!(product(&m), (vec![0; 20], 0));
}

#[test]
fn an_embedding_is_its_dequantised_row() {
    let mut random = Random(24);
    for (name, form) in &FORMS {
        for shifts in [(-8, 8), (-40, -30)] {
            let m = build(&format!("embed-{name}"), &Form { shifts, bias: false, ..*form }, &mut random);
            for token in 0..form.outputs {
                let row = &m.weights[token as usize];
                let exact: Vec<i128> = row.iter().map(|&w| rounded(w, i32::from(m.shifts[token as usize]))).collect();
                let max = i128::from(i32::MAX);
                let want: Vec<i32> = exact.iter().map(|&x| x.clamp(-max, max) as i32).collect();
                let over = exact.iter().filter(|x| x.abs() > max).count() as u64;
                let mut clamped = 0;
                let x = embed(&m.spec, &m.store.matrix(m.spec.program), token, Fixed::new(32, 16), &mut clamped);
                assert_eq!((x, clamped), (want, over), "{name}, token {token}");
            }
        }
    }
}
