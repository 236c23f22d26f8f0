"Peaks that fit their genome badly: the account says so, and why"
import subprocess
from types import SimpleNamespace

import numpy as np
import pytest

from tf_transfer.core import UserError
from tf_transfer.finetune.fitted import _counts, _lines_of
from tf_transfer.finetune.own_regions import peaks_matrix
from tf_transfer.genome.dna import Genome, decode
from tf_transfer.genome.regions import Contigs

STARTS = range(1000, 60_000, 1000)


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    "A genome whose second half is N, and open regions"
    folder = tmp_path_factory.mktemp('odd')
    letters = decode(np.random.default_rng(0).integers(0, 4, 120_000).astype(np.uint8))
    (folder/'genome.fa').write_text(f'>chr1\n{letters}{"N"*120_000}\n>chr2\n{letters[::-1]}\n')
    (folder/'open.bed').write_text(''.join(f'chr1\t{s+60_000}\t{s+60_200}\n' for s in STARTS))
    return folder


def told(folder, tmp_path, rows, background='open.bed'):
    (tmp_path/'p.bed').write_text(''.join('\t'.join(map(str, r))+'\n' for r in rows))
    return '\n'.join(_lines_of(peaks_matrix(tmp_path/'p.bed', folder/'genome.fa', folder/background), 'and some'))


def in_n(n): return [('chr1', s + 120_000*(i < n), s + 200 + 120_000*(i < n)) for i, s in enumerate(STARTS)]


def test_peaks_without_letters(folder, tmp_path):
    said = told(folder, tmp_path, in_n(50))
    assert '9 of 59 peaks can be used' in said and '50 skipped: with unknown bases (chr1:121000-121200 first)' in said
    assert '50 of 59 peaks cannot be used: check that the genome is of the same assembly' in said
    assert 'cannot be used' not in told(folder, tmp_path, in_n(9))
    with pytest.raises(UserError, match='0 peaks can be used .of 59.; .*59 skipped: with unknown bases'):
        told(folder, tmp_path, in_n(59))


def test_the_same_peak_in_several_files_is_no_doubt(folder, tmp_path):
    said = told(folder, tmp_path, in_n(0)*5)
    assert '236 skipped: same window as another' in said and 'cannot be used' not in said


@pytest.mark.parametrize('more, doubt', [([], True), (['x', 0, '.', 1, 1, 1, 300], False), (['x'], True)])
def test_long_peaks(folder, tmp_path, more, doubt):
    said = told(folder, tmp_path, [('chr1', s, s+2500, *more) for s in STARTS])
    assert ('peaks are longer than 1,000 bp, and most name no summit: only the middle 200 bp' in said) == doubt


def test_background_on_peaks_is_counted(folder, tmp_path):
    rows = [('chr1', s, s+200) for s in [*STARTS, *range(61_000, 81_000, 1000)]]
    assert 'of the background 20 skipped: on a peak (chr1:61000-61200 first)' in told(folder, tmp_path, rows)


def test_background_on_some_chromosomes(folder, tmp_path):
    rows = [(c, s, s+200) for c in ('chr1', 'chr2') for s in STARTS]
    assert 'the background has no region on chr2: the peaks there can be trained' in told(folder, tmp_path, rows)
    assert 'no region on' not in told(folder, tmp_path, in_n(0))


def test_a_line_to_copy_leaves_contigs_out(folder, tmp_path):
    with pytest.raises(UserError) as e: told(folder, tmp_path, [*in_n(0), ('chrUn_1', 5, 9), ('HLA-A*01:1', 5, 9)])
    subprocess.run(str(e.value).split('or so: ')[1].split('), or ')[0], shell=True, check=True)
    assert (tmp_path/'some_p.bed').read_text().splitlines() == ['\t'.join(map(str, r)) for r in in_n(0)]


@pytest.mark.parametrize('name, whose', [
    ('NC_000001.11', 'RefSeq'), ('gi|568815597|ref|NC_000001.11|', 'RefSeq'), ('CM000663.2', 'GenBank'),
    ('KI270742.1', 'GenBank'), ('chr77', ''), ('AC1.5', '')])
def test_accessions_in_place_of_names(folder, name, whose):
    hint = Contigs(Genome(folder/'genome.fa').lengths).hint([name])
    assert (f'is a name of {whose}' in hint) if whose else hint == 'they may be of another genome'


def test_hundreds_of_scaffolds_are_not_all_named():
    n, chroms = dict.fromkeys(['background', 'skipped', 'background_skipped', 'places', 'background_places'], ''), 300
    target = SimpleNamespace(
        m=SimpleNamespace(uns=dict(peaks=n | dict(used=9, read=9, doubts=[])), obs_names=['JUND']), shortages=[],
        split=SimpleNamespace(test_chroms=[f'NODE_{i}' for i in range(chroms)]), train_valid=(None, np.ones(4)),
        test=SimpleNamespace(n_pos=3, n_neg=3))
    assert 'to test on NODE_0, NODE_1, ' in _counts(target)[-1] and _counts(target)[-1].endswith('NODE_11 and 288 more')
