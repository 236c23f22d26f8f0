"Files as users have them: what is wrong is said in one line, and nothing is left behind"
import gzip
import random
import shutil
import subprocess

import pandas as pd
import pytest
from pyfaidx import Fasta

from helpers import assert_refused, command
from tf_transfer.core import UserError
from tf_transfer.genome.regions import Contigs
from tf_transfer.matrix.build import build_report
from tf_transfer.matrix.inputs import open_regions
from tf_transfer.matrix.states import by_biosample, read_matrix
from tf_transfer.matrix.simulate import simulate


@pytest.fixture(scope='module')
def world(tmp_path_factory):
    folder = simulate(n_regions=600, seed=1).write(tmp_path_factory.mktemp('world')/'raw')
    Fasta(str(folder/'genome.fa'))
    (folder/'blacklist.bed').write_text(''.join(f'chr1\t{i*37}\t{i*37 + 20}\thigh signal\n' for i in range(100)))
    return folder


@pytest.fixture
def raw(world, tmp_path):
    "A copy of the world, to be spoiled"
    return shutil.copytree(world, tmp_path/'raw')


FILES = dict(regions='dhs.bed.gz', peaks='remap.bed.gz', tfbs='unibind', genome='genome.fa', blacklist='blacklist.bed')


def args(raw, **changes):
    given = {k: raw/name for k, name in FILES.items()} | changes
    return [o for k, v in given.items() if v is not None for o in (f'--{k}', v)]


def refused(raw, *words, options=(), **changes):
    for w in words: assert_refused(w, 'tft-build', raw.parent/'m.h5ad', *args(raw, **changes), *options)


def built(raw, *options, **changes):
    status, err = command('tft-build', raw.parent/'m.h5ad', *args(raw, **changes), *options)
    assert status == 0, err
    return read_matrix(raw.parent/'m.h5ad')


def path_of(raw, role):
    if role != 'tfbs': return raw/FILES[role]
    return next((raw/'unibind').glob('*.JUND.*'))


def text(path): return (gzip.open if path.suffix == '.gz' else open)(path, 'rt').read()


def rewrite(path, new):
    with (gzip.open if path.suffix == '.gz' else open)(path, 'wt') as f: f.write(new)


tables, every = ['regions', 'peaks', 'tfbs', 'blacklist'], [*FILES]


def test_the_files_are_good(raw):
    m = built(raw, '--keep-biosamples')
    assert m.shape[0] == 25
    assert '25 TFs' in build_report(m)
    assert (by_biosample(m).X == m.X).all()           # each TF has one biosample here


@pytest.mark.parametrize('role', tables)
def test_other_chromosome_names(raw, role):
    expected = built(raw)
    paths = (raw/'unibind').iterdir() if role == 'tfbs' else [path_of(raw, role)]
    for path in paths: rewrite(path, text(path).replace('chr', ''))
    (raw.parent/'m.h5ad').unlink()
    refused(raw, 'have no contig in common: 1',
            'against chr1, chr2, chr3, chr4 ...; write chr1 for 1 (tft-build does with --rename-chroms)')
    m = built(raw, '--rename-chroms')
    assert (m.X == expected.X).all() and list(m.var_names) == list(expected.var_names)


def test_other_chromosome_names_in_the_genome(raw):
    rewrite(raw/'genome.fa', text(raw/'genome.fa').replace('>chr', '>'))
    (raw/'genome.fa.fai').unlink()
    Fasta(str(raw/'genome.fa'))
    refused(raw, 'chr1, chr2, chr3, chr4 ... against 1, 2, 3, 4 ...; '
            'write 1 for chr1 (tft-build does with --rename-chroms)')
    assert set(built(raw, '--rename-chroms').var.chrom) == set('123456')


def with_line(path, n, line):
    lines = text(path).splitlines()
    lines.insert(n - 1, line)
    rewrite(path, '\n'.join(lines) + '\n')
    return len(lines)


