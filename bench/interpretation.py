"""How fast is the looking inside? Each figure beside the plain way, in one run: python bench/interpretation.py

Random networks and sequences; only the time matters. Prints a table."""
import time

import numpy as np
import pandas as pd
import torch
from fastcore.script import call_parse
from tangermeme.deep_lift_shap import deep_lift_shap
from tf_transfer.interpret.attribution import deep_lift
from tf_transfer.genome.dna import one_hot
from tf_transfer.interpret.filters import filter_pwms
from tf_transfer.interpret.influence import influence
from tf_transfer.model.networks import MotifNet, PaperCNN, ShallowCNN
from tf_transfer.motifs.pwm import vertebrate_profiles

def timed(f, *args, **kwargs):
    start = time.perf_counter()
    out = f(*args, **kwargs)
    return out, time.perf_counter()-start

@torch.no_grad()
def forward_passes(net, codes, filters, bs=64):
    "Filters silenced one at a time, by whole forward passes; the mean squared change of the probabilities"
    seen = torch.cat([net.first(one_hot(c)) for c in np.array_split(codes, len(codes)//bs)])
    quiet = seen.mean(0) if seen.ndim==2 else torch.zeros(seen.shape[1])
    def says(c, k=None):
        x = net.first(one_hot(c))
        if k is not None: x[:, k] = quiet[k]
        return net.head(net.dense(net.middle(x))).sigmoid()
    parts = [codes[i:i+bs] for i in range(0, len(codes), bs)]
    whole = torch.cat([says(c) for c in parts])
    return np.stack([(torch.cat([says(c, k) for c in parts])-whole).square().mean(0).numpy() for k in range(filters)])

@call_parse
def main(
    n:int=2000, # Sequences for filter influence; the time grows in proportion
    threads:int=2, # Of the CPU
):
    "Time what interprets a network."
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    codes = np.random.default_rng(0).integers(0, 4, (10_000, 200), dtype=np.uint8)
    nets = [("PaperCNN, 100 filters", PaperCNN(50)), ("ShallowCNN, 100 filters", ShallowCNN(50)), ("MotifNet, 100 motifs", MotifNet(50, motifs=list(vertebrate_profiles()[:100]))),
            ("MotifNet, 1,019 motifs", MotifNet(50))]
    rows = []
    for name,net in nets:
        net.eval()
        some = 10
        slow, long = timed(forward_passes, net, codes[:n], some)
        ours, short = timed(influence, net, codes[:n])
        long *= len(ours)/some
        rows.append(dict(what=f"influence, {name}", n=n, seconds=short, plain=long, ratio=long/short, difference=float(np.abs(ours.to_numpy()[:some]-slow).max())))
        print(rows[-1], flush=True)
    for kind,kw in (("half of the maximum", {}), ("quantile", dict(quantile=0.98))):
        rows.append(dict(what=f"PWMs of 100 filters, {kind}", n=len(codes), seconds=timed(filter_pwms, PaperCNN(50), codes, **kw)[1]))
    for name,net,n in (("ShallowCNN", ShallowCNN(1), 200), ("PaperCNN", PaperCNN(1), 100)):
        x = one_hot(codes[:n])
        deep_lift_shap(net, x[:20], n_shuffles=10, device="cpu")
        deep_lift(net, codes[:20])
        _, plain = timed(deep_lift_shap, net.eval(), x, n_shuffles=10, hypothetical=True, random_state=0, device="cpu", warning_threshold=np.inf)
        _, ours = timed(deep_lift, net, codes[:n])
        rows.append(dict(what=f"DeepLIFT, 10 references, {name}", n=n, seconds=ours, plain=plain, ratio=plain/ours))
    print(pd.DataFrame(rows).round(8).to_string())
