"Studies survive what happens to computers: the table is that of an undisturbed study"
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier

import pandas as pd
import pytest
from helpers import command
from tqdm.auto import tqdm
from tf_transfer.study import runs
from tf_transfer.core import UserError
from tf_transfer.study.runs import results, run_study, status
from tf_transfer.study.plan import Study, read_study, shipped

STUDY = dict(name="small", targets=("JUND", "MAX"), groups=("binding-mode", "random"), members=2, n_peaks=(50,), strategies=("scratch", "paper"), seeds=2,
             arch="ShallowCNN", both_strands=False, regions=600, pretrain_epochs=1, epochs=3)
TOML = "\n".join(f"{k} = {json.dumps(v)}" for k, v in STUDY.items())
RUNS = 2*2*(1 + 2)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")/"study"
    return run_study(Study(**STUDY), folder)


@pytest.fixture
def toml(tmp_path):
    path = tmp_path/"small.toml"
    path.write_text(TOML)
    assert read_study(path) == Study(**STUDY)
    return path


def same(table, other):
    assert len(table) == RUNS and not table.duplicated(["target", "group", "n_peaks", "strategy", "seed"]).any()
    assert table.error.isna().all(), table.error.dropna().tolist()
    what = [c for c in table if "seconds" not in c]
    pd.testing.assert_frame_equal(table[what], other[what])


def start(toml, folder, *more):
    "tft-study as a process group of its own"
    return subprocess.Popen([Path(sys.executable).parent/"tft-study", str(toml), str(folder), *map(str, more)], start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def wait_for(folder, n, process, seconds=240):
    "Until so many runs have a result"
    end = time.time()+seconds
    while len(list((Path(folder)/"runs").glob("*.json"))) < n:
        assert time.time() < end and process.poll() is None, process.stderr.read().decode()
        time.sleep(0.05)


def test_killed_again_and_again(toml, tmp_path, undisturbed):
    folder, finished = tmp_path/"study", {}
    for n in (1, 4, 8):
        process = start(toml, folder, "--workers", 2)
        wait_for(folder, n, process)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        now = {p.name: p.stat().st_mtime_ns for p in (folder/"runs").glob("*.json")}
        assert finished.items() <= now.items(), "a finished run was repeated or lost"
        finished = now
    assert 8 <= len(finished) < RUNS
    same(run_study(Study(**STUDY), folder, workers=2), undisturbed)
    assert finished.items() <= {p.name: p.stat().st_mtime_ns for p in (folder/"runs").glob("*.json")}.items()
    same(pd.read_parquet(folder/"table.parquet"), undisturbed)


def test_a_dead_worker_is_replaced(toml, tmp_path, undisturbed):
    folder = tmp_path/"study"
    process = start(toml, folder, "--workers", 2)
    wait_for(folder, 2, process)
    children = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True).stdout.split()
    assert len(children) == 2
    os.kill(int(children[0]), signal.SIGKILL)
    assert process.wait(240) == 0, process.stderr.read().decode()
    same(results(folder), undisturbed)


def test_workers_that_only_die_are_given_up(tmp_path, monkeypatch):
    "With and without a progress bar"
    folder = runs.open_study(Study(**STUDY), tmp_path/"study")
    done = next((json.dumps(dict(target=r.target)), runs._result(folder, r)) for r in runs._begun(folder)[1].values())

    class Dead:
        started = 0
        def __init__(self, *args, **kwargs):
            Dead.started += 1
            assert Dead.started < 100, "dying workers are replaced for ever"
            done[1].write_text(done[0])
        def poll(self): return 1
        def terminate(self): pass
    monkeypatch.setattr(runs.subprocess, "Popen", Dead)
    for disable in (False, True):
        done[1].unlink(missing_ok=True)
        with pytest.raises(UserError, match="died one after the other"): runs._on_workers(folder, 2, tqdm(total=RUNS, disable=disable))


def test_workers_go_when_their_parent_is_gone(toml, tmp_path):
    folder = tmp_path/"study"
    process = start(toml, folder, "--workers", 2)
    wait_for(folder, 1, process)
    children = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True).stdout.split()
    process.kill()
    process.wait()
    end = time.time()+60
    while any(Path(f"/proc/{c}").exists() for c in children): assert time.time() < end; time.sleep(0.2)
    assert status(folder)["left"] > 0


def test_two_at_once_on_one_folder(toml, tmp_path, undisturbed):
    folder = tmp_path/"study"
    both = [start(toml, folder) for _ in range(2)]
    for p in both: assert p.wait(300) == 0, p.stderr.read().decode()
    same(results(folder), undisturbed)


