//! Quantised blocks against another decoder: PyPI gguf's, on random blocks of every type
//! (`data/blocks.py` made the fixture). Bit for bit, signs of zero included.

use std::path::Path;

use hardwire_models::{Dtype, Error, Tensor};
use safetensors::SafeTensors;

const TYPES: [Dtype; 13] = [
    Dtype::Q8_0,
    Dtype::Q4_0,
    Dtype::Q4_1,
    Dtype::Q5_0,
    Dtype::Q5_1,
    Dtype::Q2K,
    Dtype::Q3K,
    Dtype::Q4K,
    Dtype::Q5K,
    Dtype::Q6K,
    Dtype::MxFp4,
    Dtype::TQ1_0,
    Dtype::TQ2_0,
];

/// The fixture's blocks of a type and their decoded values.
fn with_fixture(dtype: Dtype, check: impl FnOnce(&Tensor, &[f32])) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/blocks.safetensors");
    let file = std::fs::read(&path).unwrap();
    let file = SafeTensors::deserialize(&file).unwrap();
    let blocks = file.tensor(&format!("{dtype}.blocks")).unwrap();
    let values = file.tensor(&format!("{dtype}.values")).unwrap();
    let expected: Vec<f32> = (values.data().as_chunks::<4>().0.iter()).map(|b| f32::from_le_bytes(*b)).collect();
    let shape = values.shape().to_vec();
    check(&Tensor::new(&path, "w", shape, dtype, blocks.data()).unwrap(), &expected);
}

#[test]
fn every_type_decodes_bit_for_bit() {
    for dtype in TYPES {
        with_fixture(dtype, |tensor, expected| {
            let ours = tensor.to_f32().unwrap();
            assert_eq!(ours.len(), 1024);
            for (i, (a, b)) in ours.iter().zip(expected).enumerate() {
                assert_eq!(a.to_bits(), b.to_bits(), "{dtype} value {i}: {a} against {b}");
            }
        });
    }
}

#[test]
fn codes_scales_and_offsets_are_the_values() {
    for dtype in TYPES {
        with_fixture(dtype, |tensor, expected| {
            let format = tensor.block_format().unwrap();
            let groups = tensor.cols() / format.group;
            let mut codes = vec![0; tensor.cols()];
            let (mut scales, mut offsets) = (vec![0.0; groups], vec![0.0; groups]);
            let (mut least, mut most) = (i32::MAX, i32::MIN);
            for row in 0..tensor.rows() {
                tensor.row_blocks(row, &mut codes, &mut scales, &mut offsets).unwrap();
                for (i, &code) in codes.iter().enumerate() {
                    let group = i / format.group;
                    let value = scales[group] * f32::from(code) + offsets[group];
                    assert_eq!(value, expected[row * tensor.cols() + i], "{dtype}");
                    assert!(format.has_offset || offsets[group] == 0.0);
                    least = least.min(code.into());
                    most = most.max(code.into());
                }
            }
            // A thousand random codes touch both ends of at most six bits; of eight, nearly.
            if dtype == Dtype::Q8_0 {
                assert!(least >= format.code_min && most <= format.code_max);
            } else {
                assert_eq!((least, most), (format.code_min, format.code_max), "{dtype}");
            }
        });
    }
}

#[test]
fn plain_types_have_no_blocks() {
    let bytes = [0u8; 8];
    let tensor = Tensor::new(Path::new("m"), "w", vec![1, 2], Dtype::F32, &bytes).unwrap();
    assert_eq!(tensor.block_format(), None);
    let error = tensor.row_blocks(0, &mut [0; 2], &mut [], &mut []).unwrap_err();
    assert!(error.to_string().contains("block-quantised"), "{error}");
}

#[test]
fn half_formats_widen_exactly() {
    let read = |dtype, bytes: &[u8]| {
        let tensor = Tensor::new(Path::new("m"), "w", vec![bytes.len() / 2], dtype, bytes);
        tensor.unwrap().to_f32().unwrap()
    };
    // 1.5, the least subnormal, -65504; and 1.5, -2^-126 in bfloat16.
    assert_eq!(read(Dtype::F16, &[0x00, 0x3E, 0x01, 0x00, 0xFF, 0xFB]), [1.5, 5.960_464_5e-8, -65504.0]);
    assert_eq!(read(Dtype::BF16, &[0xC0, 0x3F, 0x80, 0x80]), [1.5, -f32::MIN_POSITIVE]);
}

#[test]
fn numbers_that_are_none_are_named_by_place() {
    let mut bytes = [0u8; 24];
    bytes[20..].copy_from_slice(&f32::NAN.to_le_bytes());
    let tensor = Tensor::new(Path::new("m"), "w", vec![2, 3], Dtype::F32, &bytes).unwrap();
    let message = tensor.to_f32().unwrap_err().to_string();
    assert_eq!(message, "m: tensor w: row 1, column 2 holds NaN; expected a finite weight");
    tensor.row_f32(0, &mut [0.0; 3]).unwrap();

    // An infinite scale in the second block of a row.
    let mut bytes = [0u8; 36];
    bytes[18..20].copy_from_slice(&[0x00, 0x7C]);
    let tensor = Tensor::new(Path::new("m"), "w", vec![1, 64], Dtype::Q4_0, &bytes).unwrap();
    let blocks = tensor.row_blocks(0, &mut [0; 64], &mut [0.0; 2], &mut [0.0; 2]);
    for error in [blocks.unwrap_err(), tensor.to_f32().unwrap_err()] {
        assert!(matches!(error, Error::NotFinite { row: 0, column: 32, .. }), "{error}");
    }
}

#[test]
fn buffers_and_rows_that_do_not_fit_are_refused() {
    let bytes = [0u8; 24];
    let path = Path::new("m");
    let tensor = Tensor::new(path, "w", vec![2, 3], Dtype::F32, &bytes).unwrap();
    let error = tensor.row_f32(2, &mut [0.0; 3]).unwrap_err();
    assert_eq!(error.to_string(), "tensor w: row is 2; expected below 2");
    assert!(tensor.row_f32(0, &mut [0.0; 2]).is_err());
    assert!(Tensor::new(path, "w", vec![2, 4], Dtype::F32, &bytes).is_err());
    assert!(Tensor::new(path, "w", vec![], Dtype::F32, &bytes[..4]).is_err());
    assert!(Tensor::new(path, "w", vec![usize::MAX, 8], Dtype::F32, &bytes).is_err());
    let error = Tensor::new(path, "w", vec![1, 33], Dtype::Q8_0, &bytes).unwrap_err();
    assert!(error.to_string().contains("whole 32-value blocks"), "{error}");
}
