"""Should dense layers learn beside a body that stays as it is, and how? And a convolutional network of one's own?

    python bench/learned.py FOLDER OUT.csv           # five sets, 2,000 and up to 8,000 sequences: half an hour
    python bench/learned.py FOLDER OUT.csv --conv    # and convolutions, some minutes a set
    python bench/learned.py FOLDER OUT.csv --twins --sizes 8000   # and folds with and without twins, a minute a set
    python bench/learned.py FOLDER OUT.csv --long --sizes 8000    # and longer words, some minutes a set

FOLDER is that of bench/sequences.py. Of each set the training part alone is read: a fifth of it, of other groups of
similar sequences, is scored. The head sees the body's first layer, outputs and features and gapped words, and
beside these what has learned, out of fold. OUT.csv has a row for each set, number of sequences and way:

- none: nothing has learned
- again: dense layers learn on each half, which gives the values out of fold, and then on all
- halves: the same halves; what the two say, averaged, is what the head sees afterwards too
- conv: convolutions that begin with motifs learn on each half, averaged; beside `halves`
- conv alone
- mixed: all of `auto`; sequences that are nearly the same may be in two folds when its sources are weighed
- apart: all of `auto` as it is; they are in one fold
- short words: the body, what has learned, and words of 8 bases of which 6 count, folds apart
- long words: the same with words of 11 bases of which 7 count, in place of the shorter ones
- short words alone, long words alone

Seconds are of the processor, for what learns alone. What is there already is not done again."""
import time
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from common import commit, write_table
from fastcore.script import call_parse, store_true
from sequences import read, sets_in
from tf_transfer.finetune import auto
from tf_transfer.finetune.auto import TRUST, View, _logits, _read, frozen_views, weigh
from tf_transfer.finetune.sources import apart, out_of_fold, word_scores
from tf_transfer.finetune.head import tuned
from tf_transfer.finetune.own_sequences import width_for
from tf_transfer.genome.dna import one_hot
from tf_transfer.matrix.sequences import sequences_matrix
from tf_transfer.matrix.similar import similar_groups
from tf_transfer.matrix.states import BOUND
from tf_transfer.model.networks import at_width
from tf_transfer.model.predict import in_16_bits, logits
from tf_transfer.model.saving import pretrained
from tf_transfer.motifs.gapped_svm import GappedSVM
from tf_transfer.motifs.pwm import vertebrate_profiles
from tf_transfer.train.metrics import score
from torch import nn

SETS, MOST_SCORED = ("mouse2", "mouse0", "KAT2B", "tf2", "tf0"), 2000
CPU = torch.device("cpu")


# convolutions

class Residual(nn.Module):
    def __init__(self, n, dilation):
        super().__init__()
        conv = nn.Conv1d(n, n, 5, padding=2*dilation, dilation=dilation)
        self.layers = nn.Sequential(conv, nn.BatchNorm1d(n), nn.ReLU(), nn.Dropout(0.1))
    def forward(self, x): return x+self.layers(x)