def test_begun_by_many_at_once(tmp_path, monkeypatch):
    "Whoever comes while another begins waits for it, and does not take its folder for a foreign one"
    study, many = Study(**STUDY), 8
    matrix = runs._matrix(study, tmp_path)
    monkeypatch.setattr(runs, "_matrix", lambda *_: matrix)
    for i in range(10):
        ready = Barrier(many)
        def begin(_):
            ready.wait()
            return runs.open_study(study, tmp_path/str(i))
        with ThreadPoolExecutor(many) as pool: assert set(pool.map(begin, range(many))) == {tmp_path/str(i)}


def cluster(address_file):
    scheduler = subprocess.Popen([sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(address_file)], stderr=subprocess.DEVNULL)
    end = time.time()+60
    while not address_file.exists() or not address_file.stat().st_size: assert time.time() < end; time.sleep(0.1)
    address = json.loads(address_file.read_text())["address"]
    worker = lambda: subprocess.Popen([sys.executable, "-m", "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-dashboard", "--no-nanny"], stderr=subprocess.DEVNULL)
    return scheduler, [worker(), worker()], worker, address


def test_a_cluster_that_loses_workers_and_its_scheduler(toml, tmp_path, undisturbed):
    folder = tmp_path/"study"
    scheduler, workers, worker, address = cluster(tmp_path/"scheduler.json")
    try:
        process = start(toml, folder, "--scheduler", address)
        wait_for(folder, 2, process)
        workers[0].kill()
        workers.append(worker())
        wait_for(folder, 6, process)
        scheduler.kill()
        assert process.wait(120) == 2
        assert "lost the Dask scheduler" in process.stderr.read().decode()
    finally:
        for p in (scheduler, *workers): p.kill()
    finished = {p.name: p.stat().st_mtime_ns for p in (folder/"runs").glob("*.json")}
    assert len(finished) >= 6
    scheduler, workers, worker, address = cluster(tmp_path/"again.json")
    try: same(run_study(Study(**STUDY), folder, scheduler=address), undisturbed)
    finally:
        for p in (scheduler, *workers): p.kill()
    assert finished.items() <= {p.name: p.stat().st_mtime_ns for p in (folder/"runs").glob("*.json")}.items()


def test_another_version_is_refused(toml, tmp_path, undisturbed):
    folder = tmp_path/"study"
    small = Study(**STUDY | dict(targets=("JUND",), strategies=("scratch",), seeds=1))
    run_study(small, folder)
    text = (folder/"study.json").read_text()
    (folder/"study.json").write_text(text.replace('"version": "', '"version": "0.0.'))
    with pytest.raises(UserError, match="was begun by tf_transfer 0.0."): run_study(small, folder)


@pytest.mark.parametrize("words, change", [("did you mean targets", ("targets", "target")), ("did you mean binding-mode", ("binding-mode", "binding-mod")), ("no TF 'JUNDY'", ("JUND", "JUNDY"))])
def test_mistakes_end_in_one_line(toml, tmp_path, words, change):
    toml.write_text(TOML.replace(*change))
    code, err = command("tft-study", toml, tmp_path/"study")
    assert code == 2 and words in err and err.count("\n") == 1



quick_form = pytest.mark.parametrize("name", [n for n in shipped() if n.endswith("_quick")])


@quick_form
def test_quick_forms_cut_short(name, tmp_path): runs_through(replace(read_study(name), pretrain_epochs=1, seeds=1), tmp_path)


@pytest.mark.slow
@quick_form
def test_quick_forms(name, tmp_path): runs_through(read_study(name), tmp_path)


def runs_through(study, folder):
    table = run_study(study, folder/"study", workers=2)
    assert len(table) and table.error.isna().all()
    assert table.auprc.between(0.3, 1).all() and (table.prevalence-0.5).abs().max() < 0.05


def test_a_target_that_jaspar_does_not_know(tmp_path):
    m = read_matrix_with(tmp_path, "JUND", "NOBODY")
    small = dict(STUDY, targets=("NOBODY",), matrix=str(m), valid=("chr5",), test=("chr6",))
    with pytest.raises(UserError, match="no vertebrate profile 'NOBODY' in JASPAR"): run_study(Study(**small), tmp_path/"study")
    assert not (tmp_path/"study"/"study.json").exists()


def read_matrix_with(folder, old, new):
    "A simulated matrix in which a TF has another name"
    from tf_transfer.matrix.states import write_matrix
    from tf_transfer.matrix.simulate import simulate
    m = simulate(n_regions=2000, seed=3).matrix()
    m.obs.index = [new if t == old else t for t in m.obs_names]
    write_matrix(m, folder/"m.h5ad")
    return folder/"m.h5ad"
