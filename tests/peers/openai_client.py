"""OpenAI's own Python client against a server: `openai_client.py ADDRESS MODEL EXPECTED`, where EXPECTED is what the model answers, greedy,
in ten tokens to "The king". Exit code 77: the client is not installed."""

import sys

try:
    import openai
except ImportError:
    print("no openai in this Python")
    sys.exit(77)

address, model, expected = sys.argv[1:]
client = openai.OpenAI(base_url=f"http://{address}/v1", api_key="none", max_retries=0)
assert [m.id for m in client.models.list()] == [model]
assert client.models.retrieve(model).id == model

king = [{"role": "user", "content": "The king"}]
answer = client.chat.completions.create(model=model, messages=king, temperature=0, max_tokens=10, logprobs=True, top_logprobs=3)
choice = answer.choices[0]
assert choice.message.content == expected, (choice.message.content, expected)
assert choice.finish_reason == "length" and answer.usage.completion_tokens == 10
assert len(choice.logprobs.content) == 10 and len(choice.logprobs.content[0].top_logprobs) == 3
assert answer.chip["joules"] > 0 and answer.chip["total_us"] > answer.chip["first_token_us"]

stream = client.chat.completions.create(model=model, messages=king, temperature=0, max_tokens=10, stream=True)
assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == expected
stream = client.chat.completions.create(
    model=model, messages=king, temperature=0, max_tokens=10, stream=True, stream_options={"include_usage": True}
)
assert list(stream)[-1].usage == answer.usage

ask = dict(model=model, prompt="Once upon a time", max_tokens=12, temperature=1.2, top_p=0.9, seed=7)
one, two = (client.completions.create(**ask) for _ in range(2))
assert one.choices[0].text == two.choices[0].text
other = client.completions.create(**{**ask, "seed": 8})
assert other.choices[0].text != one.choices[0].text
stopped = client.completions.create(**ask, stop=one.choices[0].text[3:6])
assert one.choices[0].text.startswith(stopped.choices[0].text) and stopped.choices[0].finish_reason == "stop"
streamed = client.completions.create(**ask, stream=True, logprobs=2)
assert "".join(chunk.choices[0].text for chunk in streamed) == one.choices[0].text


def refused(kind, field, **changes):
    try:
        client.completions.create(**{**ask, **changes})
    except kind as error:
        assert error.param == field and error.body["message"], error
    else:
        raise AssertionError(f"{changes} was not refused")


refused(openai.NotFoundError, "model", model="gpt-4")
refused(openai.BadRequestError, "presence_penalty", presence_penalty=1)
refused(openai.BadRequestError, "prompt", prompt="word " * 1000)
