"Studies survive what happens to computers: the table is that of an undisturbed study"
import json
import os
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from threading import Barrier

import numpy as np
import pandas as pd
import pytest
from helpers import Started, command
from matplotlib.figure import Figure
from tqdm import tqdm
from tf_transfer.core import UserError
from tf_transfer.matrix.groups import correlated, random_group
from tf_transfer.matrix.simulate import simulate
from tf_transfer.matrix.states import read_matrix, write_matrix
from tf_transfer.show.plots import size_curves
from tf_transfer.study import compare as study_compare, folder as study_folder, runs
from tf_transfer.study.plan import Study, read_study, shipped
from tf_transfer.study.folder import StudyFolder, open_study
from tf_transfer.study.runs import run_study


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    "A small simulated matrix"
    path = tmp_path_factory.mktemp("world")/"m.h5ad"
    write_matrix(simulate(n_regions=2000, seed=2).matrix(), path)
    return path


@pytest.fixture(scope="module")
def study(world):
    return Study("small", ("JUND", "MAX"), ("binding-mode", "random"), members=2, n_peaks=(50,), seeds=2,
                 matrix=str(world), valid=("chr5",), test=("chr6",), arch="SmallCNN", both_strands=False, regions=200,
                 pretrain_epochs=1, epochs=1)


RUNS = 2*2*(1 + 2)   # targets, seeds; from scratch, and with two groups


@pytest.fixture(scope="module")
def undisturbed(study, tmp_path_factory):
    return run_study(study, tmp_path_factory.mktemp("undisturbed")/"study")


@pytest.fixture
def toml(study, tmp_path):
    path = tmp_path/"small.toml"
    path.write_text("\n".join(f"{k} = {json.dumps(v)}" for k, v in asdict(study).items()))
    assert read_study(path) == study
    return path


def same(table, other):
    assert len(table) == RUNS and not table.duplicated(["target", "group", "n_peaks", "strategy", "seed"]).any()
    assert table.error.isna().all(), table.error.dropna().tolist()
    what = [c for c in table if "seconds" not in c]
    pd.testing.assert_frame_equal(table[what], other[what])


def finished(folder):
    "Name of each result, and when it was written"
    return {p.name: p.stat().st_mtime_ns for p in (Path(folder)/"runs").glob("*.json")}


def wait_for(folder, n, going, seconds=240):
    "Until so many runs have a result; `going` says whether those who make them still do"
    end = time.time()+seconds
    while len(finished(folder)) < n:
        assert time.time() < end and going(), "the study has stopped"
        time.sleep(0.05)


def children_of(pid):
    return [int(c) for c in subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True).stdout.split()]


def test_killed_again_and_again(study, toml, tmp_path, undisturbed):
    """First the parent alone, whose workers go by themselves; then all at once.

    The test holds one of the runs meanwhile: so the study does not end before it is killed."""
    begun, before = open_study(study, tmp_path/"study"), {}
    folder = begun.path
    with begun.lock(begun.runs[-1]):
        for kill in (os.kill, os.killpg):
            process = Started("tft-study", toml, folder, "--workers", 2)
            wait_for(folder, len(before)+1, lambda: process.poll() is None)
            children = children_of(process.pid)
            assert len(children) == 2
            kill(process.pid, signal.SIGKILL)
            process.wait()
            end = time.time()+60
            while any(Path(f"/proc/{c}").exists() for c in children): assert time.time() < end; time.sleep(0.1)
            assert before.items() <= finished(folder).items(), "a finished run was repeated or lost"
            before = finished(folder)
            assert len(before) < RUNS
    assert StudyFolder(folder).status()["left"] > 0
    same(run_study(study, folder), undisturbed)
    assert before.items() <= finished(folder).items()
    same(pd.read_parquet(folder/"table.parquet"), undisturbed)


def test_a_dead_worker_is_replaced(study, tmp_path, undisturbed, monkeypatch):
    folder, workers = tmp_path/"study", []

    def forked(command, env):
        "A worker whose parent is not this process"
        workers.append(Started("-c", command[-1].replace(f"work({os.getpid()})", "work()")))
        return workers[-1]
    monkeypatch.setattr(runs.subprocess, "Popen", forked)
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(run_study, study, folder, workers=2)
        wait_for(folder, 2, lambda: not future.done())
        assert len(workers) == 2
        workers[0].kill()
        same(future.result(), undisturbed)
    assert len(workers) == 3


def test_workers_that_only_die_are_given_up(study, tmp_path, monkeypatch):
    "With and without a progress bar"
    begun = open_study(study, tmp_path/"study")

    class Dead:
        started = 0
        def __init__(self, *args, **kwargs):
            Dead.started += 1
            assert Dead.started < 100, "dying workers are replaced for ever"
            begun.record(begun.runs[0], {})
        def poll(self): return 1
        def terminate(self): pass
    monkeypatch.setattr(runs.subprocess, "Popen", Dead)
    for disable in (False, True):
        begun.result(begun.runs[0]).unlink(missing_ok=True)
        with pytest.raises(UserError, match="died one after the other"):
            runs._on_workers(begun, 2, tqdm(total=RUNS, disable=disable))


