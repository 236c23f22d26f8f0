"The lines of code in the README run, on a small simulated matrix instead of the real one"
import re
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

from tf_transfer.matrix.simulate import simulate
from tf_transfer.matrix.states import write_matrix


def test_readme_lines(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_matrix(simulate(n_regions=4400, n_chroms=22, seed=1).matrix(), 'hg38.h5ad')
    code = re.search(r'```python\n(.+?)```', (Path(__file__).parent.parent/'README.md').read_text(), re.S)[1]
    small = {'HNF4A': 'JUND', 'best_resolved(m, 50)': 'best_resolved(m, 5)', '(8, 3e-3)': '(1, 3e-3)',
             'n_pos=500': 'n_pos=50', '(10, 3e-4)': '(1, 3e-4)'}
    for big in small:
        assert big in code
        code = code.replace(big, small[big])
    names = {}
    with redirect_stdout(StringIO()): exec(code, names)
    assert names['tuned'].model.card.tfs == ['JUND']
    assert names['target'].train.n_pos + names['target'].valid.n_pos == 50
