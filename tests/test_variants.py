"Variants: every allele has its row, each spelling the same answer, and what goes into VCF files is what others read"
import gc
import gzip
import re
import shutil
import subprocess
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from Bio.bgzf import BgzfWriter
from torch import nn

from tf_transfer.core import UserError
from tf_transfer.genome.dna import Genome, encode
from tf_transfer.genome.variants import VcfFile
from tf_transfer.model.networks import BindingNet, MotifNet
from tf_transfer.model.predict import logits
from tf_transfer.model.variants import predict_vcf
from tf_transfer.motifs.pwm import jaspar

WIDTH = 40
rng = np.random.default_rng(0)
SEQS = {k: ''.join(rng.choice(list('ACGT'), n)) for k, n in dict(chr1=900, chr2=500).items()}
SEQS['chr1'] = SEQS['chr1'][:400] + 'GCTTTTTTAG' + SEQS['chr1'][410:]
TFS = ['A', 'NKX3-1']


class Weighs(BindingNet):
    "Reads one base of each three at its place, so that every shift of a sequence shows"
    def __init__(self, n_tfs, width=WIDTH):
        super().__init__(nn.Flatten(), nn.Identity(), nn.Identity(), n_tfs, 4*width, width)


@pytest.fixture(scope='module', params=['motifs', 'places'])
def net(request):
    torch.manual_seed(0)
    if request.param == 'places': return Weighs(2).eval()
    return MotifNet(2, WIDTH, jaspar('JUND') + jaspar('SPI1')[:1], hidden=(4, 4)).eval()


@pytest.fixture(scope='module')
def motifs():
    torch.manual_seed(0)
    return MotifNet(2, WIDTH, jaspar('JUND'), hidden=(4, 4)).eval()


@pytest.fixture(scope='module')
def genome(tmp_path_factory):
    path = tmp_path_factory.mktemp('genome')/'g.fa'
    path.write_text(''.join(f'>{k}\n{s}\n' for k, s in SEQS.items()))
    return Genome(path)


def vcf(rows, more=''):
    head = f'##fileformat=VCFv4.2\n{more}#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n'
    return head + ''.join('\t'.join([*map(str, r), *['.']*(8-len(r))]) + '\n' for r in rows)


def other(b): return 'ACGT'['ACGT'.index(b) - 1]


def snv(chrom, pos, name='.'): return chrom, pos, name, SEQS[chrom][pos-1], other(SEQS[chrom][pos-1])


def table_of(net, genome, path, text, bs=256, **how):
    path.write_text(text)
    n, skipped = predict_vcf(net, TFS, path, genome, path.with_suffix('.tsv'), bs, True, **dict(null=0) | how)
    t = pd.read_csv(path.with_suffix('.tsv'), sep='\t', dtype=dict(chrom=str, id=str), keep_default_na=False)
    assert n == (t.note == '').sum() and dict(t.note[t.note != ''].value_counts()) == skipped.count
    return t


def window(chrom, start, ref, alt):
    "The window with an allele in its middle, from the whole sequence with that allele"
    seq = SEQS[chrom][:start] + alt + SEQS[chrom][start+len(ref):]
    at = start + len(alt)//2 - WIDTH//2
    return seq[at:at+WIDTH]


def by_hand(net, chrom, start, ref, alt):
    return logits(net, np.stack([encode(window(chrom, start, ref, o)) for o in (ref, alt)]))


def test_every_allele_has_its_row(net, genome, tmp_path):
    r = {p: SEQS['chr1'][p-1] for p in (100, 200, 300, 500)}
    a, b = [x for x in 'ACGT' if x != r[100]][:2]
    rows = [('chr1', 100, 'rs1', r[100], f'{a},{b},<DEL>,*,<NON_REF>'), ('chr1', 200, 'rs2', other(r[200]), r[200]),
            ('chrUn', 5, 'rs3', 'A', 'C'), snv('chr1', 3, 'rs4'), ('chr1', 300, '.', r[300], '.'),
            snv('chr1', 500, 'rs5;rs6'), ('chr1', 100, 'long', SEQS['chr1'][99:121], 'A'),
            ('chr1', 300, 'bnd', r[300], f'{r[300]}[chr2:50['),
            ('chr1', 300, 'low', r[300].lower(), other(r[300]).lower()),
            ('chr1', 900, 'end', SEQS['chr1'][899]+'A', 'T')]
    for bs in (1, 2, 128):
        t = table_of(net, genome, tmp_path/'v.vcf', '\ufeff' + vcf(rows), bs)
        assert list(t.id) == ['rs1']*5 + ['rs2', 'rs3', 'rs4', '.', 'rs5;rs6', 'long', 'bnd', 'low', 'end']
        assert list(t.note) == ['', '', 'symbolic allele (<DEL>)', 'spanning deletion (*)',
                                'symbolic allele (<NON_REF>)', 'reference allele is not what the genome has',
                                'contig not in the genome', 'over the end of a contig', 'no alternative allele', '',
                                'change longer than half the window', 'breakend', '', 'over the end of a contig']
        assert t.ref.iloc[12] == r[300].lower() and (t.A_ref[t.note != ''] == '').all()
        for row in t[t.note == ''].itertuples():
            ref, alt = by_hand(net, 'chr1', row.pos-1, row.ref.upper(), row.alt.upper())
            assert np.allclose([float(o) for o in (row.A_ref, row.A_alt, row.A_diff)], [ref[0], alt[0], alt[0]-ref[0]],
                               rtol=1e-3, atol=1e-4)


