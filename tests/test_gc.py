"One unbound region per bound one, of equal GC content: kept, or said, or refused"
import re

import numpy as np
import pandas as pd
import pytest

from tf_transfer.core import UserError
from tf_transfer.finetune.fitted import _balance, _counts
from tf_transfer.finetune.own_regions import peaks_matrix
from tf_transfer.matrix.splits import Split, gc_matched, labelled, target_set
from tf_transfer.matrix.states import BOUND, UNBOUND, binding_matrix

rng = np.random.default_rng(0)
WIDTH = 200


def matrix_of(bound, unbound):
    "A matrix of one TF from pairs: how many regions, of which GC content"
    gc = np.concatenate([np.full(n, g) for n, g in [*bound, *unbound]])
    n_pos = sum(n for n, _ in bound)
    codes = np.zeros((len(gc), WIDTH), np.uint8)
    for row, g in zip(codes, gc): row[:round(g*WIDTH)] = 1
    states = np.where(np.arange(len(gc)) < n_pos, BOUND, UNBOUND)[None]
    regions = pd.DataFrame(dict(chrom='chr1', start=np.arange(len(gc))*WIDTH)).assign(end=lambda t: t.start+WIDTH)
    return binding_matrix(states, ['T'], regions, codes)


def of(m, ratio=1): return labelled(m, 'T', np.arange(m.n_vars), ratio=ratio)


enough = {'as many': ([(50, .45)], [(50, .45)]), 'many more': ([(50, .45)], [(500, .45), (500, .65)]),
          'a few missing': ([(50, .45)], [(46, .45), (500, .85)]),
          'two bins': ([(20, .45), (30, .75)], [(20, .41), (90, .79)]),
          'one and one': ([(1, .45)], [(1, .45)])}


@pytest.mark.parametrize('what', enough)
def test_kept(what):
    d = of(matrix_of(*enough[what]))
    assert d.shortage == '' and d.n_neg >= .9*d.n_pos


def test_the_same_draw_as_ever_where_enough_can_be_matched():
    "Bin by bin, with one generator"
    gc, bound, unbound = rng.random(3000), np.arange(200), np.arange(200, 3000)
    again, drawn = np.random.default_rng(7), []
    for b in range(10):
        pool = unbound[(gc[unbound]*10).astype(int) == b]
        drawn.append(again.choice(pool, min(len(pool), 3*((gc[bound]*10).astype(int) == b).sum()), replace=False))
    assert (gc_matched(bound, unbound, gc, 7, 3) == np.sort(np.concatenate(drawn))).all()


widened = {
    'from the bin below': ([(40, .65)], [(10, .65), (300, .55)], 10, 30),
    'from above': ([(40, .65)], [(10, .65), (300, .75)], 10, 30),
    'from both': ([(40, .65)], [(10, .65), (15, .55), (15, .75)], 10, 30),
    'not all': ([(40, .65)], [(10, .65), (15, .55)], 10, 15),
    'none of its own': ([(40, .65)], [(20, .55), (400, .35)], 0, 20),
    'the neighbour keeps its own': ([(40, .65), (40, .55)], [(60, .55)], 40, 20),
}


@pytest.mark.parametrize('what', widened)
def test_widened_and_said(what):
    bound, unbound, n, near = widened[what]
    d = of(matrix_of(bound, unbound))
    assert d.n_neg == n + near <= d.n_pos and len(set(d.index)) == len(d)
    assert f'only {n} of {d.n_pos} unbound regions could be matched in GC content, and {near} nearly' in d.shortage
    median = np.median([g for k, g in bound for _ in range(k)])
    assert f'for {d.n_pos} bound ones: these have {median:.0%} G and C' in d.shortage


def test_medians_that_are_alike_explain_nothing():
    words = 'these have 20% to 80% G and C .80% of them., the 400 unbound ones .* 50% to 50%'
    with pytest.raises(UserError, match=words):
        of(matrix_of([(20, .2), (20, .8)], [(400, .5)]))


def test_three_per_bound_region_are_not_worth_another_gc_content():
    d = of(matrix_of([(40, .65)], [(45, .65), (900, .55)]), ratio=3)
    assert d.n_neg == 45
    assert 'only 45 of 120 unbound regions could be matched in GC content, for 40 bound ones' in d.shortage


refused = {'12 of 240': ([(240, .66)], [(12, .66), (720, .38)]), 'none': ([(240, .66)], [(720, .38)]),
           'two bins away': ([(50, .65)], [(900, .45)]), 'just too few': ([(40, .65)], [(13, .65)]),
           'one': ([(4, .65)], [(1, .65), (50, .1)])}


@pytest.mark.parametrize('what', refused)
@pytest.mark.parametrize('ratio', [1, 3])
def test_refused(what, ratio):
    m = matrix_of(*refused[what])
    with pytest.raises(UserError) as e: of(m, ratio)
    for words in ('could be matched in GC content', 'bound ones: these have', 'G and C (median), the',
                  'at least one unbound region for three bound ones is needed'): assert words in str(e.value)


apart = {'lower': ([(50, .69)], [(500, .61)], 1, (.61, .69)), 'higher': ([(50, .61)], [(500, .69)], 1, (.69, .61)),
         'three for one': ([(40, .49)], [(400, .41)], 3, (.41, .49)),
         'in each bin': ([(30, .49), (30, .59)], [(90, .41), (90, .51)], 1, (.46, .54)),
         'most of them': ([(10, .35), (40, .69)], [(90, .35), (400, .62)], 1, (.62, .69)),
         'a few missing': ([(50, .58)], [(46, .51)], 1, (.51, .58))}


