//! The comparison in plain sentences, both sides in each answer.

use crate::report::number;
use hardwire_baseline::gpu::Class;
use hardwire_study::compare::Comparison;

/// Fixed share of a GPU's token from which the model is too small to judge a GPU by.
const TINY: f64 = 0.5;

/// `a` against `b` in words.
fn times(ours: f64, theirs: f64) -> String {
    if ours >= theirs { format!("{} times as many", number(ours / theirs)) } else { format!("1/{} of it", number(theirs / ours)) }
}

/// `chip` as a multiple or a part of `gpu`.
fn against(chip: f64, gpu: f64) -> String {
    if chip >= gpu { format!("{} times the GPU", number(chip / gpu)) } else { format!("1/{} of the GPU", number(gpu / chip)) }
}

/// One user, then a full queue.
pub fn verdict(b: &Comparison) -> Vec<String> {
    let (Some(one), Some(queue)) = (b.fastest_for_one(), b.fastest_for_a_queue()) else {
        return vec!["No device known here holds this model.".into()];
    };
    let (chip, built, busy) = (&b.chip, &b.chip.as_built, &b.chip.all_busy);
    let mut out = vec![format!(
        "One user: the chip makes {} tokens/s, the fastest GPU here ({}) {}; the chip makes {}.",
        number(chip.tokens_per_s.value),
        one.device,
        number(one.single.tokens_per_s.value),
        times(chip.tokens_per_s.value, one.single.tokens_per_s.value)
    )];
    let holds = if built.users == 1 { "its cache holds 1 user".into() } else { format!("its cache holds {} users", built.users) };
    let mut text = format!(
        "Full queue: a saturated {} makes {} tokens/s for {} users at once, each of whom sees {}; the chip as built ({holds}) makes {}",
        queue.device,
        number(queue.saturated.tokens_per_s.value),
        number(f64::from(queue.saturated.users)),
        number(queue.saturated.tokens_per_s_per_user.value),
        number(built.tokens_per_s.value),
    );
    let gpu = queue.saturated.tokens_per_s.value;
    text += &format!(" ({})", against(built.tokens_per_s.value, gpu));
    if busy.users > built.users {
        let all = busy.tokens_per_s.value;
        text += &format!("; compiled with a cache for {} users it would make {} ({})", busy.users, number(all), against(all, gpu));
    }
    text.push('.');
    out.push(text);
    out.extend(tiny_model(b));
    out
}

/// Said where a GPU's time is mostly not the model's.
fn tiny_model(b: &Comparison) -> Option<String> {
    let one = b.fastest_for_one()?;
    (one.single.fixed_share > TINY).then(|| {
        format!(
            "This model is too small to judge a GPU by: {:.0} % of the {}'s time for one user's token is fixed cost (starting kernels, \
             small operations), not memory. Larger models come closer to the GPU's ceiling.",
            100.0 * one.single.fixed_share,
            one.device
        )
    })
}

/// How much the GPU figures may be believed.
pub fn errors(b: &Comparison) -> String {
    let held_out = b.errors.iter().filter(|summary| summary.held_out_rows > 0).map(|summary| {
        let class = match summary.class {
            Class::Single => "one user",
            Class::Batched => "a fixed number of users",
            Class::Serving => "a full queue",
            Class::Service => "services",
        };
        format!("{:.1} % for {class} ({} rows)", summary.held_out_mape_percent, summary.held_out_rows)
    });
    format!(
        "GPU estimates err on average by {} on published measurements they were not fitted to.",
        held_out.collect::<Vec<_>>().join(", ")
    )
}
