"What looks inside a network: agreement with other implementations, and no finding where there is nothing to find"
import numpy as np
import pytest
import torch
from torch import nn
from tf_transfer.interpret.attribution import deep_lift
from tf_transfer.core import UserError
from tf_transfer.genome.dna import one_hot
from tf_transfer.interpret.filters import correctly_predicted, filter_pwms
from tf_transfer.interpret.nulls import known_filters, shuffled
from tf_transfer.model.networks import DanQ, MotifKmerNet, MotifNet, PaperCNN, ShallowCNN, TargetNet
from tf_transfer.motifs.files import read_meme, write_meme
from tf_transfer.motifs.pwm import PWM, jaspar
from tf_transfer.motifs.tomtom import tomtom

rng = np.random.default_rng(0)
codes = rng.integers(0, 4, (400, 200)).astype(np.uint8)

def a_network(arch, **kw):
    "With weights, biases and running statistics that differ from layer to layer"
    torch.manual_seed(0)
    net = arch(1, **kw).train()
    with torch.no_grad():
        for _ in range(5): net(one_hot(codes[:64]))
    return net.eval()

def references(n, copies): return one_hot(shuffled(codes[:n], copies, 3)).view(n, copies, 4, 200)

def captums(net, i, refs):
    "Letters and convergence delta by captum"
    captum = pytest.importorskip("captum.attr")
    letters, delta = captum.DeepLiftShap(net).attribute(one_hot(codes[i:i+1]), refs[i], target=0, return_convergence_delta=True)
    return letters.sum(1)[0].detach().numpy(), delta.abs().max().item()

@pytest.mark.filterwarnings("ignore:Setting forward")
def test_deep_lift_agrees_with_captum():
    net, refs = a_network(ShallowCNN), references(4, 5)
    net.first[3], net.middle[0][3] = nn.AvgPool1d(10), nn.AvgPool1d(4)
    ours = deep_lift(net, codes[:4], n_references=5, seed=3).actual
    theirs = np.stack([captums(net, i, refs)[0] for i in range(4)])
    assert np.abs(ours).max() > 1e-4
    np.testing.assert_allclose(ours, theirs, atol=1e-4*np.abs(theirs).max())

@pytest.mark.filterwarnings("ignore:Setting forward")
def test_where_they_differ_ours_adds_up():
    "Captum's rule for max-pooling loses a part of the difference"
    net, refs = a_network(PaperCNN), references(2, 5)
    ours = deep_lift(net, codes[:2], n_references=5, seed=3)
    assert np.abs(ours.delta).max() < 1e-5 < 1e-3 < captums(net, 0, refs)[1]

def test_deep_lift_is_tangermeme():
    from tangermeme.deep_lift_shap import deep_lift_shap
    net, refs = a_network(ShallowCNN), references(6, 4)
    direct = deep_lift_shap(net, one_hot(codes[:6]), references=refs, hypothetical=True, device="cpu").detach().numpy()
    np.testing.assert_allclose(deep_lift(net, codes[:6], n_references=4, seed=3).hypothetical, direct, atol=1e-6)

@pytest.mark.parametrize("arch,kw", [(ShallowCNN, {}), (PaperCNN, {}), (DanQ, {}), (MotifNet, dict(motifs=jaspar("SPI1")+jaspar("MAX"))), (MotifKmerNet, dict(motifs=jaspar("SPI1")+jaspar("MAX")))])
def test_letters_add_up_to_the_prediction(arch, kw):
    a = deep_lift(a_network(arch, **kw), codes[:5], n_references=4)
    assert np.abs(a.delta).max() < 1e-2*np.abs(a.actual).sum(1).min()

def test_nothing_is_found_in_an_untrained_network():
    assert not known_filters(a_network(ShallowCNN), codes, quantile=0.9, nulls=1, seed=5)[1].found.any()

def test_gradients_do_not_pass_k_mers():
    net = TargetNet(1, 200, "MotifNet", MotifNet(1, motifs=jaspar("SPI1")).args, jaspar("MAX"))
    with pytest.raises(UserError, match="use mutagenesis"): deep_lift(net, codes[:2])

def test_too_few_correct_predictions():
    net = a_network(ShallowCNN)
    with torch.no_grad(): net.head.bias[:] = 50
    with pytest.raises(UserError, match="only 0 of 400 sequences are predicted correctly"): correctly_predicted(net, codes, np.zeros(400))

def test_flat_motifs_are_left_out():
    flat = PWM("flat", np.full((4, 12), 25.), n_sites=100)
    with pytest.raises(UserError, match="none of the 1 motifs"): tomtom([flat])
    assert tomtom([flat, jaspar("SPI1")[0]], top=1).motif.tolist()==[1]

def test_filters_survive_a_meme_file(tmp_path):
    pwms = filter_pwms(a_network(ShallowCNN), codes, quantile=0.9)
    write_meme(pwms, tmp_path/"filters.meme")
    again = read_meme(tmp_path/"filters.meme")
    assert [p.n_sites for p in again]==[p.n_sites for p in pwms]
    for p,q in zip(pwms, again): np.testing.assert_allclose(p.counts/p.counts.sum(0), q.counts/q.counts.sum(0), atol=1e-5)
