"""A support vector machine on words of 11 bases with gaps, of which 7 count, as gkm-SVMs read them.

Its counts are never written down: each pass over the sequences finds their words anew, and changes the weights by dual
coordinate descent (Hsieh et al., ICML 2008). Patterns that are the same but for where they begin, and on which strand,
share their weights. Used by learned.py."""
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from tf_transfer.core import compiled
from tf_transfer.motifs.kmers import gap_patterns


def word_shapes(k, informative):
    "Places of each shape, and how many patterns have it"
    patterns = gap_patterns(k, informative)
    there = patterns-patterns[:, :1]
    mirror = (there[:, -1:]-there)[:, ::-1]
    turned = np.array([a<b for a,b in zip(mirror.tolist(), there.tolist())])
    return np.unique(np.where(turned[:, None], mirror, there), axis=0, return_counts=True)

def _find(codes, shapes, k, at, often):
    "Fill in the place of each word's weight, (shapes, 2 strands), and how often it counts, (spans, 2 strands)"
    n, size, shortest, run = len(codes), 4**shapes.shape[1], shapes.shape[1], 0
    bases = np.empty((2, n), np.int32)
    often[:] = 0
    for i in range(n):
        bases[0, i] = bases[1, n-1-i] = min(codes[i], 3)
        run = run+1 if codes[i]<4 else 0
        if run<k: continue
        for t in range(len(often)):
            for j in range(i-k+1, i-shortest-t+2):
                often[t, j] += 1
                often[t, 2*n-shortest-t-j] += 1
    bases[1] = 3-bases[1]
    for q in range(len(shapes)):
        at[q] = q*size
        for a in range(shapes.shape[1]):
            p = shapes[q, a]
            for j in range(n-p):
                at[q, j] += bases[0, j+p]<<(2*a)
                at[q, n+j] += bases[1, j+p]<<(2*a)

def _sum(at, often, span, scale, weight):
    "The sum of the weights of the words"
    total = np.zeros(at.shape[1], np.float32)
    for q in range(len(at)):
        for j in range(at.shape[1]): total[j] += scale[q]*often[span[q], j]*weight[at[q, j]]
    return total.sum()

def _change(at, often, span, scale, weight, step):
    "Add to the weight of each word, as often as it counts"
    for q in range(len(at)):
        for j in range(at.shape[1]): weight[at[q, j]] += step*scale[q]*often[span[q], j]


class LongWords(ClassifierMixin, BaseEstimator):
    "`C` is the inverse strength of the penalty; both classes have the same weight in all"
    def __init__(self, k=11, informative=7, C=1., passes=4, seed=0):
        self.k, self.informative, self.C, self.passes, self.seed = k, informative, C, passes, seed

    def _start(self):
        self.shapes_, patterns = word_shapes(self.k, self.informative)
        self.span_ = self.shapes_[:, -1]+1-self.informative
        self.scale_ = (1/np.sqrt(patterns)).astype(np.float32)
        self.classes_, self.intercept_, self.length_ = np.array([0, 1]), 0., 1.
        self.weight_ = np.zeros(len(self.shapes_)*4**self.informative, np.float32)

    def _read(self, codes):
        n, find = codes.shape[1], compiled(_find)
        at = np.empty((len(self.shapes_), 2*n), np.int32)
        often = np.empty((self.k-self.informative+1, 2*n), np.float32)
        for c in codes:
            find(c, self.shapes_, self.k, at, often)
            yield at, often, self.span_, self.scale_, self.weight_

    def lengths(self, codes):
        "Of the vectors of counts"
        self._start()
        out, total, change = np.empty(len(codes)), compiled(_sum), compiled(_change)
        for i,words in enumerate(self._read(codes)):
            change(*words, np.float32(1))
            out[i] = np.sqrt(total(*words))
            self.weight_[words[0].ravel()] = 0
        return out

    def decision_function(self, codes):
        total = compiled(_sum)
        return np.array([total(*words) for words in self._read(codes)])/self.length_+self.intercept_

    def fit(self, codes, label):
        lengths = self.lengths(codes)
        self.length_ = max(np.median(lengths), 1e-3)
        y, rng = np.where(label==1, 1, -1), np.random.default_rng(self.seed)
        soft = np.where(y==1, (y==1).mean(), (y==-1).mean())/self.C
        own, alpha = (lengths/self.length_)**2+1+soft, np.zeros(len(y))
        total, change = compiled(_sum), compiled(_change)
        for order in [rng.permutation(len(y)) for _ in range(self.passes)]:
            for i,words in zip(order, self._read(codes[order])):
                margin = y[i]*(total(*words)/self.length_+self.intercept_)+soft[i]*alpha[i]
                step = max((1-margin)/own[i], -alpha[i])
                if not step: continue
                alpha[i] += step
                change(*words, np.float32(step*y[i]/self.length_))
                self.intercept_ += step*y[i]
        return self
