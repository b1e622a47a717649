//! Chat templates of several families' shapes, written for these tests; what they render is what transformers 5.24 renders of them.

mod common;

use common::*;
use hardwire_models::{Checkpoint, Message};
use serde_json::{Value, json};
use tempfile::tempdir;

/// Renders a folder's template.
fn rendered(template: Value, messages: &[(&str, &str)]) -> Result<String, String> {
    let folder = tempdir().unwrap();
    write_folder(folder.path(), &config(), &safetensors(&tensors()));
    let settings = json!({"bos_token": "<s>", "eos_token": {"content": "</s>"}, "chat_template": template});
    std::fs::write(folder.path().join("tokenizer_config.json"), settings.to_string()).unwrap();
    let chat = Checkpoint::open(folder.path()).unwrap().chat_template().map_err(|e| e.to_string())?.ok_or("none")?;
    let messages: Vec<Message> = messages.iter().map(|(role, content)| Message::new(role, content)).collect();
    chat.render(&messages).map_err(|e| e.to_string())
}

/// ChatML: roles between marks, a default system prompt.
const CHATML: &str = "{%- if messages[0].role != 'system' %}\n    {{- '<|im_start|>system\\nBe brief.<|im_end|>\\n' }}\n{%- endif %}
{%- for message in messages %}
    {{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}";

/// Llama 2 and Mistral: instructions in brackets, turns must alternate.
const BRACKETS: &str = "{{ bos_token }}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}\
{{ raise_exception('Conversation roles must alternate user/assistant') }}{% endif %}{% if message['role'] == 'user' %}\
{{ '[INST] ' + message['content'].strip() + ' [/INST]' }}{% else %}{{ ' ' + message['content'] + eos_token }}{% endif %}{% endfor %}";

/// Llama 3: headers, a date that templates ask the clock for.
const HEADERS: &str = "{{- bos_token }}
{%- if not date_string is defined %}
    {%- if strftime_now is defined %}
        {%- set date_string = strftime_now('%d %b %Y') %}
    {%- else %}
        {%- set date_string = '26 Jul 2024' %}
    {%- endif %}
{%- endif %}
{{- '<|start|>system\\n\\nToday: ' + date_string + '<|eot|>' }}
{%- for message in messages if message.role in ['user', 'assistant'] %}
    {{- '<|start|>' ~ message.role ~ '\\n\\n' ~ message.content | trim ~ '<|eot|>' }}
{%- endfor %}
{{- '<|start|>assistant\\n\\n' }}";

/// Gemma: the model has another name, the system prompt goes before the first turn; namespaces and macros.
const TURNS: &str = "{%- macro turn(role, text) -%}<turn>{{ role }}\n{{ text }}</turn>\n{% endmacro -%}
{%- set ns = namespace(first='') -%}
{%- if messages[0]['role'] == 'system' -%}
    {%- set ns.first = messages[0]['content'] + '\n\n' -%}
    {%- set loop_messages = messages[1:] -%}
{%- else -%}
    {%- set loop_messages = messages -%}
{%- endif -%}
{%- for m in loop_messages -%}
    {{ turn('model' if m['role'] == 'assistant' else m['role'], (ns.first if loop.first else '') + m['content']) }}
{%- endfor -%}
<turn>model\n";

#[test]
fn templates_of_each_shape_render() {
    let talk = [("user", " Hi. "), ("assistant", "Hello."), ("user", "Bye.")];
    assert_eq!(
        rendered(json!(CHATML), &talk).unwrap(),
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n Hi. <|im_end|>\n<|im_start|>assistant\nHello.<|im_end|>\n\
         <|im_start|>user\nBye.<|im_end|>\n<|im_start|>assistant\n"
    );
    assert_eq!(rendered(json!(BRACKETS), &talk).unwrap(), "<s>[INST] Hi. [/INST] Hello.</s>[INST] Bye. [/INST]");
    assert_eq!(
        rendered(json!(HEADERS), &talk[..1]).unwrap(),
        "<s><|start|>system\n\nToday: 26 Jul 2024<|eot|><|start|>user\n\nHi.<|eot|><|start|>assistant\n\n"
    );
    let with_system = [("system", "Be kind."), ("user", "Hi.")];
    assert_eq!(rendered(json!(TURNS), &with_system).unwrap(), "<turn>user\nBe kind.\n\nHi.</turn>\n<turn>model");
    // Several by name: the one for talk.
    let named = json!([{"name": "tool_use", "template": "no"}, {"name": "default", "template": "{{ messages[0].content }}"}]);
    assert_eq!(rendered(named, &talk).unwrap(), " Hi. ");
    let python = "{{ messages | tojson }}{{ {'b': [1, true, none], 'a': '<é>'} | tojson }}{{ 'a b'.split(' ')[1].upper() }}";
    assert_eq!(
        rendered(json!(python), &[("user", "x")]).unwrap(),
        r#"[{"role": "user", "content": "x"}]{"b": [1, true, null], "a": "<é>"}B"#
    );
    let marked = "{% for m in messages %}{% generation %}{{ m.content }}{%- endgeneration %}{% endfor %}";
    assert_eq!(rendered(json!(marked), &[("user", "x")]).unwrap(), "x");
}

#[test]
fn what_a_template_cannot_do_is_said_in_its_words() {
    let says = |template: Value, messages: &[(&str, &str)], parts: &[&str]| {
        assert_says(&rendered(template, messages).unwrap_err(), &[&["tokenizer_config.json"], parts].concat());
    };
    says(json!(BRACKETS), &[("assistant", "Hi.")], &["refuses this conversation", "roles must alternate"]);
    says(json!("{% if %}"), &[("user", "Hi.")], &["chat template", "line 1"]);
    says(json!("{{ nothing.at.all }}"), &[("user", "Hi.")], &["chat template", "undefined"]);
    says(json!("{% for a in range(9999) %}{% for b in range(9999) %}{{ a }}{% endfor %}{% endfor %}"), &[("user", "Hi.")], &["fuel"]);
    says(json!(7), &[("user", "Hi.")], &["chat_template", "7"]);
    says(json!([{"name": "rag", "template": ""}]), &[("user", "Hi.")], &["without \"default\""]);
    assert_eq!(rendered(json!(null), &[]).unwrap_err(), "none");
}

#[test]
fn each_file_that_can_hold_a_template_is_read() {
    let folder = tempdir().unwrap();
    write_folder(folder.path(), &config(), &safetensors(&tensors()));
    let render = || {
        let checkpoint = Checkpoint::open(folder.path()).unwrap();
        checkpoint.chat_template().unwrap().map(|chat| chat.render(&[Message::new("user", "Hi.")]).unwrap())
    };
    assert_eq!(render(), None);
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("chat_template.json", &json!({"chat_template": "old {{ messages[0].content }}"}).to_string());
    assert_eq!(render().unwrap(), "old Hi.");
    write("tokenizer_config.json", &json!({"chat_template": "in {{ messages[0].content }}"}).to_string());
    assert_eq!(render().unwrap(), "in Hi.");
    write("chat_template.jinja", "beside {{ messages[0].content }}");
    assert_eq!(render().unwrap(), "beside Hi.");

    let mut file = Gguf::tiny();
    file.set_text("tokenizer.chat_template", "{{ bos_token }}{{ messages[0].content }}{{ eos_token }}");
    let checkpoint = Checkpoint::open(&file.write(folder.path())).unwrap();
    let text = checkpoint.chat_template().unwrap().unwrap().render(&[Message::new("user", "abc")]).unwrap();
    assert_eq!(text, "<s>abc</s>");
    // The template wrote the begin token, so none is added.
    assert_eq!(checkpoint.tokenizer().unwrap().unwrap().encode_bare(&text).unwrap(), [1, 265, 262, 2]);
}
