"""Networks against networks, on the draws of bench/transfer.py: python bench/networks.py MATRIX FOLDER

FOLDER is that script's own, with its networks; finished tasks are kept there as well."""
import copy
from dataclasses import dataclass
from functools import partial
from itertools import product
from time import time

import numpy as np
from common import FIVE, RESULTS, Body, Data, done_once, write_table
from fastai.callback.core import Callback
from fastcore.script import call_parse
from sklearn.metrics import average_precision_score
from tf_transfer.motifs.pwm import jaspar_table
from tf_transfer.matrix.splits import target_set
from tf_transfer.matrix.groups import best_resolved
from tf_transfer.model.networks import MotifKmerNet, PaperCNN, ShallowCNN
from tf_transfer.model.predict import features_after, logits_after, predict
from tf_transfer.model.saving import load_model, pretrained, save_model
from tf_transfer.train.metrics import average_precisions
from tf_transfer.train.callbacks import silent
from tf_transfer.train.learners import scratch_learner, transfer_learner
from tf_transfer.train.pretraining import pretrain, read_once
from tf_transfer.finetune.head import ridge, set_head
from tf_transfer.finetune.strategies import finetune, paper

STRATEGIES = "paper", "frozen", "discriminative", "gradual"


class Pull(Callback):
    "Pull weights towards where they began (L2-SP)"
    def __init__(self, strength): self.strength = strength
    def before_fit(self): self.began = [p.detach().clone() for p in self.model.net.dense.parameters()]
    def after_loss(self):
        if not self.training: return
        away = sum(((p-b)**2).sum() for p,b in zip(self.model.net.dense.parameters(), self.began))
        self.learn.loss_grad = self.learn.loss_grad+self.strength*away

def tuned(fits):
    "The fit with the lowest validation loss, among (learner, train it) made by each setting"
    best = None
    for learn,train in fits:
        with silent(learn): train(learn)
        loss = min(v[1] for v in learn.recorder.values)
        if best is None or loss<best[0]: best = loss, learn
    return best[1]

def halfway(net, other):
    "The mean of two networks' weights"
    out, mine = copy.deepcopy(net), other.state_dict()
    out.load_state_dict({k:(v+mine[k])/2 if v.is_floating_point() else v for k,v in net.state_dict().items()})
    return out


@dataclass(frozen=True)
class Draw:
    "Peaks of one TF to learn from; for the convolutional networks, or for those of motifs"
    tf:str
    n_peaks:int
    seed:int
    cnn:bool
    @property
    def name(self): return f"{self.tf}_{self.n_peaks}_{self.seed}{'_cnn' if self.cnn else ''}"

def run(data, draw):
    "All networks on one draw of one target: a row for each"
    target, rows, start = target_set(data.m, draw.tf, data.split, draw.n_peaks, seed=draw.seed), [], time()
    for method,values,more in (of_cnns if draw.cnn else of_motifs)(data, draw, target):
        auprc = average_precision_score(target.test.label, values)
        rows.append(dict(
            tf=draw.tf, n_peaks=draw.n_peaks, seed=draw.seed, method=method, auprc=auprc, n_pos=target.test.n_pos,
            prevalence=float(target.test.label.mean()), seconds=round(time()-start, 1)) | more)
        start = time()
    return rows

def of_cnns(data, draw, target):
    pre = load_model(data.folder/"paper.safetensors")
    for strategy in STRATEGIES:
        learn = finetune(target, pre, strategy, seed=draw.seed, watch=silent)
        yield f"the paper's CNN, {strategy}", predict(learn, target.test.codes)[:, 0], {}
    grid = product((PaperCNN, ShallowCNN), (3e-4, 3e-3), (0, 0.1))
    best = tuned((scratch_learner(target, arch, seed=draw.seed), lambda l,lr=lr,wd=wd: l.fit(20, lr, wd=wd))
                 for arch,lr,wd in grid)
    yield "CNN from scratch, tuned", predict(best, target.test.codes)[:, 0], {}

