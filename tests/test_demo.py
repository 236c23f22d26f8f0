"The demo as the README runs it: transfer wins, and for the right reason; its notebook has a smaller one"
import re
import subprocess

import pandas as pd
import pytest

from browser import Browser, chromium
from helpers import command, run, scripts
from tf_transfer.commands import selftest
from tf_transfer.commands.demo import AUTO, SCAN, WAYS


slow = pytest.mark.slow


@pytest.fixture(scope='module')
def demo(tmp_path_factory):
    "Its folder, and what it printed"
    out = tmp_path_factory.mktemp('demo')/'demo'
    done = subprocess.run([scripts/'tft-demo', '--out', out], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ''
    return out, done.stdout


@slow
def test_relatives_help_and_strangers_do_not(demo):
    runs = pd.read_csv(demo[0]/'results.csv')
    assert runs.groupby(['way', 'n_peaks']).size().eq(3).all() and set(runs.n_peaks) == {25, 50, 100}
    mean = runs.groupby(['way', 'n_peaks']).auprc.mean().unstack()
    relatives, unrelated, scratch, auto, scan = (mean.loc[w] for w in (*WAYS, AUTO, SCAN))
    assert (relatives > scratch+0.1).all() and scan.max() < 0.9
    assert (auto > scan-0.03).all() and auto[100] > scan[100]
    assert (unrelated-scratch < (relatives-scratch)/2).all()


@slow
def test_the_table_is_on_the_terminal(demo):
    assert all(w in demo[1] for w in WAYS) and 'prevalence 0.50' in demo[1] and 'report.html' in demo[1]


@slow
def test_the_report_stands_alone(demo):
    html = (demo[0]/'report.html').read_text()
    assert html.count('<img') == html.count('src="data:image/png') == 2
    assert not re.search(r'https?://|src="(?!data:)', html)
    assert all(f'alt="{o}' in html for o in ('AUPRC', 'Logos'))


@slow
def test_the_report_in_a_browser(demo):
    if not chromium: pytest.skip('no Chromium here')
    browser = Browser()
    for width in (390, 1280):
        for dark in (False, True):
            browser.open((demo[0]/'report.html').as_uri(), width=width, dark=dark)
            assert browser.faults() == []
    browser.close()


@slow
def test_the_next_steps_work(demo, tmp_path):
    for line in demo[1].splitlines():
        name, *args = line.split() or ['']
        if name.startswith('tft-'): subprocess.run([scripts/name, *args], cwd=tmp_path, check=True)
    assert (tmp_path/'auto.safetensors').exists()


def test_is_this_computer_ready(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, out, err = run('tft-demo', '--check')
    assert (status, err) == (0, '')
    *lines, last = out.splitlines()
    assert [o.split()[:2] for o in lines] == [['ok', name] for name in selftest.CHECKS]
    assert last == 'This computer is ready.'
    assert not list(tmp_path.iterdir())


def test_a_computer_that_is_not_ready(monkeypatch):
    "Each check is made all the same; what to do is printed, and the exit status is 2"
    monkeypatch.setitem(selftest.CHECKS, 'memory', lambda: selftest.memory(min_gb=1e6))
    monkeypatch.setitem(selftest.CHECKS, 'torch', lambda: 1/0)
    status, err = command('tft-demo', '--check')
    assert status == 2
    assert err == 'tft-demo: 2 of 7 checks failed: torch, memory\n'
