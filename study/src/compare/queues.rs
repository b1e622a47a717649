//! Three queues on the chip and on the devices drawn, at the wall: one user, a full queue, a full queue of long prompts.
//!
//! A hardwired chip streams prompts token by token; a GPU reads them in one pass. So the third is where a chip may lose.

use super::device_side::Baseline;
use crate::Result;
use crate::load::{self, Request, users_in_flight};
use crate::subject::Subject;
use hardwire_baseline::economics::{Assumptions, Input};
use hardwire_baseline::gpu::{self, GpuError};
use hardwire_baseline::headline::{CHAT, Load, PROMPT_HEAVY, Side};
use serde::Serialize;

/// One load, and every machine under it. A device that cannot hold so long a request is missing.
#[derive(Serialize)]
pub struct Queue {
    pub load: Load,
    /// The chip as built, and where its cache holds fewer users than it has stations the chip with a cache for all.
    pub chips: Vec<Side>,
    pub gpus: Vec<Side>,
}

/// What is asked: the longest prompt-heavy request is cut to what the cache holds, in its proportion; a chat that it does not hold is
/// left out.
fn loads(positions: u32, request: Request) -> Vec<Load> {
    let plain = |name, full| Load { name, full, prompt_tokens: request.prompt, output_tokens: request.output };
    let share = f64::from(PROMPT_HEAVY.output_tokens) / f64::from(PROMPT_HEAVY.prompt_tokens + PROMPT_HEAVY.output_tokens);
    let output_tokens = ((f64::from(positions) * share) as u32).clamp(1, PROMPT_HEAVY.output_tokens);
    let prompt_tokens = PROMPT_HEAVY.prompt_tokens.min(positions.saturating_sub(output_tokens));
    let heavy = Load { prompt_tokens, output_tokens, ..PROMPT_HEAVY };
    let chat = (CHAT.prompt_tokens + CHAT.output_tokens <= positions).then_some(CHAT);
    [plain("one user", false), plain("full queue", true)].into_iter().chain(chat).chain([heavy]).collect()
}

pub fn queues(subject: &Subject<'_>, drawn: &[&Baseline], request: Request, prices: &Assumptions) -> Result<Vec<Queue>> {
    let host_w = prices.value(Input::ChipHostW) * f64::from(subject.dies);
    let mut out = Vec::new();
    for load in loads(subject.positions, request) {
        let mut gpus = Vec::new();
        for baseline in drawn {
            match gpu(baseline, subject, load) {
                Ok(side) => gpus.push(side),
                Err(GpuError::DoesNotFit { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        out.push(Queue { load, chips: chips(subject, load, host_w), gpus });
    }
    Ok(out)
}

fn chips(subject: &Subject<'_>, load: Load, host_w: f64) -> Vec<Side> {
    let rates = subject.rates();
    let request = Request::new(load.prompt_tokens, load.output_tokens);
    let side = |users, tokens_per_s, device_w| {
        let machine = if users == 1 { "this chip".into() } else { format!("this chip, {users} in flight") };
        Side::at_the_wall(machine, users, tokens_per_s, device_w + host_w)
    };
    if !load.full {
        let one = load::one_user(rates, request.context);
        return vec![side(1, one.tokens_per_s, one.power_w)];
    }
    let built = users_in_flight(rates, subject.users);
    let queue = |users| {
        let queue = load::full_queue(rates, request, users);
        side(queue.users, queue.tokens_per_s, queue.power_w)
    };
    let all = rates.stations();
    std::iter::once(built).chain((all > built).then_some(all)).map(queue).collect()
}

fn gpu(baseline: &Baseline, subject: &Subject<'_>, load: Load) -> Result<Side, GpuError> {
    let (model, device) = (&subject.model, &baseline.device);
    let request = Request::new(load.prompt_tokens, load.output_tokens);
    let (users, tokens_per_s, device_w) = if load.full {
        let (_, queue) = baseline.serve(model, request)?;
        (queue.batch, queue.tokens_per_s.value, queue.power_w.value)
    } else {
        let (_, one) = baseline.decode(model, 1, request.context)?;
        (1, one.tokens_per_s.value, one.power_w.value)
    };
    Ok(Side::at_the_wall(device.name.clone(), users, tokens_per_s, gpu::wall(&baseline.calibration, device, 1, device_w).total_w()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_prompts_are_as_long_as_the_cache_holds() {
        let asked = |positions| {
            let all = loads(positions, Request::within(positions));
            all.iter().map(|load| (load.name, load.prompt_tokens, load.output_tokens)).collect::<Vec<_>>()
        };
        assert_eq!(asked(64), [("one user", 32, 32), ("full queue", 32, 32), (PROMPT_HEAVY.name, 61, 3)]);
        let long = asked(16_384);
        assert_eq!(long[2], (CHAT.name, 150, 400));
        assert_eq!(long[3], (PROMPT_HEAVY.name, 8192, 512));
        assert_eq!(asked(1).last(), Some(&(PROMPT_HEAVY.name, 0, 1)));
        for positions in 1..700 {
            assert!(asked(positions).iter().all(|(_, prompt, output)| *output > 0 && prompt + output <= positions), "{positions}");
        }
    }
}
