//! The three queues, and the published figures that they must come out at.

use hardwire_baseline::headline::{HC1_ANNOUNCED, headline};

#[test]
fn published_energies_of_full_queues_are_reproduced() {
    let h = headline().unwrap();
    for anchor in &h.anchors {
        assert!((anchor.ours_mj / anchor.published_mj - 1.0).abs() < 0.15, "{anchor:?}");
    }
}

#[test]
fn hc1_is_what_its_service_reports_not_what_was_announced() {
    let h = headline().unwrap();
    assert_eq!(h.hc1.replies.len(), 10);
    assert!((69.0..71.0).contains(&h.hc1.interval_us.value), "{:?}", h.hc1.interval_us);
    assert!((1.15..1.25).contains(&h.hc1.first_token_ms.value));
    assert!(1e6 / h.hc1.interval_us.value < 0.9 * HC1_ANNOUNCED);
}

/// 150 prompt tokens at 58 us and 400 at 69.6 are 23 mJ on a card; GPUs need hundreds of users to come under it, and with long prompts
/// make four times the tokens. Past 6,144 positions a card says so.
#[test]
fn cards_lead_for_few_users_and_full_gpus_for_many() {
    let h = headline().unwrap();
    let at = |name: &str| h.queues.iter().find(|q| q.load.name == name).unwrap();
    let chat = at("full queue, chat mix").chip.as_ref().unwrap();
    let by_hand = 250.0 * (150.0 * h.hc1.prompt_token_us.value + 400.0 * h.hc1.interval_us.value) / 400.0 * 1e-3;
    assert!((chat.mj_per_token / by_hand - 1.0).abs() < 1e-9, "{chat:?}");
    let crossover = h.crossovers.iter().find(|c| c.load.name == "full queue, chat mix").unwrap();
    assert!(crossover.users.is_some_and(|users| users > 100), "{crossover:?}");
    let heavy = at("full queue, prompt-heavy, what HC1 holds");
    assert!(heavy.chip.as_ref().unwrap().tokens_per_s < heavy.gpu.tokens_per_s, "{heavy:?}");
    assert!(at("full queue, prompt-heavy").chip.as_ref().unwrap_err().contains("8704 positions asked, HC1 holds 6144"));
    let one = at("one user");
    assert!(one.chip.as_ref().unwrap().tokens_per_s_per_user > 10.0 * one.gpu.tokens_per_s_per_user, "{one:?}");
    assert!(one.chip.as_ref().unwrap().mj_per_token < one.gpu.mj_per_token / 100.0, "{one:?}");
}
