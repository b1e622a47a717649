//! What must hold of the baseline whatever is asked of it.

use hardwire_baseline::gpu::{self, Calibration, Device, GpuError, Link, LinkClass, ModelShape, Parallel, Stack, WeightFormat, Workload};
use proptest::prelude::*;

fn model(name: &str) -> ModelShape {
    gpu::model_shape(name).unwrap()
}

fn device(index: usize) -> Device {
    let devices = gpu::devices().unwrap();
    // Memory never binds here: capacity has its own tests.
    Device { memory_gb: 1e6, ..devices[index % devices.len()].clone() }
}

fn per_user(device: &Device, model: &ModelShape, workload: &Workload, parallel: Parallel) -> f64 {
    gpu::decode(device, model, workload, parallel).unwrap().tokens_per_s_per_user.value
}

fn stacks() -> impl Strategy<Value = Stack> {
    prop_oneof![Just(Stack::LlamaCpp), Just(Stack::Server), Just(Stack::MlPerf)]
}

fn formats() -> impl Strategy<Value = WeightFormat> {
    prop_oneof![
        Just(WeightFormat::Float16),
        Just(WeightFormat::Fp8),
        Just(WeightFormat::Fp4),
        Just(WeightFormat::Block),
        Just(WeightFormat::SuperBlock)
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn more_bandwidth_compute_or_link_is_never_slower(
        index in 0usize..27, batch in 1u32..512, context in 1u32..8000, more in 1.0..8.0f64,
        stack in stacks(), format in formats(), ways in 1u32..8,
    ) {
        let (base, shape) = (device(index), model("Llama-3.1-8B").quantized(4.5, format, 16.0));
        let workload = Workload::new(batch, context, 0).on(stack);
        let parallel = Parallel::tensor(ways);
        let slow = per_user(&base, &shape, &workload, parallel);
        let wider = Device { bandwidth_gb_per_s: base.bandwidth_gb_per_s * more, ..base.clone() };
        let faster = Device {
            bf16_dense_tflops: base.bf16_dense_tflops * more,
            fp8_dense_tflops: base.fp8_dense_tflops.map(|rate| rate * more),
            fp4_dense_tflops: base.fp4_dense_tflops.map(|rate| rate * more),
            vector_fp32_tflops: base.vector_fp32_tflops * more,
            ..base.clone()
        };
        let linked = Device {
            link: Link { bandwidth_gb_per_s: base.link.bandwidth_gb_per_s * more, ..base.link },
            ..base.clone()
        };
        for better in [wider, faster, linked] {
            prop_assert!(per_user(&better, &shape, &workload, parallel) >= slow * (1.0 - 1e-12));
        }
    }

    #[test]
    fn more_bits_context_or_users_never_make_a_user_faster(
        index in 0usize..27, batch in 1u32..512, context in 1u32..8000, more in 1u32..4, bits in 2.0..16.0f64,
        stack in stacks(), format in formats(), name in prop_oneof![Just("Llama-3.1-8B"), Just("gpt-oss-120B")],
    ) {
        let (device, shape) = (device(index), model(name).quantized(bits, format, 8.0));
        let workload = Workload::new(batch, context, 0).on(stack);
        let speed = per_user(&device, &shape, &workload, Parallel::ONE);
        let heavier = shape.quantized(bits * f64::from(more), format, 8.0 * f64::from(more));
        let longer = Workload { context_tokens: context * more, ..workload };
        let crowded = Workload { batch: batch * more, ..workload };
        prop_assert!(per_user(&device, &heavier, &workload, Parallel::ONE) <= speed * (1.0 + 1e-12));
        prop_assert!(per_user(&device, &shape, &longer, Parallel::ONE) <= speed * (1.0 + 1e-12));
        prop_assert!(per_user(&device, &shape, &crowded, Parallel::ONE) <= speed * (1.0 + 1e-12));
    }

    #[test]
    fn more_users_are_never_fewer_tokens_in_all(
        index in 0usize..27, batch in 1u32..500, more in 1u32..500, context in 1u32..8000, stack in stacks(),
        format in formats(), stages in 1u32..8, name in prop_oneof![Just("Llama-3.1-8B"), Just("gpt-oss-120B")],
    ) {
        let (device, shape) = (device(index), model(name).quantized(4.5, format, 8.0));
        let all = |batch| {
            let workload = Workload::new(batch, context, 0).on(stack);
            gpu::decode(&device, &shape, &workload, Parallel::pipeline(stages)).unwrap().tokens_per_s.value
        };
        prop_assert!(all(batch + more) >= all(batch) * (1.0 - 1e-12));
    }

    #[test]
    fn energy_is_power_times_time_and_stays_under_tdp(
        index in 0usize..27, batch in 1u32..512, context in 1u32..8000, ways in 1u32..8, stack in stacks(),
    ) {
        let (device, shape) = (device(index), model("Llama-3.1-8B").quantized(8.0, WeightFormat::Fp8, 8.0));
        let workload = Workload::new(batch, context, 0).on(stack);
        let estimate = gpu::decode(&device, &shape, &workload, Parallel::tensor(ways)).unwrap();
        let j_per_token = estimate.power_w.value / estimate.tokens_per_s.value;
        prop_assert!((j_per_token / estimate.energy.total_j_per_token() - 1.0).abs() < 1e-9);
        prop_assert!(estimate.power_w.value <= device.tdp_w * f64::from(ways) * (1.0 + 1e-12));
        prop_assert!(estimate.power_w.value >= device.idle_w);
    }

    #[test]
    fn a_later_deadline_never_serves_less(
        index in 0usize..27, prompt in 0u32..4000, output in 1u32..2000, target in 1.0..500.0f64, more in 1.0..10.0f64,
    ) {
        let calibration = Calibration::bundled().unwrap();
        let (device, shape) = (device(index), model("Llama-3.1-8B").quantized(8.0, WeightFormat::Fp8, 8.0));
        let workload = Workload::new(u32::MAX, prompt, output);
        let serve = |target| gpu::serve(&calibration, &device, &shape, &workload, 1, Some(target));
        match serve(target) {
            Ok(tight) => {
                prop_assert!(tight.token_latency_ms.value <= target * (1.0 + 1e-12));
                prop_assert!(serve(target * more).unwrap().tokens_per_s.value >= tight.tokens_per_s.value * (1.0 - 1e-12));
            }
            Err(error) => prop_assert!(matches!(error, GpuError::TooSlow { .. }), "{}", error),
        }
    }

    #[test]
    fn what_does_not_fit_fits_on_the_devices_the_refusal_names(batch in 1u32..64, context in 1u32..8000) {
        let (device, shape) = (gpu::find("RTX 4090").unwrap(), model("Llama-3-70B"));
        let workload = Workload::new(batch, context, 0);
        let refusal = gpu::decode(&device, &shape, &workload, Parallel::ONE).unwrap_err();
        let GpuError::DoesNotFit { devices_needed, .. } = refusal else { panic!("{refusal}") };
        // Layers split without repeating any cache.
        let enough = Parallel::pipeline(u32::try_from(devices_needed).unwrap());
        let fits = gpu::decode(&device, &shape, &workload, enough);
        prop_assert!(fits.is_ok() || matches!(fits, Err(GpuError::Split { .. })), "{fits:?}");
        let fewer = Parallel::pipeline(u32::try_from(devices_needed - 1).unwrap());
        let refused = gpu::decode(&device, &shape, &workload, fewer);
        prop_assert!(refused.is_err(), "{fewer:?}");
    }
}

/// Four boxes of 40 tokens/s each are not one of 160: over ordinary Ethernet the two messages a layer eat the gain.
#[test]
fn four_boxes_on_ethernet_are_far_from_four_times_one() {
    let shape = model("Llama-3.3-70B").quantized(4.5, WeightFormat::Block, 16.0);
    let workload = Workload::new(1, 1000, 0).on(Stack::LlamaCpp);
    let with =
        |class, bandwidth_gb_per_s| Device { link: Link { class, bandwidth_gb_per_s }, ..gpu::find("RTX PRO 6000 Blackwell").unwrap() };
    let ethernet = with(LinkClass::Ethernet, 1.25);
    let one = per_user(&ethernet, &shape, &workload, Parallel::ONE);
    let four = per_user(&ethernet, &shape, &workload, Parallel::tensor(4));
    let four_on_nvlink = per_user(&with(LinkClass::Nvlink, 450.0), &shape, &workload, Parallel::tensor(4));
    assert!(four < 1.2 * one, "{one} alone, {four} together");
    assert!(four_on_nvlink > 1.8 * one, "{one} alone, {four_on_nvlink} over NVLink");
}

#[test]
fn prefill_is_bound_by_compute_and_decode_by_memory_on_either_side_of_the_crossover() {
    let (h100, shape) = (gpu::find("H100 SXM").unwrap(), model("Llama-3.1-8B").quantized(8.0, WeightFormat::Fp8, 8.0));
    let alone = gpu::decode(&h100, &shape, &Workload::new(1, 64, 0), Parallel::ONE).unwrap();
    let crossover = alone.crossover_batch.value;
    assert_eq!(alone.bound, gpu::Bound::Memory);
    assert_eq!(gpu::prefill(&h100, &shape, &Workload::new(1, 4096, 1), Parallel::ONE).unwrap().bound, gpu::Bound::Compute);
    let below = gpu::decode(&h100, &shape, &Workload::new(crossover as u32 - 1, 64, 0), Parallel::ONE).unwrap().times;
    let above = gpu::decode(&h100, &shape, &Workload::new(crossover as u32 + 1, 64, 0), Parallel::ONE).unwrap().times;
    assert!(below.weights_s > below.products_s && above.weights_s < above.products_s);
}

#[test]
fn experts_touched_grow_from_one_tokens_to_all() {
    let shape = model("gpt-oss-120B");
    assert!((shape.touched_expert_share(1.0) - 4.0 / 128.0).abs() < 1e-12);
    assert!(shape.touched_expert_share(1000.0) > 0.999_999);
    let active = ModelShape { dense_bits: 0.0, ..shape.quantized(8.0, WeightFormat::Fp8, 8.0) };
    assert!((active.step_weight_bytes(1.0) - (active.active_parameters - active.lookup_parameters())).abs() < 1.0);
}

#[test]
fn nonsense_is_refused_with_its_field() {
    let (l40s, shape) = (gpu::find("L40S").unwrap(), model("Llama-3-8B"));
    let workload = Workload::new(1, 100, 100);
    let decode = |d: &Device, m: &ModelShape, w: &Workload| gpu::decode(d, m, w, Parallel::ONE).unwrap_err().to_string();
    let no_bus = Device { bandwidth_gb_per_s: 0.0, ..l40s.clone() };
    assert!(decode(&no_bus, &shape, &workload).contains("`bandwidth_gb_per_s` is 0"));
    let no_bits = ModelShape { weight_bits: f64::NAN, ..shape.clone() };
    assert!(decode(&l40s, &no_bits, &workload).contains("`weight_bits` is NaN"));
    assert!(decode(&l40s, &shape, &Workload::new(1, 8000, 1000)).contains("9000 tokens of context asked, 8192"));
    assert!(decode(&l40s, &shape, &Workload::new(0, 1, 1)).contains("`batch` is 0"));
    assert!(decode(&l40s, &shape, &Workload { memory_fraction: 1.5, ..workload }).contains("`memory_fraction` is 1.5"));
    assert!(gpu::find("L40T").unwrap_err().to_string().contains("hint: one of V100S"));
    assert!(gpu::find("H100").unwrap_err().to_string().contains("H100 PCIe, H100 SXM"));
}

#[test]
fn a_users_device_table_is_read_and_a_bad_row_named() {
    let row = |bandwidth: &str| {
        format!(
            "[[device]]\ndevice = \"Mine\"\nmemory_gb = 24\nmemory_type = \"GDDR7\"\nbandwidth_gb_per_s = {bandwidth}\n\
             tdp_w = 300\nbf16_dense_tflops = 100\nvector_fp32_tflops = 50\nidle_w = 20\nlink = \"PCIe\"\n\
             link_class = \"pcie\"\nlink_gb_per_s = 32\nnode = \"N5\"\ndie_mm2 = \"\"\nprice_note = \"\"\n\
             source = \"mine\"\nsource_added = \"mine\"\n"
        )
    };
    let mine = gpu::device::parse_devices_toml(&row("1000"), "mine.toml").unwrap();
    assert_eq!(mine[0].bandwidth_gb_per_s, 1000.0);
    let refusal = gpu::device::parse_devices_toml(&row("-1"), "mine.toml").unwrap_err().to_string();
    assert!(refusal.contains("`Mine`") && refusal.contains("bandwidth_gb_per_s"), "{refusal}");
}
