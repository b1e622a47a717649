//! libFuzzer on the body `manifest`.
#![no_main]

#[path = "../bodies.rs"]
#[allow(dead_code, reason = "each target uses its own body")]
mod bodies;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let target = bodies::TARGETS.iter().find(|t| t.name == "manifest").expect("it is in the list");
    (target.body)(data);
});
