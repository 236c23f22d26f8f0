"Windows about places on a genome: against an obvious way, and the same policy wherever windows are made"
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tf_transfer.core import UserError
from tf_transfer.finetune.own_regions import own_windows
from tf_transfer.genome.dna import Genome, decode
from tf_transfer.genome.regions import Contigs
from tf_transfer.genome.windows import BUILD, OWN_PEAKS, PREDICT, Skipped, windows
from tf_transfer.matrix.inputs import open_regions
from tf_transfer.model.networks import MotifNet
from tf_transfer.model.tables import predict_bed
from tf_transfer.model.variants import predict_vcf
from tf_transfer.motifs.pwm import jaspar

LENGTHS = dict(chrA=40, chrB=15)
COLUMNS = ['chrom', 'start', 'end', 'summit']
contigs = st.sampled_from(['chrA', 'chrB', 'A', 'chrC'])
intervals = st.tuples(contigs, st.integers(0, 45), st.integers(1, 12), st.integers(0, 11))
intervals = intervals.map(lambda t: (t[0], t[1], t[1] + t[2], t[1] + min(t[3], t[2] - 1)))


def obvious(rows, width, policy, rename):
    "Windows row by row, and how many were skipped; None where the policy refuses"
    made, skipped = [], 0
    for chrom, start, end, summit in rows:
        if rename and chrom == 'A': chrom = 'chrA'
        if chrom not in LENGTHS:
            if policy.unknown_contigs == 'refuse': return None
            skipped += 1
            continue
        last = dict(start=start).get(policy.beyond, end - 1)
        if last >= LENGTHS[chrom] and policy.beyond != 'skip': return None
        a = summit - width//2
        if a < 0 or max(a + width, last + 1) > LENGTHS[chrom] and policy.beyond == 'skip': skipped += 1
        elif a + width > LENGTHS[chrom]: skipped += 1
        else: made.append((chrom, a, a + width))
    return made, skipped


@given(st.lists(intervals, min_size=1, max_size=6), st.integers(1, 14), st.sampled_from([BUILD, OWN_PEAKS, PREDICT]),
       st.booleans())
@settings(deadline=None, max_examples=300)
def test_windows_equal_the_obvious_ones(rows, width, policy, rename):
    expected, skipped = obvious(rows, width, policy, rename), Skipped()
    table, contigs = pd.DataFrame(rows, columns=COLUMNS), Contigs(LENGTHS, rename)
    def made(): return windows(table, contigs, width, policy, skipped)
    if expected is None:
        with pytest.raises(UserError): made()
        return
    w = made()
    assert list(w[COLUMNS[:3]].itertuples(index=False, name=None)) == expected[0]
    assert sum(skipped.count.values()) == expected[1] == len(rows) - len(w)


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    "A genome with unknown bases at the start of chrB"
    folder = tmp_path_factory.mktemp('windows')
    (folder/'g.fa').write_text(f'>chrA\n{"ACGT"*30}\n>chrB\n{"N"*30}{"ACGT"*20}\n')
    return folder


HEADER = '##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\n'


def small_net(): return MotifNet(1, 30, jaspar('JUND'), hidden=(4, 4))


CASES = dict(fits=('chrA', 50, 60), unknown=('chrC', 50, 60), over=('chrA', 100, 125), beyond=('chrA', 130, 140),
             leaves=('chrA', 0, 10), n=('chrB', 20, 40))
TABLE = dict(build=dict(fits=1, unknown='lie on contigs', over='reaches over', beyond='reaches over', leaves=0, n=1),
             own=dict(fits=1, unknown='lie on contigs', over=0, beyond='reaches over', leaves=0, n=0),
             bed=dict(fits=1, unknown=0, over=0, beyond=0, leaves=0, n=1),
             vcf=dict(fits=1, unknown=0, beyond=0, leaves=0, n=1))


@pytest.mark.parametrize('who, case', [(who, case) for who, row in TABLE.items() for case in row])
def test_the_table_of_the_page(folder, tmp_path, who, case):
    "A row that always fits, and one of the case: how many windows the case gives, or why the file is refused"
    genome, expected = Genome(folder/'g.fa'), TABLE[who][case]
    rows = pd.DataFrame([('chrA', 70, 80), CASES[case]], columns=COLUMNS[:3])
    rows.to_csv(tmp_path/'a.bed', sep='\t', header=False, index=False)
    def made():
        if who == 'build': return len(open_regions(tmp_path/'a.bed', Contigs(genome.lengths), 30).table)
        if who == 'own': return len(own_windows(rows, genome, 30)[0])
        net = small_net()
        if who == 'bed': return predict_bed(net, ['T'], tmp_path/'a.bed', genome, tmp_path/'o.tsv')[0]
        at = [(c, (s + e)//2) for c, s, e in rows.itertuples(index=False)]
        letters = [decode(genome[c][p:p+1]) if p < genome.lengths.get(c, 0) else 'A' for c, p in at]
        variants = [f'{c}\t{p + 1}\t.\t{o}\t{"C" if o != "C" else "G"}\n' for (c, p), o in zip(at, letters)]
        (tmp_path/'a.vcf').write_text(HEADER + ''.join(variants))
        return predict_vcf(net, ['T'], tmp_path/'a.vcf', genome, tmp_path/'o.tsv', null=0)[0]
    if isinstance(expected, int): assert made() == 1 + expected
    else:
        with pytest.raises(UserError, match=expected): made()


@pytest.mark.parametrize('name', ['a.bed', 'a.vcf'])
def test_predictions_say_how_names_differ_where_all_do(folder, tmp_path, name):
    genome, net = Genome(folder/'g.fa'), small_net()
    (tmp_path/'a.bed').write_text('A\t50\t60\n')
    (tmp_path/'a.vcf').write_text(HEADER + 'A\t50\t.\tC\tG\n')
    with pytest.raises(UserError, match='write chrA for A'):
        (predict_bed if name == 'a.bed' else predict_vcf)(net, ['T'], tmp_path/name, genome, tmp_path/'o.tsv')
    assert not (tmp_path/'o.tsv').exists()


def test_a_block_of_unknown_contigs_does_not_refuse_the_others(folder, tmp_path):
    "Files are read in blocks; the last of a sorted one may hold nothing but scaffolds"
    lines = 'chrA\t50\t60\n' + 'chrC\t50\t60\n'*500_000
    (tmp_path/'a.bed').write_text(lines)
    n, skipped = predict_bed(small_net(), ['T'], tmp_path/'a.bed', Genome(folder/'g.fa'), tmp_path/'o.tsv')
    assert n == 1 and list(skipped.count.values()) == [500_000]
