"""A browser that uses the server's page: `page_in_chromium.py ADDRESS MODEL [SCREENSHOTS]`. It writes, sends, waits for the answer and its
figures, says more, starts anew, at two widths; nothing may stick out, no error may be told. Exit code 77: there is no browser.

The browser is spoken to over its own debugging pipe (file descriptors 3 and 4, JSON ended by a zero byte)."""

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

address, model, screenshots = sys.argv[1:4]
browser = next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)
if not browser:
    print("no chromium to open the page")
    sys.exit(77)


class Browser:
    def __init__(self, profile):
        to_read, self.to_browser = os.pipe()
        self.from_browser, to_write = os.pipe()

        def pipes():
            # Above 4 first, so that neither is overwritten.
            a, b = os.dup(to_read), os.dup(to_write)
            os.dup2(a, 3)
            os.dup2(b, 4)

        command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", f"--user-data-dir={profile}", "about:blank"]
        self.process = subprocess.Popen(
            command, preexec_fn=pipes, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(to_read)
        os.close(to_write)
        self.rest, self.number, self.complaints = b"", 0, []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ["Runtime", "Page", "Log"]:
            self.call(f"{domain}.enable")

    session = None

    def message(self):
        while b"\0" not in self.rest:
            part = os.read(self.from_browser, 1 << 16)
            assert part, "the browser ended"
            self.rest += part
        one, self.rest = self.rest.split(b"\0", 1)
        return json.loads(one)

    def call(self, method, **params):
        self.number += 1
        request = {"id": self.number, "method": method, "params": params}
        if self.session:
            request["sessionId"] = self.session
        os.write(self.to_browser, json.dumps(request).encode() + b"\0")
        while True:
            said = self.message()
            if said.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded"):
                self.complaints.append(said["params"])
            if said.get("id") == self.number:
                assert "error" not in said, said
                return said["result"]

    def value(self, script):
        told = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    def wait(self, script):
        end = time.monotonic() + 30
        while not self.value(script):
            assert time.monotonic() < end, f"never true: {script}\n{self.value('document.body.innerText')}\n{self.complaints}"
            time.sleep(0.05)


def text(of):
    return f"document.getElementById('{of}').textContent"


with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
    b = Browser(profile)
    try:
        for width, height in [(420, 900), (1280, 800)]:
            b.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
            b.call("Page.navigate", url=f"http://{address}/")
            b.wait(f"document.readyState === 'complete' && {text('name')}.startsWith('{model}')")
            b.wait("document.getElementById('die').naturalWidth > 0")
            b.value("document.getElementById('temperature').value = '0'; document.getElementById('most').value = '20'")
            for turn, words in enumerate(["The king", "<b>The queen</b>"], 1):
                b.value("document.getElementById('text').focus()")
                b.call("Input.insertText", text=words)
                for kind in ["keyDown", "keyUp"]:
                    b.call("Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", windowsVirtualKeyCode=13)
                b.wait(f"document.querySelectorAll('.model').length === {turn} && {text('send')} === 'Send' && {text('taken')} !== '–'")
            said = b.value("[...document.querySelectorAll('.turn')].map(t => t.textContent)")
            assert len(said) == 4 and said[0] == "The king" and said[2] == "<b>The queen</b>" and said[1] and said[3], said
            assert b.value("document.querySelectorAll('.turn b, .error').length") == 0, said
            for figure in ["speed", "first", "energy", "users", "taken"]:
                assert any(c.isdigit() for c in b.value(text(figure))), figure
            assert b.value("document.documentElement.scrollWidth") <= width, f"the page sticks out at {width}"
            if screenshots:
                os.makedirs(screenshots, exist_ok=True)
                picture = b.call("Page.captureScreenshot", captureBeyondViewport=True)["data"]
                with open(os.path.join(screenshots, f"page{width}.png"), "wb") as file:
                    file.write(base64.b64decode(picture))
            b.value("document.getElementById('reset').click()")
            assert b.value("document.querySelectorAll('.turn').length") == 0
        assert not b.complaints, b.complaints
    finally:
        b.process.kill()
        b.process.wait()
