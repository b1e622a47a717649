//! Emitted Verilog against the scalar reference: every probed value, every token, the greatest logits, every cycle.

use hardwire_compiler::folding::Fold;
use hardwire_models::Checkpoint;
use hardwire_netlist::{Chip, UnitKind};
use hardwire_rtl_gen::harness::{Feed, RunOptions, Top, Trace, parse, run_verilated};
use hardwire_rtl_gen::{Options, emit};
use hardwire_sim::reference::Reference;
use hardwire_sim::timing;
use std::collections::HashMap;
use std::path::Path;
use std::process::Command;

/// Whether a tool can be run; says aloud that the test is skipped where it cannot.
pub fn has(tool: &str, flag: &str) -> bool {
    let found = Command::new(tool).arg(flag).output().is_ok();
    if !found {
        eprintln!("skipped: {tool} is not installed");
    }
    found
}

/// Options under which [`Small`] has matrices of several tiles, their layers sharing silicon as `fold` says.
pub fn folded(fold: Fold, users: u32) -> hardwire_compiler::Options {
    hardwire_compiler::Options {
        lanes: Some(4),
        tile_rows: Some(16),
        tile_cols: Some(8),
        group: Some(8),
        pos_lanes: Some(2),
        users: Some(users),
        fold: Some(fold),
        ..hardwire_compiler::Options::default()
    }
}

/// Numbers from a seed (splitmix64).
pub struct Draw(pub u64);

impl Draw {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    pub fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.next() as usize % choices.len()]
    }

    pub fn weight(&mut self) -> f32 {
        let sum: f64 = (0..4).map(|_| (self.next() >> 11) as f64 / (1u64 << 53) as f64 - 0.5).sum();
        sum as f32
    }
}

/// A Llama of any small shape.
#[derive(Clone, Copy, Debug)]
pub struct Small {
    pub hidden: usize,
    pub ffn: usize,
    pub layers: usize,
    pub heads: usize,
    pub kv_heads: usize,
    pub head_dim: usize,
    pub vocab: usize,
    pub context: usize,
}

/// Writes its checkpoint: random weights, a token 0 of zeros and a token 1 of one large value among small ones.
pub fn checkpoint(s: &Small, draw: &mut Draw, dir: &Path) -> Checkpoint {
    let config = format!(
        "{{\"architectures\":[\"LlamaForCausalLM\"],\"model_type\":\"llama\",\"hidden_size\":{},\"intermediate_size\":{},\
         \"num_hidden_layers\":{},\"num_attention_heads\":{},\"num_key_value_heads\":{},\"head_dim\":{},\"vocab_size\":{},\
         \"max_position_embeddings\":{},\"rms_norm_eps\":1e-5,\"rope_theta\":10000.0,\"hidden_act\":\"silu\",\
         \"tie_word_embeddings\":true,\"bos_token_id\":0,\"eos_token_id\":0,\"torch_dtype\":\"float32\"}}",
        s.hidden, s.ffn, s.layers, s.heads, s.kv_heads, s.head_dim, s.vocab, s.context
    );
    std::fs::create_dir_all(dir).unwrap();
    std::fs::write(dir.join("config.json"), config).unwrap();
    let (q, kv) = (s.heads * s.head_dim, s.kv_heads * s.head_dim);
    let mut tensors: Vec<(String, Vec<usize>)> = vec![("model.embed_tokens.weight".into(), vec![s.vocab, s.hidden])];
    for l in 0..s.layers {
        let p = |name: &str| format!("model.layers.{l}.{name}.weight");
        tensors.extend([
            (p("input_layernorm"), vec![s.hidden]),
            (p("post_attention_layernorm"), vec![s.hidden]),
            (p("self_attn.q_proj"), vec![q, s.hidden]),
            (p("self_attn.k_proj"), vec![kv, s.hidden]),
            (p("self_attn.v_proj"), vec![kv, s.hidden]),
            (p("self_attn.o_proj"), vec![s.hidden, q]),
            (p("mlp.gate_proj"), vec![s.ffn, s.hidden]),
            (p("mlp.up_proj"), vec![s.ffn, s.hidden]),
            (p("mlp.down_proj"), vec![s.hidden, s.ffn]),
        ]);
    }
    tensors.push(("model.norm.weight".into(), vec![s.hidden]));
    let (mut header, mut data) = (Vec::new(), Vec::<u8>::new());
    for (name, shape) in &tensors {
        let begin = data.len();
        for i in 0..shape.iter().product::<usize>() {
            let w = match (shape.len(), name.starts_with("model.embed"), i / s.hidden, i % s.hidden) {
                (1, ..) => 1.0 + draw.weight(),
                (_, true, 0, _) => 0.0,
                (_, true, 1, 3) => 30.0,
                _ => draw.weight(),
            };
            data.extend(w.to_le_bytes());
        }
        header.push(format!("\"{name}\":{{\"dtype\":\"F32\",\"shape\":{shape:?},\"data_offsets\":[{begin},{}]}}", data.len()));
    }
    let mut header = format!("{{{}}}", header.join(","));
    while header.len() % 8 != 0 {
        header.push(' ');
    }
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.as_bytes());
    file.extend(data);
    std::fs::write(dir.join("model.safetensors"), file).unwrap();
    Checkpoint::open(dir).unwrap()
}

