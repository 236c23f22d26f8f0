"Files from strangers: loading never runs what is in them"
import json
import os
import pickle

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tf_transfer.core import UserError
from tf_transfer.genome.dna import one_hot
from tf_transfer.matrix.published import read_index
from tf_transfer.model.networks import ARCHS, ShallowCNN, TargetNet
from tf_transfer.model.saving import load_model
from tf_transfer.motifs.kmers import gap_patterns


class Bomb:
    "Leaves a file behind when it is unpickled"
    def __init__(self, mark): self.mark = str(mark)
    def __reduce__(self): return os.mkdir, (self.mark,)


def header(**changes):
    card = dict(arch='ShallowCNN', width=200, tfs=['JUND'], seed=0, data='', genome='', regions={},
                format='tf_transfer 1')
    return {'tf_transfer': json.dumps(card | changes)}


def test_the_bomb_works(tmp_path):
    pickle.loads(pickle.dumps(Bomb(tmp_path/'mark')))
    assert (tmp_path/'mark').exists()


@pytest.mark.parametrize('write', [pickle.dump, torch.save], ids=['pickle', 'torch'])
def test_a_pickle_called_safetensors(tmp_path, write):
    with open(tmp_path/'m.safetensors', 'wb') as f: write(Bomb(tmp_path/'mark'), f)
    with pytest.raises(UserError, match='not a .safetensors file'): load_model(tmp_path/'m.safetensors')
    assert not (tmp_path/'mark').exists()


@pytest.mark.parametrize('changes', [
    dict(arch='__import__("os").mkdir("mark")'), dict(arch='os.mkdir'), dict(arch=['ShallowCNN']), dict(tfs=7),
    dict(width='200'), dict(width=5), dict(width=10**9), dict(regions={'chr1': 'mark'}), dict(regions=7),
    dict(surprise=1), dict(tfs=['A', 'B']), dict(version={}, arch='PaperCNN'),
])
def test_a_crafted_header(tmp_path, monkeypatch, changes):
    monkeypatch.chdir(tmp_path)
    save_file(ShallowCNN(1).state_dict(), tmp_path/'m.safetensors', header(**changes))
    with pytest.raises(UserError) as e: load_model(tmp_path/'m.safetensors')
    assert '\n' not in str(e.value)
    assert [p.name for p in tmp_path.iterdir()] == ['m.safetensors']


def test_a_header_that_is_no_json(tmp_path):
    save_file(ShallowCNN(1).state_dict(), tmp_path/'m.safetensors', {'tf_transfer': 'cos\nsystem'})
    with pytest.raises(UserError): load_model(tmp_path/'m.safetensors')


def test_the_uncrafted_header_loads(tmp_path):
    for arch in ARCHS.values():
        save_file(arch(1).state_dict(), tmp_path/'m.safetensors', header(arch=arch.__name__))
        assert type(load_model(tmp_path/'m.safetensors')) is arch


@pytest.mark.parametrize('content, names', [
    (lambda mark: Bomb(mark), 'mkdir'), (lambda mark: {'A': Bomb(mark)}, 'mkdir'),
    (lambda mark: {'A': np.zeros(2)}, 'numpy'), (lambda mark: {'A': 1.5}, 'not a dictionary'),
    (lambda mark: [1, 2], 'not a dictionary'), (lambda mark: {1: 2}, 'not a dictionary'),
])
def test_indices_hold_names_and_whole_numbers_only(tmp_path, content, names):
    (tmp_path/'tfs.pickle').write_bytes(pickle.dumps(content(tmp_path/'mark')))
    with pytest.raises(UserError, match=names): read_index(tmp_path/'tfs.pickle')
    assert not (tmp_path/'mark').exists()


@pytest.mark.parametrize('protocol', range(pickle.HIGHEST_PROTOCOL+1))
def test_indices_of_every_protocol(tmp_path, protocol):
    (tmp_path/'tfs.pickle').write_bytes(pickle.dumps({'HNF4A': 0, 'MAFF': np.int64(3), 'SP1': np.int32(7)}, protocol))
    assert read_index(tmp_path/'tfs.pickle') == {'HNF4A': 0, 'MAFF': 3, 'SP1': 7}


def test_weights_of_gapped_words_become_weights_of_kmers(tmp_path):
    body = dict(arch='MotifNet', args=dict(motifs=[11], hidden=(4, 4)), motifs=[9])
    net = TargetNet(1, 200, body['arch'], body['args'], body['motifs'])
    of_words = torch.randn(28, 4096)
    meta = header(arch='TargetNet', args=body | dict(direct=False, learned=0))
    save_file(net.state_dict() | {'kmers.weight': of_words}, tmp_path/'m.safetensors', meta)
    codes = np.random.default_rng(0).integers(0, 4, (3, 200)).astype(np.uint8)
    words = np.lib.stride_tricks.sliding_window_view(codes, 8, 1).astype(int)
    added = sum(of_words[i][words[..., p]@4**np.arange(6)].sum(1) for i, p in enumerate(gap_patterns()))
    assert torch.allclose(load_model(tmp_path/'m.safetensors').kmers(one_hot(codes))[:, 0], added, atol=1e-3)
