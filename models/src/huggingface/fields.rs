//! Typed reads of a `config.json`, and what most architectures' files have in common.

use std::path::Path;

use serde_json::{Map, Value};

use super::{defaults, rope};
use crate::Error;
use crate::config::{Activation, Architecture, Form, LayerPlan, MAX_LAYERS, ModelConfig, Norm, NormPlaces, QkNorm, Storage};
use crate::rope::RopeTable;

/// Fields that change what is computed. An architecture that does not read one refuses it, unless it says nothing: null, false,
/// empty, 1 where it multiplies.
const CHANGES_MEANING: [&str; 23] = [
    "attention_multiplier",
    "attn_logit_softcapping",
    "attn_output_gate",
    "clip_qkv",
    "embedding_multiplier",
    "final_logit_softcapping",
    "layer_types",
    "logits_scaling",
    "mup_denominator",
    "n_routed_experts",
    "no_rope_layers",
    "num_experts",
    "num_kv_shared_layers",
    "num_local_experts",
    "parallel_attention",
    "partial_rotary_factor",
    "quantization_config",
    "query_pre_attn_scalar",
    "residual_multiplier",
    "rope_local_base_freq",
    "sliding_window",
    "use_bidirectional_attention",
    "use_sliding_window",
];

/// Of those, the fields of attention windows: a class without windows keeps them unread, and files of its family carry them along.
const WINDOWS: [&str; 3] = ["layer_types", "sliding_window", "use_sliding_window"];
/// Families whose class has no window at all.
const WITHOUT_WINDOWS: [&str; 4] = ["bitnet", "gpt2", "llama", "olmo2"];

/// Fields that name tokens.
const TOKENS: [&str; 3] = ["bos_token_id", "eos_token_id", "pad_token_id"];

/// Typed reads of a JSON object's fields; null counts as absent, as in transformers.
pub(crate) struct Fields<'a> {
    pub object: &'a Map<String, Value>,
    /// Put before field names in errors.
    pub prefix: &'a str,
    pub source: &'a Path,
}

/// What an architecture's configuration class says of absent fields.
pub(crate) struct Defaults {
    /// Its own names for common fields.
    pub names: [(&'static str, &'static str); 5],
    pub rope_theta: f64,
    /// Share of a head that is rotated.
    pub rotated: f64,
    pub eps: f64,
    pub tied: bool,
    /// Size of a head; the width over the heads if `None`.
    pub head_dim: Option<usize>,
    /// The feed-forward's width where no field has it.
    pub ffn: Option<usize>,
    pub activation_field: &'static str,
    pub activation: &'static str,
}

impl Default for Defaults {
    fn default() -> Defaults {
        Defaults {
            names: [("", ""); 5],
            rope_theta: 10_000.0,
            rotated: 1.0,
            eps: 1e-6,
            tied: false,
            head_dim: None,
            ffn: None,
            activation_field: "hidden_act",
            activation: "silu",
        }
    }
}

impl<'a> Fields<'a> {
    /// Refuses every field that changes the computation, but for those the architecture reads.
    pub fn refuse_all_but(&self, read: &[&str]) -> Result<(), Error> {
        for field in CHANGES_MEANING.into_iter().filter(|field| !read.contains(field) && !self.unread(field)) {
            let silent = match self.object.get(field) {
                None | Some(Value::Null | Value::Bool(false)) => true,
                Some(Value::Number(n)) => n.as_f64() == Some(1.0) && (field.ends_with("multiplier") || field.ends_with("factor")),
                Some(Value::Array(kinds)) => kinds.iter().all(|kind| kind == "full_attention"),
                // The window of a file that says not to use it.
                Some(_) => field == "sliding_window" && read.contains(&"use_sliding_window"),
            };
            if !silent {
                return Err(self.unsupported(field, &self.object[field], "models without it"));
            }
        }
        Ok(())
    }

