"Matrices as other people's AnnData leaves them: read right, or refused in one line that says what to do"
import h5py
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csc_matrix, csr_matrix

from tf_transfer.core import UserError
from tf_transfer.matrix.simulate import simulate
from tf_transfer.matrix.states import check_matrix, fingerprint, read_matrix, read_states

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
