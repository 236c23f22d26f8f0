"Running commands as a user does"
import runpy
import sys
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
