"Tracks and sites: the numbers of single windows, read again by other tools; processes, clusters, and what goes wrong"
import resource
import sys
import time
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from pathlib import Path
from threading import Timer

import numpy as np
import pandas as pd
import pytest
import torch

from helpers import assert_refused, run
from tf_transfer.core import UserError
from tf_transfer.genome.dna import Genome, decode
from tf_transfer.model import tracks
from tf_transfer.model.networks import MotifNet, at_width
from tf_transfer.model.saving import ModelCard, save_model
from tf_transfer.model.sites import motifs_of, write_sites
from tf_transfer.model.tables import predict_bed
from tf_transfer.model.tracks import write_track
from tf_transfer.motifs.pwm import jaspar

pyBigWig = pytest.importorskip('pyBigWig')
STEP = 20


@pytest.fixture(scope='module', autouse=True)
def one_thread():
    "Sums come out the same to the last bit, and a process that is forked does not wait for threads it has not got"
    n = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n)


@pytest.fixture(scope='module')
def files(tmp_path_factory):
    "A genome with N, lower case and a short contig, and a small model of two TFs"
    folder, rng = tmp_path_factory.mktemp('tracks'), np.random.default_rng(0)
    lengths = dict(chr2=1500, chr10=900, chr1=3000, tiny=90)
    contigs = {k: rng.integers(0, 4, n).astype(np.uint8) for k, n in lengths.items()}
    contigs['chr1'][1000:1400] = contigs['chr2'][700:703] = 4
    text = {k: decode(c) for k, c in contigs.items()}
    text['chr2'] = text['chr2'][:300].lower()+text['chr2'][300:]
    (folder/'genome.fa').write_text(''.join(f'>{k}\n{v}\n' for k, v in text.items()))
    (folder/'where.bed').write_text('chr1\t100\t500\n')
    (folder/'n.fa').write_text('>chr1\n'+'N'*1000+'\n')
    for name in ('genome.fa', 'n.fa'): Genome(folder/name)
    torch.manual_seed(0)
    model = at_width(MotifNet(2, motifs=jaspar('JUND')[:2]), 100)
    none = pd.DataFrame(dict(chrom=[], start=[], end=[]))
    model.card = ModelCard('MotifNet', 100, ['JUND', 'FOS'], 0, '', 'toy', none, args=model.args)
    save_model(model, folder/'model.safetensors')
    return folder, model.eval()


def written(files, out, **how):
    write_track(files[0]/'model.safetensors', files[0]/'genome.fa', out, tf='FOS', step=STEP, **how)
    return out


@pytest.fixture(scope='module')
def track(files): return written(files, files[0]/'track.bw')


