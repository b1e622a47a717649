//! Drafts verified: a draft of none is plain serving, and rounds follow by hand.

use hardwire_baseline::gpu::{
    self, Calibration, Draft, GpuError, Parallel, WeightFormat, Workload, serve_split, speculate, speculate_queue,
};

const NONE: Draft = Draft { length: 0, tokens_per_round: 1.0, seconds: 0.0 };

#[test]
fn a_draft_of_none_is_the_device_alone() {
    let (calibration, device) = (Calibration::bundled().unwrap(), gpu::find("H100 SXM").unwrap());
    let model = gpu::model_shape("Llama-3.1-8B").unwrap().quantized(16.0, WeightFormat::Float16, 16.0);
    let queue = Workload::new(64, 1000, 500);
    let plain = serve_split(&calibration, &device, &model, &queue, Parallel::ONE, 1, None).unwrap();
    let drafted = speculate_queue(&calibration, &device, &model, &queue, Parallel::ONE, &NONE, None).unwrap();
    assert_eq!((drafted.batch, drafted.groups), (plain.batch, 1));
    for (a, b) in [
        (drafted.tokens_per_s, plain.tokens_per_s.value),
        (drafted.tokens_per_s_per_user, plain.tokens_per_s_per_user.value),
        (drafted.power_w, plain.power_w.value),
    ] {
        assert!((a / b - 1.0).abs() < 1e-9, "{a} {b}");
    }
    let one = Workload::new(1, 0, 500);
    let alone = gpu::decode_with(&calibration, &device, &model, &Workload { batch: 1, ..one }, Parallel::ONE).unwrap();
    let drafted = speculate(&calibration, &device, &model, &one, Parallel::ONE, &NONE).unwrap();
    assert!((drafted.tokens_per_s / alone.tokens_per_s.value - 1.0).abs() < 1e-9);
}

#[test]
fn a_round_waits_for_its_draft_or_hides_it() {
    let (calibration, device) = (Calibration::bundled().unwrap(), gpu::find("H100 SXM").unwrap());
    let model = gpu::model_shape("Llama-3.1-8B").unwrap().quantized(16.0, WeightFormat::Float16, 16.0);
    let draft = Draft { length: 4, tokens_per_round: 4.0, seconds: 2e-3 };
    let one = speculate(&calibration, &device, &model, &Workload::new(1, 0, 500), Parallel::ONE, &draft).unwrap();
    // Five tokens take about what one takes: all weights are read once.
    assert!((one.tokens_per_s - 4.0 / (one.verify_s + 2e-3)).abs() < 1e-6);
    assert!((one.busy - one.verify_s / (one.verify_s + 2e-3)).abs() < 1e-9 && (4e-3..8e-3).contains(&one.verify_s), "{one:?}");
    // A slow draft is hidden behind another group's step.
    let slow = Draft { seconds: 20e-3, ..draft };
    let queue =
        |draft: &Draft| speculate_queue(&calibration, &device, &model, &Workload::new(64, 0, 500), Parallel::ONE, draft, None).unwrap();
    let hidden = queue(&slow);
    assert_eq!(hidden.groups, 2, "{hidden:?}");
    assert!(queue(&draft).tokens_per_s > hidden.tokens_per_s);
    let late = speculate_queue(&calibration, &device, &model, &Workload::new(64, 0, 500), Parallel::ONE, &slow, Some(0.1));
    assert!(matches!(late, Err(GpuError::TooSlow { .. })), "{late:?}");
    let impossible = Draft { tokens_per_round: 6.0, ..draft };
    let refused = speculate(&calibration, &device, &model, &Workload::new(1, 0, 500), Parallel::ONE, &impossible);
    assert!(refused.unwrap_err().to_string().contains("tokens_per_round"));
}
