"""What is known of a draw of peaks, by everything but a network: computed once, and kept beside the networks."""
from dataclasses import dataclass, field
from time import time

import numpy as np
from sklearn.metrics import average_precision_score
from tf_transfer.motifs.pwm import usable_profiles
from tf_transfer.matrix.states import AMBIGUOUS, BOUND, UNBOUND, states_of
from tf_transfer.matrix.splits import target_set
from tf_transfer.finetune.auto import RATIO
from tf_transfer.finetune.sources import nearest, sources


@dataclass(frozen=True, eq=False)
class Draw:
    "Peaks of one TF to learn from"
    tf:str # The target
    n_peaks:int # So many; all if None
    seed:int # Of the draw
    withheld:np.ndarray # Profiles that one may not know, where knowledge is withheld, bool, (profiles,)
    bodies:dict = field(default_factory=dict) # `any` and `withheld` to bodies: what to call them to `Body`
    either:bool = False # Do ambiguous regions count as bound?
    ratio:int = RATIO # Unbound regions per bound one

    @property
    def name(self): return f"{self.tf}_{self.n_peaks or 'all'}_{self.seed}{'_either' if self.either else ''}"

    @property
    def columns(self):
        labels = "either" if self.either else "bound"
        return dict(tf=self.tf, n_peaks=self.n_peaks or "all", seed=self.seed, labels=labels, ratio=self.ratio)


class Known:
    "The regions of a draw, and what each source says of them; `of` has all of it by name, and may be an open file"
    def __init__(self, of): self.of = of
    def __getattr__(self, key): return self.of[key]

    def knowledge(self, kind, regions="test"):
        "Usable profiles; what the sources say of the training regions, out of fold, and of others: name to values"
        usable, names, said, speak = (self.of[f"{kind}_{k}"] for k in ("usable", "names", "said", "speak"))
        return usable, dict(zip(names, said.T)), dict(zip(names, speak[self._at(regions)].T))

    def _at(self, regions): return np.searchsorted(self.test, self.of[regions])

    def scores(self, values):
        "Of values for the test regions: beside one unbound region of equal GC content per bound one, and beside all"
        matched, natural = (values[self._at(regions)] for regions in ("matched", "natural"))
        bound, weight = self.natural_label, np.where(self.natural_label, 1, self.weight)
        return dict(auprc=average_precision_score(self.label, matched), prevalence=float(self.label.mean()),
                    n_pos=int(self.label.sum()), natural=average_precision_score(bound, natural, sample_weight=weight),
                    natural_prevalence=float(bound.sum()/weight.sum()))


def known(data, draw):
    "What is known of a draw; raises `UserError` where there are too few peaks"
    path = data.tasks/"known"/f"{draw.name}_{draw.ratio}.npz"
    if path.exists(): return Known(np.load(path))
    start, found = time(), regions_of(data, draw)
    for kind,of_kind in _asked(data, draw, found): found |= {f"{kind}_{k}":v for k,v in of_kind.items()}
    path.parent.mkdir(exist_ok=True)
    part = path.with_suffix(".part.npz")
    np.savez(part, **found, seconds=time()-start)
    part.rename(path)
    return Known(np.load(path))


def regions_of(data, draw):
    "To learn from; to test on, at 1:1 and equal GC content; and a sample that stands for all of the test regions"
    m = data.m
    if draw.either:
        m = m.copy()
        m.X[m.X==AMBIGUOUS] = BOUND
    target = target_set(m, draw.tf, data.split, draw.n_peaks, seed=draw.seed, ratio=draw.ratio)
    states = states_of(m, draw.tf)[data.split.test]
    bound, unbound = data.split.test[states==BOUND], data.split.test[states==UNBOUND]
    sample = np.r_[bound, np.random.default_rng(0).permutation(unbound)[:2000]]
    return dict(
        index=np.r_[target.train.index, target.valid.index], y=target.train_valid[1].astype(int),
        matched=target.test.index, label=target.test.label, natural=sample, test=np.union1d(target.test.index, sample),
        natural_label=np.arange(len(sample))<len(bound), weight=len(unbound)/max(len(sample)-len(bound), 1))


def _asked(data, draw, regions):
    "The sources, with any knowledge, and with that of some profiles withheld"
    index, test, y = regions["index"], regions["test"], regions["y"]
    codes, test_codes = data.m.varm["sequence"][index], data.m.varm["sequence"][test]
    hits, test_hits = (data.hits[at].astype(np.float32) for at in (index, test))
    motif, words, taught = sources(codes, y)
    heard = dict(words=words.decision_function(test_codes))
    if motif is not None: heard["found"] = motif.best_hit(test_codes).score.to_numpy()
    for kind,withheld in (("any", ()), ("withheld", draw.withheld)):
        profiles = usable_profiles(draw.tf, withheld)
        said, speak = {}, dict(heard)
        if len(profiles.own):
            own = profiles.own[nearest(hits[:, profiles.own], y)[0]]
            said["profile"], speak["profile"] = hits[:, own], test_hits[:, own]
        best, said["nearest"] = nearest(hits[:, profiles.index], y)
        speak["nearest"] = test_hits[:, profiles.index[best]]
        said |= taught
        yield kind, dict(usable=profiles.index, names=list(said), said=np.stack(list(said.values()), 1),
                         speak=np.stack([speak[k] for k in said], 1))
