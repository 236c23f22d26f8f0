"The build against a slow, obvious one, on many small random cases; and against the published states"
import gzip
import io
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from Bio.bgzf import BgzfWriter
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from tf_transfer.core import UserError, data_folder
from tf_transfer.genome.formats import read_bed, recognise
from tf_transfer.genome.regions import RegionIndex
from tf_transfer.matrix.build import build_matrix, combine
from tf_transfer.matrix.inputs import Hits
from tf_transfer.matrix.states import read_npz

LENGTHS = dict(chrA=70, chrB=45)
SEQUENCE = {c: ''.join(np.random.default_rng(n).choice(list('ACGTN'), n)) for c, n in LENGTHS.items()}
BIOSAMPLES, TFS = ['liver', 'T-cell CD4.2', 'NT2/D1'], ['JUND', 'MAX']


def examples(few, many):
    "A test with few examples, and with many under the flag slow"
    return pytest.mark.parametrize('n', [few, pytest.param(many, marks=pytest.mark.slow)])


def check(prop, n, *values):
    "Does a property hold for `n` examples of values?"
    settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=n)(given(*values)(prop))()


@st.composite
def intervals(draw, longest=25):
    chrom = draw(st.sampled_from(list(LENGTHS)))
    start = draw(st.integers(0, LENGTHS[chrom] - 1))
    return chrom, start, draw(st.integers(start + 1, min(start + longest, LENGTHS[chrom])))


@st.composite
def peaks(draw):
    "A peak, and its summit if it has one"
    chrom, start, end = draw(intervals())
    return chrom, start, end, draw(st.none() | st.integers(start, end - 1))


lists = st.lists(st.sampled_from(BIOSAMPLES), min_size=1, unique=True)
datasets = st.tuples(st.sampled_from(TFS), st.sampled_from(BIOSAMPLES))

# each world has one region, one peak and (where there are sites) one site: else most have nothing to build
region, peak = (('chrB', 20, 30), ['liver', 'NT2/D1']), (('JUND', 'liver'), ('chrB', 22, 27, 25))
site = ('chrB', 24, 26)
site_lists = st.dictionaries(datasets, st.lists(intervals(8), max_size=4))
site_lists = site_lists.map(lambda d: {**d, ('MAX', 'NT2/D1'): [site]})
worlds = st.fixed_dictionaries(dict(
    regions=st.lists(st.tuples(intervals(), lists), min_size=1, max_size=6).map(lambda rs: [*rs, region]),
    peaks=st.lists(st.tuples(datasets, peaks()), max_size=8).map(lambda ps: [*ps, peak]),
    sites=st.none() | site_lists, width=st.sampled_from([1, 4, 7, 10]), overlap=st.sampled_from(['summit', 'any']),
    assayed=st.sampled_from(['tfbs', 'peaks', 'either', 'both'])))


def shares_a_base(a_start, a_end, b_start, b_end): return any(i in range(b_start, b_end) for i in range(a_start, a_end))


def obvious(regions, peaks, sites, width, overlap, assayed):
    "{(TF, region): state} by trying everything with everything; None where there is nothing to build"
    kept = {}
    for (chrom, start, end), where in regions:
        start = (start + end)//2 - width//2
        if 0 <= start and start + width <= LENGTHS[chrom]: kept.setdefault((chrom, start), set()).update(where)
    def meets(peak, region):
        chrom, start, end, summit = peak
        point = (start + end)//2 if summit is None else summit
        if chrom != region[0]: return False
        if overlap == 'any': return shares_a_base(start, end, region[1], region[1] + width)
        return point in range(region[1], region[1] + width)
    def touches(site, region): return site[0] == region[0] and shares_a_base(*site[1:], region[1], region[1] + width)
    with_peaks, with_sites = {d for d, _ in peaks}, set(sites or {})
    answers = dict(tfbs=with_sites, peaks=with_peaks, either=with_peaks | with_sites, both=with_peaks & with_sites)
    chosen = {(tf, b) for tf, b in answers[assayed if sites else 'peaks'] if any(b in where for where in kept.values())}
    states = {}
    for tf, b in chosen:
        for region, where in kept.items():
            peak = any(d == (tf, b) and meets(p, region) for d, p in peaks)
            site = any(touches(s, region) for s in (sites or {}).get((tf, b), []))
            state = 0 if b not in where else (3 if peak else 1) if sites is None else 1 + peak + site
            states[tf, region] = max(state, states.get((tf, region), 0))
    any_peak = any(meets(p, r) for _, p in peaks for r in kept)
    any_site = sites is None or any(touches(s, r) for ss in sites.values() for s in ss for r in kept)
    both = sites is None or with_peaks & with_sites
    return states if states and any_peak and any_site and both else None


