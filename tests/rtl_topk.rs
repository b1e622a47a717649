//! The `top` port where logits tie: an embedding, and with it the head, whose rows repeat gives every logit several times, in every lane.
//! Greatest first, equal ones by token, in the cycles of `docs/microarchitecture.md`; and a chip that does otherwise is found out.

mod common;

use common::rtl::{self, Draw, Small};
use hardwire_compiler::Options;
use hardwire_models::Checkpoint;
use hardwire_netlist::Chip;
use hardwire_rtl_gen::harness::Feed;
use hardwire_rtl_gen::{Options as RtlOptions, emit};
use std::path::Path;

const SMALL: Small = Small { hidden: 16, ffn: 12, layers: 1, heads: 2, kv_heads: 1, head_dim: 4, vocab: 43, context: 9 };
/// Different rows of the embedding.
const KINDS: usize = 2;

fn tied(dir: &Path, lanes: u32) -> (Chip, tempfile::TempDir) {
    rtl::checkpoint(&SMALL, &mut Draw(31), dir);
    let file = dir.join("model.safetensors");
    let mut bytes = std::fs::read(&file).unwrap();
    // The embedding is first.
    let (data, row) = (8 + u64::from_le_bytes(*bytes.first_chunk().unwrap()) as usize, 4 * SMALL.hidden);
    for token in KINDS..SMALL.vocab {
        bytes.copy_within(data + token % KINDS * row..data + (token % KINDS + 1) * row, data + token * row);
    }
    std::fs::write(&file, bytes).unwrap();
    let options =
        Options { lanes: Some(lanes), tile_rows: Some(8), tile_cols: Some(8), group: Some(8), pos_lanes: Some(2), ..Options::default() };
    common::chip(&Checkpoint::open(dir).unwrap(), &options)
}

const PROMPT: [u32; 3] = [1, 4, 2];

#[test]
fn equal_logits_come_in_the_order_of_their_tokens() {
    if !rtl::has("iverilog", "-V") {
        return;
    }
    // One comparison takes four lanes; sixteen need two.
    for lanes in [4, 16] {
        let dir = tempfile::tempdir().unwrap();
        let (chip, _guard) = tied(&dir.path().join("checkpoint"), lanes);
        let out = dir.path().join("rtl");
        emit(&chip, &out, &RtlOptions::default()).unwrap();
        let trace = rtl::run_icarus(&out, &Feed::prompt(0, &PROMPT), 5, false);
        rtl::compare(&chip, &trace, &[PROMPT.to_vec()], 5);
        let (first, second) = (trace.tops_of(0)[0], trace.tops_of(0)[1]);
        assert_eq!((first.logit, first.id + KINDS as u32), (second.logit, second.id), "logits tie");

        // The later of equals first, within a lane: not what the reference says.
        let (module, broken) = (out.join("rtl/hw_topk.v"), dir.path().join("broken"));
        let text = std::fs::read_to_string(&module).unwrap();
        let other = text.replace("one > $signed(kept", "one >= $signed(kept");
        assert_ne!(text, other);
        emit(&chip, &broken, &RtlOptions::default()).unwrap();
        std::fs::write(broken.join("rtl/hw_topk.v"), other).unwrap();
        let wrong = rtl::run_icarus(&broken, &Feed::prompt(0, &PROMPT), 5, false);
        assert_eq!(wrong.tokens, trace.tokens);
        let found = std::panic::catch_unwind(|| rtl::compare(&chip, &wrong, &[PROMPT.to_vec()], 5)).is_err();
        assert!(found && wrong.tops != trace.tops, "the port is compared");
    }
}
