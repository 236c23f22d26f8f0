"Odd but valid input is read without a warning of pandas, NumPy or anndata: none stands among what commands print"
import gzip
import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from tf_transfer.core import UserError
from tf_transfer.genome.dna import Genome, read_fasta
from tf_transfer.genome.formats import read_bed
from tf_transfer.genome.datasets import interval_files
from tf_transfer.matrix.build import build_matrix, build_report
from tf_transfer.matrix.groups import Group, buried, cobinding, cofactors, string_partners
from tf_transfer.matrix.inputs import read_pairs, read_sources
from tf_transfer.matrix.published import published_regions, published_states, read_index
from tf_transfer.matrix.states import (
    binding_matrix, by_biosample, import_states, read_matrix, read_states, summary, write_matrix,
)
from tf_transfer.model.networks import MotifNet
from tf_transfer.model.tables import predict_bed, predict_fasta
from tf_transfer.model.variants import predict_vcf
from tf_transfer.motifs.files import read_motifs
from tf_transfer.motifs.pwm import jaspar
from tf_transfer.study.plan import Study
from tf_transfer.study.folder import open_study
import tf_transfer.study.runs     # noqa: F401 (adds StudyFolder.record)

ANNDATA = "ignore:The 'future.infer_string' option is deprecated"     # anndata 0.13 asks pandas 3 for it
pytestmark = [pytest.mark.filterwarnings('error'), pytest.mark.filterwarnings(ANNDATA)]
WIDTH = 40
rng = np.random.default_rng(0)
SEQS = {k: ''.join(rng.choice(list('ACGTN'), 800, p=[.3, .2, .2, .28, .02])) for k in ('chr1', 'chr2', '3')}


@pytest.fixture
def folder(tmp_path):
    (tmp_path/'g.fa').write_text(''.join(f'>{k}\n{s}\n' for k, s in SEQS.items()))
    return tmp_path


@pytest.mark.parametrize('asked, seen', [([], 0), (['-W', 'default'], 1)])
def test_a_deprecation_that_users_can_do_nothing_about_is_for_developers(asked, seen):
    "torch.jit.script, which fastai calls on import; torch says it as a FutureWarning since 2.14"
    says = "import tf_transfer, warnings; warnings.warn('`torch.jit.script` is deprecated. ...', FutureWarning)"
    done = subprocess.run([sys.executable, *asked, '-c', says], capture_output=True, text=True)
    assert (done.returncode, done.stderr.count('FutureWarning:')) == (0, seen)


def put(folder, name, text):
    path = folder/name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith('.gz') else text.encode())
    return path


BEDS = {
    'names that are numbers, and not': ''.join(f'chr1\t{i}\t{i+9}\t{i if i % 2 else "x"}\n' for i in range(300)),
    'names that are missing': 'chr1\t1\t9\tNA\nchr1\t3\t9\tnan\nchr1\t5\t9\t\n',
    'contigs that are numbers, and not': '3\t1\t9\nchr1\t3\t9\n3\t5\t9\n',
    'odd scores': 'chr1\t1\t9\ta\tinf\t+\nchr1\t3\t9\tb\tnan\t-\nchr1\t3\t9\tc\t1e400\t.\n',
    'narrowPeak without summits': 'chr1\t1\t9\t.\t0\t.\t-1\t-1\t-1\t-1\nchr1\t3\t9\t.\t0\t.\tnan\tinf\t.\t4\n',
    'one row': 'chr1\t1\t9\n', 'Windows': 'chr1\t1\t9\r\nchr2\t3\t9\r\n', 'tracks': 'track name=x\n#a\nchr1\t1\t9\n\n',
    'large numbers': 'chr1\t1\t9\n3\t2000000000\t2000000009\n'}


@pytest.mark.parametrize('kind', BEDS)
@pytest.mark.parametrize('suffix', ['bed', 'bed.gz'])
def test_intervals(folder, kind, suffix):
    path = put(folder, f'a.{suffix}', BEDS[kind])
    assert len(read_bed(path)) and len(interval_files(path, tf='JUND'))


