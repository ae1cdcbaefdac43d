"""Look at a page in a real browser: headless Chromium, spoken to over two pipes."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
SECONDS = 60
"""That any answer may take; a busy machine starts a browser slowly."""

FREE = 10
"""Pipes get numbers from this on, out of the way of those that a child's shell rearranges."""

LOOK = """(async given => {
  const images = [...document.images];
  await Promise.all(images.map(image => { image.loading = 'eager'; return image.decode().catch(() => null); }));
  const root = document.documentElement;
  const wide = [...document.body.querySelectorAll('*')].filter(element => {
    if (element.closest('.wide') !== null && !element.matches('.wide')) return false;
    return element.getBoundingClientRect().right > given + 1;
  });
  return {
    width: innerWidth,
    needed: root.scrollWidth,
    images: images.map(image => image.naturalWidth),
    overflowing: wide.map(element => element.tagName + '#' + element.id + '.' + element.className),
    broken: [...document.querySelectorAll('a[href^="#"]')].map(link => link.getAttribute('href').slice(1))
      .filter(name => document.getElementById(name) === null),
    text: root.innerText,
  };
})"""


@dataclass
class Seen:
    """What a browser saw.

    Attributes:
        width: Of what is shown at first, CSS pixels: a phone zooms out where a page is wider than itself.
        needed: Of the page: more than `width` scrolls sideways.
        images: Width of each image's file, 0 where it does not load.
        overflowing: Elements that leave the window on the right.
        broken: Links to places that are not there.
        text: That one reads.
        requests: Addresses of everything that was asked for, but for the page and what it holds itself.
        errors: Messages of the console.
    """

    width: int
    needed: int
    images: list[int]
    overflowing: list[str]
    broken: list[str]
    text: str
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def find_chromium() -> str | None:
    """The browser, if the machine has one."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Browser:
    """A running browser with one empty tab."""

    def __init__(self, program: str, profile: Path) -> None:
        ours_in, theirs_out = (_high(end) for end in os.pipe())
        theirs_in, ours_out = (_high(end) for end in os.pipe())
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
        options += ["--disable-background-networking", "--remote-debugging-pipe", f"--user-data-dir={profile}"]
        # The protocol wants file 3 to read commands from and file 4 to write answers to.
        launch = f'exec "$0" "$@" 3<&{theirs_in} 4>&{theirs_out}'
        self.process = subprocess.Popen(
            ["bash", "-c", launch, program, *options, "about:blank"],
            pass_fds=(theirs_in, theirs_out),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._in, self._out, self._rest, self._number = ours_in, ours_out, b"", 0
        self.events: list[dict[str, Any]] = []
        self._session: str | None = None
        target = next(each for each in self.call("Target.getTargets")["targetInfos"] if each["type"] == "page")
        attached = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Network", "Log", "Runtime"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> Any:
        """Send a command and wait for its answer."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer["error"]
                return answer["result"]
            self.events.append(answer)

    def wait_for(self, event: str) -> None:
        """Wait for an event, such as that a page is loaded."""
        while not any(each.get("method") == event for each in self.events):
            self.events.append(self._next())

    def _next(self) -> Any:
        until = time.monotonic() + SECONDS
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._in], [], [], max(0, until - time.monotonic()))
            part = os.read(self._in, 1 << 20) if ready else b""
            assert part, "the browser does not answer"
            self._rest += part
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)

    def evaluate(self, expression: str) -> Any:
        """What an expression of JavaScript comes to in the page; a promise is waited for."""
        answer = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def click(self, selector: str) -> None:
        """Click with the mouse on the middle of the first element that a CSS selector finds, wherever it is."""
        place = self.evaluate(
            f"(() => {{ const found = document.querySelector({json.dumps(selector)});"
            "found.scrollIntoView({block: 'center', behavior: 'instant'}); const box = found.getBoundingClientRect();"
            "return [box.x + box.width / 2, box.y + box.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            point = {"x": place[0], "y": place[1], "button": "left", "clickCount": 1}
            self.call("Input.dispatchMouseEvent", type=kind, **point)

    def press(self, key: str) -> None:
        """Press a key on what has the focus, such as "Enter"."""
        for kind in ("keyDown", "keyUp"):
            text = {"text": "\r"} if key == "Enter" and kind == "keyDown" else {}
            code = 13 if key == "Enter" else 27
            self.call("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, **text)

    def prefer(self, scheme: str) -> None:
        """Have the system prefer "light" or "dark", and no motion."""
        wishes = {"prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"}
        features = [{"name": name, "value": value} for name, value in wishes.items()]
        self.call("Emulation.setEmulatedMedia", features=features)

    def close(self) -> None:
        """End it."""
        for end in (self._out, self._in):
            os.close(end)
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    """Start a browser and end it; only call this where `find_chromium` has found one."""
    program = find_chromium()
    assert program is not None
    running = Browser(program, profile)
    try:
        yield running
    finally:
        running.close()


def look(running: Browser, page: Path, width: int, height: int = 900, picture: Path | None = None) -> Seen:
    """Open a page in a window of some width, load all its images, and see what comes of it.

    Args:
        running: The browser.
        page: HTML file.
        width: Of the window, CSS pixels; a phone below 600.
        height: Likewise.
        picture: PNG file for a picture of the whole page.
    """
    running.events.clear()
    running.call(
        "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
    )
    running.call("Page.navigate", url=page.absolute().as_uri())
    running.wait_for("Page.loadEventFired")
    seen = running.call("Runtime.evaluate", expression=f"{LOOK}({width})", awaitPromise=True, returnByValue=True)[
        "result"
    ]["value"]
    if picture is not None:
        shot = running.call("Page.captureScreenshot", captureBeyondViewport=True, format="png")
        picture.write_bytes(base64.b64decode(shot["data"]))
    requests, errors = [], []
    for event in running.events:
        method, params = event.get("method"), event.get("params", {})
        if method == "Network.requestWillBeSent":
            requests.append(params["request"]["url"])
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            errors.append(params["entry"]["text"])
        elif method == "Runtime.exceptionThrown" or (
            method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert")
        ):
            errors.append(json.dumps(params)[:300])
    own = page.absolute().as_uri()
    return Seen(**seen, requests=[url for url in requests if url != own and not url.startswith("data:")], errors=errors)


def _high(end: int) -> int:
    moved = fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, FREE)
    os.close(end)
    return moved
