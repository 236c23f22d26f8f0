"What looks inside a network: agreement with other implementations, and no finding where there is nothing to find"
from contextlib import suppress
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from helpers import Started
from tf_transfer.core import UserError
from tf_transfer.genome.dna import encode, one_hot
from tf_transfer.motifs.files import read_meme, write_meme
from tf_transfer.motifs.pwm import PWM, align, jaspar, vertebrate_profiles
from tf_transfer.motifs.tomtom import motif_sites, tomtom
from tf_transfer.matrix.simulate import simulate
from tf_transfer.matrix.splits import by_chrom, target_set
from tf_transfer.matrix.states import BOUND
from tf_transfer.model.networks import DanQ, MotifKmerNet, MotifNet, PaperCNN, ShallowCNN, TargetNet
from tf_transfer.train.callbacks import silent
from tf_transfer.train.pretraining import pretrain
from tf_transfer.finetune.baselines import DeNovoMotif
from tf_transfer.finetune.strategies import finetune
from tf_transfer.interpret.attribution import Attributions, deep_lift, integrated_gradients, mutagenesis
from tf_transfer.interpret.experiments import ablation, marginal, motif_effects, spacing
from tf_transfer.interpret.filters import activations, correctly_predicted, filter_pwms
from tf_transfer.interpret.influence import influence
from tf_transfer.interpret.nulls import known_filters, shuffled, untrained
from tf_transfer.interpret.patterns import known_patterns, patterns
from tf_transfer.interpret.refinement import drawn_filter, refinement
from tf_transfer.interpret.sections import Look, experiment_section, motif_section

rng = np.random.default_rng(0)
codes = rng.integers(0, 4, (400, 200)).astype(np.uint8)

def a_network(arch, **kw):
    "With weights, biases and running statistics that differ from layer to layer"
    torch.manual_seed(0)
    net = arch(1, **kw).train()
    with torch.no_grad():
        for _ in range(5): net(one_hot(codes[:64, :net.width]))
    return net.eval()

def references(n, copies): return one_hot(shuffled(codes[:n], copies, 3)).view(n, copies, 4, 200)

def captums(net, i, refs):
    "Letters and convergence delta by captum"
    captum = pytest.importorskip("captum.attr")
    letters, delta = captum.DeepLiftShap(net).attribute(
        one_hot(codes[i:i+1]), refs[i], target=0, return_convergence_delta=True)
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

two_motifs = dict(motifs=jaspar("SPI1")+jaspar("MAX"))

@pytest.mark.parametrize("arch,kw", [
    (ShallowCNN, {}), (PaperCNN, {}), (DanQ, dict(width=60)), (MotifNet, two_motifs), (MotifKmerNet, two_motifs)])
def test_letters_add_up_to_the_prediction(arch, kw):
    net = a_network(arch, **kw)
    a = deep_lift(net, codes[:5, :net.width], n_references=4)
    assert np.abs(a.delta).max() < 1e-2*np.abs(a.actual).sum(1).min()

def test_nothing_is_found_in_an_untrained_network():
    assert not known_filters(a_network(ShallowCNN), codes, quantile=0.9, nulls=1, seed=5)[1].found.any()

def test_gradients_do_not_pass_k_mers():
    net = TargetNet(1, 200, "MotifNet", MotifNet(1, motifs=jaspar("SPI1")).args, jaspar("MAX"))
    with pytest.raises(UserError, match="use mutagenesis"): deep_lift(net, codes[:2])

def test_too_few_correct_predictions():
    net = a_network(ShallowCNN)
    with torch.no_grad(): net.head.bias[:] = 50
    with pytest.raises(UserError, match="only 0 of 400 sequences are predicted correctly"):
        correctly_predicted(net, codes, np.zeros(400))

def test_flat_motifs_are_left_out():
    flat = PWM("flat", np.full((4, 12), 25.), n_sites=100)
    with pytest.raises(UserError, match="none of the 1 motifs"): tomtom([flat])
    assert tomtom([flat, jaspar("SPI1")[0]], top=1).motif.tolist()==[1]

def test_filters_survive_a_meme_file(tmp_path):
    pwms = filter_pwms(a_network(ShallowCNN), codes, quantile=0.9)
    write_meme(pwms, tmp_path/"filters.meme")
    again = read_meme(tmp_path/"filters.meme")
    assert [p.n_sites for p in again]==[p.n_sites for p in pwms]
    for p,q in zip(pwms, again):
        np.testing.assert_allclose(p.counts/p.counts.sum(0), q.counts/q.counts.sum(0), atol=1e-5)