def write_world(folder, regions, peaks, sites):
    (folder/'g.fa').write_text(''.join(f'>{c}\n{s[:50]}\n{s[50:]}\n' for c, s in SEQUENCE.items()))
    (folder/'regions.bed').write_text(''.join(f'{c}\t{s}\t{e}\t{",".join(where)}\n' for (c, s, e), where in regions))
    summit = lambda s, e, p: f'{s}\t{e}' if p is None else f'{p}\t{p + 1}'
    lines = [f'{c}\t{s}\t{e}\tEXP{i}.{tf}.{b}\t0\t.\t{summit(s, e, p)}\t0\n'
             for i, ((tf, b), (c, s, e, p)) in enumerate(peaks)]
    (folder/'peaks.bed').write_text(''.join(lines))
    if sites is None: return
    (folder/'unibind').mkdir()
    for i, ((tf, b), found) in enumerate(sites.items()):
        name = f'EXP{i}.{b.replace("/", "-")}.{tf}.MA{i:04d}.1.pwm.bed'
        (folder/'unibind'/name).write_text(''.join(f'{c}\t{s}\t{e}\n' for c, s, e in found))


def build_and_compare(world):
    expected = obvious(**world)
    event("nothing to build" if expected is None else "two states" if world["sites"] is None else "four states")
    with tempfile.TemporaryDirectory() as tmp:
        tmp = Path(tmp)
        write_world(tmp, world['regions'], world['peaks'], world['sites'])
        def build():
            sites = tmp/'unibind' if world['sites'] is not None else None
            return build_matrix(tmp/'regions.bed', tmp/'peaks.bed', tmp/'g.fa', sites, width=world['width'],
                                assayed=world['assayed'], peak_overlap=world['overlap'], keep_biosamples=True)
        if expected is None:
            with pytest.raises(UserError): build()
            return
        m = build()
    regions = list(m.var.itertuples())
    built = {(tf, (r.chrom, r.start)): int(m.X[i, j])
             for i, tf in enumerate(m.obs_names) for j, r in enumerate(regions)}
    assert built == expected
    read = [''.join('ACGTN'[c] for c in s) for s in m.varm['sequence']]
    assert read == [SEQUENCE[r.chrom][r.start:r.end] for r in regions]
    strongest = {tf: m.varm['dataset_states'][:, (m.uns['datasets'].tf == tf).to_numpy()].max(1) for tf in m.obs_names}
    assert all((strongest[tf] == m.X[i]).all() for i, tf in enumerate(m.obs_names))


@examples(200, 1000)
def test_a_build_equals_the_obvious_one(n): check(build_and_compare, n, worlds)


def test_threads_share_nothing_that_is_made_on_first_use():
    "A table's index is, and whoever comes meanwhile misses what is in it"
    was = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(300):
            datasets = pd.DataFrame([dict(tf=f'T{i % 4}', biosample=f'b{i % 3}', assayed=i != 2) for i in range(12)])
            tfs, states, _ = combine(datasets, None, 12, Hits(np.arange(12), np.arange(12), None, None), None)
            assert tfs == ['T0', 'T1', 'T2', 'T3'] and (states == 3).sum() == 11
    finally: sys.setswitchinterval(was)


@examples(500, 3000)
def test_hits_are_all_pairs_that_share_a_base(n):
    others = st.lists(st.tuples(st.integers(0, 70), st.integers(1, 20)), max_size=20)
    check(all_pairs, n, st.lists(st.integers(0, 60), min_size=1, max_size=20), st.integers(1, 15), others)