def test_two_at_once_on_one_folder(study, toml, tmp_path, undisturbed):
    folder = tmp_path/"study"
    other = Started("tft-study", toml, folder)
    wait_for(folder, 1, lambda: other.poll() is None)
    same(run_study(study, folder), undisturbed)
    assert other.wait(240) == 0, other.said()
    same(StudyFolder(folder).results(), undisturbed)


def test_begun_by_many_at_once(study, tmp_path, monkeypatch):
    "Whoever comes while another begins waits for it, and does not take its folder for a foreign one"
    matrix, many = read_matrix(study.matrix), 8
    monkeypatch.setattr(study_folder, "read_matrix", lambda _: matrix)
    for i in range(10):
        ready = Barrier(many)
        def begin(_):
            ready.wait()
            return open_study(study, tmp_path/str(i)).path
        with ThreadPoolExecutor(many) as pool: assert set(pool.map(begin, range(many))) == {tmp_path/str(i)}


def cluster(folder, workers):
    "A Dask scheduler with workers on this machine; all processes, and the address"
    file = folder/"scheduler.json"
    file.unlink(missing_ok=True)
    where = ["--host", "127.0.0.1", "--port", "0", "--scheduler-file", file]
    scheduler = Started("distributed.cli.dask_scheduler", "--no-dashboard", *where)
    end = time.time()+60
    while not file.exists() or not file.stat().st_size: assert time.time() < end; time.sleep(0.1)
    address = json.loads(file.read_text())["address"]
    worker = ["distributed.cli.dask_worker", address, "--nthreads", "1", "--no-dashboard", "--no-nanny"]
    return [scheduler, *[Started(*worker, cwd=folder) for _ in range(workers)]], address


def test_a_cluster_that_loses_workers_and_its_scheduler(study, tmp_path, undisturbed):
    folder = tmp_path/"study"
    processes, address = cluster(tmp_path, workers=2)
    try:
        with ThreadPoolExecutor(1) as pool:
            future = pool.submit(run_study, study, folder, scheduler=address)
            wait_for(folder, 2, lambda: not future.done())
            processes[1].kill()
            wait_for(folder, 6, lambda: not future.done())
            processes[0].kill()
            with pytest.raises(UserError, match="lost the Dask scheduler"): future.result(120)
    finally:
        for p in processes: p.kill()
    before = finished(folder)
    assert len(before) >= 6
    processes, address = cluster(tmp_path, workers=1)
    try: same(run_study(study, folder, scheduler=address), undisturbed)
    finally:
        for p in processes: p.kill()
    assert before.items() <= finished(folder).items()


def test_another_version_is_refused(study, tmp_path):
    folder = tmp_path/"study"
    open_study(study, folder)
    text = (folder/"study.json").read_text()
    (folder/"study.json").write_text(text.replace('"version": "', '"version": "0.0.'))
    with pytest.raises(UserError, match="was begun by tf_transfer 0.0."): run_study(study, folder)


@pytest.mark.parametrize("words, change", [
    ("did you mean targets", ("targets", "target")), ("did you mean binding-mode", ("binding-mode", "binding-mod")),
    ("no TF 'JUNDY'", ("JUND", "JUNDY"))])
def test_mistakes_end_in_one_line(toml, tmp_path, words, change):
    toml.write_text(toml.read_text().replace(*change))
    code, err = command("tft-study", toml, tmp_path/"study")
    assert code == 2 and words in err and err.count("\n") == 1


@pytest.mark.parametrize("line, words", [
    ('n_peaks = ["paper"]', "a whole number is needed"), ("n_peaks = [50, true]", "a whole number is needed"),
    ("groups = [[1]]", "a text in quotes is needed"), ("with_target = [1]", "true or false is needed"),
    ("buried = [-1]", "0 or more"), ("pretrain_lr = nan", "above 0"), ("pretrain_bs = 0", "1 or more")])
def test_values_that_are_none(tmp_path, line, words):
    (tmp_path/"x.toml").write_text(f'name = "x"\ntargets = ["JUND"]\n{line}\n')
    with pytest.raises(UserError, match=words): read_study(tmp_path/"x.toml")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_toml_as_editors_save_it(tmp_path, encoding):
    path = tmp_path/"s.toml"
    path.write_bytes('name = "für A"\r\ntargets = ["JUND"]\r\n'.encode(encoding))
    assert read_study(path)==Study("für A", ("JUND",))

def test_toml_that_is_no_plain_text(tmp_path):
    (tmp_path/"s.toml").write_bytes('name = "A"'.encode("utf-16"))
    with pytest.raises(UserError, match="it is text in UTF-16; save it as UTF-8"): read_study(tmp_path/"s.toml")