def by_hand(n):
    "Attributions in which a site of AP-1 stands out in every sequence"
    c, site, hypothetical = codes[:n].copy(), encode("TGACTCA"), rng.normal(0, 0.01, (n, 4, 200)).astype(np.float32)
    for row,h,start in zip(c, hypothetical, rng.integers(20, 170, n)):
        row[start:start+7] = site
        h[site, start+np.arange(7)] += 1
    return Attributions(c, hypothetical)

spi1, max_ = jaspar("SPI1")[0], jaspar("MAX")[0]
with_site = codes[:12].copy()
with_site[:, 80:80+spi1.width] = encode(spi1.consensus().upper())
READERS = {
    "activations": lambda net: activations(net, codes[:8]),
    "correctly_predicted": lambda net: correctly_predicted(net, codes[:8], np.zeros(8), min_sequences=0),
    "filter_pwms": lambda net: filter_pwms(net, codes[:50], quantile=0.5),
    "known_filters": lambda net: known_filters(net, codes[:60], quantile=0.5, nulls=1),
    "untrained": untrained,
    "influence": lambda net: influence(net, codes[:4]),
    "deep_lift": lambda net: deep_lift(net, codes[:2], n_references=2),
    "delta": lambda net: deep_lift(net, codes[:2], n_references=2).delta,
    "integrated_gradients": lambda net: integrated_gradients(net, codes[:2], n_references=2, steps=3),
    "mutagenesis": lambda net: mutagenesis(net, codes[:1]),
    "known_patterns": lambda net: known_patterns(
        net, codes[:30], attribute=lambda n, c, tf, seed: deep_lift(n, c, n_references=1)),
    "marginal": lambda net: marginal(net, [spi1], codes[:5], scrambles=1),
    "ablation": lambda net: ablation(net, spi1, with_site, repeats=1),
    "spacing": lambda net: spacing(net, spi1, max_, codes[:5], gaps=[0]),
    "refinement": lambda net: refinement(net, net, codes[:50], spi1, quantile=0.5),
    "drawn_filter": lambda net: drawn_filter(net, net, codes[:50], spi1, "filter 0", quantile=0.5),
}

@pytest.mark.parametrize("reader", READERS)
def test_a_model_is_left_as_it_was(reader):
    "Each layer in its mode, running statistics and parameters too; TF-MoDISco finds nothing here"
    net = a_network(ShallowCNN).train()
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm1d): layer.eval()
    modes = lambda: [layer.training for layer in net.modules()]
    before, state = modes(), {k:v.clone() for k,v in net.state_dict().items()}
    with suppress(UserError) if reader=="known_patterns" else suppress(): READERS[reader](net)
    assert modes()==before and any(before) and not all(before)
    assert all(torch.equal(v, state[k]) for k,v in net.state_dict().items())
    assert all(p.grad is None and p.requires_grad for p in net.parameters())

@pytest.mark.parametrize("reader", [o for o in READERS if o!="untrained"])
def test_one_check_of_the_width(reader):
    with pytest.raises(UserError, match="the model reads 60 bp"): READERS[reader](a_network(DanQ, width=60))

def test_patterns_of_letters_that_are_made_by_hand():
    assert "TGACTCA" in patterns(by_hand(120))[0].consensus()

@pytest.mark.parametrize("call", ["compare_motifs(spi1, vertebrate_profiles()[:30])",
                                  "motif_sites(spi1, np.zeros((9, 200), np.uint8))"])
def test_motifs_leave_torch_its_threads(call):
    "numba sets them to its own number when it starts, once in a process: so each call has a process of its own"
    code = f"""import numba, numpy as np, torch
from tf_transfer.motifs.pwm import jaspar, vertebrate_profiles
from tf_transfer.motifs.tomtom import compare_motifs, motif_sites
numba.config.NUMBA_NUM_THREADS = 2
torch.set_num_threads(1)
spi1 = jaspar('SPI1')
{call}
assert numba.threading_layer() and torch.get_num_threads()==1, torch.get_num_threads()"""
    p = Started("-c", code)
    assert p.wait()==0, p.said()

def test_networks_of_motifs_have_no_refinement():
    nets = [a_network(MotifNet, **two_motifs) for _ in range(2)]
    with pytest.raises(UserError, match="is no convolution"): refinement(*nets, codes[:50], spi1)