def all_pairs(regions, width, others):
    index = RegionIndex(np.array(regions), width)
    start, size = np.array(others, int).reshape(-1, 2).T
    which, region = index.hits(start, start + size)
    expected = [(i, r) for i in range(len(others)) for r, a in enumerate(regions)
                if shares_a_base(start[i], start[i] + size[i], a, a + width)]
    assert sorted(zip(which, region)) == expected


@pytest.mark.parametrize('at, bound', [(9, False), (10, True), (19, True), (20, False)],
                         ids=['before', 'start', 'end - 1', 'end'])
def test_the_edges_of_a_region(tmp_path, at, bound):
    regions = [(('chrA', 10, 20), ['liver']), (('chrA', 40, 50), ['liver'])]
    peaks = [(('JUND', 'liver'), ('chrA', 5, 25, at)), (('JUND', 'liver'), ('chrA', 40, 50, 45))]
    write_world(tmp_path, regions, peaks, None)
    m = build_matrix(tmp_path/'regions.bed', tmp_path/'peaks.bed', tmp_path/'g.fa', width=10)
    assert m.X.tolist() == [[3 if bound else 1, 3]]


def bgzipped(parts):
    raw = io.BytesIO()
    with BgzfWriter(fileobj=raw) as f:
        for p in parts:
            f.write(p)
            f.flush()
        f.flush()
        return raw.getvalue()


headers = ['# a comment', 'track name=x', 'browser hide all', '', '#chrom\tstart\tend\tname\tscore\tstrand', '   ']
extras = st.lists(st.sampled_from(headers), max_size=2)
names = st.text('abc .:;"\'#é', min_size=1, max_size=5).map(lambda s: f'n{s}n')


@examples(200, 1000)
def test_what_is_written_is_read(n):
    rows = st.lists(st.tuples(extras, intervals(), names), min_size=1, max_size=30)
    packed = st.sampled_from(['plain', 'gzip', 'two members', 'bgzip'])
    check(write_and_read, n, rows, st.sampled_from(['\n', '\r\n']), packed, st.booleans())


def write_and_read(rows, newline, packed, last_newline):
    lines = [line for extra, (c, s, e), name in rows for line in [*extra, f'{c}\t{s}\t{e}\t{name}\t0\t+']]
    text = [(newline.join(part) + newline).encode() for part in (lines[:len(lines)//2], lines[len(lines)//2:]) if part]
    if not last_newline: text[-1] = text[-1].removesuffix(newline.encode())
    pack = {'plain': b''.join, 'gzip': lambda t: gzip.compress(b''.join(t)),
            'two members': lambda t: b''.join(map(gzip.compress, t)), 'bgzip': bgzipped}
    data = pack[packed](text)
    with tempfile.TemporaryDirectory() as tmp:
        path = Path(tmp)/'a.bed'
        path.write_bytes(data)
        table = read_bed(path)
    assert table[['chrom', 'start', 'end', 'name']].values.tolist() == [[*i, name] for _, i, name in rows]


@pytest.mark.realdata
def test_chr22_is_exact():
    raw = data_folder()/'raw_chr22'
    m = build_matrix(raw/'dhs.bed.gz', raw/'remap.bed.gz', raw/'chr22.fa.gz', tfbs=raw/'unibind')
    states, tfs = read_npz(raw/'expected_states.npz', 'states', 'tfs')
    assert states.shape == (152, 27_854) and list(m.obs_names) == list(tfs)
    assert (m.X == states).all()


@pytest.mark.parametrize('n', range(3, 13))
def test_bed_of_any_width(tmp_path, n):
    fields = 'chr1 100 400 exon1 960 + 120 380 255,0,0 2 50,60 0,240'.split()
    (tmp_path/'a.bed').write_text('\t'.join(fields[:n]) + '\n')
    assert recognise(tmp_path/'a.bed').format == f'BED{n}'
    table = read_bed(tmp_path/'a.bed')
    assert table.iloc[0][['chrom', 'start', 'end', 'summit']].tolist() == ['chr1', 100, 400, 250]


def test_columns_of_the_users_own(tmp_path):
    (tmp_path/'a.bed').write_text('\t'.join(['chr1', '100', '400', *'abcdefghijk']) + '\n')
    assert recognise(tmp_path/'a.bed').format == 'BED6+8'
    assert read_bed(tmp_path/'a.bed').summit[0] == 250