@pytest.mark.parametrize('what', apart)
def test_what_ten_bins_cannot_match_is_said(what):
    bound, unbound, ratio, (gc_unbound, gc_bound) = apart[what]
    d = of(matrix_of(bound, unbound), ratio)
    assert d.shortage == (f'the {d.n_neg} unbound regions are matched in steps of 10% of GC content: they have '
                          f'{gc_unbound:.0%} (median), the {d.n_pos} bound ones {gc_bound:.0%}, which flatters scores')


@pytest.mark.parametrize('bound, unbound', [(.65, .62), (.62, .65), (.5, .54)])
def test_a_little_is_not(bound, unbound):
    assert of(matrix_of([(50, bound)], [(500, unbound)])).shortage == ''
    assert of(matrix_of([(9, .69)], [(500, .61)])).shortage == ''


def test_one_for_three_is_enough_and_said():
    d = of(matrix_of([(42, .65)], [(14, .65), (900, .15)]))
    assert (d.n_pos, d.n_neg) == (42, 14) and 'only 14 of 42' in d.shortage


def test_all_unbound_regions_are_no_promise():
    m = matrix_of(*refused['none'])
    d = labelled(m, 'T', np.arange(m.n_vars), matched=False)
    assert (d.n_neg, d.shortage) == (720, '')


def test_a_target_names_the_part():
    m = matrix_of([(60, .65)], [(60, .65), (60, .25)])
    bound, like, unlike = np.split(np.arange(180), [60, 120])
    good, poor = np.r_[bound[:20], like[:20]], np.r_[bound[20:40], unlike]
    some = np.r_[bound[20:40], like[20:30], unlike[:10]]
    rest = np.r_[bound[40:], like[40:]]
    for name, split in dict(train=(poor, good, rest), valid=(good, poor, rest), test=(good, rest, poor)).items():
        with pytest.raises(UserError, match=f'T, {name} chromosomes: only 0 of 20 unbound'):
            target_set(m, 'T', Split(*split))
    t = target_set(m, 'T', Split(good, some, rest))
    assert len(t.shortages) == 1
    assert t.shortages[0].startswith('valid: only 10 of 20 unbound regions could be matched in GC content')


def test_what_is_written_is_so():
    assert _balance(20, 20, '') == 'at 1:1' and _balance(20, 7, 'regions') == '7 unbound regions for 20 bound ones'


def gc_rich_world(folder, like):
    "Peaks of 66 % G and C on three contigs, and a background: `like` such regions per contig, others of 38 %"
    def dna(n, gc): return rng.choice(list('ACGT'), n, p=[(1-gc)/2, gc/2, gc/2, (1-gc)/2])
    genome, peaks, background = [], [], []
    for c in ('chr1', 'chr2', 'chr3'):
        x = dna(40_000, .38)
        for i in range(20+like):
            a = 500 + 900*i
            x[a-100:a+300] = dna(400, .66)
            (peaks if i < 20 else background).append(f'{c}\t{a}\t{a+200}\n')
        background += [f'{c}\t{a}\t{a+200}\n' for a in range(27_500, 38_000, 300)]
        genome.append(f'>{c}\n{"".join(x)}\n')
    for name, rows in (('g.fa', genome), ('p.bed', peaks), ('b.bed', background)):
        (folder/name).write_text(''.join(rows))
    return folder/'p.bed', folder/'g.fa', folder/'b.bed'


@pytest.mark.parametrize('order', ['backwards', 'by contig, backwards', 'shuffled', 'by end', 'twice'])
@pytest.mark.parametrize('background', [True, False])
def test_the_order_of_rows_does_not_matter(tmp_path, order, background):
    "The same regions, and the same draw of unbound ones"
    peaks, genome, free = gc_rich_world(tmp_path, 8)
    rows = {p: p.read_text().splitlines(True) for p in (peaks, free)}
    given = (peaks, genome, free) if background else (peaks, genome)
    m = peaks_matrix(*given)
    orders = {'backwards': lambda r: r[::-1], 'by contig, backwards': lambda r: sorted(r, reverse=True),
              'shuffled': lambda r: list(np.random.default_rng(1).permutation(r)),
              'by end': lambda r: sorted(r, key=lambda o: o.split()[2]), 'twice': lambda r: r + r}
    for p, r in rows.items(): p.write_text(''.join(orders[order](r)))
    again = peaks_matrix(*given)
    assert again.obs.equals(m.obs) and again.var[['chrom', 'start']].equals(m.var[['chrom', 'start']])
    assert (again.X == m.X).all()


def test_own_peaks(tmp_path):
    "The lines of the account, and the refusal, before anything is trained"
    m = peaks_matrix(*gc_rich_world(tmp_path, 8))
    chrom = m.var.chrom.astype(str).to_numpy()
    split = Split(*[np.flatnonzero(chrom == c) for c in ('chr1', 'chr2', 'chr3')])
    target = target_set(m, 'TF', split, ratio=3)
    said = '\n'.join(map(str, _counts(target)))
    for part, n in dict(train=60, valid=60, test=20).items():
        assert re.search(rf'{part}: only \d of {n} unbound .* matched in GC .* for 20 bound ones: these', said), said
    m = peaks_matrix(*gc_rich_world(tmp_path, 2))
    chrom = m.var.chrom.astype(str).to_numpy()
    split = Split(*[np.flatnonzero(chrom == c) for c in ('chr1', 'chr2', 'chr3')])
    with pytest.raises(UserError, match=r'TF, train chromosomes: only \d of 60 unbound regions could be matched'):
        target_set(m, 'TF', split, ratio=3)