def test_a_study_without_a_matrix_simulates_one(tmp_path):
    small = Study("one", ("JUND",), strategies=("scratch",), n_peaks=(50,), seeds=1, arch="SmallCNN", epochs=1)
    runs_through(small, tmp_path, workers=1)
    assert read_matrix(tmp_path/"study"/"simulated.h5ad").n_vars == 10_000


quick_form = pytest.mark.parametrize("name", [n for n in shipped() if n.endswith("_quick")])


@quick_form
def test_quick_forms_cut_short(name, tmp_path, world):
    "On a smaller matrix, with fewer peaks and fewer regions to pre-train on"
    study = replace(read_study(name), matrix=str(world), valid=("chr5",), test=("chr6",), n_peaks=(50,), regions=150)
    runs_through(replace(study, pretrain_epochs=1, epochs=1, seeds=1), tmp_path, workers=1)


@pytest.mark.slow
@quick_form
def test_quick_forms(name, tmp_path): runs_through(read_study(name), tmp_path, workers=2)


def runs_through(study, folder, workers):
    table = run_study(study, folder/"study", workers)
    assert len(table) and table.error.isna().all()
    assert table.auprc.between(0.3, 1).all() and (table.prevalence-0.5).abs().max() < 0.05


def test_a_target_that_jaspar_does_not_know(world, tmp_path):
    m = read_matrix(world)
    m.obs.index = ["NOBODY" if t == "JUND" else t for t in m.obs_names]
    write_matrix(m, tmp_path/"m.h5ad")
    study = Study("nobody", ("NOBODY",), ("binding-mode",), matrix=str(tmp_path/"m.h5ad"), valid=("chr5",),
                  test=("chr6",))
    with pytest.raises(UserError, match="no vertebrate profile 'NOBODY' in JASPAR"): run_study(study, tmp_path/"study")
    assert not (tmp_path/"study"/"study.json").exists()


def null_table(rng, targets, draws):
    "Two groups that differ from target to target, by chance, and a little from draw to draw"
    rows = []
    for t, shift in enumerate(rng.normal(0, 0.02, targets)):
        for seed in range(draws):
            same = dict(target=f"T{t}", n_peaks=50, seed=seed)
            auprc = rng.normal(0.6, 0.05)
            rows += [dict(same, group="a", auprc=auprc), dict(same, group="b", auprc=auprc+shift+rng.normal(0, 0.01))]
    return pd.DataFrame(rows)


@pytest.mark.parametrize("targets,draws", [(8, 3), (35, 5)])
def test_p_is_below_005_as_seldom_as_it_should_where_nothing_is_true(targets, draws, monkeypatch):
    "More draws of the same targets are no more targets"
    monkeypatch.setattr(study_compare, "bootstrap", lambda gains: (0, 0, 0))
    rng = np.random.default_rng(0)
    p = [study_compare.compare(null_table(rng, targets, draws), "group", "a").p.iloc[0] for _ in range(200)]
    assert np.mean(np.array(p) < 0.05) <= 0.08


def test_nothing_to_compare_is_said():
    table = null_table(np.random.default_rng(0), 2, 2)
    with pytest.raises(UserError, match="nothing to compare with 'a': no run has another group$"):
        study_compare.compare(table[table.group == "a"], "group", "a")
    with pytest.raises(UserError, match="no run has another group where {'n_peaks': 500}$"):
        study_compare.compare(table, "group", "a", n_peaks=500)


def test_a_failed_run_leaves_its_point_in_the_curve():
    table = null_table(np.random.default_rng(0), 3, 2)
    table.loc[0, "auprc"] = np.nan
    ax = size_curves(table, "group", Figure().subplots())
    assert all(np.isfinite(line.get_ydata()).all() for line in ax.lines)


def test_a_matched_random_group_names_the_right_models():
    m = simulate(n_regions=1500, seed=1).matrix()
    like = correlated(m, "JUND", 4)
    said = [list(random_group(m, "JUND", 4, like=g, seed=0).table.why) for g in (like, like.with_target())]
    assert said[0] == said[1]
    assert [w.split("about as many as ")[1] for w in said[1]] == like.tfs


def test_regions_with_an_n_are_not_counted_as_read(study, tmp_path, world):
    m = read_matrix(world)
    m.varm["sequence"][::2, 0] = 4
    write_matrix(m, tmp_path/"half.h5ad")
    def read(**options):
        table = run_study(replace(study, matrix=str(tmp_path/"half.h5ad"), targets=("JUND",), groups=("binding-mode",),
                                  seeds=1, **options), tmp_path/str(options["regions"]))
        assert table.error.isna().all(), table.error.dropna().tolist()
        return table.pretrain_regions.max()
    n = read(regions=0)
    assert read(regions=200) == 200 and 200 < n < m.n_vars/2