@pytest.mark.parametrize('role', tables)
@pytest.mark.parametrize('start, end, problem', [
    ('500', '400', 'the end, 400, does not lie after the start, 500'),
    ('500', '500', 'the end, 500, does not lie after the start, 500'),
    ('-5', '400', 'start is below 0'),
    ('many', '400', "'many' stands where start belongs"),
    ('500', '4e2', "'4e2' stands where end belongs"),
    ('500', '', "'' stands where end belongs"),
    ('1', '9'*25, 'stands where end belongs'),
    ('NA', '400', "'NA' stands where start belongs"),
], ids=['end before start', 'no width', 'negative start', 'text', 'float', 'nothing', 'huge', 'NA'])
def test_a_bad_line(raw, role, start, end, problem):
    path = path_of(raw, role)
    rest = text(path).splitlines()[0].split('\t')[3:]
    n = with_line(path, len(text(path).splitlines()) + 1, '\t'.join(['chr1', start, end, *rest]))
    refused(raw, f'{path}: line {n}, ', problem)


@pytest.mark.parametrize('role', tables)
def test_a_line_that_ends_early(raw, role):
    n = with_line(path_of(raw, role), len(text(path_of(raw, role)).splitlines()) + 1, 'chr1\t500')
    refused(raw, f'{path_of(raw, role)}: line {n}, ', '2 columns, where the first line has')


@pytest.mark.parametrize('role', ['regions', 'peaks', 'tfbs'])
def test_outside_its_contig(raw, role):
    rest = text(path_of(raw, role)).splitlines()[0].split('\t')[3:]
    with_line(path_of(raw, role), 2, '\t'.join(['chr1', '999000', '999200', *rest]))
    refused(raw, f'{path_of(raw, role)}: chr1:999000-999200 reaches over the end of chr1', 'another assembly')


@pytest.mark.parametrize('role', ['regions', 'peaks', 'genome', 'blacklist'])
def test_an_empty_file(raw, role):
    rewrite(path_of(raw, role), '')
    if role == 'genome': (raw/'genome.fa.fai').unlink()
    refused(raw, 'not a FASTA file' if role == 'genome' else 'no interval in it')


def test_an_empty_file_of_sites_means_no_site(raw):
    for path in (raw/'unibind').glob('*.JUND.*'): rewrite(path, '')
    assert set(built(raw)['JUND'].X.ravel()) == {0, 1, 2}


@pytest.mark.parametrize('role', every)
def test_binary_junk(raw, role):
    path = path_of(raw, role)
    path.write_bytes(random.Random(0).randbytes(5000))
    if role == 'genome': (raw/'genome.fa.fai').unlink()
    refused(raw, str(path))