def test_sheets_and_names(folder):
    put(folder, '1.bed', BEDS['one row'])
    sheet = put(folder, 'sheet.tsv', 'file\ttf\tbiosample\n1.bed\t1\tNA\n1.bed\tTRUE\t1.0\n')
    assert [f.dataset for f in interval_files(sheet)] == [('1', 'NA'), ('TRUE', '1.0')]
    assert read_sources(put(folder, 'sources.txt', '0\tK562\n1\tNA\n')) == {'0': 'K562', '1': 'NA'}
    assert read_pairs(put(folder, 'pairs.txt', '1\tNA\nTRUE\t2\n')) == {'1': 'NA', 'TRUE': '2'}


def small_matrix(states=None, tfs=('JUND', 'NA', '1')):
    states = np.array([[3, 1, 0, 2, 3]]*3) if states is None else states
    n = states.shape[1]
    regions = pd.DataFrame(dict(chrom=['chr1', '3']*n, start=range(0, 40*n, 20), end=range(40, 40*n+40, 20)))[:n]
    return binding_matrix(states, list(tfs), regions, rng.integers(0, 5, (n, 40)).astype(np.uint8), 'toy', ['x'])


@pytest.mark.parametrize('states', [None, np.zeros((3, 5), int), np.full((3, 5), 3), np.eye(3, 5, dtype=int)*3],
                         ids=['mixed', 'nothing known', 'all bound', 'one bound'])
def test_matrices(folder, states):
    m = small_matrix(states)
    write_matrix(m, folder/'m.h5ad')
    m = read_matrix(folder/'m.h5ad')
    assert list(m.obs_names) == ['JUND', 'NA', '1'] and read_states(folder/'m.h5ad', ['NA']).shape == (1, 5)
    assert len(summary(m)) == 3 and len(cobinding(m, 'NA')) == 2
    with pytest.raises(UserError, match='has not kept its biosamples'): by_biosample(m)


@pytest.mark.parametrize('states', [None, np.zeros((3, 5), int)], ids=['mixed', 'nothing known'])
def test_groups(folder, states, monkeypatch):
    m = small_matrix(states)
    monkeypatch.setattr('tf_transfer.matrix.groups._modes', lambda m, tf, same: [t for t in m.obs_names if t != tf])
    group = cofactors(m, 'JUND', 1)
    for g in (group, group.with_target(), buried(m, group, 1), buried(m, group.with_target(), 0)):
        assert isinstance(g, Group) and g._repr_html_() and repr(g)
    links = put(folder, 'links.txt', 'protein1 protein2 combined_score\n9606.P0 9606.P1 900\n9606.P0 9606.P2 100\n')
    info = put(folder, 'info.txt', '#string_protein_id\tpreferred_name\n9606.P0\tJUND\n9606.P1\tNA\n9606.P2\t1\n')
    for least, tfs in ((400, ['NA']), (0, ['NA', '1']), (1000, [])):
        partners = string_partners(m, 'JUND', 2, links, info, min_score=least)
        assert partners.tfs == tfs and buried(m, partners.with_target(), 1).tfs


def test_state_tables(folder):
    np.savez(folder/'s.npz', states=np.array([[3, 0], [1, 2]], np.int8), tfs=np.array(['NA', '1']))
    bed = put(folder, 'r.bed', 'chr1\t0\t40\tNA\n3\t0\t40\t2\n')
    fasta = put(folder, 'r.fa', f'>chr1:0-40\n{SEQS["chr1"][:40]}\n>3:0-40\n{"N"*40}\n')
    assert import_states(folder/'s.npz', bed, fasta, tell=str).obs_names.tolist() == ['NA', '1']
    bed = put(folder, 'r.bed', 'chr1\t0\t40\t0\n3\t0\t40\t1\n')
    assert published_regions(bed, fasta)[0].name.tolist() == ['0', '1'] and len(read_fasta(fasta)[0]) == 2
    views = np.array([[np.nan, 1, 0, np.nan]]), np.array([[np.nan, 1, 0, 0]])
    assert published_states(*views).tolist() == [0, 3, 1, 2]
    (folder/'i.pickle').write_bytes(pickle.dumps({'a': 0, 'NA': 1}))
    assert read_index(folder/'i.pickle') == {'a': 0, 'NA': 1}


