"Running commands as a user does"
import multiprocessing
import os
import runpy
import signal
import sys
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

scripts = Path(sys.executable).parent


def run(name, *args):
    "Run an installed command in this process; its exit status, and what it wrote on stdout and stderr"
    argv, out, err = sys.argv, StringIO(), StringIO()
    sys.argv = [name, *map(str, args)]
    try:
        with redirect_stderr(err), redirect_stdout(out): runpy.run_path(str(scripts/name), run_name='__main__')
        status = 0
    except SystemExit as e: status = e.code or 0
    finally: sys.argv = argv
    return status, out.getvalue(), err.getvalue()


def command(name, *args):
    "The same without stdout"
    status, _, err = run(name, *args)
    return status, err


def assert_refused(words, name, *args, command=command):
    "One line on stderr that holds `words`, exit status 2, and no trace in the folder of the output"
    outs = [Path(a) for a in args if isinstance(a, Path)]
    before = {o.parent: sorted(o.parent.iterdir()) for o in outs if o.parent.is_dir()}
    status, err = command(name, *args)
    assert status == 2, err
    assert err.count('\n') == 1 and err.startswith(f'{name}: '), err
    assert words in err, err
    assert {p: sorted(p.iterdir()) for p in before} == before


_server = multiprocessing.get_context('forkserver')
_dask = [f'distributed.cli.dask_{o}' for o in ('worker', 'scheduler')]
_server.set_forkserver_preload(['tf_transfer.all', 'tf_transfer.commands.demo', *_dask])


class Started:
    "A command beside the tests, a process group of its own; forked from a process that has imported the package"
    def __init__(self, name, *args, cwd=None):
        self.out, self.err = (Path(tempfile.mkstemp(suffix=f'.{o}')[1]) for o in ('out', 'err'))
        self.process = _server.Process(target=_as_command, args=(name, [str(a) for a in args], cwd, self.out, self.err))
        self.process.start()
        self.pid = self.process.pid

    def poll(self): return self.process.exitcode
    def wait(self, seconds=240):
        self.process.join(seconds)
        return self.process.exitcode
    def kill(self): self.process.kill()
    def terminate(self): self.process.terminate()
    def said(self): return self.out.read_text(), self.err.read_text()


def _as_command(name, args, cwd, *files):
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if cwd: os.chdir(cwd)
    for fd, file in enumerate(files, 1): os.dup2(os.open(file, os.O_WRONLY), fd)
    sys.stdout, sys.stderr = (os.fdopen(fd, 'w', buffering=1, closefd=False) for fd in (1, 2))
    sys.argv = [name, *args]
    if name == '-c': exec(sys.argv.pop(1), {})
    elif name.startswith('tft-'): runpy.run_path(str(scripts/name), run_name='__main__')
    else: runpy.run_module(name, run_name='__main__')
