//! Calibrated quantization of the bundled model: better than rounding on text it has not seen, within its budget, the same at any thread
//! count.

use hardwire_compiler::{CALIBRATION_TEXT, Options, Quantizer, chip_weights, compile};
use hardwire_models::{Checkpoint, FloatModel};
use hardwire_netlist::Chip;

fn chip(options: &Options) -> (Chip, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let chip = compile(&Checkpoint::bundled(), options, &dir.path().join("chip"), &|_| {}).unwrap();
    (chip, dir)
}

/// First tokens of the bundled text that are calibrated on.
const CALIBRATED: usize = 6144;

fn calibrated(options: Options) -> Options {
    Options { quantizer: Quantizer::Gptq, calibration_tokens: Some(CALIBRATED), ..options }
}

/// Mean KL(float || chip's weights), nats a token, on the end of the bundled text, which calibration does not reach.
fn divergence(options: &Options) -> f64 {
    let checkpoint = Checkpoint::bundled();
    let (chip, _guard) = chip(options);
    let float = FloatModel::new(&checkpoint).unwrap();
    let ours = float.with_matrices(&mut |path| chip_weights(&checkpoint, &chip, path)).unwrap();
    let ids = checkpoint.tokenizer().unwrap().unwrap().encode(CALIBRATION_TEXT).unwrap();
    assert!(ids.len() > CALIBRATED + 1000, "{} tokens", ids.len());
    let log_softmax = |logits: &[f32]| -> Vec<f64> {
        let sum = logits.iter().map(|&x| f64::from(x).exp()).sum::<f64>().ln();
        logits.iter().map(|&x| f64::from(x) - sum).collect()
    };
    let mut sum = 0.0;
    for text in ids[ids.len() - 1000..].chunks(250) {
        let [p, q] = [&float, &ours].map(|m| m.forward_block(&mut m.start(), text).unwrap());
        for (p, q) in p.chunks(1024).zip(q.chunks(1024)) {
            sum += log_softmax(p).iter().zip(log_softmax(q)).map(|(p, q)| p.exp() * (p - q)).sum::<f64>();
        }
    }
    sum / 1000.0
}

fn bits(chip: &Chip) -> f64 {
    let weights: u64 = chip.structure.matrices().map(|(_, m)| m.weights()).sum();
    chip.structure.matrices().map(|(_, m)| m.bits_per_weight() * m.weights() as f64).sum::<f64>() / weights as f64
}

#[test]
fn calibration_loses_less_than_rounding_on_unseen_text() {
    let nearest = divergence(&Options { bits: Some(3), ..Options::default() });
    let gptq = divergence(&calibrated(Options { bits: Some(3), offset_bits: Some(0), ..Options::default() }));
    assert!(gptq < 0.8 * nearest, "3 bits: {gptq} nats with calibration, {nearest} without");
    let fitted = divergence(&calibrated(Options { bits: Some(3), offset_bits: Some(0), fitted: true, ..Options::default() }));
    assert!(fitted < 0.8 * nearest, "3 bits: {fitted} nats with codebooks of their own, {nearest} without");
}

#[test]
fn a_budget_is_met_and_an_impossible_one_refused() {
    for average in [3.0, 3.7] {
        let (chip, _guard) = chip(&Options { average_bits: Some(average), ..Options::default() });
        let spent = bits(&chip);
        assert!(spent <= average && spent > average - 0.3, "{spent} of {average}");
        let mut widths: Vec<u8> = chip.structure.matrices().map(|(_, m)| m.code_bits).collect();
        widths.sort();
        widths.dedup();
        assert!(widths.len() > 1, "matrices differ in what they need");
    }
    let dir = tempfile::tempdir().unwrap();
    let refuse =
        |options: Options| compile(&Checkpoint::bundled(), &options, &dir.path().join("chip"), &|_| {}).err().expect("refused").to_string();
    assert!(refuse(Options { average_bits: Some(1.5), ..Options::default() }).contains("average-bits"));
    assert!(refuse(Options { average_bits: Some(4.0), bits: Some(4), ..Options::default() }).contains("average-bits"));
    assert!(refuse(Options { scale_bits: Some(2), ..Options::default() }).contains("scale-bits"));
    assert!(refuse(Options { calibration: Some("x".into()), ..Options::default() }).contains("calibrate"));
    assert!(refuse(calibrated(Options { bits: Some(3), calibration: Some(String::new()), ..Options::default() })).contains("calibrate"));
}

#[test]
fn calibrated_codes_do_not_depend_on_threads() {
    let few = Options { average_bits: Some(3.5), fitted: true, ..Options::default() };
    let options = Options { calibration_tokens: Some(1024), ..calibrated(few) };
    let manifests = [1, 3].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let (chip, _guard) = pool.install(|| chip(&options));
        std::fs::read_to_string(chip.folder.join("manifest.json")).unwrap()
    });
    assert_eq!(manifests[0], manifests[1], "the digests of all files");
}