def test_builds(folder):
    regions = put(folder, 'r.bed', 'chr1\t0\t100\t1\nchr1\t300\t360\tNA\n3\t0\t100\tTRUE\nchr1\t799\t800\ty\n')
    put(folder, 'p.bed', 'chr1\t10\t90\nchr1\t700\t710\n')
    put(folder, 'q.bed', 'chrUn\t10\t90\n3\t40\t60\n')
    sheet = put(folder, 'sheet.tsv', 'file\ttf\tbiosample\np.bed\tJUND\t1\nq.bed\tNA\tTRUE\n')
    for more in ({}, dict(keep_biosamples=True, peak_overlap='any')):
        m = build_matrix(regions, sheet, folder/'g.fa', width=WIDTH, **more)
        assert list(m.obs_names) == ['JUND', 'NA'] and build_report(m)
        write_matrix(m, folder/'m.h5ad', force=True)
        assert build_report(read_matrix(folder/'m.h5ad'))


@pytest.fixture(scope='module')
def net(): return MotifNet(1, WIDTH, jaspar('JUND'), hidden=(4, 4)).eval()


def test_predictions(folder, net):
    genome, out = Genome(folder/'g.fa'), folder/'out.tsv'
    beds = dict(BEDS, **{'none in the genome': 'chrUn\t1\t9\n', 'beyond': 'chr1\t5000\t6000\nchr1\t1\t2\n'})
    for kind, text in beds.items():
        try: predict_bed(net, ['NA'], put(folder, 'a.bed', text), genome, out, 60, True)
        except UserError as e: assert 'nothing to predict' in str(e) or kind == 'none in the genome'
    ref = SEQS['chr1'][99].replace('N', 'A')
    for rows in (f'chr1\t100\t.\t{ref}\tC,G\n', f'chr1\t100\tNA\t{ref}\t<DEL>\n',
                 f'chr1\t1\t1\tAC\tA\nchr1\t100\t1\t{ref}\tT\n'):
        try: predict_vcf(net, ['NA'], put(folder, 'a.vcf', '##x\n#CHROM\tPOS\n'+rows), genome, out, 2, True)
        except UserError: pass
    fasta = put(folder, 'a.fa', ''.join(f'>{k}\n{SEQS["3"][:40]}\n' for k in ('NA', '1', 'TRUE', '')))
    assert predict_fasta(net, ['NA'], fasta, out, 3, True)[0] == 4


def test_motif_files(folder):
    rows = '0.25 0.25 0.5 0\n0 0 0 1\n1 0 0 0\n'
    for text in ('>NA\n'+rows, 'MEME version 4\n\nMOTIF 1\nletter-probability matrix:\n'+rows, '>NA 1\n'+rows):
        assert read_motifs(put(folder, 'a', text))[0].counts.sum() == 60


def test_results_of_studies(folder, monkeypatch):
    monkeypatch.setattr('tf_transfer.matrix.groups._modes', lambda m, tf, same: ['NA', '1'])
    write_matrix(small_matrix(), folder/'m.h5ad')
    study = Study('s', ('JUND',), ('random',), members=1, n_peaks=(50,), seeds=2, matrix=str(folder/'m.h5ad'),
                  valid=('chr1',), test=('3',))
    kept, spent = open_study(study, folder/'study'), dict(seconds=1, pretrain_seconds=None)
    for fill in (ValueError('no'), dict(auprc=0.5, auprc_ci=None, **spent),
                 dict(auprc=np.nan, auprc_ci=[0.1, 0.9], **spent)):
        for run in kept.runs[:1]: kept.record(run, fill)
        kept.results(), kept.write_results(), kept.status()
