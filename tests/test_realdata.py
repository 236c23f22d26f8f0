"On the published data, in the folder named by TF_TRANSFER_DATA"
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tf_transfer.core import data_folder, reading
from tf_transfer.genome.dna import Genome, decode
from tf_transfer.matrix.groups import best_resolved, cosine
from tf_transfer.matrix.published import import_published
from tf_transfer.matrix.states import read_matrix, read_npz
from tf_transfer.genome.formats import read_bed
from tf_transfer.genome.regions import region_names

pytestmark = pytest.mark.realdata
published_cosines = dict(SP1=0.349809, MAFG=0.307209, MAFF=0.268983, NFIC=0.253942, CEBPB=0.245328)


@pytest.fixture(scope='module')
def imported(tmp_path_factory):
    "The matrix, imported by the command; with its memory in GB"
    data, out = data_folder(), tmp_path_factory.mktemp('real')/'m.h5ad'
    subprocess.run([Path(sys.executable).parent/'tft-import', out, '--states', data/'binding_states.npz',
                    '--regions', data/'regions_hg38_200bp.bed.gz', '--fasta', data/'regions_hg38_200bp.fa.gz'],
                   check=True)
    return out, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss/1e6


def test_import_is_small(imported):
    out, memory = imported
    assert memory < 3 and out.stat().st_size < 80e6


def test_import_is_exact(imported):
    m = read_matrix(imported[0])
    states, tfs = read_npz(data_folder()/'binding_states.npz', 'states', 'tfs')
    assert list(m.obs_names) == list(tfs)
    assert (m.X == states).all()
    with reading(data_folder()/'regions_hg38_200bp.fa.gz') as f:
        letters = [line.strip() for line in f if not line.startswith('>')]
    assert m.n_vars == len(letters)
    assert all(decode(m.varm['sequence'][i]) == letters[i] for i in range(0, m.n_vars, 1000))
    assert (m.varm['sequence'] == 4).sum() == sum(o.count('N') for o in letters)


def test_the_genome_gives_the_same_sequences(imported):
    m, raw = read_matrix(imported[0]), data_folder()/'raw_chr22'
    regions = read_bed(raw/'dhs.bed.gz')
    rows = m.var_names.get_indexer(region_names(regions))
    assert (rows >= 0).all()
    assert (Genome(raw/'chr22.fa.gz').sequences(regions) == m.varm['sequence'][rows]).all()


def test_the_paper_pretrained_without_spi1_and_hnf4a(imported):
    best = best_resolved(read_matrix(imported[0]), 50)
    assert {'JUND', 'MAX', 'SP1'} < set(best) and not {'SPI1', 'HNF4A'} & set(best)


def test_the_authors_own_files_give_the_same_states():
    data = data_folder()
    m = import_published(data/'published', data/'regions_hg38_200bp.bed.gz', data/'regions_hg38_200bp.fa.gz')
    states, tfs = read_npz(data/'binding_states.npz', 'states', 'tfs')
    assert list(m.obs_names) == ['HNF4A', 'MAFF']
    assert (m.X == states[[list(tfs).index(o) for o in m.obs_names]]).all()


def test_cosines_of_jund_over_the_whole_genome():
    states, tfs = read_npz(data_folder()/'binding_states_genome.npz', 'states', 'tfs')
    jund = dict(zip(tfs, cosine(states)[list(tfs).index('JUND')]))
    assert {k: round(float(jund[k]), 6) for k in published_cosines} == published_cosines