    /// The configuration of a Llama-like decoder; the architecture changes what is its own.
    pub fn decoder(&self, architecture: Architecture, defaults: Defaults) -> Result<ModelConfig, Error> {
        let name = |common: &'static str| defaults.names.iter().find(|n| n.0 == common).map_or(common, |n| n.1);
        let class = defaults::of(architecture);
        let size = |field: &'static str, default: Option<usize>| {
            let field = name(field);
            match self.size_or_absent(field, default)? {
                Some(size) => Ok(size),
                None => Err(self.error(field, "nothing", "a whole number")),
            }
        };
        let hidden = size("hidden_size", Some(class.hidden))?;
        let heads = size("num_attention_heads", Some(class.heads))?;
        let head_dim = match self.size_or_absent("head_dim", defaults.head_dim)? {
            Some(size) => size,
            None if heads > 0 && hidden.is_multiple_of(heads) => hidden / heads,
            None => {
                let expected = format!("a divisor of {} {hidden}, or head_dim", name("hidden_size"));
                return Err(self.error(name("num_attention_heads"), heads, &expected));
            }
        };
        let layers = size("num_hidden_layers", Some(class.layers))?;
        if layers == 0 || layers > MAX_LAYERS {
            return Err(self.error("layer count", layers, &format!("1 to {MAX_LAYERS}")));
        }
        let ffn = match defaults.ffn {
            Some(ffn) => ffn,
            None => size("intermediate_size", class.ffn)?,
        };
        let context = size("max_position_embeddings", Some(class.context))?;
        let (rope, partial) = rope::table(self, (defaults.rope_theta, defaults.rotated), context, class.original_context)?;
        // Longer texts have rotations of their own: `Checkpoint::lengthen`.
        let context = rope.long().map_or(context, |long| long.original_context);
        let vocab = size("vocab_size", Some(class.vocab))?;
        let bos = self.tokens_below("bos_token_id", class.bos, vocab)?.first().copied();
        let eos = self.tokens_below("eos_token_id", class.eos, vocab)?;
        Ok(ModelConfig {
            architecture,
            hidden,
            ffn,
            layers,
            heads,
            kv_heads: self.size_or_absent("num_key_value_heads", class.kv_heads)?.unwrap_or(heads),
            head_dim,
            vocab,
            context,
            norm_eps: self.number(name("rms_norm_eps"))?.unwrap_or(defaults.eps) as f32,
            rope: vec![rope],
            // As transformers rounds it.
            rotated: (head_dim as f64 * partial) as usize,
            plan: vec![LayerPlan::PLAIN; layers],
            form: Form::plain(head_dim),
            experts: None,
            linear: None,
            storage: Storage::Floats,
            tied_embeddings: self.flag("tie_word_embeddings")?.unwrap_or(defaults.tied),
            activation: self.activation(defaults.activation_field, defaults.activation)?,
            bos,
            eos,
            parameters: 0,
        })
    }

    /// Whether this family's class has no such field: it is kept and never read.
    fn unread(&self, field: &str) -> bool {
        let family = self.object.get("model_type").and_then(Value::as_str);
        WINDOWS.contains(&field) && family.is_some_and(|family| WITHOUT_WINDOWS.contains(&family))
    }

    /// What a reader passes over, in words: fields that would matter to other families, tokens that the vocabulary does not have.
    pub fn passed_over(&self, vocab: usize) -> Vec<String> {
        let mut warnings = Vec::new();
        let says = |field: &str| !matches!(self.object.get(field), None | Some(Value::Null | Value::Bool(false)));
        for field in WINDOWS.into_iter().filter(|field| self.unread(field) && says(field)) {
            warnings.push(format!("{field} {} is passed over: models of this family have no window", self.object[field]));
        }
        for field in TOKENS {
            let ids = match self.object.get(field) {
                Some(Value::Array(ids)) => &ids[..],
                Some(id) => std::slice::from_ref(id),
                None => &[],
            };
            for id in ids.iter().filter(|id| id.is_number() && id.as_u64().is_none_or(|id| id >= vocab as u64)) {
                warnings.push(format!("{field} {id} is passed over: the vocabulary has {vocab} tokens"));
            }
        }
        warnings
    }

    /// Layers with a window: those `layer_types` calls `sliding_attention`; without that field, those `default` names.
    pub fn windows(&self, c: &mut ModelConfig, window: Option<usize>, default: impl Fn(usize) -> bool) -> Result<(), Error> {
        let kinds = self.kinds(c.layers, &["full_attention", "sliding_attention"])?;
        for (i, layer) in c.plan.iter_mut().enumerate() {
            let slides = kinds.as_ref().map_or_else(|| default(i), |kinds| kinds[i] == 1);
            if slides && window.is_none() {
                return Err(self.error("sliding_window", "nothing", "the window of the layers that have one"));
            }
            layer.window = window.filter(|_| slides);
        }
        Ok(())
    }

    /// `layer_types`, if there is one: each layer's number among the `known` ones.
    pub fn kinds(&self, layers: usize, known: &[&str]) -> Result<Option<Vec<usize>>, Error> {
        let Some(types) = self.read("layer_types", "a list of names", |v| v.as_array())? else { return Ok(None) };
        if types.len() != layers {
            return Err(self.error("layer_types", format!("{} names", types.len()), &format!("{layers}, one a layer")));
        }
        let number = |kind: &Value| {
            let found = known.iter().position(|k| kind == k);
            found.ok_or_else(|| self.unsupported("layer_types", kind, &known.join(", ")))
        };
        types.iter().map(number).collect::<Result<Vec<usize>, Error>>().map(Some)
    }

    /// Gemma 3's tables: one for layers that see everything, one for those that do not.
    pub fn two_rope_tables(&self, context: usize, global: f64, local: f64) -> Result<(RopeTable, RopeTable), Error> {
        rope::two_tables(self, context, global, local)
    }

    fn activation(&self, field: &str, default: &str) -> Result<Activation, Error> {
        match self.text(field)?.unwrap_or(default) {
            "silu" | "swish" => Ok(Activation::Silu),
            "gelu_pytorch_tanh" | "gelu_new" => Ok(Activation::GeluTanh),
            "gelu" => Ok(Activation::Gelu),
            "relu2" => Ok(Activation::Relu2),
            other => Err(self.unsupported(field, other, "silu, gelu, gelu_new, gelu_pytorch_tanh, relu2")),
        }
    }

    fn read<T>(&self, field: &str, expected: &str, convert: impl Fn(&'a Value) -> Option<T>) -> Result<Option<T>, Error> {
        match self.object.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match convert(value) {
                Some(converted) => Ok(Some(converted)),
                None => Err(self.error(field, value, expected)),
            },
        }
    }

    fn required<T>(&self, field: &str, expected: &str, found: Option<T>) -> Result<T, Error> {
        found.ok_or_else(|| self.error(field, "nothing", expected))
    }

    pub fn error(&self, field: &str, found: impl ToString, expected: &str) -> Error {
        Error::field(self.source, format!("{}{field}", self.prefix), found, expected)
    }

    pub fn unsupported(&self, field: &str, found: impl ToString, supported: &str) -> Error {
        Error::unsupported(self.source, format!("{}{field}", self.prefix), found, supported)
    }

    pub fn size(&self, field: &str) -> Result<Option<usize>, Error> {
        self.read(field, "a whole number", |v| v.as_u64().and_then(|n| usize::try_from(n).ok()))
    }

    /// As [`Fields::size`] where an absent field has a value and null has none.
    pub fn size_or(&self, field: &str, absent: usize) -> Result<Option<usize>, Error> {
        self.size_or_absent(field, Some(absent))
    }

    fn size_or_absent(&self, field: &str, absent: Option<usize>) -> Result<Option<usize>, Error> {
        if self.object.contains_key(field) { self.size(field) } else { Ok(absent) }
    }

    pub fn sizes(&self, field: &str) -> Result<Option<Vec<usize>>, Error> {
        let size = |v: &Value| v.as_u64().and_then(|n| usize::try_from(n).ok());
        self.read(field, "a list of whole numbers", |v| v.as_array()?.iter().map(size).collect())
    }

    pub fn number(&self, field: &str) -> Result<Option<f64>, Error> {
        self.read(field, "a number", Value::as_f64)
    }

    pub fn numbers(&self, field: &str) -> Result<Option<Vec<f64>>, Error> {
        self.read(field, "a list of numbers", |v| v.as_array()?.iter().map(Value::as_f64).collect())
    }

    pub fn required_number(&self, field: &str) -> Result<f64, Error> {
        let found = self.number(field)?;
        self.required(field, "a number", found)
    }

    pub fn flag(&self, field: &str) -> Result<Option<bool>, Error> {
        self.read(field, "true or false", Value::as_bool)
    }

    pub fn text(&self, field: &str) -> Result<Option<&'a str>, Error> {
        self.read(field, "a string", Value::as_str)
    }

    /// A nested object.
    pub fn inner(&self, field: &str) -> Result<Option<&'a Map<String, Value>>, Error> {
        self.read(field, "an object", Value::as_object)
    }

    /// One token id or a list of them, but for those the vocabulary does not have: -1 and ids left at a class's default.
    pub fn tokens_below(&self, field: &str, absent: Option<u32>, vocab: usize) -> Result<Vec<u32>, Error> {
        // `None` of a number that is no token's.
        let id = |v: &Value| v.is_number().then(|| v.as_u64().and_then(|n| u32::try_from(n).ok()));
        let found = self.read(field, "a token id or a list of them", |v| match v {
            Value::Array(ids) => ids.iter().map(id).collect(),
            single => id(single).map(|id| vec![id]),
        })?;
        let found = found.unwrap_or_else(|| if self.object.contains_key(field) { vec![] } else { vec![absent] });
        Ok(found.into_iter().flatten().filter(|&id| (id as usize) < vocab).collect())
    }
}

impl Form {
    /// Llama's, without biases.
    pub(crate) fn plain(head_dim: usize) -> Form {
        Form {
            norm: Norm::Rms { gain_offset: 0.0 },
            norms: NormPlaces::Before,
            sub_norms: false,
            qk_norm: QkNorm::None,
            qkv_bias: false,
            output_bias: false,
            mlp_bias: false,
            gated: true,
            positions: false,
            sinks: false,
            attention_gate: false,
            embed_scale: 1.0,
            logit_scale: 1.0,
            score_scale: 1.0 / (head_dim as f64).sqrt(),
        }
    }
}
