"A user's own sequences: from FASTA files or a table to a model and predictions, and one line for each mistake"
import gzip
import json
from functools import partial
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from execnb.shell import CaptureShell
from fastcore.nbio import read_nb

from helpers import assert_refused, run
from tf_transfer.core import UserError
from tf_transfer.finetune.own_sequences import composition, fit_sequences, own_sequences
from tf_transfer.finetune.verdict import OURS, judge
from tf_transfer.genome.dna import decode, encode, reverse_complement
from tf_transfer.interpret.own_report import SUFFIXES, Given, own_page
from tf_transfer.matrix.sequences import read_columns, read_table, sequences_matrix, with_shuffles
from tf_transfer.matrix.similar import sequences_target, similar_groups
from tf_transfer.matrix.simulate import simulate
from tf_transfer.matrix.splits import by_chrom
from tf_transfer.matrix.states import BOUND, UNBOUND
from tf_transfer.model.networks import MotifNet, PaperCNN, at_width
from tf_transfer.model.predict import logits_of_any, predict
from tf_transfer.model.ranks import beyond_line
from tf_transfer.model.saving import load_model, save_model
from tf_transfer.train.callbacks import silent
from tf_transfer.train.learners import binding_learner
from tf_transfer.train.pretraining import pretrain


@pytest.fixture(scope='module')
def files(tmp_path_factory):
    "Sequences of JUND, 80 to 120 bp, as two FASTA files and a table, and a model of 200 bp pre-trained on a relative"
    folder = tmp_path_factory.mktemp('sequences')
    world = simulate(n_regions=2000, seed=1)
    m = world.matrix()
    arch = partial(MotifNet, motifs=[p for t, p in world.profiles.items() if t != 'JUND'], hidden=(32, 16))
    learn = pretrain(m, by_chrom(m, 'chr5', 'chr6'), ['FOSL2'], arch, epochs=1, lr=1e-3, one_cycle=False,
                     complete=False, bs=64, watch=silent)
    save_model(learn, folder/'pre.safetensors')
    cnn = binding_learner(m, by_chrom(m, 'chr5', 'chr6'), ['FOSL2'], PaperCNN)
    save_model(cnn, folder/'cnn.safetensors')
    rng = np.random.default_rng(0)
    ends = rng.integers(80, 121, m.n_vars)
    letters = [decode(c[100-n//2:100-n//2+n]) for c, n in zip(m.varm['sequence'], ends)]
    of = {k: [letters[i] for i in np.flatnonzero(m['JUND'].X[0] == v)[:100]]
          for k, v in dict(bound=BOUND, unbound=UNBOUND).items()}
    for name, seqs in of.items(): fasta(folder/f'{name}.fa', seqs)
    table = pd.DataFrame(dict(sequence=of['bound']+of['unbound'], label=[1]*100+[0]*100))
    table.to_csv(folder/'table.csv', index=False)
    return folder


def fasta(path, seqs, name='s'): path.write_text(''.join(f'>{name}{i+1}\n{s}\n' for i, s in enumerate(seqs)))
def seqs_of(path): return path.read_text().split('\n')[1::2]
def fit(files, out, *args): return ['tft-fit', out, '--pretrained', files/'pre.safetensors', *args]


@pytest.fixture(scope='module')
def made(files):
    "What the command says of two files, and the model"
    out = files/'jund.safetensors'
    status, said, err = run(*fit(files, out, '--positives', files/'bound.fa', '--negatives', files/'unbound.fa',
                                 '--tf', 'JUND'))
    assert status == 0, err
    return said, out


def test_from_sequences_to_predictions(files, made, tmp_path):
    said, out = made
    for words in ('200 sequences of 80 to 120 bp, filled up to 120 bp with N on both sides; 100 bound, 100 unbound',
                  'split by groups of similar sequences', 'groups;', 'fitting the model', 'sequence length',
                  'GC content', "body's output for FOSL2", 'motif:'):
        assert words in said, words
    model = load_model(out)
    assert model.width == model.card.width == 120 and model.card.training['sequences']['read'] == 200
    assert 'test' in model.card.training and not model.card.regions.chrom.str.startswith('s').any()
    status, told, err = run('tft-predict', out, tmp_path/'p.tsv', '--fasta', files/'bound.fa')
    assert status == 0, err
    table = pd.read_csv(tmp_path/'p.tsv', sep='\t')
    assert len(table) == 100 and table.JUND.mean() > 0.5
    status, told, err = run('tft-predict', out, tmp_path/'t.tsv', '--table', files/'table.csv')
    assert status == 0, err
    again = pd.read_csv(tmp_path/'t.tsv', sep='\t')
    assert np.allclose(again.JUND[:100], table.JUND, atol=1e-4)


def test_the_verdict_claims_nothing_from_peaks():
    "What such models reach on peaks of other TFs says nothing of sequences"
    rng, label = np.random.default_rng(0), np.repeat([1, 0], 25)
    tested = pd.DataFrame({'chrom': 's', 'start': 0, 'end': 9, 'label': label, 'own profile': rng.normal(size=50)+label,
                           OURS: rng.normal(size=50)+label})
    said = str(judge(tested, things='bound sequences'))
    assert 'More bound sequences would tell' in said and 'peaks' not in said and '35 TFs' not in said
    assert 'region' not in said
    assert '35 TFs' in str(judge(tested))


@pytest.mark.parametrize('other', [dict(seed=1), dict(width=90), dict(negatives=None), dict(swap=True)])
def test_a_saved_model_goes_on_with_its_own_data_alone(files, made, other):
    "On others its test would hold what it has learned from"
    pos, neg = files/'bound.fa', files/'unbound.fa'
    if other.pop('swap', False): pos, neg = neg, pos
    how = dict(positives=pos, negatives=neg, tf='JUND', pretrained=files/'pre.safetensors') | other
    with pytest.raises(UserError, match='it was not made of these files with this seed: fit it again'):
        fit_sequences(**how, made=load_model(made[1]))


def test_the_report_runs_again(made, monkeypatch):
    out = made[1]
    assert all((out.parent/f'jund{o}').exists() for o in SUFFIXES)
    numbers = json.loads(out.with_suffix('.json').read_text())
    assert set(numbers['inputs']) == {'positives', 'negatives'} and numbers['options']['width'] is None
    html = out.with_suffix('.html').read_text()
    assert 'A model of JUND bound sequences' in html and 'need a genome, which was not given' in html
    assert '--genome' not in html and '{thing' not in html and '<span>--fasta</span> sequences.fa' in html
    shell = CaptureShell()
    shell.run_all(read_nb(out.with_suffix('.ipynb')), exc_stop=True)
    assert shell.user_ns['fitted'].scores.to_dict('index') == numbers['scores']


def test_names_are_shown_as_they_are(files, made):
    "In the page, a name from elsewhere is text"
    fitted = fit_sequences(seqs_of(files/'bound.fa')+['ACGT'], seqs_of(files/'unbound.fa'),
                           pretrained=load_model(files/'pre.safetensors'))
    name = '<b>x</b>'
    fitted.target.m.uns['sequences']['first_left_out'] = name
    test = fitted.target.test
    fitted.tested = pd.DataFrame({'chrom': name, 'start': 0, 'end': 99, 'label': test.label, 'own profile': 0.,
                                  OURS: predict(fitted.learn, test.codes)[:, 0]})
    html = own_page(fitted, Given('m.safetensors', positives='a.fa'))
    assert name not in html and html.count('&lt;b&gt;x') > 1


@pytest.fixture
def given(monkeypatch):
    "The sequences that the learner is given by each `fit_sequences`, which ends before it is trained"
    targets, untrained = [], SimpleNamespace(model=SimpleNamespace(card=SimpleNamespace(training={})))

    def noted(target, *args, **kwargs):
        targets.append(target)
        return untrained
    for room in ('own_data', 'few'): monkeypatch.setattr(f'tf_transfer.finetune.{room}.finetune', noted)
    monkeypatch.setattr('tf_transfer.finetune.own_sequences.keep_null', lambda *args: None)
    return targets


def test_the_same_from_files_lists_and_a_table(files, given):
    pre = load_model(files/'pre.safetensors')
    fit_sequences(seqs_of(files/'bound.fa'), seqs_of(files/'unbound.fa'), pretrained=pre)
    fit_sequences(files/'bound.fa', files/'unbound.fa', pretrained=pre)
    fit_sequences(table=files/'table.csv', pretrained=pre)
    fit_sequences([s.lower() for s in seqs_of(files/'bound.fa')], seqs_of(files/'unbound.fa'), pretrained=pre)
    lists, *others = [[part for o in (t.train, t.valid, t.test) for part in (o.codes, o.label)] for t in given]
    assert len(others) == 3 and all(len(o) > 10 for o in lists)
    for other in others: assert all(map(np.array_equal, other, lists))


def test_no_group_stands_on_both_sides(files):
    "Copies, reverse complements and shifted windows of bound sequences"
    bound, unbound = seqs_of(files/'bound.fa'), seqs_of(files/'unbound.fa')
    near = bound + [decode(reverse_complement(encode(s))) for s in bound[:30]] + [s[5:] for s in bound[30:60]]
    target = sequences_target(sequences_matrix(near+unbound, [1]*len(near)+[0]*len(unbound)))
    names = lambda part: target.m.var.chrom.astype(int).to_numpy()[part.index]-1
    of = {i: i for i in range(100)} | {100+i: i for i in range(60)}
    sides = [{of[i] for i in names(part) if i < 160} for part in (target.train, target.valid, target.test)]
    assert not (sides[0] & sides[2] or sides[0] & sides[1] or sides[1] & sides[2])
    assert target.m.uns['sequences']['similar'] >= 120


def test_a_network_of_one_width_reads_the_middle(files):
    cnn = load_model(files/'cnn.safetensors')
    fitted = fit_sequences(files/'bound.fa', files/'unbound.fa', pretrained=cnn)
    assert fitted.learn.model.width == 200 and 'filled up to 200 bp' in fitted.made_from
    with pytest.raises(UserError, match='PaperCNN reads 200 bp alone, not 120'):
        fit_sequences(files/'bound.fa', files/'unbound.fa', pretrained=cnn, width=120)


def test_short_sequences_are_read_between_n(files):
    "As of SELEX: 20 bp, shorter than the longest motif"
    pre = load_model(files/'pre.safetensors')
    shorter = [s[30:50] for s in seqs_of(files/'bound.fa')], [s[30:50] for s in seqs_of(files/'unbound.fa')]
    fitted = fit_sequences(*shorter, pretrained=pre)
    assert '200 sequences are shorter than the longest motif in JASPAR (33 bp)' in fitted.made_from
    width = fitted.learn.model.width
    assert 20 < width <= 40
    assert f'longer than 20 bp, the model reads {width} bp at once: probabilities are too high' in fitted.made_from
    assert f'up to 20 bp and reads {width} bp' in beyond_line(fitted.learn)


def test_a_window_says_what_the_sequence_says(files):
    "At its own place among windows; N beside a sequence change nothing of what is read"
    pre = load_model(files/'pre.safetensors')
    seq = encode(seqs_of(files/'bound.fa')[0])
    padded = np.r_[np.full(400, 4, np.uint8), seq, np.full(400, 4, np.uint8)]
    (long, short), n = logits_of_any(pre, [padded, seq])
    assert n[1] == 1 and n[0] > 1 and np.allclose(long, short, atol=0.3)
    assert np.allclose(logits_of_any(at_width(pre, len(seq)), [seq])[0], logits_of_any(pre, [seq])[0], atol=0.3)


def test_a_shuffle_depends_on_its_sequence_alone(files):
    bound = seqs_of(files/'bound.fa')[:6]
    first, all_of = (with_shuffles(s, [str(i) for i in range(len(s))]) for s in (bound[:2], bound))
    assert all(np.array_equal(a, b) for a, b in zip(first[0][2:], all_of[0][6:8]))
    other = with_shuffles(bound[:2], ['0', '1'], seed=1)[0]
    assert not any(np.array_equal(a, b) for a, b in zip(first[0][2:], other[2:]))


def table_file(path, seqs, labels, **columns):
    pd.DataFrame(dict(sequence=seqs, label=labels, **columns)).to_csv(path, index=False)
    return path


def test_test_sequences_that_are_in_train_are_counted(files, given, tmp_path):
    t = pd.read_csv(files/'table.csv')
    twice = pd.concat([t.assign(split='train'), t[::20].assign(split='test')])
    path = tmp_path/'twice.csv'
    twice.to_csv(path, index=False)
    fitted = fit_sequences(table=path, pretrained=load_model(files/'pre.safetensors'))
    assert '10 of 10 test sequences are nearly the same as others to learn from, 10 of them exactly' \
        in fitted.made_from
    assert 'the split is that of the table: ' in fitted.made_from


@pytest.mark.parametrize('column, said', [('set', True), ('fold', True), ('partition', True), ('usage', True),
                                          ('score', False), ('split', False)])
def test_a_split_that_is_not_used_is_named(files, given, tmp_path, column, said):
    t = pd.read_csv(files/'table.csv')
    values = dict(fold='3', score='0.5').get(column, 'train')
    path = tmp_path/'other.csv'
    t.assign(**{column:values}).to_csv(path, index=False)
    told = fit_sequences(table=path, pretrained=load_model(files/'pre.safetensors')).made_from
    assert (f'the column {column} of the table is not used: call it split' in told) == said


FOUR = ['train']*3+['valid', 'test']+['train']*5+['valid', 'test']
MISTAKES = {
    'one class': ('12 sequences, and all are bound; both classes are needed', [1]*12, {}),
    'a label': ("the label of sequence 3 is 'yes'; 1 means bound, 0 unbound", [1, 0, 'yes', *[1, 0]*5], {}),
    'an empty label': ("the label of sequence 2 is ''", [1, '', *[1, 0]*5], {}),
    'a split': ("the split of sequence 1 is 'holdout'; write train, valid or test", [1, 0]*6, dict(split='holdout')),
    'nothing to train on': ('no sequence is to train on', [1, 0]*6, dict(split='test')),
    'nothing bound to test': ('the test part has 0 bound and 2 unbound', [1, 0]*6,
                              dict(split=[*['train']*7, 'test', 'valid', 'valid', 'train', 'test'])),
    'fewer than five of a class': ('4 bound and 6 unbound sequences to learn from; 5 of each',
                                   [1]*5+[0]*7, dict(split=FOUR)),
}


@pytest.mark.parametrize('n, words', [
    (1, 'bound: 1, too few to test on'),
    (4, 'fewer than five of a kind: no score would mean anything'),
    (7, '(7 bound, 7 unbound)'),
])
def test_a_handful_makes_a_model_without_a_report(files, tmp_path, n, words):
    rng = np.random.default_rng(1)
    path = table_file(tmp_path/'t.csv', [''.join(rng.choice(list('ACGT'), 80)) for _ in range(2*n)], [1, 0]*n)
    status, account, err = run(*fit(files, tmp_path/'o.safetensors', '--table', path))
    assert status == 0, err
    assert words in account and 'written, without a report' in account
    left_out = load_model(tmp_path/'o.safetensors').card.training['left_out']
    assert (left_out is None) == (n<5) and [p.name for p in tmp_path.glob('o.*')] == ['o.safetensors']


def library(n, start='', end='', width=20, seed=0):
    rng = np.random.default_rng(seed)
    return [start+''.join(rng.choice(list('ACGT'), width))+end for _ in range(n)]


ADAPTERS = dict(start='TCCCTACACGACGCTCTTCCGATCTAGGTA', end='AGATCGGAAGAGCACACGTCTGAACTCCAG')


def test_adapters_do_not_make_sequences_similar(files, given):
    "20 bp of SELEX between two ends of 30 bp, which nearly all have"
    pos, neg = library(60, **ADAPTERS), library(60, **ADAPTERS, seed=1)
    fitted = fit_sequences(['A'+pos[0][1:], *pos[1:]], neg, pretrained=load_model(files/'pre.safetensors'))
    assert 'nearly all sequences begin with TCCC' in fitted.made_from and '120 groups; 0 sequences' in fitted.made_from
    assert 'adapter' not in composition(fitted.target)


@pytest.mark.parametrize('other', [library(60, width=80, seed=1), None])
def test_adapters_of_one_class_are_said(files, given, other):
    "Shuffles keep them; other sequences give themselves away"
    fitted = fit_sequences(library(60, **ADAPTERS), other, pretrained=load_model(files/'pre.safetensors'))
    own = 'nearly all bound sequences begin with TCCCTACACGACGCTCTTCCGATCTAGGTA and end with AGATC' in fitted.made_from
    assert own == ('adapter goes with the label (AUROC 1.00 by itself)' in fitted.made_from) == (other is not None)
    assert ('these ends are not compared and stay in the shuffles' in fitted.made_from) == (other is None)


@pytest.mark.parametrize('tf, withheld, said', [('JUND', [], True), ('JUND', ['JUND'], False), ('no TF', [], False)])
def test_swapped_labels_are_doubted(files, given, tf, withheld, said):
    pre, bound, unbound = load_model(files/'pre.safetensors'), *(seqs_of(files/f'{o}bound.fa') for o in ('', 'un'))
    asked = lambda *seqs: 'fits the unbound sequences better than the bound ones' in \
        fit_sequences(*seqs, tf=tf, pretrained=pre, withheld=withheld).made_from
    assert asked(unbound, bound) == said and not asked(bound, unbound)


def test_many_that_are_nearly_the_same_are_too_few(files, tmp_path):
    "The reason that nothing is tested is named"
    one = library(1, width=230)[0]
    pos = list({one[:i]+b+one[i+1:] for i in range(40, 60) for b in 'ACGT'})
    (tmp_path/'p.fa').write_text(''.join(f'>{i}\n{s}\n' for i, s in enumerate(pos)))
    (tmp_path/'n.fa').write_text(''.join(f'>{i}\n{s}\n' for i, s in enumerate(library(20, width=230, seed=1))))
    status, account, err = run(*fit(files, tmp_path/'o.safetensors', '--positives', tmp_path/'p.fa', '--negatives',
                                    tmp_path/'n.fa'))
    assert (status, err) == (0, '') and 'bound: 61 in 1 group of similar ones, too few to test on' in account


def test_what_has_no_test_says_so(files):
    "Of a dozen of either kind each is left out in turn"
    pre = load_model(files/'pre.safetensors')
    fitted = fit_sequences(seqs_of(files/'bound.fa')[:12], seqs_of(files/'unbound.fa')[:12], pretrained=pre)
    for name in ('tested', 'verdict', 'calibration', 'called_lines'):
        with pytest.raises(UserError, match='bound: 12, too few to test on'): getattr(fitted, name)
    assert fitted.known == '' and fitted.scores.n_pos == 12 and 'left out in turn' in str(fitted)


def test_short_copies_stand_on_one_side(files):
    "Ten bases are fewer than a word that is compared"
    pos, neg = library(30, width=10), library(30, width=10, seed=1)
    m = sequences_matrix(pos+pos[:9]+neg, [1]*39+[0]*30, least=34)
    assert len(np.unique(similar_groups(m.varm['sequence']))) == 60


@pytest.mark.parametrize('kind', MISTAKES)
def test_mistakes_in_a_table(files, tmp_path, kind):
    words, labels, columns = MISTAKES[kind]
    rng = np.random.default_rng(0)
    seqs = [''.join(rng.choice(list('ACGT'), 80)) for _ in labels]
    path = table_file(tmp_path/'t.csv', seqs, labels, **columns)
    (tmp_path/'out').mkdir()
    assert_refused(words, *fit(files, tmp_path/'out'/'o.safetensors', '--table', path))


TEXTS = {
    'no column': ('no column sequence and label; it has seq, bound', 'seq,bound\nACGT,1\n'),
    'blanks between': ('no column sequence and label; it has sequence label, separated by commas',
                       'sequence label\nACGTACGT 1\n'),
    'no row': ('there is no row below the names', 'sequence,label\n'),
    'nothing': ('no column sequence and label', ''),
    'both labels': ("1 sequence stands under both labels, on the same or the other strand; the first is '1'",
                    'sequence,label\n'+''.join(f'ACGTTGCAACC{b*60},{v}\n' for b, v in zip('AAGG', (1, 0, 1, 1)))),
    'an empty sequence': ("sequence '2' is empty", 'sequence,label\nACGTACGTAA,1\n,0\n'),
    'a protein': ('it looks like a protein', 'sequence,label\nMKVLAAGIVGLLLAQWERTY,1\nMSTNPKPQRKTKRNTNRRPQ,0\n'),
    'RNA': ('it looks like RNA: write T for U', 'sequence,label\nACGUACGUAC,1\nACGAUCGAUC,0\n'),
    'letters for several bases': ('no bound sequence can be read', 'sequence,label\nNNRYSWKMNNNN,1\nACGTACGTAC,0\n'),
    'a name twice': ('the column name is there twice', 'sequence,label,name,Name\nACGTACGTAC,1,a,b\n'),
    'a longer row': ('row 1 has 3 columns, the header 2', 'sequence,label\na,ACGTACGTAC,1\n'),
    'columns twice': ('the column sequence is there twice', 'sequence,Sequence,label\nACGTACGTAC,ACGTACGTAC,1\n'),
}


@pytest.mark.parametrize('kind', TEXTS)
def test_mistakes_in_the_text_of_a_table(files, tmp_path, kind):
    words, text = TEXTS[kind]
    (tmp_path/'t.csv').write_text(text)
    (tmp_path/'out').mkdir()
    assert_refused(words, *fit(files, tmp_path/'out'/'o.safetensors', '--table', tmp_path/'t.csv'))


def test_mistakes_in_fasta_files(files, tmp_path):
    def refused(words, positives, negatives=files/'unbound.fa'):
        assert_refused(words, *fit(files, tmp_path/'o.safetensors', '--positives', positives, '--negatives', negatives))
    protein, rna, bed, empty = (tmp_path/o for o in ('protein.fa', 'rna.fa', 'peaks.bed', 'empty.fa'))
    protein.write_text('>p\nMKVLAAGIVGLLLAQWERTY\n')
    rna.write_text('>r\nACGUACGUACGUU\n')
    bed.write_text('chr1\t10\t200\n')
    empty.write_text('>a\nACGTACGTACGT\n>b\n>c\nACGTACGTTTTT\n')
    refused("sequence 'p': 'L' at position 4 is not a DNA letter; it looks like a protein", protein)
    refused("sequence 'r': 'U' at position 4 is not a DNA letter; it looks like RNA: write T for U", rna)
    refused("it begins with 'chr1", bed)
    refused("record 'b' is empty", empty)
    refused('the same file is given for the bound and for the unbound', files/'bound.fa', files/'bound.fa')
    refused('100 sequences stand under both labels', files/'bound.fa', _copied(files/'bound.fa', tmp_path/'copy.fa'))
    refused('no such file', tmp_path/'none.fa')
    sheet = fit(files, tmp_path/'o.safetensors', '--table', tmp_path/'a.xlsx')
    assert_refused('save the sheet as .csv or .tsv', *sheet)


def _copied(path, to):
    to.write_text(path.read_text())
    return to


def test_a_table_is_read_however_it_was_saved(files, tmp_path):
    "By a spreadsheet: a mark at its start, other line ends, capitals, blanks; zipped; labels with a point"
    plain = read_table(files/'table.csv').varm['sequence']
    text = (files/'table.csv').read_text()
    odd = text.replace('sequence,label', 'Sequence, Label ').replace('\n', '\r\n').replace(',1', ', 1.0')
    (tmp_path/'odd.csv').write_bytes(b'\xef\xbb\xbf'+odd.encode())
    with gzip.open(tmp_path/'t.tsv.gz', 'wt') as f: f.write(text.replace(',', '\t'))
    (tmp_path/'T.CSV').write_text(text)
    for name in ('odd.csv', 't.tsv.gz', 'T.CSV'):
        assert np.array_equal(read_table(tmp_path/name).varm['sequence'], plain)


@pytest.mark.parametrize('name, sep', [('t.csv', ';'), ('t.tsv', ';'), ('t.csv', '\t'), ('t.tsv', ','), ('t.txt', ',')])
def test_columns_are_separated_by_what_makes_sense(files, tmp_path, name, sep):
    "A spreadsheet writes semicolons where a comma stands in numbers, and programs call anything .csv"
    (tmp_path/name).write_text((files/'table.csv').read_text().replace(',', sep))
    assert np.array_equal(read_table(tmp_path/name).X, read_table(files/'table.csv').X)


ARRAYS = {
    'one-hot': (np.eye(4)[np.zeros((2, 30), int)], r'of the shape \(30, 4\); give DNA letters, or codes'),
    'numbers that are no codes': (np.full((2, 30), 0.5), 'has the code 0.5'),
    'below zero': (np.full((2, 30), -1), 'has the code -1'),
    'beyond N': (np.full((2, 30), 5), 'has the code 5'),
    'no sequence': ([None, 'ACGTACGTAC'], "sequence 'bound_1' is None"),
    'a gap of pandas': (pd.Series([np.nan, 'ACGTACGTAC']), "sequence 'bound_1' is nan"),
}


@pytest.mark.parametrize('kind', ARRAYS)
def test_what_stands_in_memory_and_is_no_sequence(kind):
    seqs, words = ARRAYS[kind]
    with pytest.raises(UserError, match=words): own_sequences(seqs, ['GGGTACGTAC'])


def test_things_in_place_of_names_and_names_in_place_of_things(files):
    t = pd.read_csv(files/'table.csv')
    with pytest.raises(UserError, match='table is the name of a file'): own_sequences(table=t)
    with pytest.raises(UserError, match='the name of a file is needed, not a DataFrame'): read_table(t)
    with pytest.raises(UserError, match='a model is needed, not its name'): predict('motifs-hg38', ['ACGT'*50])


def test_a_table_as_excel_and_genbank_write_it(tmp_path):
    "A line that says what separates, and letters in blocks"
    (tmp_path/'t.csv').write_text('sep=;\nsequence;label\nACGTA CGTAC;1\nGGG TACGTAC ;0\n')
    assert [decode(c) for c in read_table(tmp_path/'t.csv').varm['sequence']] == ['ACGTACGTAC', 'GGGTACGTAC']


@pytest.mark.parametrize('yes, no', [('True', 'False'), ('TRUE', 'FALSE'), ('true ', ' false'), ('1.0', '0')])
def test_labels_of_pandas_and_r(files, tmp_path, yes, no):
    "A column of truth values, as they are written into a table"
    t = pd.read_csv(files/'table.csv')
    t.assign(label=t.label.map({1: yes, 0: no})).to_csv(tmp_path/'t.csv', index=False)
    assert np.array_equal(read_table(tmp_path/'t.csv').X, read_table(files/'table.csv').X)


def test_a_message_about_columns_is_one_line(tmp_path):
    "Names of columns may hold line breaks"
    (tmp_path/'t.tsv').write_text('"sequences\nof\tmine"\tlabel\nACGT\t1\n')
    with pytest.raises(UserError) as told: read_columns(tmp_path/'t.tsv', ['sequence'])
    assert '\n' not in str(told.value) and 'it has sequences of mine, label' in str(told.value)


@pytest.mark.parametrize('head', ['# made today, by "hand\n#\n', '\n# x\n\n', '"# x"\n', '\ufeff# x\n', '#',
                                  '## x\n# ', '# sequence and label\n'])
@pytest.mark.parametrize('suffix', ['csv', 'tsv'])
def test_comments_above_a_table(tmp_path, head, suffix):
    text = 'sequence,label,name\nACGTACGTAC,1,#a\nGGGTACGTAC,0,Köln\n'
    path = tmp_path/f't.{suffix}'
    path.write_text(head+(text if suffix == 'csv' else text.replace(',', '\t')))
    assert read_columns(path, ['sequence', 'label']).name.tolist() == ['#a', 'Köln']
    path.write_bytes(path.read_text(encoding='utf-8-sig').encode('latin-1'))
    assert read_columns(path, ['sequence', 'label']).name.tolist() == ['#a', 'Köln']


@pytest.mark.parametrize('text, words', [
    ('My peaks\nsequence\tlabel\nACGT\t1\n', 'take out what stands above it'), ('# x\n', 'the table is empty'),
    ('# x\nletters\tlabel\nACGT\t1\n', 'no column sequence; it has letters, label')])
def test_tables_whose_header_is_not_found(tmp_path, text, words):
    (tmp_path/'t.tsv').write_text(text)
    with pytest.raises(UserError, match=words): read_columns(tmp_path/'t.tsv', ['sequence', 'label'])
