"The lines of code in the README run as they stand"
import re
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

from tf_transfer.core import same_name
from tf_transfer.model.saving import load_model, pretrained

readme = (Path(__file__).parent.parent/'README.md').read_text()


def test_the_cpu_build_stays():
    "fastai needs torchvision: where that comes later, from PyPI, it replaces torch by the one for GPUs"
    lines = re.findall(r'^pip install (.+) --index-url .+/whl/cpu$', readme, re.M)
    assert [sorted(o.split()) for o in lines] == [['torch', 'torchvision']]


def test_readme_lines(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code = re.search(r'```python\n(.+?)```', readme, re.S)[1]
    names, out = {}, StringIO()
    with redirect_stdout(out): exec(code, names)
    fitted, told = names['fitted'], out.getvalue()
    assert told.startswith('this model, in AUPRC: ') and 'all of these, stacked' in told
    assert not same_name(fitted.target.tf, pretrained().card.tfs), 'the released model knows the TF of the example'
    assert load_model('simulated.safetensors').card.training['test']['auprc'] == fitted.scores.auprc['this model']
