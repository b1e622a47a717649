//! Section 8: the next token of greedy decoding.

/// The lowest index of the greatest logit.
pub fn argmax(logits: &[i32]) -> u32 {
    let mut best = 0;
    for (i, &logit) in logits.iter().enumerate() {
        if logit > logits[best] {
            best = i;
        }
    }
    best as u32
}