class Convolutions(nn.Module):
    "About 230,000 weights; the first filters begin as motifs"
    def __init__(self, n=128, size=19):
        super().__init__()
        first = nn.Conv1d(4, n, size, padding=size//2)
        self.convs = nn.Sequential(first, nn.BatchNorm1d(n), nn.ReLU(), nn.MaxPool1d(4), nn.Dropout(0.1),
                                   Residual(n, 1), Residual(n, 2))
        self.dense = nn.Sequential(nn.Dropout(0.3), nn.Linear(2*n, n), nn.BatchNorm1d(n), nn.ReLU(), nn.Dropout(0.3),
                                   nn.Linear(n, 1))
        profiles = [p for p in vertebrate_profiles() if p.width<=size]
        chosen = np.random.default_rng(0).permutation(len(profiles))[:3*n//4]
        for row,p in zip(first.weight.data, [profiles[i] for i in chosen]):
            at = (size-p.width)//2
            row.zero_()[:, at:at+p.width] = torch.from_numpy(p.log_odds()).clamp(min=-4)*0.2

    def forward(self, x):
        seen = self.convs(x)
        return self.dense(torch.cat([seen.amax(-1), seen.mean(-1)], 1))[:, 0]

def convolved(codes, label, epochs=16, lr=3e-3, bs=128, seed=0):
    "Trained on either strand, each sequence moved by up to three bases"
    torch.manual_seed(seed)
    net, codes, label = Convolutions(), torch.as_tensor(codes), torch.as_tensor(label, dtype=torch.float32)
    opt = torch.optim.AdamW(net.parameters(), lr, weight_decay=0.02, fused=True)
    cycle = torch.optim.lr_scheduler.OneCycleLR(opt, lr, epochs*(len(label)//bs))
    for _ in range(epochs):
        for i in torch.randperm(len(label))[:len(label)//bs*bs].view(-1, bs):
            x, turned = one_hot(codes[i]), torch.rand(bs)<0.5
            x[turned] = x[turned].flip(1, 2)
            with in_16_bits(CPU): z = net(x.roll(int(torch.randint(-3, 4, ())), 2))
            F.binary_cross_entropy_with_logits(z.float(), label[i]).backward()
            opt.step(), cycle.step(), opt.zero_grad()
    return net.eval()

@torch.no_grad()
def said_of(net, codes):
    "Mean logit of the strands"
    batches = map(one_hot, torch.as_tensor(codes).split(500))
    return torch.cat([(net(x)+net(x.flip(1, 2)))/2 for x in batches]).numpy()


# the ways

def parts_of(path, name, n):
    "Codes and labels to learn from and to score on, of other groups of similar sequences"
    m = sequences_matrix(*read(path), name, what=name, **width_for(pretrained()))
    codes, label = m.varm["sequence"], (m.X[0]==BOUND).astype(int)
    group, rng = similar_groups(codes), np.random.default_rng(0)
    order = np.argsort(rng.permutation(group.max()+1)[group], kind="stable")
    scored = order[:min(len(order)//5, MOST_SCORED)]
    rest = rng.permutation(order[~np.isin(group[order], group[scored])])[:n]
    return codes[rest], label[rest], codes[scored], label[scored]

def by_halves(fit, say, inputs, others, label):
    "Values out of fold and the mean of both halves on others, and processor seconds"
    half, start = np.random.default_rng(0).permutation(len(label))%2, time.process_time()
    said, mean = np.empty(len(label), np.float32), 0
    for i in (0, 1):
        net = fit(inputs[half!=i], label[half!=i])
        said[half==i], mean = say(net, inputs[half==i]), mean+say(net, others)/2
    return said, mean, time.process_time()-start

def ways(codes, label, others, truth, conv):
    "A row for each way"
    body = at_width(pretrained(), codes.shape[1])
    (x, seen), (xt, seen_t) = (_read(body, c) for c in (codes, others))
    words = dict(words=out_of_fold(word_scores(), codes, label))
    frozen = frozen_views(body, x, seen.numpy(), int(label.sum()))
    of_others = [seen_t.numpy(), xt@body.head.weight.detach().numpy().T, xt]
    spoken = word_scores().fit(codes, label).decision_function(others)
    def row(way, learned, seconds=0.):
        views = frozen+[View(said[:, None], np.array([TRUST["learned"]]), "learned") for said,_ in learned]
        coef, intercept, _ = weigh(views, words, label)
        columns = np.column_stack([*of_others, *(mean for _,mean in learned), spoken])
        return scores(way, columns@coef+intercept, seconds)
    def scores(way, logit, seconds):
        s = score(truth, 1/(1+np.exp(-logit)), n_boot=2)
        return dict(way=way, auroc=s.auroc, auprc=s.auprc, prevalence=s.prevalence, mcc=s.mcc, seconds=seconds)
    fit = lambda seen, label: tuned(body, seen, label)
    if not conv: yield row("none", [])
    said, mean, seconds = by_halves(fit, _logits, seen, seen_t, label)
    if conv:
        *convs, of_convs = by_halves(convolved, said_of, codes, others, label)
        yield row("conv", [(said, mean), convs], seconds+of_convs)
        yield scores("conv alone", convs[1], of_convs)
        return
    yield row("halves", [(said, mean)], seconds)
    start = time.process_time()
    again = _logits(fit(seen, label), seen_t)
    yield row("again", [(said, again)], seconds+time.process_time()-start)

def of_folds(codes, label, others, truth):
    "A row for folds with and without twins"
    body, alone = at_width(pretrained(), codes.shape[1]), lambda codes: np.arange(len(codes))
    for way,groups in (("mixed", alone), ("apart", similar_groups)):
        start = time.process_time()
        with patch.object(auto, "similar_groups", groups): head = auto.weighed(body, codes, label, "TF")
        seconds, net = time.process_time()-start, auto.target_net(body, head).eval()
        s = score(truth, 1/(1+np.exp(-logits(net, others)[:, 0])), n_boot=2)
        yield dict(way=way, auroc=s.auroc, auprc=s.auprc, prevalence=s.prevalence, mcc=s.mcc, seconds=seconds)

def of_words(codes, label, others, truth):
    "A row for words of either length: beside the body and what has learned, and alone"
    body, halves = at_width(pretrained(), codes.shape[1]), apart(codes, label, 2)
    (x, seen), (xt, seen_t) = (_read(body, c) for c in (codes, others))
    frozen = frozen_views(body, x, seen.numpy(), int(label.sum()))
    nets, learned = auto.learned_view(body, seen, label, halves=halves)
    of_others = [seen_t.numpy(), xt@body.head.weight.detach().numpy().T, xt,
                 np.mean([_logits(net, seen_t) for net in nets], 0)]
    kinds = ("short words", word_scores, TRUST["words"]), ("long words", GappedSVM, auto.LONG_WORDS)
    for name,made,trust in kinds:
        start, said = time.process_time(), np.empty(len(label), np.float32)
        for train,rest in halves: said[rest] = made().fit(codes[train], label[train]).decision_function(codes[rest])
        spoken = made().fit(codes, label).decision_function(others)
        seconds = time.process_time()-start
        with patch.object(auto, "LONG_WORDS", trust):
            coef, offset, _ = weigh([*frozen, learned], dict(words=said), label)
        for way,logit in ((name, np.column_stack([*of_others, spoken])@coef+offset), (f"{name} alone", spoken)):
            s = score(truth, 1/(1+np.exp(-logit)), n_boot=2)
            yield dict(way=way, auroc=s.auroc, auprc=s.auprc, prevalence=s.prevalence, mcc=s.mcc, seconds=seconds)

@call_parse
def main(
    folder:str, # Where the sets are
    out:str, # Table to write, or to go on with
    only:str="", # Sets whose name has this
    sizes:str="2000 8000", # Sequences to learn from, at most
    conv:store_true=False, # Convolutions too?
    twins:store_true=False, # Only folds with and without twins?
    long:store_true=False, # Only words of either length?
):
    "Learn from each set in each way, and score it."
    torch.set_num_threads(1)
    rows = pd.read_csv(out).to_dict("records") if Path(out).exists() else []
    for most in map(int, sizes.split()):
        for name in [s for s in SETS if only in s]:
            mine = {r["way"] for r in rows if (r["set"], r["most"])==(name, most)}
            if ("long words" if long else "mixed" if twins else "conv" if conv else "none") in mine: continue
            parts = parts_of(sets_in(folder)[name]["train"], name, most)
            about = dict(set=name, most=most, n=len(parts[1]), n_scored=len(parts[3]))
            for r in of_words(*parts) if long else of_folds(*parts) if twins else ways(*parts, conv):
                rows.append(about | r | dict(commit=commit(), date=time.strftime("%Y-%m-%d")))
                print(rows[-1], flush=True)
            write_table(rows, out)
