"tft-import compares the names of sequences with the regions, row by row, however they are spelled"
import numpy as np
import pytest

from tf_transfer.core import UserError
from tf_transfer.matrix.states import import_states, read_regions

N, WIDTH = 9, 50
rng = np.random.default_rng(3)
SEQS = [''.join(rng.choice(list('ACGT'), WIDTH)) for _ in range(N)]
ROWS = [(f'chr{1 + i//6}', 100 + 100*i, 150 + 100*i, f'peak {i}' if i == 8 else f'r{i}', '+-'[i % 2]) for i in range(N)]

spelled = {
    'getfasta': lambda c, a, b, n, s: f'{c}:{a}-{b}', 'getfasta -s': lambda c, a, b, n, s: f'{c}:{a}-{b}({s})',
    'getfasta -name': lambda c, a, b, n, s: f'{n}::{c}:{a}-{b}',
    'getfasta -name -s': lambda c, a, b, n, s: f'{n}::{c}:{a}-{b}({s})',
    'getfasta -nameOnly': lambda c, a, b, n, s: n, 'getfasta -nameOnly -s': lambda c, a, b, n, s: f'{n}({s})',
    'samtools faidx': lambda c, a, b, n, s: f'{c}:{a+1}-{b}',
    'samtools faidx -i': lambda c, a, b, n, s: f'{c}:{a+1}-{b}/rc',
    'R, GRanges': lambda c, a, b, n, s: f'{c}:{a+1}-{b}:{s}',
    'seqkit subseq': lambda c, a, b, n, s: f'{c}_{a+1}-{b}:{s} {n}',
    'UCSC': lambda c, a, b, n, s: f"hg38_dna range={c}:{a+1}-{b} 5'pad=0 3'pad=0 strand={s} repeatMasking=none",
    'dashes': lambda c, a, b, n, s: f'{c}-{a}-{b}', 'underscores': lambda c, a, b, n, s: f'{c}_{a}_{b}',
    'a genome in front': lambda c, a, b, n, s: f'hg38_{c}:{a}-{b}',
    'thousands': lambda c, a, b, n, s: f'{c}:{a:,}-{b:,}',
    'more behind': lambda c, a, b, n, s: f'{c}:{a}-{b} {n} of mine',
    'the place behind a name': lambda c, a, b, n, s: f'seq{a} {c}:{a}-{b}',
    'a bar and a name': lambda c, a, b, n, s: f'{c}:{a}-{b}|{n}',
    'place::name': lambda c, a, b, n, s: f'{c}:{a}-{b}::{n}',
    'dots': lambda c, a, b, n, s: f'{c}.{a}.{b}', 'two dots': lambda c, a, b, n, s: f'{c}:{a}..{b}',
    'blanks': lambda c, a, b, n, s: f'{c} {a} {b}', 'quotes': lambda c, a, b, n, s: f'"{c}:{a}-{b}"',
    'a comma and the strand': lambda c, a, b, n, s: f'{c}:{a}-{b},{s}',
    'the strand at the end': lambda c, a, b, n, s: f'{c}_{a}_{b}_{s}',
    'words for strands': lambda c, a, b, n, s: f'{c}:{a}-{b}:{"plus" if s == "+" else "minus"}',
    'fwd and rev': lambda c, a, b, n, s: f'{c}:{a}-{b}_{"fwd" if s == "+" else "rev"}',
    'reverse ones marked': lambda c, a, b, n, s: f'{c}:{a}-{b}' + '_rc'*(s == '-'),
    'strand= behind a blank': lambda c, a, b, n, s: f'{c}:{a}-{b} strand={s}',
    'Ensembl': lambda c, a, b, n, s: f'dna:chromosome chromosome:GRCh38:{c}:{a+1}:{b}:{"1" if s == "+" else "-1"}',
    'half of them': lambda c, a, b, n, s:
        f'{c}:{a}-{b}' if a < 500 else 'x',
}
ONE_BASED = {'samtools faidx', 'samtools faidx -i', 'R, GRanges', 'seqkit subseq', 'UCSC', 'Ensembl'}
REVERSE = {'getfasta -s': 4, 'getfasta -name -s': 4, 'getfasta -nameOnly -s': 4, 'samtools faidx -i': 9,
           'R, GRanges': 4, 'seqkit subseq': 4, 'UCSC': 4, 'a comma and the strand': 4, 'the strand at the end': 4,
           'words for strands': 4, 'fwd and rev': 4,
           'reverse ones marked': 4, 'strand= behind a blank': 4, 'Ensembl': 4}


