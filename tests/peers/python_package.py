"""The Python package against the command: `python_package.py SCRATCH TEXT`, where TEXT is what `simulate tales --prompt "The king" -n 12`
writes. Runs the notebook's cells too, where numpy is there."""

import json
import os
import signal
import sys
import threading
import time
import types
import urllib.request
from pathlib import Path

root = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(root / "python"))
import hardwire

scratch, expected = Path(sys.argv[1]), sys.argv[2]
config = root / "models/checkpoints/tales/config.json"

chip = hardwire.compile("tales", scratch / "chip", users=2)
answer = chip.simulate("The king", n=12)
assert answer["text"] == expected, (answer["text"], expected)
assert chip.simulate(ids=answer["prompt_ids"], n=12)["token_ids"] == answer["token_ids"]
assert answer["chip"]["joules"] > 0

about, beside = chip.inspect(), chip.compare(gpu="H100 SXM")
assert about["compare"]["chip"] == beside["chip"] and [g["device"] for g in beside["gpus"]] == ["H100 SXM"], beside
planned = hardwire.plan(config, users=2)
explored = hardwire.explore(config, {"users": 2, "context": 512, "tile_rows": [256], "dies": 1})
assert explored["points"][0]["figures"] == planned["at"][-1]["figures"]["middle"]
assert hardwire.predict(config, "L40S", bits=16)["decode"]["tokens_per_s"]["value"] > 0
assert any(m["name"] == "Qwen3.5-27B" for m in hardwire.models())
assert len(chip.books(gpu=["H100 SXM", "L40S"], preset="france")["books"]["gpus"]) == 2

(scratch / "text.txt").write_text("Once upon a time there was a king. " * 40)
assert chip.evaluate(scratch / "text.txt", tokens=64)

for call, code, parts in [
    (lambda: hardwire.compile("nowhere", scratch / "no"), 1, ["nowhere", "cannot open"]),
    (lambda: chip.compare(bits=3), 1, ["--bits", "compile it again"]),
    (lambda: hardwire.plan(config, colour="red"), 2, ["--colour"]),
    (lambda: chip.simulate("-n", temperature=-1), 1, ["--temperature -1"]),
]:
    try:
        call()
    except hardwire.Error as error:
        assert error.code == code and all(part in str(error) for part in parts) and not str(error).startswith("error:"), error
    else:
        raise AssertionError(f"{parts} was not refused")

with chip.serve() as server:
    with urllib.request.urlopen(f"{server.url}/models") as listed:
        assert json.load(listed)["data"][0]["id"] == server.model
assert server._child.returncode == 0

# An interrupt ends the command at once, and nothing half written stays.
long = (scratch / "long.txt")
long.write_text("Once upon a time there was a king. " * 4000)
# A shell that starts this in the background has interrupts ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
began = time.monotonic()
threading.Timer(0.7, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
try:
    chip.evaluate(long, tokens=30_000)
except KeyboardInterrupt:
    assert time.monotonic() - began < 10
else:
    raise AssertionError("it was not interrupted")

try:
    import numpy
except ImportError:
    print("no numpy in this Python: the notebook was not run")
    sys.exit(77)
area = hardwire.column(explored["points"], "figures/area_mm2")
assert isinstance(area, numpy.ndarray) and area.dtype == float and area.shape == (1,)
assert hardwire.column([about], "die/area_mm2")[0] == about["die"]["area_mm2"]["value"]
# Its display is that of a notebook: here what is shown is collected.
shown = []
display = types.ModuleType("IPython.display")
display.SVG = lambda filename: Path(filename).read_text()
display.display = shown.append
sys.modules.update({"IPython": types.ModuleType("IPython"), "IPython.display": display})
book = json.loads((root / "python/examples/front.ipynb").read_text())
os.chdir(scratch)
names = {}
for cell in book["cells"]:
    if cell["cell_type"] == "code":
        source = "".join(cell["source"]).replace("../../models", str(root / "models"))
        exec(compile(source, "front.ipynb", "exec"), names)
assert len(shown) == 1 and shown[0].startswith("<svg"), shown
assert len(names["front"]) >= 2 and names["area"].shape == (len(names["front"]),)
assert names["chip"].inspect()["model"]["users"] == names["best"]["users"]