REPEATS = [encode((unit*200)[:200]) for unit in ("A", "CA", "CAG")]
with_repeats = np.stack([codes[0], *REPEATS, codes[1]])

def test_a_shuffle_is_of_its_sequence_alone():
    "Not of its place in a batch, nor of what stands beside it"
    mixed = shuffled(with_repeats, 10, seed=3).reshape(5, 10, 200)
    for i in range(5): np.testing.assert_array_equal(shuffled(with_repeats[i:i+1], 10, seed=3), mixed[i])
    np.testing.assert_array_equal(mixed[1:4], np.repeat(with_repeats[1:4, None], 10, 1))
    assert len(np.unique(mixed[0], axis=0))==10
    assert (shuffled(codes[:1], 10, seed=4)!=mixed[0]).any()

@pytest.mark.parametrize("method", [deep_lift, integrated_gradients])
@pytest.mark.parametrize("arch,kw", [(ShallowCNN, {}), (MotifKmerNet, two_motifs)])
def test_repeats_among_the_sequences(method, arch, kw):
    "Letters of a sequence without another shuffle add 0; the others get what they get alone"
    net = a_network(arch, **kw)
    few = dict(n_references=2) | (dict(steps=3) if method is integrated_gradients else {})
    a, alone = (method(net, c, **few) for c in (with_repeats, codes[:1]))
    assert not a.actual[1:4].any() and a.actual[0].any() and a.repeats.tolist()==[False, True, True, True, False]
    np.testing.assert_allclose(a.actual[0], alone.actual[0], atol=1e-5)
    assert "3 are repeats with no other shuffle" in repr(a) and "repeats" not in repr(alone)
    assert "3 are repeats" in repr(method(net, with_repeats[1:4], **few))

def test_repeats_in_patterns_and_experiments():
    net = a_network(ShallowCNN)
    a = deep_lift(net, np.tile(REPEATS, (10, 1)), n_references=1)
    with pytest.raises(UserError, match="found no pattern in 30 sequences"): patterns(a)
    assert len(marginal(net, [spi1], np.stack(REPEATS), scrambles=1))==1
    assert ablation(net, spi1, np.concatenate([with_site, REPEATS]), repeats=1)["sequences"]==12

def wide_motif(width):
    return PWM("wide", 100.*np.eye(4)[np.random.default_rng(1).integers(0, 4, width)].T)

def with_wide(motif, n=30, length=60):
    rng = np.random.default_rng(2)
    made = rng.integers(0, 4, (n, length)).astype(np.uint8)
    for row, at in zip(made, rng.integers(0, length-motif.width+1, n)): row[at:at+motif.width] = motif.sample(1, rng)[0]
    return made

@pytest.mark.parametrize("width", [12, 19, 20, 21, 29, 30])
def test_places_elsewhere_share_no_letter_with_a_site(width, monkeypatch):
    "A logit that falls by 1 for each letter of the sites that is another: elsewhere it never does"
    motif = wide_motif(width)
    made = with_wide(motif)
    sites = motif_sites([motif], made)
    alone = ~sites.sequence.duplicated(keep=False)
    made, sites = made[sites.sequence[alone]], sites[alone]
    of_site = np.zeros(made.shape, bool)
    for i, s in enumerate(sites.start): of_site[i, s:s+width] = True
    lost = lambda model, c, both_strands: -((c!=made) & of_site).sum(1, keepdims=True).astype(float)
    monkeypatch.setattr("tf_transfer.interpret.experiments.logits", lost)
    row = ablation(a_network(DanQ, width=60), motif, made)
    assert row["sequences"]==len(made)>20 and row["elsewhere"]==0 and row["high"]<-width/2 and row["beats"]

def test_motifs_that_are_too_wide(tmp_path, monkeypatch):
    monkeypatch.setattr("tf_transfer.interpret.experiments.vertebrate_profiles", lambda: jaspar("SPI1"))
    net, motif = a_network(DanQ, width=60), wide_motif(31)
    made, net.card = with_wide(motif, n=12), SimpleNamespace(tfs=["no TF"])
    with pytest.raises(UserError, match="wide is 31 bp wide, over half of the 60 bp"): ablation(net, motif, made)
    with pytest.raises(UserError, match="61 bp wide, the sequences only 60"): marginal(net, [wide_motif(61)], made)
    effects = motif_effects(net, made, None, [motif, wide_motif(8)])
    assert effects.p[0]==1 and not effects.beats_null[0] and effects.sites[0]==0
    section = experiment_section(Look(net, "no TF", made, len(made)), [motif, wide_motif(61)])
    assert list(section.tables)==["put_in"] and len(section.tables["put_in"])==1
    said = "".join(section.write(tmp_path))
    assert "Not taken out: wide (31 bp). Over half of the 60 bp" in said
    assert "Neither put in nor taken out: wide (61 bp). A region has 60 bp only" in said