INDELS = [('chr1', 250, 7, 0), ('chr1', 251, 1, 4), ('chr1', 252, 0, 5), ('chr1', 252, 3, 3), ('chr1', 256, 0, 15),
          ('chr2', 100, 12, 0), ('chr2', 21, 0, 1), ('chr2', 470, 2, 1)]


def test_insertions_and_deletions_stand_in_the_middle(net, genome, tmp_path):
    "Changes that can be spelled in one way only, as whole sequences have them"
    rows, expected = [], []
    for chrom, start, n, m in INDELS:
        before, behind = SEQS[chrom][start-1], SEQS[chrom][start+n]
        ref, alt = SEQS[chrom][start:start+n], ''.join(rng.choice(list('ACGT'), m))
        if n: alt = alt and other(ref[0]) + alt[1:-1] + other(ref[-1])*(m > 1)
        if not n: alt = other(behind) + alt[1:-1] + other(before)*(m > 1) if m > 1 else other(behind)
        if not (n and m) and ((ref or alt)[0] == behind or (ref or alt)[-1] == before): continue
        rows.append((chrom, start, '.', before + ref, before + alt))
        expected.append(by_hand(net, chrom, start, ref, alt)[:, 0])
    assert len(rows) > 5
    t = table_of(net, genome, tmp_path/'v.vcf', vcf(rows))
    assert np.allclose(t[['A_ref', 'A_alt']].astype(float), expected, rtol=1e-3, atol=1e-4)


def test_long_alleles_that_share_most_bases(net, genome, tmp_path):
    "As in a record with several alleles, one of them a long deletion"
    ref, one = SEQS['chr1'][499:549], snv('chr1', 520)
    rows = [one, ('chr1', 500, '.', ref, f'{ref[:20]}{one[4]}{ref[21:]},{ref[0]}')]
    t = table_of(net, genome, tmp_path/'v.vcf', vcf(rows))
    assert list(t.note) == ['', '', 'change longer than half the window']
    assert t.A_diff.iloc[0] == t.A_diff.iloc[1]


def test_each_spelling_has_the_same_answer(net, genome, tmp_path):
    seq = SEQS['chr1']
    assert seq[400:410] == 'GCTTTTTTAG'
    spellings = [(402, 'CTT', 'C'), (403, 'TTT', 'T'), (406, 'TTTA', 'TA'), (401, 'GCTTTT', 'GCTT'), (407, 'TTA', 'A')]
    t = table_of(net, genome, tmp_path/'v.vcf', vcf([('chr1', p, '.', ref, alt) for p, ref, alt in spellings]))
    assert (t.note == '').all() and t.A_alt.nunique() == t.A_ref.nunique() == 1 and float(t.A_diff[0]) != 0


def test_the_other_strand_has_the_same_answer(net, genome, tmp_path):
    turned = {k: ''.join('TGCA'['ACGT'.index(b)] for b in s[::-1]) for k, s in SEQS.items()}
    (tmp_path/'t.fa').write_text(''.join(f'>{k}\n{s}\n' for k, s in turned.items()))
    flip = lambda s: ''.join('TGCA'['ACGT'.index(b)] for b in s[::-1])
    deleted = 'chr1', 402, '.', SEQS['chr1'][401:404], SEQS['chr1'][401]
    here = table_of(net, genome, tmp_path/'a.vcf', vcf([deleted]))
    pos = 900 - 404 + 1
    row = 'chr1', pos, '.', flip(deleted[3]), flip(deleted[4])
    there = table_of(net, Genome(tmp_path/'t.fa'), tmp_path/'b.vcf', vcf([row]))
    assert (here.note == '').all() and (there.note == '').all()
    if isinstance(net, MotifNet): assert abs(float(here.A_diff[0]) - float(there.A_diff[0])) < 1e-4


