"""How fast is the looking inside? Each figure beside the plain way, in one run: python bench/interpretation.py

Random networks and sequences; only the time matters. Prints a table."""
from itertools import chain
from time import perf_counter

import numpy as np
import pandas as pd
import torch
from fastcore.script import call_parse
from tangermeme.deep_lift_shap import deep_lift_shap
from tf_transfer.genome.dna import one_hot
from tf_transfer.motifs.pwm import vertebrate_profiles
from tf_transfer.model.networks import MotifNet, PaperCNN, ShallowCNN
from tf_transfer.interpret.attribution import deep_lift
from tf_transfer.interpret.filters import filter_pwms
from tf_transfer.interpret.influence import influence


def timed(f, *args, **kwargs):
    start = perf_counter()
    out = f(*args, **kwargs)
    return out, perf_counter()-start

@torch.no_grad()
def forward_passes(net, codes, filters, bs=64):
    "Filters silenced one at a time, by whole forward passes; the mean squared change of the probabilities"
    parts = [codes[i:i+bs] for i in range(0, len(codes), bs)]
    activations = torch.cat([net.first(one_hot(c)) for c in parts])
    quiet = activations.mean(0) if activations.ndim==2 else torch.zeros(activations.shape[1])
    def probabilities(silent=None):
        def of(c):
            x = net.first(one_hot(c))
            if silent is not None: x[:, silent] = quiet[silent]
            return net.head(net.dense(net.middle(x))).sigmoid()
        return torch.cat([of(c) for c in parts])
    whole = probabilities()
    return np.stack([(probabilities(k)-whole).square().mean(0).numpy() for k in range(filters)])

def of_influence(codes, some=10):
    "The plain way is timed on some filters, and counted for all"
    every, jaspar = MotifNet(50), MotifNet(50, motifs=list(vertebrate_profiles()[:100]))
    for net in (PaperCNN(50), ShallowCNN(50), jaspar, every):
        net.eval()
        plain, seconds = timed(forward_passes, net, codes, some)
        ours, ours_seconds = timed(influence, net, codes)
        seconds *= len(ours)/some
        yield dict(what=f"influence, {type(net).__name__}, {len(ours):,} filters", n=len(codes), seconds=ours_seconds,
                   plain=seconds, ratio=seconds/ours_seconds,
                   difference=float(np.abs(ours.to_numpy()[:some]-plain).max()))

def of_pwms(codes):
    for way,how in (("half of the maximum", {}), ("quantile", dict(quantile=0.98))):
        _, seconds = timed(filter_pwms, PaperCNN(50), codes, **how)
        yield dict(what=f"PWMs of 100 filters, {way}", n=len(codes), seconds=seconds)

def of_attribution(codes):
    for net,n in ((ShallowCNN(1), 200), (PaperCNN(1), 100)):
        x, net = one_hot(codes[:n]), net.eval()
        deep_lift_shap(net, x[:20], n_shuffles=10, device="cpu")
        deep_lift(net, codes[:20])
        how = dict(hypothetical=True, random_state=0, device="cpu", warning_threshold=np.inf)
        _, plain = timed(deep_lift_shap, net, x, n_shuffles=10, **how)
        _, ours = timed(deep_lift, net, codes[:n])
        what = f"DeepLIFT, 10 references, {type(net).__name__}"
        yield dict(what=what, n=n, seconds=ours, plain=plain, ratio=plain/ours)

@call_parse
def main(
    n:int=2000, # Sequences for filter influence; the time grows in proportion
    threads:int=2, # Of the CPU
):
    "Time what interprets a network."
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    codes = np.random.default_rng(0).integers(0, 4, (10_000, 200), dtype=np.uint8)
    rows = []
    for row in chain(of_influence(codes[:n]), of_pwms(codes), of_attribution(codes)):
        print(row, flush=True)
        rows.append(row)
    print(pd.DataFrame(rows).round(8).to_string())
