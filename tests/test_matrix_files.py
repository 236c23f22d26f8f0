"Matrices as other people's AnnData leaves them: read right, or refused in one line that says what to do"
import h5py
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csc_matrix, csr_matrix

from tf_transfer.core import UserError
from tf_transfer.matrix.simulate import simulate
from tf_transfer.matrix.splits import by_chrom
from tf_transfer.matrix.states import check_matrix, fingerprint, read_matrix, read_states, write_matrix
from tf_transfer.model.networks import SmallCNN
from tf_transfer.study.folder import open_study
from tf_transfer.study.plan import Study
from tf_transfer.train.learners import binding_learner

WORLD = simulate(n_regions=60, seed=1)


def changed(column, value):
    def change(m): m.var[column] = value(m.var[column])
    return change


def first(value):
    return lambda column: [value, *column.tolist()[1:]]


def with_x(func):
    def change(m): m.X = func(m.X)
    return change


def with_sequences(func):
    def change(m): m.varm['sequence'] = func(m.varm['sequence'])
    return change


REFUSED = {
    'sparse rows': (with_x(csr_matrix), 'X is a csr_matrix, .* m.X.toarray.. makes one'),
    'sparse columns': (with_x(csc_matrix), 'X is a csc_matrix'),
    'floats': (with_x(lambda x: x.astype(np.float32)), "not float32; m.X = m.X.astype.'int8'."),
    'sparse sequences': (with_sequences(csr_matrix), 'sequence.* is a csr_matrix, not a NumPy array'),
    'starts of text': (changed('start', lambda s: s.astype(str)), "var.'start'. must hold whole numbers"),
    'starts between bases': (changed('start', lambda s: s+0.5), "var.'start'. must hold whole numbers"),
    'categorical ends': (changed('end', lambda s: pd.Categorical(s)), "var.'end'. must hold whole numbers; it is"),
    'no start': (changed('start', first(np.nan)), 'region 1 is chr1:nan-.*it needs a name'),
    'below 0': (changed('start', first(-5)), 'region 1 is chr1:-5-'),
    'no contig': (changed('chrom', first(np.nan)), 'region 1 is nan:'),
}


@pytest.mark.parametrize('what', REFUSED)
def test_refused_in_one_line(tmp_path, what):
    change, says = REFUSED[what]
    m = WORLD.matrix()
    change(m)
    m.write_h5ad(tmp_path/'m.h5ad')
    with pytest.raises(UserError, match=f'm.h5ad is not a binding matrix: .*{says}') as e:
        read_matrix(tmp_path/'m.h5ad')
    assert '\n' not in str(e.value)


def test_sequences_in_a_table():
    m = WORLD.matrix()
    m.varm['sequence'] = pd.DataFrame(m.varm['sequence'], m.var_names)
    with pytest.raises(UserError, match='is a DataFrame, not a NumPy array'): check_matrix(m)


def test_other_kinds_that_are_the_same(tmp_path):
    m = WORLD.matrix()
    m.var['chrom'], m.var['start'] = m.var.chrom.astype(str), m.var.start.astype(float)
    m.X, m.layers['more'], m.uns['width'] = np.asfortranarray(m.X), m.X.copy(), float(m.uns['width'])
    m.write_h5ad(tmp_path/'m.h5ad')
    assert fingerprint(read_matrix(tmp_path/'m.h5ad')) == fingerprint(WORLD.matrix())


def test_other_hdf5_files(tmp_path):
    "As 10x and loom write them; and the states alone of a sparse matrix"
    with h5py.File(tmp_path/'m.h5', 'w') as f: f['matrix/data'] = np.arange(5)
    with pytest.raises(UserError, match='no .h5ad file: it has no obs and var, but matrix'):
        read_matrix(tmp_path/'m.h5')
    m = WORLD.matrix()
    m.X = csr_matrix(m.X)
    m.write_h5ad(tmp_path/'m.h5ad')
    with pytest.raises(UserError, match='its X is no array'): read_states(tmp_path/'m.h5ad', [m.obs_names[0]])


def test_a_part_of_a_saved_matrix_is_other_data(tmp_path):
    "On the card of a model, and to a study; so is one whose states were changed"
    write_matrix(WORLD.matrix(), tmp_path/'m.h5ad')
    whole = read_matrix(tmp_path/'m.h5ad')
    part, changed_states = whole[:6].copy(), whole.copy()
    changed_states.X[0, :9] = 0
    split = by_chrom(whole, ['chr5'], ['chr6'])
    of = {o: binding_learner(m, split, complete=False, arch=SmallCNN).model.card.data
          for o, m in dict(whole=whole, part=part, changed=changed_states).items()}
    assert of == dict(whole=fingerprint(whole), part=fingerprint(part), changed=fingerprint(changed_states))
    assert len({*of.values()}) == 3


def test_a_study_of_a_file_that_anndata_wrote(tmp_path):
    "It may have no fingerprint, or that of a matrix it was cut out of"
    write_matrix(WORLD.matrix(), tmp_path/'m.h5ad')
    study = Study('part', matrix=str(tmp_path/'part.h5ad'), targets=('JUND',), n_peaks=(10,), strategies=('probe',),
                  members=2, valid=('chr5',), test=('chr6',))
    whole = read_matrix(tmp_path/'m.h5ad')
    whole[:, :50].copy().write_h5ad(tmp_path/'part.h5ad')
    begun = open_study(study, tmp_path/'study')
    assert begun.fingerprint == fingerprint(read_matrix(tmp_path/'part.h5ad'))
    other = whole[:, 10:].copy()
    other.write_h5ad(tmp_path/'part.h5ad')
    with pytest.raises(UserError, match='other data'): open_study(study, tmp_path/'study')
    del other.uns['fingerprint']
    other.write_h5ad(tmp_path/'part.h5ad')
    with pytest.raises(UserError, match='other data'): open_study(study, tmp_path/'study')