def test_of_several_places_the_strongest_counts(net, genome, tmp_path):
    row = snv('chr1', 300)
    t = table_of(net, genome, tmp_path/'v.vcf', vcf([row]), offsets=3)
    seqs = {'ref': SEQS['chr1'], 'alt': SEQS['chr1'][:299] + row[4] + SEQS['chr1'][300:]}
    at = [299 - WIDTH//2 - s for s in (-10, 0, 10)]
    ref, alt = (logits(net, np.stack([encode(o[a:a+WIDTH]) for a in at])) for o in seqs.values())
    for j, tf in enumerate(TFS):
        best = np.abs(alt - ref)[:, j].argmax()
        assert np.isclose(float(t[f'{tf}_diff'][0]), (alt - ref)[best, j], rtol=1e-3, atol=1e-5)
        assert np.isclose(float(t[f'{tf}_ref'][0]), ref[best, j], rtol=1e-3, atol=1e-5)


def test_over_many_batches(motifs, genome, tmp_path):
    rows = [('chr9', i, f'v{i}', 'A', 'C') for i in range(1, 301)] + [snv('chr2', p, f'w{p}') for p in (100, 101)]
    t = table_of(motifs, genome, tmp_path/'v.vcf', vcf(rows), 5)
    assert list(t.id) == [r[2] for r in rows] and (t.note == '').sum() == 2
    with pytest.raises(UserError, match='no contig in common.*300 skipped: contig not in the genome'):
        table_of(motifs, genome, tmp_path/'w.vcf', vcf(rows[:-2]), 5)


@pytest.mark.parametrize('pos', ['²', '9'*30, '-5', '1e2', '100.0', '', '1,000'])
def test_positions_that_are_none(motifs, genome, tmp_path, pos):
    with pytest.raises(UserError, match='line 3 is no variant'):
        table_of(motifs, genome, tmp_path/'v.vcf', vcf([('chr1', pos, '.', 'A', 'C')]))
    assert [p.name for p in tmp_path.iterdir()] == ['v.vcf']


@pytest.mark.parametrize('text, words', [
    ('#CHROM\tPOS\tREF\tALT\tID\nchr1\t100\tA\tC\trs1\n', 'line 1: a VCF file begins with the columns'),
    ('#CHROM POS ID REF ALT\nchr1 100 rs1 A C\n', 'line 2 is no variant'),
    ('1\trs1\t0\t100\tA\tC\n', 'line 1 is no variant'), ('chr1,100,rs1,A,C\n', 'line 1 is no variant'),
    ('#Uploaded_variation\tLocation\tAllele\nrs1\tchr1:3\tC\tG\tF\n', 'line 2 is no variant')], ids=range(5))
def test_other_tables_of_variants(tmp_path, text, words):
    (tmp_path/'v.vcf').write_text(text)
    with pytest.raises(UserError, match=words): list(VcfFile(tmp_path/'v.vcf').records())


# What a difference is worth

def test_quantiles(motifs, genome, tmp_path):
    "The best site of the motif, broken: few random changes do as much"
    best = motifs.first.weight[0, :, :motifs.first.widths[0]].detach().argmax(0).numpy()
    hit = jaspar('JUND')[0].best_hit(encode(SEQS['chr1'])[None, 100:800]).iloc[0]
    rows = [snv('chr1', p) for p in range(101 + int(hit.start), 101 + int(hit.start) + len(best))]
    rows += [('chr1', 300, '.', SEQS['chr1'][299:302], SEQS['chr1'][299])]
    t, again = (table_of(motifs, genome, tmp_path/'v.vcf', vcf(rows), null=200, bs=bs) for bs in (256, 3))
    assert list(t.A_q) == list(again.A_q) and t.A_q.between(0.0025, 0.9975).all()
    q, diff = t.A_q[:-1], t.A_diff[:-1].astype(float)
    assert (q.rank() == diff.rank()).mean() > 0.5 and min(q.min(), 1 - q.max()) < 0.05
    other_seed = table_of(motifs, genome, tmp_path/'v.vcf', vcf(rows), null=200, seed=1)
    assert list(other_seed.A_diff) == list(t.A_diff) and list(other_seed.A_q) != list(t.A_q)
    assert set(t.strongest) <= set(TFS) and t.motif.str.startswith('motif_').all()


# Files

@pytest.mark.parametrize('name', ['o.tsv', 'o.tsv.gz', 'o.vcf.gz', 'o.parquet'])
def test_the_same_bytes_each_time(motifs, genome, tmp_path, monkeypatch, name):
    "And a TF that is named twice comes once"
    (tmp_path/'v.vcf').write_text(vcf([snv('chr1', 100, 'a')]))
    made = []
    for now, only in ((1e9, ['A']), (1.5e9, ['A', 'A'])):
        monkeypatch.setattr('time.time', lambda: now)
        predict_vcf(motifs, TFS, tmp_path/'v.vcf', genome, tmp_path/name, force=True, only=only, null=0)
        made.append((tmp_path/name).read_bytes())
    assert made[0] == made[1]


def test_tables_of_each_kind_are_alike(motifs, genome, tmp_path):
    rows = [snv('chr1', 100, 'a'), ('chr1', 200, 'b', SEQS['chr1'][199], '<DEL>'), snv('chr1', 300, 'c')]
    (tmp_path/'v.vcf').write_text(vcf(rows))
    for name in ('o.tsv', 'o.tsv.gz', 'o.parquet'):
        predict_vcf(motifs, TFS, tmp_path/'v.vcf', genome, tmp_path/name, 2, null=20)
    tsv, packed = (pd.read_csv(tmp_path/n, sep='\t', keep_default_na=False, na_values=dict(A_ref=[''], A_q=['']))
                   for n in ('o.tsv', 'o.tsv.gz'))
    pd.testing.assert_frame_equal(tsv, packed)
    parquet = pd.read_parquet(tmp_path/'o.parquet')
    assert list(parquet.columns) == list(tsv.columns) and list(parquet.note) == list(tsv.note)
    assert np.allclose(parquet.A_ref, tsv.A_ref.astype(float), equal_nan=True, rtol=1e-3)
    assert list(parquet.A_q.isna()) == [False, True, False]


ROWS = [snv('chr1', 100, 'a'),
        ('chr1', 200, 'b', SEQS['chr1'][199], f'<DEL>,{other(SEQS["chr1"][199])}', '50', 'PASS', 'AC=1,2;DB'),
        snv('chr2', 300, 'c')]
CONTIGS = ''.join(f'##contig=<ID={k},length={len(s)}>\n' for k, s in SEQS.items()) \
    + '##FILTER=<ID=PASS,Description="x">\n##INFO=<ID=AC,Number=A,Type=Integer,Description="x">\n' \
    + '##INFO=<ID=DB,Number=0,Type=Flag,Description="x">\n'


@pytest.fixture(scope='module')
def written(motifs, genome, tmp_path_factory):
    "A VCF file, the same with INFO fields, and a table of it"
    folder = tmp_path_factory.mktemp('written')
    with BgzfWriter(str(folder/'in.vcf.gz')) as f: f.write(vcf(ROWS, CONTIGS))
    for name in ('out.vcf', 'out.vcf.gz', 'out.tsv'):
        predict_vcf(motifs, TFS, folder/'in.vcf.gz', genome, folder/name, 2, null=20)
    return folder


def test_records_stay_as_they_were(written, motifs, genome):
    lines = [o for o in (written/'out.vcf').read_text().splitlines() if not o.startswith('##')]
    records = [o.split('\t') for o in lines[1:]]
    assert [r[:7] for r in records] == [list(map(str, r[:5])) + list(r[5:7] or ('.', '.')) for r in ROWS]
    assert records[1][7].startswith('AC=1,2;DB;TFT_NOTE=symbolic_allele_(<DEL>),.;TFT_STRONGEST=.,')
    assert gzip.open(written/'out.vcf.gz', 'rt').read() == (written/'out.vcf').read_text()
    predict_vcf(motifs, TFS, written/'out.vcf', genome, written/'twice.vcf', null=20)
    assert (written/'twice.vcf').read_text() == (written/'out.vcf').read_text()


def test_nothing_of_an_earlier_run_is_left(motifs, genome, tmp_path):
    ref = SEQS['chr1'][99]
    rows = [(*snv('chr1', 100), '.', '.', 'DB;TFT_NOTE=contig_not_in_the_genome;TFT_A_Q=0.5'),
            ('chr1', 100, '.', other(ref), ref, '.', '.', 'TFT_A=5;TFT_B=1')]
    (tmp_path/'v.vcf').write_text(vcf(rows))
    predict_vcf(motifs, TFS, tmp_path/'v.vcf', genome, tmp_path/'o.vcf', only=['A'], null=0)
    lines = [o.split('\t')[7] for o in (tmp_path/'o.vcf').read_text().splitlines()[-2:]]
    assert lines[0].startswith('DB;TFT_MOTIF=') and '_Q' not in lines[0]
    assert lines[1] == 'TFT_B=1;TFT_NOTE=reference_allele_is_not_what_the_genome_has'


def test_words_in_any_script(motifs, genome, tmp_path):
    (tmp_path/'v.vcf').write_text(vcf([snv('chr1', 100, 'µ')], '##study=研究\n'))
    for name in ('o.vcf', 'o.vcf.gz'): predict_vcf(motifs, TFS, tmp_path/'v.vcf', genome, tmp_path/name, null=0)
    text = gzip.open(tmp_path/'o.vcf.gz', 'rt', encoding='utf-8').read()
    assert '##study=研究\n' in text and '\tµ\t' in text
    assert text == (tmp_path/'o.vcf').read_text(encoding='utf-8')


@pytest.mark.skipif(not shutil.which('bcftools'), reason='bcftools is not installed')
def test_bcftools_reads_the_fields(written):
    ask = ['bcftools', 'query', '-f', '%POS %INFO/TFT_A %INFO/TFT_NKX3_1_Q\n', written/'out.vcf.gz']
    done = subprocess.run(ask, capture_output=True, text=True, check=True)
    assert done.stderr == ''
    t = pd.read_csv(written/'out.tsv', sep='\t')
    said = [[o.split(',') for o in line.split()] for line in done.stdout.splitlines()]
    for i, column in ((1, 'A_diff'), (2, 'NKX3-1_q')):
        values = [float(v) if v != '.' else np.nan for row in said for v in row[i]]
        assert np.allclose(values, t[column], rtol=1e-3, equal_nan=True)


@pytest.mark.skipif(not shutil.which('bcftools'), reason='bcftools is not installed')
def test_through_bcftools_and_back(written, motifs, genome, tmp_path):
    "Made, indexed and turned into BCF by bcftools; what comes out is indexed, filtered and turned into BCF again"
    def bcftools(*args):
        done = subprocess.run(['bcftools', *map(str, args)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout
    pytest.importorskip('pysam')
    bcftools('view', '-Oz', '-o', tmp_path/'in.vcf.gz', written/'in.vcf.gz')
    bcftools('index', '-t', tmp_path/'in.vcf.gz')
    bcftools('view', '-Ob', '-o', tmp_path/'in.bcf', tmp_path/'in.vcf.gz')
    for name in ('in.vcf.gz', 'in.bcf'):
        predict_vcf(motifs, TFS, tmp_path/name, genome, tmp_path/f'out_{name}.vcf.gz', null=20)
    of_vcf, of_bcf = (tmp_path/f'out_{o}.vcf.gz' for o in ('in.vcf.gz', 'in.bcf'))
    ask = 'query', '-f', '%CHROM %POS %ALT %INFO/TFT_A %INFO/TFT_A_Q %INFO/TFT_MOTIF\\n'
    assert bcftools(*ask, of_vcf) == bcftools(*ask, of_bcf) == bcftools(*ask, written/'out.vcf.gz')
    assert bcftools(*ask, '-r', 'chr2', of_vcf) == bcftools(*ask, of_vcf).splitlines(True)[-1]
    bcftools('view', '-Ob', '-i', 'INFO/TFT_A_Q<=1', '-o', tmp_path/'again.bcf', of_vcf)
    assert bcftools(*ask, tmp_path/'again.bcf') == bcftools(*ask, of_vcf)


def test_an_index_and_bcf(written, motifs, genome, tmp_path):
    pysam = pytest.importorskip('pysam')
    shutil.copy(written/'in.vcf.gz', tmp_path/'in.vcf.gz')
    pysam.tabix_index(str(tmp_path/'in.vcf.gz'), preset='vcf')
    predict_vcf(motifs, TFS, tmp_path/'in.vcf.gz', genome, tmp_path/'out.vcf.gz', null=20)
    assert sorted(p.name for p in tmp_path.iterdir()) == ['in.vcf.gz', 'in.vcf.gz.tbi', 'out.vcf.gz', 'out.vcf.gz.tbi']
    with pysam.VariantFile(str(tmp_path/'out.vcf.gz')) as f: found = [r.info['TFT_A'] for r in f.fetch('chr2')]
    assert np.allclose(found, pd.read_csv(written/'out.tsv', sep='\t').A_diff.iloc[[3]], rtol=1e-3)
    bcftools = pytest.importorskip('pysam.bcftools')
    bcftools.view('-Ob', '-o', str(tmp_path/'in.bcf'), str(tmp_path/'in.vcf.gz'), catch_stdout=False)
    predict_vcf(motifs, TFS, tmp_path/'in.bcf', genome, tmp_path/'bcf.tsv', null=20)
    assert (tmp_path/'bcf.tsv').read_text() == (written/'out.tsv').read_text()
    (tmp_path/'cut.bcf').write_bytes((tmp_path/'in.bcf').read_bytes()[:-60])
    refused('cut short', motifs, genome, tmp_path/'cut.bcf', tmp_path/'o.tsv')


# Bad input

def refused(words, net, genome, path, out, **how):
    before = sorted(path.parent.iterdir())
    with pytest.raises(UserError, match=words) as e: predict_vcf(net, TFS, path, genome, out, **dict(null=0) | how)
    assert '\n' not in str(e.value) and sorted(path.parent.iterdir()) == before


def test_bad_files(motifs, genome, written, tmp_path):
    good = vcf([snv('chr1', 100)])
    cases = dict(header=(good.split('\n', 2)[2], 'without its header'), empty=('', 'without its header'),
                 none=(vcf([]), 'no variant that can be predicted'),
                 contigs=(vcf([('1', 100, '.', 'A', 'C')]), 'write chr1 for 1'))
    for name, (text, words) in cases.items():
        (tmp_path/f'{name}.vcf').write_text(text)
        refused(words, motifs, genome, tmp_path/f'{name}.vcf', tmp_path/'o.tsv')
    (tmp_path/'good.vcf').write_text(good)
    for name in ('o.bw', 'o.txt', 'o.bcf', 'o'):
        refused('its suffix must say', motifs, genome, tmp_path/'good.vcf', tmp_path/name)
    refused("no TF 'B' in this model", motifs, genome, tmp_path/'good.vcf', tmp_path/'o.tsv', only=['B'])
    packed = (written/'in.vcf.gz').read_bytes()
    for name, data in dict(block=packed[:-28], half=packed[:len(packed)//2]).items():
        (tmp_path/f'{name}.vcf.gz').write_bytes(data)
        refused('cut short', motifs, genome, tmp_path/f'{name}.vcf.gz', tmp_path/'o.tsv')


def test_a_file_of_another_genome(motifs, genome, tmp_path):
    wrong = [('chr1', p, '.', other(SEQS['chr1'][p-1]), SEQS['chr1'][p-1]) for p in range(100, 300)]
    right = [snv('chr1', p) for p in range(300, 330)]
    (tmp_path/'v.vcf').write_text(vcf(wrong + right, '##contig=<ID=chr1,length=249250621>\n'))
    of = motifs, genome, tmp_path/'v.vcf', tmp_path/'o.tsv'
    for bs in (64, 1000):
        refused(r'of the first \d+ reference alleles are not what .* by lengths of contigs, '
                r'the file is of hg19 .GRCh37., the genome is unknown', *of, bs=bs)
    (tmp_path/'v.vcf').write_text(vcf(wrong[:15] + right, '##contig=<ID=chr1,length=901>\n'))
    assert predict_vcf(motifs, TFS, tmp_path/'v.vcf', genome, tmp_path/'o.tsv', null=0)[0] == 30


@pytest.mark.parametrize('by, words', [(-1, '250 are a base later; POS counts from 0, .*: add 1 to each'),
                                       (1, '250 are a base earlier; POS is one too high: take 1 from each')])
@pytest.mark.parametrize('long', [0, 3])
def test_positions_that_are_one_off(motifs, genome, tmp_path, by, words, long):
    rows = [('chr1', p+by, '.', SEQS['chr1'][p-1:p+long], other(SEQS['chr1'][p-1])) for p in range(100, 350)]
    for some in (rows, rows[:30]):
        (tmp_path/'v.vcf').write_text(vcf(some))
        refused(f'reference alleles are not what .* has, but {words.replace("250", str(len(some)))}',
                motifs, genome, tmp_path/'v.vcf', tmp_path/'o.tsv')


@pytest.mark.parametrize('at', ['write', 'flush'])
def test_a_full_disk(motifs, genome, written, tmp_path, monkeypatch, at):
    def full(*args): raise OSError(28, 'No space left on device')
    monkeypatch.setattr(f'tf_transfer.model.variant_files.BgzfWriter.{at}', full)
    shutil.copy(written/'in.vcf.gz', tmp_path/'in.vcf.gz')
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter('always')
        refused('the disk is full', motifs, genome, tmp_path/'in.vcf.gz', tmp_path/'o.vcf.gz')
        gc.collect()
    assert not [o for o in told if 'unclosed' in str(o.message)]


# What is made or broken, and random changes that a model keeps

@pytest.fixture(scope='module')
def with_words():
    from tf_transfer.model.networks import MotifKmerNet
    torch.manual_seed(0)
    made = MotifKmerNet(2, WIDTH, jaspar('JUND') + jaspar('SPI1')[:1], hidden=(8, 4)).eval()
    for norm in (o for o in made.modules() if isinstance(o, nn.BatchNorm1d)):
        norm.running_var.uniform_(0.5, 2)
        norm.running_mean.uniform_(-1, 1)
    return made


CHANGES = [snv('chr1', 100, 'a'), ('chr1', 250, 'b', SEQS['chr1'][249:256], SEQS['chr1'][249]), snv('chr2', 300, 'c'),
           ('chr2', 120, 'd', SEQS['chr2'][119], SEQS['chr2'][119] + 'ACGTTGA'), snv('chr1', 640, 'e')]


def counted(word, seq):
    turned = ''.join('TGCA'['ACGT'.index(b)] for b in word[::-1])
    places = [seq[i:i+len(word)] for i in range(len(seq)-len(word)+1)]
    return sum(o == word for o in places) + sum(o == turned for o in places if word != turned)


def test_words_are_those_of_the_windows(with_words, genome, tmp_path):
    t = table_of(with_words, genome, tmp_path/'v.vcf', vcf(CHANGES))
    assert (t.word != '').sum() >= 3
    for r in t[t.word != ''].itertuples():
        from tf_transfer.genome.variants import Change, one_spelling
        c = one_spelling(SEQS[r.chrom], Change(r.pos-1, r.ref, r.alt), WIDTH)
        ref, alt = (window(r.chrom, c.start, c.ref, o) for o in (c.ref, c.alt))
        assert (counted(r.word, ref), counted(r.word, alt)) == (int(float(r.word_ref)), int(float(r.word_alt)))


def test_what_adds_most_is_named(with_words, genome):
    "By the derivatives of the logit, one input of the first dense layer after the other, in small steps"
    from tf_transfer.genome.dna import one_hot
    from tf_transfer.genome.variants import Change
    from tf_transfer.model.alleles import AlleleReader, AlleleWindows, effects_of, made_or_broken
    from tf_transfer.model.predict import evaluating
    w, read, tf = AlleleWindows(WIDTH, [0]), AlleleReader(with_words), np.array([0, 1, 0])
    for start, ref, alt in ((99, 1, other), (249, 1, other), (639, 1, other)):
        seq = SEQS['chr1'][start:start+ref]
        w.add('chr1', SEQS['chr1'], 0, Change(start, seq, alt(seq)))
    e = effects_of(read, w)
    parts, n = made_or_broken(read, w, e, tf), len(read.names)
    with evaluating(with_words), torch.no_grad():
        first = [with_words.first(one_hot(encode(o)[None])) for o in w.letters]
        say = lambda x: with_words.head(with_words.after_first(x, torch.empty(1, 0)))[0]
        for i, (ref, alt) in enumerate(np.array(w.index)[:, :, 0]):
            middle, change = (first[ref]+first[alt])/2, (first[alt]-first[ref])[0].numpy()
            steps = [middle + s*0.01*o for s in (1, -1) for o in torch.eye(middle.shape[1])[:, None]]
            said = np.array([say(o)[tf[i]].item() for o in steps]).reshape(2, -1)
            adds = (said[0]-said[1])/0.02*change*np.sign(e.alt-e.ref)[i, tf[i]]
            assert (parts.motif[i] != '') == (adds[:n].max() > 1e-6)
            if parts.motif[i]: assert read.names[adds[:n].argmax()] == parts.motif[i]
            numbers = [''.join('ACGT'[v//4**j % 4] for j in reversed(range(6))) for v in read.counts.words]
            if adds[n:].max() > 1e-4: assert numbers[adds[n:].argmax()] == parts.word[i]


@pytest.mark.parametrize('kind', ['SNV', 'insertion 2-4', 'deletion 5-20'])
def test_quantiles_of_random_variants_are_uniform(with_words, tmp_path, kind):
    "Of changes of another seed, by Kolmogorov's and Smirnov's distance of two samples; shifted ones are not"
    from scipy.stats import kstest
    from tf_transfer.model.alleles import AlleleReader
    from tf_transfer.model.random_changes import RandomChanges
    draw = np.random.default_rng(5)
    (tmp_path/'g.fa').write_text('>chr1\n' + ''.join(draw.choice(list('ACGT'), 60_000)) + '\n')
    of = AlleleReader(with_words), Genome(tmp_path/'g.fa'), [0]
    null, others = RandomChanges(*of, 600, 0), RandomChanges(*of, 600, 1).of(kind)
    beyond = 1.95*np.sqrt(2/600)    # of 1,000 pairs of samples of 600, one is further apart
    q, _ = null.ranked(np.array([kind]*600), others, [0, 1])
    assert all(kstest(q[:, j], 'uniform').statistic < beyond for j in (0, 1))
    q, _ = null.ranked(np.array([kind]*600), others + others.std(0)/2, [0, 1])
    assert all(kstest(q[:, j], 'uniform').statistic > beyond for j in (0, 1))


def test_random_changes_of_a_narrow_network(tmp_path, genome):
    "None is longer than half the window"
    from tf_transfer.model.networks import at_width
    narrow = at_width(MotifNet(2, 44, jaspar('JUND'), hidden=(4, 4)), 44).eval()
    ref = SEQS['chr1'][299:321]
    t = table_of(narrow, genome, tmp_path/'v.vcf', vcf([('chr1', 300, '.', ref, ref[0])]), null=20)
    assert list(t.note) == [''] and 0 < float(t.A_q[0]) < 1


def test_random_changes_that_a_model_keeps(with_words, genome, tmp_path, monkeypatch):
    "They are those that would be made, are read from the file, and serve for the same assembly alone"
    from copy import deepcopy

    from tf_transfer.model import random_changes
    from tf_transfer.model.saving import ModelCard, load_model, save_model
    net = deepcopy(with_words)
    none = pd.DataFrame(dict(chrom=[], start=[], end=[]))
    net.card = ModelCard('MotifKmerNet', WIDTH, TFS, 0, '', 'toy', none, args=net.args)
    anew = table_of(net, genome, tmp_path/'v.vcf', vcf(CHANGES), null=50)
    random_changes.keep_random_changes(net, genome, 50)
    save_model(net, tmp_path/'m.safetensors')
    kept = load_model(tmp_path/'m.safetensors')
    monkeypatch.setattr(random_changes, '_random_places', None)
    pd.testing.assert_frame_equal(table_of(kept, genome, tmp_path/'v.vcf', vcf(CHANGES), null=50), anew)
    predict_vcf(kept, TFS, tmp_path/'v.vcf', genome, tmp_path/'o.vcf', null=50)
    assert 'same kind, 50 at random places of g.fa, seed 0, kept with the model' in (tmp_path/'o.vcf').read_text()
    (tmp_path/'longer.fa').write_text(''.join(f'>{k}\n{s}A\n' for k, s in SEQS.items()))
    for how in (dict(null=40), dict(null=50, seed=1), dict(null=50, offsets=3)):
        with pytest.raises(TypeError): table_of(kept, genome, tmp_path/'v.vcf', vcf(CHANGES), **how)
    with pytest.raises(TypeError):
        table_of(kept, Genome(tmp_path/'longer.fa'), tmp_path/'v.vcf', vcf(CHANGES), null=50)
    with torch.no_grad(): kept.head.bias += 1
    with pytest.raises(TypeError): table_of(kept, genome, tmp_path/'v.vcf', vcf(CHANGES), null=50)


def test_single_changes_of_a_fitted_model(with_words, genome, tmp_path):
    "Those of the genome, or of sequences where it is mostly N; other kinds are drawn, or have no quantile"
    from copy import deepcopy

    from tf_transfer.model.random_changes import keep_single_changes, null_line
    masked = tmp_path/'masked.fa'
    masked.write_text(''.join(f'>{k}\n{s[:80]}{"N"*(len(s)-160)}{s[-80:]}\n' for k, s in SEQS.items()))
    codes = np.random.default_rng(1).integers(0, 4, (400, WIDTH)).astype(np.uint8)
    rows = [snv('chr1', 40), ('chr1', 45, '.', SEQS['chr1'][44:46], SEQS['chr1'][44])]
    for where, words in ((genome.path, 'at random places of g.fa'), (masked, 'in the middles of unbound regions')):
        net, told = deepcopy(with_words), []
        keep_single_changes(net, codes, 'unbound regions', Genome(where))
        assert null_line(net) == f'kept to rank variants among: 1,000 random single bases {words}, seed 0'
        t = table_of(net, Genome(where), tmp_path/'v.vcf', vcf(rows), null=None, say=told.append)
        assert 0 < float(t.A_q[0]) < 1 and f'SNV: 1,000 {words}, seed 0, kept with the model; other kinds' in told[0]
        assert (t.A_q[1] == '') == (where == masked) == ('too few places' in told[0])
    with pytest.raises(UserError, match='too few places'):
        table_of(net, Genome(masked), tmp_path/'v.vcf', vcf(rows), null=1000)
    keep_single_changes(net := deepcopy(with_words), codes[:30], 'few sequences')
    assert null_line(net) == ''


def test_quantiles_among_changes_in_sequences_are_uniform(with_words, genome):
    "Of changes in other sequences; those of a network that is three times as sure are not"
    from copy import deepcopy

    from scipy.stats import kstest
    from tf_transfer.model.random_changes import AlleleReader, RandomChanges, _single_changes, keep_changes_in
    codes = np.random.default_rng(2).integers(0, 4, (1000, WIDTH)).astype(np.uint8)
    net, beyond = deepcopy(with_words), 1.95*np.sqrt(2/600)
    for ranks in (None, 60):
        keep_changes_in(net, codes[:500], 'in sequences', 600, ranks=ranks)
        null = RandomChanges(AlleleReader(net), genome, [0])
        others = _single_changes(null.read, codes[500:], np.arange(0, 1500, 2)[:600])
        for times, within in ((1, True), (3, False)):
            q, _ = null.ranked(np.array(['SNV']*600), times*others, [0, 1])
            assert all((kstest(q[:, j], 'uniform').statistic < beyond) == within for j in (0, 1))


def test_own_motifs_are_named(genome, tmp_path):
    "The best site of each goes to the logit with its weight; the one that adds most is named"
    from types import SimpleNamespace

    from tf_transfer.genome.dna import one_hot
    from tf_transfer.model.alleles import own_motif_names
    from tf_transfer.model.networks import TargetNet
    from tf_transfer.model.sites import motifs_of
    from tf_transfer.motifs.pwm import PWM
    torch.manual_seed(1)
    body = MotifNet(2, WIDTH, jaspar('CTCF')[:1], hidden=(4, 4))
    own = [jaspar('JUND')[0], PWM('found', jaspar('SPI1')[0].counts)]
    net = TargetNet(1, WIDTH, 'MotifNet', body.args, own).eval()
    for p in (net.head.weight, net.kmers.weight): p.data.zero_()
    net.head.weight.data[0, -3:-1] = torch.tensor([1., 0.5])
    net.card = SimpleNamespace(training=dict(motifs=[f'JUND {own[0].matrix_id}', 'found']))
    names = own_motif_names(net)
    assert names[0] == f'JUND {own[0].matrix_id}' and names[1].startswith('found like Spi1 MA')
    assert motifs_of(net, 'A')[0] == names
    rows = [snv('chr1', p) for p in range(60, 800)]
    (tmp_path/'v.vcf').write_text(vcf(rows))
    predict_vcf(net, ['A'], tmp_path/'v.vcf', genome, tmp_path/'o.tsv', null=0)
    t = pd.read_csv(tmp_path/'o.tsv', sep='\t')
    at = [f'own_{n}'.replace(' ', '_') for n in names]
    assert t.motif.value_counts()[at].min() > 20
    for r in t[t.motif.notna()].itertuples():
        codes = np.stack([encode(window(r.chrom, r.pos-1, r.ref, o)) for o in (r.ref, r.alt)])
        hits = net.motifs(one_hot(codes)).detach().numpy()
        adds = (hits[1]-hits[0])*[1, 0.5]
        i = at.index(r.motif)
        assert i == (adds*np.sign(r.A_diff)).argmax() and np.isclose(adds.sum(), r.A_diff, atol=1e-3)
        assert np.allclose(hits[:, i], [r.motif_ref, r.motif_alt], atol=1e-3)
    assert (t.A_diff[t.motif.isna()] == 0).all()


@pytest.mark.parametrize('k', (8, 11))
def test_own_words_add_up(genome, tmp_path, k):
    "All that come and go make the change of the sum of weights; the ones named stand there, and no other adds more"
    from tf_transfer.genome.dna import one_hot
    from tf_transfer.model.alleles import (AlleleReader, AlleleWindows, Change, _words_that_differ, effects_of,
                                           gained_and_lost)
    from tf_transfer.model.networks import TargetNet
    from tf_transfer.motifs.kmers import mirrored_words
    torch.manual_seed(1)
    body = MotifNet(2, WIDTH, jaspar('JUND'), hidden=(4, 4))
    net = TargetNet(1, WIDTH, 'MotifNet', body.args, jaspar('JUND'), k=k).eval()
    net.kmers.weight.normal_()
    net.kmers.weight += net.kmers.weight[mirrored_words(k)]
    w, read = AlleleWindows(WIDTH, [0]), AlleleReader(net)
    for start, n in [*((o, 1) for o in range(100, 160)), (300, 2)]:
        ref = SEQS['chr1'][start:start+n]
        w.add('chr1', SEQS['chr1'], 0, Change(start, ref, ''.join(map(other, ref))))
    e, share = effects_of(read, w), net.head.weight[0, -1].item()
    score = net.kmers(one_hot(encode(''.join(w.letters)).reshape(-1, WIDTH)))[:, 0].numpy()
    ref, alt = np.array(w.index)[:, :, 0].T
    change, _, times, adds = _words_that_differ(net.kmers, w)
    assert np.allclose(np.bincount(change, adds), score[alt] - score[ref], atol=1e-4)
    found = gained_and_lost(read, w, e, np.zeros(len(ref), int))
    assert (found.gained != '').sum() > 30 and (found.lost != '').sum() > 30
    for name, added, more in ((found.gained, found.gained_adds, 1), (found.lost, found.lost_adds, -1)):
        for i in np.flatnonzero(name != ''):
            turned = name[i].translate(str.maketrans('ACGT', 'TGCA'))[::-1]
            both = [sum(len(re.findall(f'(?={o})', w.letters[j])) for o in {name[i], turned})
                    for j in (ref[i], alt[i])]
            assert len(name[i]) == k and more*(both[1] - both[0]) > 0
            here = (change == i) & (more*times > 0)
            towards = np.sign((e.alt - e.ref)[i, 0])
            assert np.isclose(added[i], max(share*adds[here]*towards)*towards)
    (tmp_path/'v.vcf').write_text(vcf([snv('chr1', 121)]))
    for name in ('o.tsv', 'o.vcf'): predict_vcf(net, ['A'], tmp_path/'v.vcf', genome, tmp_path/name, null=0)
    row = pd.read_csv(tmp_path/'o.tsv', sep='\t').iloc[0]
    assert (row.gained, row.lost) == (found.gained[20], found.lost[20])
    assert np.isclose(row.gained_adds, found.gained_adds[20], rtol=1e-4)
    assert f'TFT_GAINED={row.gained};TFT_LOST={row.lost};' in (tmp_path/'o.vcf').read_text()
    predict_vcf(body.eval(), ['A', 'B'], tmp_path/'o.vcf', genome, tmp_path/'again.vcf', only=['B'], null=0)
    assert 'TFT_GAINED' not in (tmp_path/'again.vcf').read_text().splitlines()[-1]
