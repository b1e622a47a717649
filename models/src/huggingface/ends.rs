//! Where a text begins and ends: what `config.json` says, joined with `generation_config.json` and the tokenizer. Fine-tunes change one of
//! them and leave the others as they were; a text that ends at none of them never ends.

use std::path::Path;

use super::fields::Fields;
use super::json;
use super::tokenizer::Settings;
use crate::Error;
use crate::config::ModelConfig;

const GENERATION: &str = "generation_config.json";

/// Adds to `config`'s end tokens those that the other files know; the tokenizer's begin token is the begin token.
pub(crate) fn ends_of_text(folder: &Path, config: &mut ModelConfig, warnings: &mut Vec<String>) -> Result<(), Error> {
    let path = folder.join(GENERATION);
    let mut ends = Vec::new();
    match json::read(&path) {
        Ok(None) => {}
        Ok(Some(object)) => {
            let fields = Fields { object: &object, prefix: "", source: &path };
            ends = fields.tokens_below("eos_token_id", None, config.vocab)?;
            warnings.extend(fields.passed_over(config.vocab).into_iter().map(|warning| format!("{GENERATION}: {warning}")));
        }
        // transformers makes do with the configuration; what is missing then is only where it would stop.
        Err(error) => warnings.push(format!("passed over: {error}")),
    }
    // What cannot be read blocks text alone: `Checkpoint::tokenizer` says so.
    if let Ok(settings) = Settings::read(folder, config.architecture) {
        let id = |key: &str| settings.id_of(folder, &settings.named(key)?).filter(|&id| (id as usize) < config.vocab);
        ends.extend(id("eos_token"));
        config.bos = id("bos_token").or(config.bos);
    }
    for end in ends {
        if !config.eos.contains(&end) {
            config.eos.push(end);
        }
    }
    Ok(())
}