@pytest.mark.parametrize('role', every)
def test_junk_in_the_middle(raw, role):
    path = path_of(raw, role)
    data = text(path).encode()
    data = data[:len(data)//2] + random.Random(0).randbytes(500) + data[len(data)//2:]
    path.write_bytes(gzip.compress(data) if path.suffix == '.gz' else data)
    if role == 'genome': (raw/'genome.fa.fai').unlink()
    refused(raw, str(path))


@pytest.mark.parametrize('role', every)
@pytest.mark.parametrize('left', [0.02, 0.5, 0.999])
def test_a_gz_cut_short(raw, role, left):
    path = path_of(raw, role)
    data = path.read_bytes() if path.suffix == '.gz' else gzip.compress(path.read_bytes())
    path.write_bytes(data[:int(len(data)*left)])
    if role == 'genome': (raw/'genome.fa.fai').unlink()
    refused(raw, f'{path}: the gzip file is cut short or damaged')


@pytest.mark.parametrize('role', every)
def test_no_such_file(raw, role):
    refused(raw, 'none.bed: no such file', **{role: raw/'none.bed'})


def test_a_contig_that_the_genome_lacks(raw):
    with_line(raw/'dhs.bed.gz', 3, 'chr99\t500\t700\tK562')
    refused(raw, '1 of 601 lie on contigs that ', ' lacks, chr99; ', '--chroms')
    assert 'chr99' not in set(built(raw, '--chroms', 'chr1,chr2').var.chrom)


def test_peaks_on_other_contigs_are_counted(raw, capsys):
    with_line(raw/'remap.bed.gz', 3, 'chr99\t500\t700\tSIM1.JUND.K562\t0\t.\t600\t601\t0,0,0')
    m = built(raw)
    assert m.uns['build']['elsewhere']['peaks'] == 1


def test_nothing_in_common(raw):
    lines = text(raw/'remap.bed.gz').splitlines()
    rewrite(raw/'remap.bed.gz', '\t'.join(['chr1', '0', '10', *lines[0].split('\t')[3:6], '5', '6', '0,0,0']) + '\n')
    refused(raw, 'no peak of 1 met a region; the regions lie on chr1')


def on_blacklist(tmp_path, text):
    (tmp_path/'r.bed').write_text('chr1\t100\t300\nchr1\t5000\t5200\nchr2\t100\t300\nchr2\t2000\t2200\n')
    (tmp_path/'b.bed').write_text(text)
    contigs = Contigs(dict(chr1=10000, chr2=10000))
    kept = open_regions(tmp_path/'r.bed', contigs, blacklist=tmp_path/'b.bed').table
    return {*zip('1122', [100, 5000, 100, 2000])} - {(c[3:], s) for c, s in zip(kept.chrom, kept.start)}


@pytest.mark.parametrize('text,dropped', [
    ('chr1\t9000\t10400\n', set()), ('chr1\t9999\t40000\n', set()), ('chr2\t0\t101\n', {('2', 100)}),
    ('chr1\t0\t99999\n', {('1', 100), ('1', 5000)}), ('chrUn\t0\t9999\nchr2\t2199\t20000\n', {('2', 2000)})])
def test_a_blacklist_ends_with_its_contig(tmp_path, text, dropped): assert on_blacklist(tmp_path, text) == dropped


def test_a_blacklist_of_another_assembly(tmp_path):
    with pytest.raises(UserError, match='b.bed: chr1:10000-10400 reaches over the end of chr1.*another assembly'):
        on_blacklist(tmp_path, 'chr1\t10000\t10400\n')


def test_no_region_left(raw):
    rewrite(raw/'blacklist.bed', ''.join(f'chr{c}\t0\t100000\n' for c in range(1, 7)))
    refused(raw, 'no region is left of 600 (', '600 on the blacklist')


def test_a_tf_in_two_spellings(raw):
    lines = text(raw/'remap.bed.gz').splitlines()
    expected = built(raw)
    (raw.parent/'m.h5ad').unlink()
    half = [o.replace('.MAX.', '.Max.') if i % 2 else o for i, o in enumerate(lines)]
    rewrite(raw/'remap.bed.gz', '\n'.join(half) + '\n')
    refused(raw, 'one TF in two spellings, M', '--ignore-case')
    m = built(raw, '--ignore-case')
    assert sorted(t.upper() for t in m.obs_names) == list(expected.obs_names)
    assert (m[[t for n in expected.obs_names for t in m.obs_names if t.upper() == n]].X == expected.X).all()


def test_biosamples_that_match_nothing(raw):
    rewrite(raw/'dhs.bed.gz', text(raw/'dhs.bed.gz').replace('K562', 'K-562').replace('HepG2', 'hepg2'))
    refused(raw, 'its regions are open in', 'K-562', '--rename-biosamples')
    (raw/'names.tsv').write_text('K-562\tK562\nhepg2\tHepG2\n')
    assert len(built(raw, '--rename-biosamples', raw/'names.tsv').uns['build']['datasets'].biosample.unique()) == 2


def test_peaks_and_sites_of_different_biosamples(raw):
    other = text(raw/'remap.bed.gz').replace('.K562', '.K562 (leukemia)').replace('.HepG2', '.liver')
    rewrite(raw/'remap.bed.gz', other)
    refused(raw, 'no TF has peaks and sites in the same biosample', 'K562 (leukemia)')


def test_names_that_say_nothing(raw):
    rewrite(raw/'remap.bed.gz', text(raw/'remap.bed.gz').replace('SIM', 'peak_').replace('.', '_'))
    refused(raw, "such as 'peak_", 'give --tf, or a sheet')


def test_a_name_that_breaks_the_rule(raw):
    with_line(raw/'remap.bed.gz', 3, 'chr1\t500\t700\tpeak\t0\t.\t600\t601\t0,0,0')
    refused(raw, "the name 'peak' does not say which TF")


def test_sheets(raw):
    peaks = raw/'own'
    peaks.mkdir()
    table = pd.read_csv(raw/'remap.bed.gz', sep='\t', header=None)
    jund = table[table[3].str.contains('.JUND.', regex=False)]
    narrow = jund.assign(n='.', p=-1)[[0, 1, 2, 'n', 4, 5, 4, 4, 4, 'p']]
    narrow.to_csv(peaks/'a.narrowPeak', sep='\t', header=False, index=False)
    refused(raw, 'give --tf, or a sheet', peaks=peaks)
    (peaks/'sheet.tsv').write_text('file\ttf\tbiosample\tnotes\na.narrowPeak\tJUND\tHepG2\tfine\n')
    expected = built(raw)['JUND'].X
    (raw.parent/'m.h5ad').unlink()
    assert (built(raw, peaks=peaks, tfbs=raw/'unibind')['JUND'].X == expected).all()
    (raw.parent/'m.h5ad').unlink()
    (peaks/'sheet.tsv').write_text('file\ttf\tbiosample\na.narrowPeak\t\tHepG2\n')
    refused(raw, 'sheet.tsv: row 1 names no TF', peaks=peaks)
    (peaks/'sheet.tsv').write_text('file\ttf\tbiosample\nb.narrowPeak\tJUND\tHepG2\n')
    refused(raw, 'b.narrowPeak: no such file', peaks=peaks)
    (peaks/'sheet.tsv').write_text('file\ttf\tbiosample\n')
    refused(raw, 'no file in this sheet', peaks=peaks)
    (peaks/'sheet.tsv').write_text('file\ttf\tbiosample\na.narrowPeak\tJUND\tHepG2\n')
    shutil.copy(peaks/'sheet.tsv', peaks/'other.tsv')
    refused(raw, 'several sheets, other.tsv, sheet.tsv', peaks=peaks)
    for path in peaks.iterdir(): path.unlink()
    refused(raw, 'no .bed or .narrowPeak file in this folder', peaks=peaks)


def test_dnase_clusters_need_their_sources(raw):
    rows = [o.split('\t') for o in text(raw/'dhs.bed.gz').splitlines()]
    ids = dict(K562='7', HepG2='0')
    def cluster(c, s, e, b):
        open_in = b.split(',')
        sources, scores = ''.join(ids[o] + ',' for o in open_in), '900,' * len(open_in)
        return '\t'.join(map(str, (585, c, s, e, len(open_in), 1000, len(open_in), sources, scores))) + '\n'
    rewrite(raw/'dnase.txt.gz', ''.join(cluster(*r) for r in rows))
    (raw/'sources.txt').write_text('0\tHepG2\n7\tK562\n')
    expected = built(raw)
    (raw.parent/'m.h5ad').unlink()
    refused(raw, '--sources must give', regions=raw/'dnase.txt.gz')
    refused(raw, 'not a table of source ids', regions=raw/'dnase.txt.gz', options=['--sources', raw/'blacklist.bed'])
    assert (built(raw, '--sources', raw/'sources.txt', regions=raw/'dnase.txt.gz').X == expected.X).all()


@pytest.mark.parametrize('options, words', [
    (['--assayed', 'tbfs'], 'did you mean tfbs'), (['--peak-overlap', 'half'], "no answer 'half'"),
    (['--width', '0'], '--width must be 1 or more'),
    (['--chroms', 'chr77'], "no contig 'chr77'"), (['--rename-biosamples', 'none.tsv'], 'none.tsv: no such file')])
def test_bad_options(raw, options, words): refused(raw, words, options=options)


def test_what_is_needed(raw):
    for name in ('regions', 'peaks', 'genome'): refused(raw, f'--{name} must be given', **{name: None})


def test_a_genome_without_index_in_a_read_only_folder(raw):
    expected = built(raw)
    (raw.parent/'m.h5ad').unlink()
    (raw/'genome.fa.fai').unlink()
    (raw/'ro').mkdir()
    shutil.move(raw/'genome.fa', raw/'ro')
    mounted = subprocess.run(['mount', '--bind', '-o', 'ro', raw/'ro', raw/'ro'], capture_output=True)
    if mounted.returncode: pytest.skip('may not mount a read-only folder')
    try:
        with pytest.raises(OSError): (raw/'ro'/'a').touch()
        assert (built(raw, genome=raw/'ro'/'genome.fa').X == expected.X).all()
        assert [p.name for p in (raw/'ro').iterdir()] == ['genome.fa']
    finally: subprocess.run(['umount', '-l', raw/'ro'], check=True)


def test_never_overwrites(raw):
    built(raw)
    refused(raw, 'exists already')