/// Emits and runs `chip`: each prompt is a user's, and each user generates `new` tokens.
pub fn run(chip: &Chip, dir: &Path, prompts: &[Vec<u32>], new: u32, probe: bool) -> Trace {
    emit(chip, dir, &Options { probe, ..Options::default() }).unwrap();
    let feeds: Vec<Feed> = prompts.iter().enumerate().flat_map(|(user, ids)| Feed::prompt(user as u32, ids)).collect();
    run_verilated(dir, &feeds, new, &RunOptions { probe, ..RunOptions::default() }).unwrap()
}

/// As [`run`] for a folder that was emitted, under Icarus: slower a cycle than Verilator, but built at once, and of four states.
pub fn run_icarus(dir: &Path, feeds: &[Feed], new: u32, probe: bool) -> Trace {
    icarus(dir, feeds, new, &RunOptions { probe, ..RunOptions::default() }).unwrap()
}

/// As [`run_icarus`], told what stopped the simulation.
pub fn icarus(dir: &Path, feeds: &[Feed], new: u32, options: &RunOptions) -> Result<Trace, hardwire_rtl_gen::Error> {
    let tool = |name: &str, args: &[&str]| {
        let out = Command::new(name).current_dir(dir).args(args).output().unwrap();
        let text = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
        assert!(out.status.success(), "{name}: {text}");
        text
    };
    let mut args = vec!["-g2012", "-s", "hardwire_tb", "-o", "chip.vvp", "-c", "files.f", "tb/hardwire_tb.v"];
    args.extend(options.probe.then_some("-DHW_PROBE"));
    tool("iverilog", &args);
    let lines = feeds.iter().map(|f| format!("{} {} {} {}\n", f.user, f.id, u32::from(f.first), u32::from(f.want)));
    std::fs::write(dir.join("prompt.txt"), lines.collect::<String>()).unwrap();
    let given = [("new", new), ("late", options.late), ("gap", options.gap), ("reset", options.reset_at)];
    let given: Vec<String> = given.iter().map(|(name, value)| format!("+{name}={value}")).collect();
    let mut args = vec!["-n", "chip.vvp"];
    args.extend(given.iter().map(String::as_str));
    args.extend(options.probe.then_some("+probe"));
    parse(&tool("vvp", &args))
}

/// Holds a probed run against the scalar reference: each unit's every value, tokens, the greatest logits of each and the cycles in which
/// the `top` port gives them, and the overflow flag.
pub fn compare(chip: &Chip, trace: &Trace, prompts: &[Vec<u32>], new: u32) {
    let reference = Reference::new(chip);
    let mut state = reference.start();
    let probes: HashMap<(&str, u32, u32, u32), i32> =
        trace.probes.iter().map(|p| ((p.unit.as_str(), p.user, p.pos, p.index), p.value)).collect();
    let head = chip.netlist().stations.len() - 1;
    for (user, prompt) in prompts.iter().enumerate() {
        let user = user as u32;
        let outputs: Vec<_> = trace.tokens.iter().enumerate().filter(|(_, t)| t.user == user).collect();
        let room = chip.model().context - prompt.len() as u32 + 1;
        assert_eq!(outputs.len() as u32, new.min(room), "outputs of user {user}");
        let mut token = prompt[0];
        for pos in 0..prompt.len() as u32 + outputs.len() as u32 - 1 {
            let wanted = pos + 1 >= prompt.len() as u32;
            let step = reference
                .step_probed(&mut state, user, token, &mut |id, values| {
                    let unit = chip.netlist().unit(id);
                    let swallowed = unit.station as usize == head && !wanted;
                    for (i, &expected) in values.iter().enumerate().filter(|_| !swallowed && !probes.is_empty()) {
                        let got = probes.get(&(unit.path.as_str(), user, pos, i as u32));
                        assert_eq!(got, Some(&expected), "{}[{i}], user {user}, token {pos}", unit.path);
                    }
                })
                .unwrap();
            token = prompt.get(pos as usize + 1).copied().unwrap_or(step.top);
            if wanted {
                let (i, got) = outputs[pos as usize + 1 - prompt.len()];
                assert_eq!((got.id, got.logit, got.pos), (step.top, step.logits[step.top as usize], pos), "user {user}, token {pos}");
                let came = timing::top_cycles(chip.netlist(), got.cycle);
                let best = step.best(timing::TOP as usize).into_iter().zip(came).zip(0..);
                let best: Vec<Top> = best.map(|(((id, logit), cycle), rank)| Top { rank, id, logit, cycle }).collect();
                assert_eq!(trace.tops_of(i), best, "top-k port, user {user}, token {pos}");
            }
        }
    }
    // What a swallowed token would have clamped in the head, the chip never computes.
    let clamped = |head_too: bool| {
        let units = chip.netlist().units().filter(|(_, u)| head_too || u.station as usize != head);
        units.filter(|(_, u)| !matches!(u.kind, UnitKind::RowFeed(_))).any(|(id, _)| state.saturations[id.index()] > 0)
    };
    assert!(trace.flags.overflow == clamped(true) || trace.flags.overflow == clamped(false), "overflow flag");
}
