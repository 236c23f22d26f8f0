"What each base adds, as a track: each base has one value, and what cannot be read has none"
import numpy as np
import pandas as pd
import pytest
import torch

from tf_transfer.core import UserError
from tf_transfer.genome.dna import Genome, encode
from tf_transfer.interpret.attribution import mutagenesis
from tf_transfer.interpret.contributions import contributions_along, write_contributions
from tf_transfer.model.networks import MotifNet
from tf_transfer.model.tracks import stretches
from tf_transfer.motifs.pwm import jaspar

rng = np.random.default_rng(0)
SEQS = {k: ''.join(rng.choice(list('ACGT'), n)) for k, n in dict(chr2=300, chr1=400, tiny=20).items()}
SEQS['chr1'] = SEQS['chr1'][:350] + 'N' + SEQS['chr1'][351:]


@pytest.fixture(scope='module')
def net():
    torch.manual_seed(0)
    return MotifNet(1, 40, jaspar('JUND'), hidden=(4, 4)).eval()


@pytest.fixture(scope='module')
def genome(tmp_path_factory):
    path = tmp_path_factory.mktemp('genome')/'g.fa'
    path.write_text(''.join(f'>{k}\n{s}\n' for k, s in SEQS.items()))
    return Genome(path)


INTERVALS = [('chr1', 0, 12), ('chr1', 100, 150), ('chr1', 140, 180), ('chr1', 330, 350), ('chr2', 290, 300),
             ('tiny', 2, 9), ('chrUn', 1, 9), ('chr2', 250, 301)]


def test_a_bigwig_of_contributions(net, genome, tmp_path):
    pyBigWig = pytest.importorskip('pyBigWig')
    (tmp_path/'a.bed').write_text(''.join('\t'.join(map(str, r)) + '\n' for r in INTERVALS))
    n, skipped = write_contributions(net, tmp_path/'a.bed', genome, tmp_path/'o.bw')
    assert sum(skipped.count.values()) == 4 and n == 12 + 80 + 10
    with pyBigWig.open(str(tmp_path/'o.bw')) as f:
        assert f.header()['nBasesCovered'] == n
        first = mutagenesis(net, encode(SEQS['chr1'][:40])[None]).actual[0]
        assert np.allclose(f.values('chr1', 0, 12), first[:12], atol=1e-5)
        last = mutagenesis(net, encode(SEQS['chr2'][260:])[None]).actual[0]
        assert np.allclose(f.values('chr2', 290, 300), last[30:], atol=1e-5)
        assert np.isnan(f.values('chr1', 330, 350)).all() and np.isfinite(f.values('chr1', 100, 180)).all()


def test_each_base_is_of_the_window_whose_middle_is_nearest(net, genome):
    where = pd.DataFrame([('chr1', 100, 180)], columns=['chrom', 'start', 'end'])
    (_, start, values, _), = contributions_along(net, where, genome, bs=1)
    windows = {a: mutagenesis(net, encode(SEQS['chr1'][a:a+40])[None]).actual[0] for a in (100, 120, 140)}
    nearest = [min(windows, key=lambda a: (abs(a+20-p-0.5), a)) for p in range(100, 180)]
    assert np.allclose(values, [windows[a][p-a] for a, p in zip(nearest, range(100, 180))], atol=1e-5)


@pytest.mark.parametrize('text', ['', '# nothing\n', 'track name=x\n', '\n\n', 'chrom\tstart\tend\n'])
def test_a_file_without_intervals(net, genome, tmp_path, text):
    (tmp_path/'a.bed').write_text(text)
    for read in (lambda: write_contributions(net, tmp_path/'a.bed', genome, tmp_path/'o.bw'),
                 lambda: stretches(genome, 40, 10, tmp_path/'a.bed')):
        with pytest.raises(UserError, match='a.bed: no interval in it'): read()


def test_nothing_to_say(net, genome, tmp_path):
    (tmp_path/'a.bed').write_text('chr1\t345\t355\n')
    with pytest.raises(UserError, match='no base has a value; 1 skipped: with unknown bases'):
        write_contributions(net, tmp_path/'a.bed', genome, tmp_path/'o.png')
    assert [p.name for p in tmp_path.iterdir()] == ['a.bed']


def test_exchanged_letters_share_what_is_read(net):
    "As each sequence by itself says, for both strands"
    from tf_transfer.model.networks import TargetNet
    from tf_transfer.model.predict import logits
    torch.manual_seed(1)
    own = TargetNet(1, 40, 'MotifNet', net.args, jaspar('JUND')).eval()
    own.kmers.weight.normal_()
    codes = encode(SEQS['chr1'][:80]).reshape(2, 40)
    for model in (net, own):
        each = np.repeat(codes[:, None, None], 4, 1).repeat(40, 2)
        for b in range(4): each[:, b, range(40), range(40)] = b
        said = logits(model, each.reshape(-1, 40))[:, 0].reshape(2, 4, 40)
        found = mutagenesis(model, codes).hypothetical
        assert np.allclose(found, said - said.mean(1, keepdims=True), atol=1e-4) and np.abs(found).max() > 1e-3