def test_a_motif_of_the_tf_that_is_wider_than_a_region_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("tf_transfer.interpret.sections.jaspar", lambda tf: [wide_motif(61)])
    monkeypatch.setattr("tf_transfer.interpret.experiments.vertebrate_profiles", lambda: jaspar("SPI1"))
    net, made = a_network(MotifNet, motifs=jaspar("SPI1"), width=60), with_wide(wide_motif(9), n=12)
    net.card = SimpleNamespace(tfs=["no TF"])
    with monkeypatch.context() as m:
        m.setattr("tf_transfer.interpret.sections.strongest", lambda *args, **kw: [])
        with pytest.raises(UserError, match="no motif of the model raises its score"):
            motif_section(Look(net, "no TF", made, len(made)))
    monkeypatch.setattr("tf_transfer.interpret.sections.strongest", lambda *args, **kw: jaspar("SPI1")[:1])
    said = "".join(motif_section(Look(net, "no TF", made, len(made))).write(tmp_path))
    assert "Neither put in nor taken out: JASPAR wide (61 bp). A region has 60 bp only" in said

def test_words_without_meaning_beat_no_null():
    "To a network that learned nothing, a motif is as good as its letters in another order"
    net, motifs = a_network(ShallowCNN), vertebrate_profiles()[::40]
    put_in = marginal(net, motifs, codes[:8], scrambles=49)
    assert len(put_in)>20 and put_in.beats.sum()<=1 and 0.3<put_in.p.mean()<0.7

@pytest.fixture(scope="module")
def world():
    "A simulated genome, its matrix and split, and a body of motifs that was pre-trained on some TFs"
    simulated = simulate(n_regions=2000, seed=2)
    m, profiles = simulated.matrix(), simulated.profiles
    arch, split = partial(MotifNet, motifs=list(profiles.values()), hidden=(32, 16)), by_chrom(m, "chr5", "chr6")
    how = dict(epochs=1, lr=1e-3, one_cycle=False, complete=False, bs=64, watch=silent)
    return m, profiles, split, pretrain(m, split, ["FOSL2", "ELF1", "USF1"], arch, **how)

@pytest.fixture
def few_profiles(monkeypatch):
    "A part of JASPAR, in which motifs are looked for with little effort; the mask of the rest"
    use = np.array([i%25==0 or p.name in TARGETS for i,p in enumerate(vertebrate_profiles())])
    known = [p for p,u in zip(vertebrate_profiles(), use) if u]
    monkeypatch.setattr("tf_transfer.interpret.experiments.vertebrate_profiles", lambda: known)
    monkeypatch.setattr("tf_transfer.finetune.sources.DeNovoMotif", partial(DeNovoMotif, n_starts=1, n_rounds=3))
    return ~use

TARGETS = ["JUND", "SPI1", "HNF4A"]

@pytest.mark.parametrize("tf", TARGETS)
def test_a_model_of_own_peaks_shows_its_own_motif_first(world, few_profiles, tf, tmp_path):
    m, profiles, split, body = world
    net = finetune(target_set(m, tf, split, n_pos=60, ratio=2), body, "auto", withheld=few_profiles).model
    bound = m.varm["sequence"][m[tf].X[0]==BOUND][:40]
    section = motif_section(Look(net, tf, bound, len(bound)))
    effects, fits = section.tables["motifs"], {o:align(section.motifs[0], profiles[o]).similarity for o in TARGETS}
    first = effects.iloc[0]
    assert first.motif.startswith("own ") and first.beats_null and fits[tf]==max(fits.values())>0.6
    assert first.put_in_low>first.put_in_null and first.taken_out_high<first.taken_out_null
    assert first.known_name.upper() in section.motifs[0].name.upper() and len(section.motifs)==len(effects)
    html = "".join(section.write(tmp_path))
    chance = html.find("Not shown to matter")%len(html)
    assert [html.find(f"<th>{o}</th>")<chance for o in effects.motif]==effects.beats_null.tolist()