def of_motifs(data, draw, target):
    index, y = np.r_[target.train.index, target.valid.index], target.train_valid[1].astype(int)
    h, ht = (data.activations[at].astype(np.float32) for at in (index, target.test.index))
    five, unrelated = data.net(Body("five")), load_model(data.folder/f"unrelated to {draw.tf}.safetensors")
    def probed(net):
        coef, intercept = ridge(features_after(net, h), y)
        return coef, intercept, features_after(net, ht)@coef+intercept
    coef, intercept, alone = probed(five)
    yield "probe", alone, {}
    others = [probed(data.net(body))[-1] for body in bodies_of_other_seeds()]
    yield "probe, mean of three bodies", alone+sum(others), {}
    says = lambda net: logits_after(net, ht)[:, 0]
    for strategy in STRATEGIES:
        learn = finetune(target, five, strategy, seed=draw.seed, activations=data.activations, watch=silent)
        yield strategy, says(learn.model), {}
    yield from of_probe_then_paper(data, draw, target, five, coef, intercept, says)
    def fresh(lr, wd):
        learn = scratch_learner(target, MotifKmerNet, seed=draw.seed)
        return read_once(learn, data.activations), lambda l: l.fit(30, lr, wd=wd)
    rest = tuned(fresh(lr, wd) for lr,wd in product((1e-4, 3e-4, 1e-3, 3e-3), (0, 0.1)))
    yield "MotifKmerNet from scratch, tuned", says(rest.model.net), {}
    yield "probe, body of unrelated TFs", probed(unrelated)[-1], {}
    best = average_precisions(logits_after(five, h), y).argmax()
    yield "output of the nearest TF", logits_after(five, ht)[:, best], dict(nearest=five.card.tfs[best])
    released = pretrained("motifs-hg38")
    own = predict(released, target.test.codes)[:, released.card.tfs.index(draw.tf)]
    yield "own output, target in pre-training", own, {}

def of_probe_then_paper(data, draw, target, five, coef, intercept, says):
    "Fine-tuned from the head of the probe; also halfway between the two, and pulled back to the body"
    def begun():
        learn = transfer_learner(target, five, seed=draw.seed)
        set_head(learn.model, coef, intercept)
        return learn
    def trained(*callbacks):
        learn = begun()
        rest = read_once(learn, data.activations)
        rest.add_cbs(callbacks)
        with silent(rest): paper(rest)
        return learn.model
    after = trained()
    yield "probe, then paper", says(after), {}
    yield "probe, then paper; weights halfway", says(halfway(begun().model, after)), {}
    for strength in (1e-3, 1e-2, 1e-1):
        yield f"probe, then paper, pulled back by {strength:g}", says(trained(Pull(strength))), {}


def bodies_of_other_seeds(): return [Body(f"five, seed {seed}", seed=seed) for seed in (1, 2)]

def unrelated_to(data, tf):
    "Without the five targets, and without all TFs of one target's family"
    families = jaspar_table(list(data.m.obs_names)).tf_family
    absent = sorted({*FIVE, *families.index[families==families[tf]]})
    print(f"unrelated to {tf}: without {', '.join(absent)}", flush=True)
    return Body(f"unrelated to {tf}", absent)

def paper_body(data):
    "The paper's pre-training: its CNN on the 50 TFs with the most data but the five, regions resolved for all of them"
    path = data.folder/"paper.safetensors"
    if path.exists(): return
    learn = pretrain(data.m, data.split, best_resolved(data.m, 50, FIVE), PaperCNN, one_cycle=False, watch=silent)
    save_model(learn, path)

@call_parse
def main(
    matrix:str, # Binding matrix, .h5ad
    folder:str, # Where bench/transfer.py keeps its networks
    workers:int=2, # Processes
    seeds:int=2, # Draws of the peaks
    cnn_seeds:int=1, # Draws for the convolutional networks, which take most of the time
    quick:bool=False, # To choose by: one draw, tested on the validation chromosome
    out:str=str(RESULTS/"networks.csv"), # The table to write
):
    "Networks against networks."
    data = Data(matrix, folder)
    bodies = [Body("five"), *bodies_of_other_seeds(), *[unrelated_to(data, tf) for tf in FIVE]]
    data.each([partial(paper_body, data), *[partial(data.net, body) for body in bodies]], lambda make: make(), workers)
    if quick: data = data.to_choose_by()
    draws = [Draw(tf, n, seed, cnn) for cnn,several in ((False, seeds), (True, cnn_seeds))
             for seed in range(1 if quick else several) for n in (50, 125, 500) for tf in FIVE]
    tasks = {draw.name:draw for draw in draws}
    write_table(done_once(data.tasks/"networks", tasks, lambda draw: run(data, draw), workers), out, **data.origin)