def files(tmp_path, heads, seqs=SEQS, rows=ROWS, names=True):
    bed = ''.join(f'{c}\t{a}\t{b}' + (f'\t{n}\t0\t{s}' if names else '') + '\n' for c, a, b, n, s in rows)
    (tmp_path/'r.bed').write_text(bed)
    (tmp_path/'r.fa').write_text(''.join(f'>{h}\n{s}\n' for h, s in zip(heads, seqs)))
    return tmp_path/'r.bed', tmp_path/'r.fa'


@pytest.mark.parametrize('what', spelled)
def test_names_that_fit(tmp_path, what):
    said = []
    bed, seqs = read_regions(*files(tmp_path, [spelled[what](*r) for r in ROWS]), said.append)
    assert len(bed) == len(seqs) == N
    assert any('count from 1' in o for o in said) == (what in ONE_BASED)
    reverse = [o for o in said if 'reverse strand' in o]
    assert len(reverse) == (what in REVERSE)
    if reverse: assert reverse[0].startswith(f'{tmp_path/"r.fa"}: {REVERSE[what]} of 9 sequences are of the reverse')
    assert any('5 of 9 names are no places' in o for o in said) == (what == 'half of them')
    assert len(said) == (what in ONE_BASED) + (what in REVERSE) + (what == 'half of them')


orders = {'turned round': range(N-1, -1, -1),
          'two changed over': [0, 2, 1, *range(3, N)], 'moved by one': [*range(1, N), 0]}


@pytest.mark.parametrize('order', orders)
@pytest.mark.parametrize('what', spelled)
def test_another_order_is_refused(tmp_path, what, order):
    at = list(orders[order])
    heads = [spelled[what](*ROWS[i]) for i in at]
    first = next(i for i, j in enumerate(at) if i != j and heads[i] != 'x')
    with pytest.raises(UserError) as e: read_regions(*files(tmp_path, heads, [SEQS[i] for i in at]), print)
    c, a, b = ROWS[first][:3]
    assert f'row {first+1} is {c}:{a}-{b}' in str(e.value) and f'but {heads[first].split()[0]} in' in str(e.value)


@pytest.mark.parametrize('what, head', {
    'another start': 'chr1:101-250', 'another end': 'chr1:100-151', 'another contig': 'chr3:100-150',
    'another contig, with strand': 'chr3:100-150(-)', 'a longer name': 'xchr1:100-150',
    'without chr': '1:100-150'}.items())
def test_one_wrong_row(tmp_path, what, head):
    heads = [head] + [spelled['getfasta'](*r) for r in ROWS[1:]]
    with pytest.raises(UserError, match=r'row 1 is chr1:100-150 in .* but \S+ in .*same order'):
        read_regions(*files(tmp_path, heads), print)


def test_from_0_and_from_1_in_one_file(tmp_path):
    heads = [spelled['samtools faidx' if i != 4 else 'getfasta'](*r) for i, r in enumerate(ROWS)]
    with pytest.raises(UserError, match='row 5 is'): read_regions(*files(tmp_path, heads), print)


@pytest.mark.parametrize('heads', [[f's{i}' for i in range(N)], ['x']*N, [f'r{i % 2}.1' for i in range(N)], ['']*N])
@pytest.mark.parametrize('names', [True, False])
def test_what_cannot_be_compared_is_said(tmp_path, heads, names):
    said = []
    read_regions(*files(tmp_path, heads, names=names), said.append)
    assert len(said) == 1 and '9 of 9 names are no places' in said[0] and 'could not be compared' in said[0]


def test_names_that_come_twice_cannot_tell(tmp_path):
    rows = [(*r[:3], 'peak', '+') for r in ROWS]
    said = []
    read_regions(*files(tmp_path, ['peak']*N, rows=rows), said.append)
    assert 'could not be compared' in said[0]


def test_names_that_look_like_places_and_are_ids(tmp_path):
    "chr1_3_7 is the name of a region here"
    rows = [(*r[:3], f'{r[0]}_{i}_{i+4}', '+') for i, r in enumerate(ROWS)]
    said = []
    read_regions(*files(tmp_path, [r[3] for r in rows], rows=rows), said.append)
    assert said == []
    with pytest.raises(UserError, match='row 1 is'):
        read_regions(*files(tmp_path, [r[3] for r in rows[::-1]], rows=rows), print)


def test_import_says_it_too(tmp_path, capsys):
    bed, fasta = files(tmp_path, ['x']*N)
    np.savez(tmp_path/'s.npz', states=rng.integers(0, 4, (2, N)).astype(np.int8), tfs=['A', 'B'])
    assert import_states(tmp_path/'s.npz', bed, fasta).shape == (2, N)
    assert 'could not be compared' in capsys.readouterr().out
