"""A python that starts at once: modules run in forks of processes that have already imported what takes long.

Imports are most of what the tests of the workflow would wait for: Snakemake's at each dry run, torch's at each job.
Apart from them nothing is shared: a module still runs in a process of its own, with its own folder, environment and
output, and nothing of `uncover` is imported beforehand. But all forks of one process hash strings alike.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

MODULES = ("snakemake", "uncover", "uncover.cli")
"""What starts at once; everything else, the real python runs."""

IMPORTED = (
    *("snakemake.cli", "snakemake.report.html_reporter", "snakemake.executors.local", "smart_open"),
    *("torchvision", "pandas", "pyarrow.parquet", "scipy.stats", "cv2", "tifffile", "yaml", "pydantic"),
    *("PIL.Image", "rich.progress", "matplotlib.pyplot", "matplotlib.backends.backend_pdf"),
)
"""What is imported beforehand."""

LONGEST_ADDRESS = 100
"""Of a socket, in bytes; a little less than what systems allow."""

CLIENT = """\
#!{python} -IS
import json, os, socket, sys

with socket.socket(socket.AF_UNIX) as server:
    try:
        if sys.argv[1:2] != ["-m"] or sys.argv[2] not in {modules}:
            raise OSError
        server.connect("{folder}/server")
    except OSError:
        os.execv("{python}", ["{python}", *sys.argv[1:]])
    socket.send_fds(server, [b"x"], [0, 1, 2])
    wish = [sys.argv[2:], os.getcwd(), dict(os.environ), "{folder}/python"]
    server.sendall(json.dumps(wish).encode())
    server.shutdown(socket.SHUT_WR)
    sys.exit(int(server.recv(9) or 1))
"""


def write_client(folder: Path) -> Path:
    """Write the program `python` into a folder; without a `server` of the folder, the real one runs everything."""
    client = folder / "python"
    client.write_text(CLIENT.format(python=sys.executable, folder=folder, modules=MODULES))
    client.chmod(0o755)
    return client


@contextmanager
def server(client: Path) -> Iterator[None]:
    """Until this context ends, `client -m` starts `MODULES` at once (on Linux; elsewhere all is as without it)."""
    address = client.parent / "server"
    if not hasattr(os, "pidfd_open") or len(str(address)) > LONGEST_ADDRESS:
        yield
        return
    command = [sys.executable, str(Path(__file__)), str(address)]
    # Torch's waiting threads read the policy when it is imported. Each server hashes strings in its own way.
    environment = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE", "PYTHONHASHSEED": "random"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, env=environment, start_new_session=True, **pipes) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == b"ready\n"
            yield
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            address.unlink(missing_ok=True)


def serve(address: str) -> None:
    """Serve until standard input ends."""
    workers: dict[int, tuple[int, socket.socket]] = {}
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(address)
        server.listen(64)
        print("ready", flush=True)
        while 0 not in (ready := select.select([server, 0, *workers], [], [])[0]):
            if server in ready:
                client, _ = server.accept()
                worker = os.fork()
                if worker == 0:
                    server.close()
                    work(client)
                workers[os.pidfd_open(worker)] = worker, client
            for ended in workers.keys() & set(ready):
                worker, client = workers.pop(ended)
                os.close(ended)
                code = os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1])
                with client:
                    client.sendall(str(code if code >= 0 else 128 - code).encode())


def work(client: socket.socket) -> NoReturn:
    """Run what the client wants, as the client, and end as a process of its own would."""
    _, files, _, _ = socket.recv_fds(client, 1, 3)
    sys.argv, folder, environment, sys.executable = json.load(client.makefile())
    client.close()
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:1] = [folder, *filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))]
    code = 0
    try:
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        code = 1
    # What the interpreter does at its end, but for taking all that was imported to pieces.
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    for name in IMPORTED:
        importlib.import_module(name)
    # These objects stay: no fork looks through them for garbage, which would copy their pages.
    gc.freeze()
    serve(sys.argv[1])