@pytest.fixture(scope='module')
def table(files):
    "What the model says of an interval about the middle of every bin, window by window"
    folder, model = files
    lengths = Genome(folder/'genome.fa').lengths
    rows = [(c, i+STEP//2, i+STEP//2+1) for c in sorted(lengths) for i in range(0, lengths[c]//STEP*STEP, STEP)]
    pd.DataFrame(rows).to_csv(folder/'middles.bed', sep='\t', header=False, index=False)
    predict_bed(model, model.card.tfs, folder/'middles.bed', Genome(folder/'genome.fa'), folder/'middles.tsv')
    return pd.read_csv(folder/'middles.tsv', sep='\t', keep_default_na=False, na_values=['']).fillna({'note': ''})


def test_a_track_says_what_a_table_says(files, track, table):
    "Where windows are half N or more a table has numbers too; a track has none"
    file, codes = pyBigWig.open(str(track)), Genome(files[0]/'genome.fa')
    for chrom, rows in table.groupby('chrom'):
        values = file.values(chrom, 0, file.chroms(chrom), numpy=True)
        bins = np.array([values[s-STEP//2:s+STEP//2] for s in rows.start])
        assert np.all((bins == bins[:, :1]) | np.isnan(bins))
        unknown = [(codes[chrom][max(a, 0):b] == 4).sum() for a, b in zip(rows.window_start, rows.window_end)]
        there = (rows.note == '').to_numpy() & (np.array(unknown) <= 50)
        np.testing.assert_allclose(bins[there, 0], rows.FOS[there], rtol=1e-4)
        assert np.isnan(bins[~there]).all()
    assert np.isnan(file.values('tiny', 0, 90)).all() and file.chroms() == codes.lengths


def test_another_reader_agrees(track):
    "And no NaN was written: it would be in the sum of the file"
    pybigtools = pytest.importorskip('pybigtools')
    file, other = pyBigWig.open(str(track)), pybigtools.open(str(track))
    summary = other.info()['summary']
    assert np.isfinite([summary['sum'], summary['mean']]).all()
    assert summary['basesCovered'] == file.header()['nBasesCovered']
    for chrom, n in file.chroms().items():
        if file.intervals(chrom) is None: continue
        mine = [(a, b, round(v, 6)) for a, b, v in file.intervals(chrom)]
        assert mine == [(a, b, round(v, 6)) for a, b, v in other.records(chrom)]


def content(path):
    file = pyBigWig.open(str(path))
    return {c: [(a, b, round(v, 5)) for a, b, v in file.intervals(c) or ()] for c in file.chroms()}


def test_intervals_are_a_part_of_the_whole(files, track, tmp_path):
    (tmp_path/'a.bed').write_text('chr1\t985\t1500\nchr2\t700\t701\nchr1\t2000\t2100\n')
    whole, part = content(track), content(written(files, tmp_path/'a.bw', bed=tmp_path/'a.bed'))
    inside = lambda a: 980 <= a < 1500 or 2000 <= a < 2100
    assert list(part['chr1']) == [o for o in whole['chr1'] if inside(o[0])]
    assert list(part['chr2']) == [o for o in whole['chr2'] if o[0] == 700] and part['chr10'] == []


def test_processes_say_the_same(files, track, tmp_path, monkeypatch):
    monkeypatch.setattr(tracks, 'PART', 100)
    of_two, of_one = (written(files, tmp_path/f'{n}.bw', jobs=n) for n in (2, 1))
    assert of_two.read_bytes() == of_one.read_bytes() and content(of_two) == content(track)
    assert {p.name for p in tmp_path.iterdir()} == {'1.bw', '2.bw'}


def stopped_after(n, monkeypatch, error):
    "Parts are done, and then something happens"
    monkeypatch.setattr(tracks, 'PART', 60)
    real, done = tracks._do_part, []
    def do(*args):
        if len(done) == n: raise error
        done.append(args[-1].name)
        return real(*args)
    monkeypatch.setattr(tracks, '_do_part', do)
    return done


def test_stopped_and_started_again(files, track, tmp_path, monkeypatch):
    done = stopped_after(2, monkeypatch, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt, match='is kept in .*a.bw.parts: start again to carry on'):
        written(files, tmp_path/'a.bw')
    assert [p.name for p in tmp_path.iterdir()] == ['a.bw.parts'] and len(done) == 2
    monkeypatch.undo()
    rest = stopped_after(-1, monkeypatch, None)
    with pytest.raises(UserError, match='holds parts of something else'):
        written(files, tmp_path/'a.bw', logit=True, bed=files[0]/'where.bed')
    assert content(written(files, tmp_path/'a.bw')) == content(track)
    assert rest and not set(rest) & set(done) and [p.name for p in tmp_path.iterdir()] == ['a.bw']


def killed_after_a_part(files, out):
    "In a process of its own"
    real = tracks._do_part
    def slow(*args):
        done = real(*args)
        time.sleep(60)
        return done
    tracks._do_part, tracks.PART = slow, 60
    written(files, out)


def test_killed_and_started_again(files, track, tmp_path, monkeypatch):
    process = get_context('fork').Process(target=killed_after_a_part, args=(files, tmp_path/'a.bw'))
    process.start()
    part = tmp_path/'a.bw.parts'/'0.npy'
    until = time.time()+60
    while not part.exists() and time.time() < until: time.sleep(0.05)
    process.kill()
    process.join()
    assert part.exists() and process.exitcode == -9
    monkeypatch.setattr(tracks, 'PART', 60)
    rest = stopped_after(-1, monkeypatch, None)
    assert content(written(files, tmp_path/'a.bw')) == content(track)
    assert '0.npy' not in rest and [p.name for p in tmp_path.iterdir()] == ['a.bw']


@pytest.mark.parametrize('force', [False, True])
def test_two_runs_at_once_into_one_file(files, track, tmp_path, force):
    of = tracks.Track(files[0]/'model.safetensors', files[0]/'genome.fa', tf='FOS', step=STEP)
    with tracks.computed(of, tmp_path/'a.bw.parts'):
        with pytest.raises(UserError, match='a.bw.parts: another run is at work on it') as e:
            written(files, tmp_path/'a.bw', force=force)
        assert '\n' not in str(e.value) and (tmp_path/'a.bw.parts'/'0.npy').exists()
    assert content(written(files, tmp_path/'a.bw')) == content(track)


@contextmanager
def cluster():
    distributed = pytest.importorskip('distributed')
    how = dict(threads_per_worker=2, processes=False, protocol='tcp', dashboard_address=None)
    made = distributed.LocalCluster(1, **how)
    try: yield made
    finally:
        with suppress(TimeoutError): made.close(timeout=1)


def test_a_cluster_says_the_same(files, track, tmp_path, monkeypatch):
    monkeypatch.setattr(tracks, 'PART', 60)
    with cluster() as made:
        assert content(written(files, tmp_path/'a.bw', scheduler=made.scheduler_address)) == content(track)


def slow(*args):
    import time
    time.sleep(3)
    return tracks._do_part(*tracks._opened(*args[:2], 0), *args[2:])


def test_a_scheduler_that_is_gone(files, track, tmp_path, monkeypatch):
    monkeypatch.setattr(tracks, 'PART', 60)
    monkeypatch.setattr(tracks, '_do_there', slow)
    with cluster() as made:
        Timer(1, lambda: made.sync(made.scheduler.close)).start()
        with pytest.raises(UserError, match='lost the Dask scheduler at tcp.*'):
            written(files, tmp_path/'a.bw', scheduler=made.scheduler_address)
    monkeypatch.undo()
    assert not (tmp_path/'a.bw').exists()


@contextmanager
def no_file_beyond(n):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n, before[1]))
    try: yield
    finally: resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize('limit, left', [(150, []), (330, []), (20_000, ['a.bw.parts'])])
def test_a_full_disk(files, track, tmp_path, limit, left):
    "At the first file, at the first part, at the bigWig"
    with no_file_beyond(limit), pytest.raises(UserError, match='the disk is full') as e: written(files, tmp_path/'a.bw')
    assert '\n' not in str(e.value) and [p.name for p in tmp_path.iterdir()] == left
    assert content(written(files, tmp_path/'a.bw')) == content(track)
    assert [p.name for p in tmp_path.iterdir()] == ['a.bw']


def line(files, out, *more): return 'tft-predict', files[0]/'model.safetensors', out, *more


@pytest.mark.parametrize('words, more, bed', [
    (r'no place for a window of 100 bp; 1 skipped: over the end of a contig (chr1:2900-3001 first)', ['--tf', 'FOS'],
     'chr1\t2900\t3001\n'),
    ('have no contig in common', ['--tf', 'FOS'], 'chr3\t0\t100\n'),
    ('no place for a window of 100 bp; 1 skipped: over the end', ['--tf', 'FOS'], 'chr1\t0\t10\n'),
    ('the model has 2 outputs; name one of JUND, FOS', [], None),
    ("--tf: no TF 'FOSX' in this model; did you mean FOS", ['--tf', 'FOSX'], None),
    ('--stride must be 1 or more', ['--tf', 'FOS', '--stride', '0'], None)])
def test_a_mistake_leaves_nothing(files, tmp_path, words, more, bed):
    if bed:
        (files[0]/'tracks.bed').write_text(bed)
        more = [*more, '--bed', str(files[0]/'tracks.bed')]
    for out in ('a.bw', 'a.bed'):
        assert_refused(words, *line(files, tmp_path/out, '--genome', str(files[0]/'genome.fa'), *more))


def test_a_genome_of_n(files, tmp_path):
    assert_refused('nothing to predict: more than half of each window is N',
                   *line(files, tmp_path/'a.bw', '--tf', 'FOS', '--genome', str(files[0]/'n.fa')))


def test_without_the_extra(files, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'pyBigWig', None)
    assert_refused('a bigWig needs pyBigWig: pip install',
                   *line(files, tmp_path/'a.bw', '--tf', 'FOS', '--genome', str(files[0]/'genome.fa')))


def test_sites_are_peaks_of_the_track(files, track, tmp_path):
    "Each is the highest bin as far as a window about it, none overlap, and no high bin is left out"
    values = {c: {a+STEP//2: v for a, _, v in o} for c, o in content(track).items()}
    least = float(np.quantile([v for o in values.values() for v in o.values()], 0.7))
    status, told, err = run(*line(files, tmp_path/'a.bed', '--tf', 'FOS', '--genome', str(files[0]/'genome.fa'),
                                  '--stride', str(STEP), '--threshold', str(least)))
    assert status == 0, err
    sites = pd.read_csv(tmp_path/'a.bed', sep='\t', header=None)
    assert f'{len(sites)} sites' in told and (sites[2]-sites[1] == 100).all() and sites[0].is_monotonic_increasing
    taken = {c: set(rows[1]+50) for c, rows in sites.groupby(0)}
    for chrom, o in values.items():
        for middle, v in o.items():
            near = [p for p in taken.get(chrom, ()) if abs(p-middle) < 100]
            if middle in taken.get(chrom, ()): assert near == [middle] and v >= least*(1-1e-5)
            elif v > least*(1+1e-5): assert any(o[p] >= v for p in near), (chrom, middle)
    scores = [round(1000*values[c][a+50]) for c, a in zip(sites[0], sites[1])]
    assert np.abs(sites[4]-scores).max() <= 1


def test_the_motif_of_a_site_letter_by_letter(files, tmp_path):
    "Beside a scan in plain loops: no place of any motif on any strand scores higher than the thick part"
    folder, model = files
    write_sites(folder/'model.safetensors', folder/'genome.fa', tmp_path/'a.bed', tf='FOS', step=STEP, threshold=1e-3)
    names, widths, weights = motifs_of(model, 'FOS')
    names, genome, checked = [n.replace(' ', '_') for n in names], Genome(folder/'genome.fa'), set()
    score = lambda m, letters: sum(weights[m][b, j] for j, b in enumerate(letters))
    turned = lambda letters: [3-b for b in letters[::-1]]
    for row in pd.read_csv(tmp_path/'a.bed', sep='\t', header=None).iloc[::3].itertuples(index=False):
        window = genome.stretch(row[0], row[1], row[2]).tolist()
        if 4 in window: continue
        best = {}
        for m, n in enumerate(widths):
            for i in range(len(window)-n+1):
                for strand, letters in (('+', window[i:i+n]), ('-', turned(window[i:i+n]))):
                    best[names[m], row[1]+i, row[1]+i+n, strand] = score(m, letters)
        here = row[3], row[6], row[7], row[5]
        assert best[here] > max(best.values())-1e-3, (row, max(best, key=best.get))
        checked.add(row[5])
    assert checked == {'+', '-'}


def test_the_best_sites_of_all(files, tmp_path):
    args = files[0]/'model.safetensors', files[0]/'genome.fa'
    write_sites(*args, tmp_path/'all.bed', tf='FOS', step=STEP, threshold=1e-3)
    n, _ = write_sites(*args, tmp_path/'few.bed', tf='FOS', step=STEP, threshold=1e-3, top=3)
    every, few = (Path(tmp_path/o).read_text().splitlines() for o in ('all.bed', 'few.bed'))
    score = lambda row: int(row.split('\t')[4])
    assert n == len(few) == 3 and set(few) <= set(every) and few == [o for o in every if o in few]
    assert min(map(score, few)) >= max(score(o) for o in every if o not in few)
