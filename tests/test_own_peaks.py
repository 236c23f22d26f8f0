"A user's own peaks and files: from peaks to a model, from a model to predictions, and one line for each mistake"
import gzip
import subprocess
import sys
from functools import partial
from inspect import signature
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from helpers import Started, assert_refused, command, run
from tf_transfer.core import UserError
from tf_transfer.finetune import own_data
from tf_transfer.genome.dna import Genome, decode
from tf_transfer.matrix.simulate import simulate
from tf_transfer.matrix.splits import by_chrom, target_set
from tf_transfer.matrix.states import BOUND, binding_matrix, write_matrix
from tf_transfer.model.networks import MotifNet
from tf_transfer.model.predict import predict
from tf_transfer.model.saving import load_model, save_model
from tf_transfer.train.callbacks import silent
from tf_transfer.train.evaluation import unseen_regions
from tf_transfer.train.pretraining import pretrain
from tf_transfer.finetune.fitted import FittedPeaks, _counts, _shares
from tf_transfer.finetune.own_data import fit_peaks
from tf_transfer.finetune.own_regions import peaks_matrix, split_by_size
from tf_transfer.finetune.verdict import judge
from tf_transfer.interpret.own_report import Given, next_commands
from tf_transfer.interpret.own_sections import _source_names, motif_words


@pytest.fixture(scope='module')
def files(tmp_path_factory):
    "A genome, 150 peaks of JUND, open regions, and a model pre-trained on relatives"
    folder = tmp_path_factory.mktemp('own')
    world = simulate(n_regions=4000, seed=1)
    world.write(folder/'world')
    m = world.matrix()
    bound = m.var[m['JUND'].X[0] == BOUND].sample(150, random_state=0)
    bed(folder/'peaks.bed', bound)
    motifs = [p for t, p in world.profiles.items() if t != 'JUND']
    arch = partial(MotifNet, motifs=motifs, hidden=(32, 16))
    learn = pretrain(m, by_chrom(m, 'chr5', 'chr6'), ['FOSL2', 'FOS'], arch, epochs=1, lr=1e-3, one_cycle=False,
                     complete=False, bs=64, watch=silent)
    save_model(learn, folder/'pre.safetensors')
    return folder


def bed(path, regions): regions[['chrom', 'start', 'end']].to_csv(path, sep='\t', header=False, index=False)
def own(files, out, *args, peaks='peaks.bed'):
    return ['tft-fit', out, '--peaks', files/peaks, '--genome', files/'world'/'genome.fa',
            '--pretrained', files/'pre.safetensors', *args]


def printed(name, *args):
    "What a command says that ends well"
    status, out, err = run(name, *args)
    assert status == 0, err
    return out


def defaults_of(function):
    return {name: o.default for name, o in signature(function).parameters.items()}


def noted_calls(monkeypatch, module, name):
    "A list that each call of a function is added to: all its arguments, with the defaults, and its result"
    function, calls = getattr(module, name), []

    def noted(*args, **kwargs):
        given = defaults_of(function) | signature(function).bind(*args, **kwargs).arguments
        calls.append((given, function(*args, **kwargs)))
        return calls[-1][1]
    monkeypatch.setattr(module, name, noted)
    return calls


def test_from_peaks_to_predictions(files, tmp_path, monkeypatch):
    calls = noted_calls(monkeypatch, own_data, 'fit_peaks')
    out = tmp_path/'jund.safetensors'
    account = printed(*own(files, out, '--background', files/'world'/'dhs.bed.gz', '--tf', 'JUND'))
    for words in ('150 of 150 peaks can be used', 'places of background regions: middle', 'to test on',
                  'gapped k-mer SVM', "body's output for FOS", 'this model', 'calibration',
                  'has seen relatives (FOSL2, FOS)'):
        assert words in account, account
    assert account.count('  motifs that are known') == 1, 'the model is fitted more than once'
    model = load_model(out)
    assert model.card.tfs == ['JUND'] and model.card.test_chroms
    assert set(model.card.test_chroms).isdisjoint(model.card.valid_chroms)
    to_table = ['tft-predict', out, tmp_path/'p.tsv', '--bed', files/'peaks.bed', '--genome', files/'world'/'genome.fa']
    status, err = command(*to_table)
    assert status == 0, err
    table = pd.read_csv(tmp_path/'p.tsv', sep='\t')
    assert list(table) == [*'chrom start end name window_start window_end note JUND'.split()]
    assert len(table) == 150 and table.JUND.mean() > 0.6
    world = files/'world'
    genome = Genome(world/'genome.fa')
    assert np.allclose(table.JUND, predict(model, genome.sequences(table))[:, 0], atol=1e-4)
    assert_refused('exists already', *to_table)
    (given, fitted), = calls
    asked = dict(peaks=files/'peaks.bed', genome=world/'genome.fa', background=world/'dhs.bed.gz', tf='JUND',
                 pretrained=files/'pre.safetensors')
    asked = defaults_of(fit_peaks) | {name: str(o) for name, o in asked.items()} | dict(withheld=[])
    assert given | dict(say=None) == asked, 'the command does not ask for what the function gives by default'
    codes = fitted.target.test.codes
    assert np.array_equal(predict(fitted.learn, codes), predict(model, codes)), 'the command saves another model'
    assert fitted.target.train.n_neg > 2*fitted.target.train.n_pos
    assert set(fitted.account.splitlines()) <= set(account.splitlines())


def test_the_first_line_comes_before_torch():
    code = '''import sys; sys.modules.update(torch=None, sklearn=None, matplotlib=None)
from tf_transfer.commands.models import tft_fit
tft_fit('o.safetensors', peaks='p.bed', genome='g.fa')'''
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert done.stdout == 'making o.safetensors from p.bed\n' and 'import of torch halted' in done.stderr


def test_a_model_is_whole_before_it_is_tested(files, tmp_path, monkeypatch):
    "Stopped while it is tested, the model is there, without scores; and the message says so"
    out, lines = tmp_path/'o.safetensors', []

    def stopped(*args):
        lines.append(load_model(out).card.training)
        raise KeyboardInterrupt
    monkeypatch.setattr('tf_transfer.finetune.fitted.tested_regions', stopped)
    status, said, err = run(*own(files, out))
    assert (status, err) == (130, f'tft-fit: interrupted; {out} is written, without its scores\n')
    assert 'test' not in lines[0] and 'test' not in load_model(out).card.training
    assert [o in said for o in ('150 of 150 peaks can be used', 'fitting the model', f'{out} written')] == [True]*3


def test_what_the_pretrained_network_knows_is_said_first(files, monkeypatch):
    "Whatever the spelling; and what its output scores on the same regions"
    pre = load_model(files/'pre.safetensors')
    fitted = fit_peaks(files/'peaks.bed', files/'world'/'genome.fa', tf='fosl-2', pretrained=pre)
    perfect = lambda target, withheld: [('own profile', target.test.label)]
    monkeypatch.setattr('tf_transfer.finetune.fitted.baseline_values', perfect)
    first, *rest = fitted.account.splitlines()
    assert first.startswith('the body knows FOSL2: without training, its own output has AUPRC')
    output = "body's output for FOSL2"
    assert f'{fitted.scores.auprc[output]:.3f}' in first
    own_output = predict(pre, fitted.target.test.codes)[:, pre.card.tfs.index('FOSL2')]
    assert np.array_equal(fitted.tested[output], own_output)
    assert any('the labels of its own TFs, fosl-2 among them' in o for o in rest)


@pytest.mark.parametrize('tf', ['fosl-2', 'JUND'])
def test_what_is_used_where_the_test_cannot_tell(files, tf, monkeypatch):
    "The model; that the output for the TF itself ranks as well is said, not that of another TF"
    monkeypatch.setattr(FittedPeaks, 'flattered', '')
    fitted = FittedPeaks(None, load_model(files/'pre.safetensors'), SimpleNamespace(tf=tf))
    says = dict.fromkeys(('own profile', "body's output for FOSL2", 'this model'), np.linspace(1, 0, 20))
    fitted.tested = pd.DataFrame(dict(chrom='chr1', start=range(20), end=range(20), label=[1]*10+[0]*10) | says)
    said = str(fitted.verdict)
    assert fitted.verdict.use == 'this model' and 'More peaks would tell' in said
    assert ("output for FOSL2 ranks as well without training" in said) == (tf == 'fosl-2')


def test_an_output_that_is_better_comes_with_a_threshold_of_its_own(files, monkeypatch):
    "Its probabilities are those of the pre-training; 0.5 may be far above all of them"
    pre = load_model(files/'pre.safetensors')
    fitted = fit_peaks(files/'peaks.bed', files/'world'/'genome.fa', tf='fosl-2', pretrained=pre)
    test, output = fitted.target.test, "body's output for FOSL2"
    low = lambda model, codes: predict(model, codes)/100
    monkeypatch.setattr('tf_transfer.finetune.fitted.predict', low)
    rows = fitted.target.m.var[['chrom', 'start', 'end']].iloc[test.index].reset_index(drop=True)
    said = low(pre, test.codes)[:, pre.card.tfs.index('FOSL2')]
    noise = np.random.default_rng(0).random(len(test))
    fitted.tested = rows.assign(label=test.label, **{output: said, 'this model': noise})
    assert fitted.verdict.use == output
    row = fitted.called.loc[output]
    assert 0 < row.threshold < 0.01 and row.found > 0.5*row.bound and row.false < 0.5*row.unbound
    assert row.found == ((said >= row.threshold) & (test.label == 1)).sum()
    assert f'from a probability of {row.threshold:g} on, {output} finds {row.found:.0f} of' in fitted.called_lines[0]
    commands = next_commands(fitted, Given('m.safetensors', 'p.bed', 'g.fa'))
    assert any(f'--tf FOSL2 --threshold {row.threshold:g}' in o for o in commands)


def other_peaks(files, path, what):
    "Peaks that are none of JUND"
    m, rng = simulate(n_regions=4000, seed=1).matrix(), np.random.default_rng(0)
    chosen = np.flatnonzero(m['SPI1'].X[0] == BOUND) if what == 'another TF' else np.arange(m.n_vars)
    bed(path, m.var.iloc[np.sort(rng.choice(chosen, 120, replace=False))])
    return path


@pytest.mark.parametrize('what', ['random regions', 'another TF'])
def test_peaks_that_are_none_of_the_tf(files, tmp_path, what):
    "Nothing is recommended, or a doubt is said; and nothing helps"
    peaks = other_peaks(files, tmp_path/'peaks.bed', what)
    world = files/'world'
    fitted = fit_peaks(peaks, world/'genome.fa', world/'dhs.bed.gz', 'JUND', files/'pre.safetensors')
    said = str(fitted.verdict)
    assert 'help' not in ' '.join([*motif_words(fitted), fitted.account])
    given = Given('m.safetensors', peaks, world/'genome.fa')
    if what == 'random regions':
        assert fitted.verdict.use == '' and 'no method beats guessing here' in said
        assert [o.split()[0] for o in next_commands(fitted, given)] == ['jupyter']
    else: assert fitted.verdict.use and 'But a scan for its known motif does not beat guessing: check peaks' in said


def test_a_misspelt_tf_is_said_first(files):
    fitted = FittedPeaks(None, load_model(files/'pre.safetensors'), SimpleNamespace(tf='JNUD'))
    assert fitted.unknown.startswith('JNUD: did you mean JUND')
    lines = []
    fit_peaks(files/'peaks.bed', files/'world'/'genome.fa', tf='FOLS2', pretrained=files/'pre.safetensors',
              say=lines.append)
    assert lines[0].startswith('reading ') and lines[1].startswith('FOLS2: did you mean FOSL2')
    begun = ['motifs that are known', 'the regions themselves teach', 'network sees', 'random changes of single bases']
    assert lines[1].splitlines()[-1].startswith('fitting the model on ') and len(lines) == 2+len(begun)
    for words, line in zip(begun, lines[2:]): assert words in line


def matrix_of(n, width=50):
    "A binding matrix with so many bound regions per chromosome, and as many unbound ones"
    chrom = np.repeat(list(n), [2*v for v in n.values()])
    start = np.arange(len(chrom))*1000
    regions = pd.DataFrame(dict(chrom=chrom, start=start, end=start+width))
    codes = np.random.default_rng(0).integers(0, 4, (len(chrom), width)).astype(np.uint8)
    return binding_matrix(np.tile([3, 1], len(chrom)//2)[None], ['A'], regions, codes)


@pytest.mark.parametrize('n,tested', [
    (dict(chr22=73, chr18=100, chr16=148, chr15=179), {'chr16'}),
    (dict(chr22=25, chr18=200, chr15=400), {'chr22'}),
    (dict(chr22=15, chr18=60, chr14=300, chr15=400), {'chr22', 'chr18'})])
def test_seen_chromosomes_are_tested_on_only_where_too_few_are_unseen(n, tested):
    s = split_by_size(matrix_of(n), pd.DataFrame(dict(chrom=['chr14', 'chr15', 'chr18'], start=0, end=10**9)))
    assert set(s.test_chroms) == tested and s.valid_chroms[0] in ('chr14', 'chr15', 'chr18')


def test_two_chromosomes_one_of_which_is_seen():
    "The far end of the other one is the test"
    m = matrix_of(dict(chr1=200, chr2=200))
    s = split_by_size(m, pd.DataFrame(dict(chrom=['chr1'], start=0, end=10**9)))
    assert set(m.var.chrom.iloc[s.test].astype(str)) == {'chr2'}
    assert sorted(np.concatenate([s.train, s.valid, s.test])) == list(range(m.n_vars))


def test_peaks_on_one_chromosome_and_background_on_others():
    "Unbound regions elsewhere are shared out as the peaks are; where all peaks are unseen, nothing seen is tested on"
    m = matrix_of(dict(chr1=90, chr2=300, chr3=300))
    m.X[0, (m.var.chrom != 'chr1').to_numpy()] = 1
    s = split_by_size(m, pd.DataFrame(dict(chrom=['chr2'], start=0, end=10**9)))
    n = pd.DataFrame([m.var.chrom.iloc[part].astype(str).value_counts() for part in (s.train, s.valid, s.test)])
    assert (n.chr3-[420, 60, 120]).abs().max() < 3 and (n.chr2.fillna(0)-[540, 60, 0]).abs().max() < 3
    assert (n.chr1-[126, 18, 36]).abs().max() < 3


def test_chromosomes_without_background_are_only_trained_on():
    m = matrix_of(dict(chr1=60, chr2=70, chr3=90, chr4=300, chr5=300))
    m.X[0, m.var.chrom.isin(['chr1', 'chr2']).to_numpy()] = BOUND
    s = split_by_size(m)
    assert {*s.valid_chroms, *s.test_chroms} <= {'chr3', 'chr4', 'chr5'} and s.valid_chroms and s.test_chroms
    assert {'chr1', 'chr2'} <= set(m.var.chrom.iloc[s.train])


def test_contigs_that_one_window_fills(tmp_path):
    letters = np.random.default_rng(0).choice(list('ACGT'), (40, 200))
    (tmp_path/'g.fa').write_text(''.join(f'>c{i}\n{"".join(s)}\n' for i, s in enumerate(letters)))
    (tmp_path/'p.bed').write_text(''.join(f'c{i}\t0\t200\n' for i in range(20)))
    with pytest.raises(UserError, match='g.fa: on the contigs that have peaks, only 0 regions without a peak for 20'):
        peaks_matrix(tmp_path/'p.bed', tmp_path/'g.fa')

def test_too_few_test_regions_raise_no_doubt():
    "That a scan is not shown to beat guessing on a dozen regions says nothing of the peaks"
    label = np.repeat([1, 0], 12)
    tested = pd.DataFrame({'label': label, 'own profile': np.tile([0, 1, 2], 8), 'this model': label+np.arange(24)%3/9})
    verdict = judge(tested)
    assert verdict.use and verdict.beats == ['this model'] and 'check peaks' not in str(verdict)


def test_a_flattered_verdict_says_so(files):
    pre = load_model(files/'pre.safetensors')
    pre.card.regions = pd.DataFrame(dict(chrom=[f'chr{i}' for i in range(1, 30)], start=0, end=10**9))
    fitted = fit_peaks(files/'peaks.bed', files/'world'/'genome.fa', tf='JUND', pretrained=pre)
    test = fitted.target.test
    rows = fitted.target.m.var[['chrom', 'start', 'end']].iloc[test.index].reset_index(drop=True)
    fitted.tested = rows.assign(label=test.label, **{'this model': test.label, 'own profile': 0.})
    assert 'Beware: the body was pre-trained on' in str(fitted.verdict)


@pytest.mark.parametrize('learned', [False, True])
def test_layers_that_learned_are_not_called_the_network_as_it_was(learned):
    "With a thousand regions, layers that learned anew are a part of the body's share"
    card = SimpleNamespace(training=dict(shares=dict(body=1., words=0.2), motifs=[], learned=learned))
    net = SimpleNamespace(card=card)
    fitted = SimpleNamespace(learn=SimpleNamespace(model=net), things='peaks')
    assert ('layers that learned' in _source_names(fitted)['body']) == learned
    assert ('learned anew' in _shares(net)) == learned


def test_repeats_and_copies_are_no_evidence(files):
    "Peaks of low complexity, and copies of a peak, are told from other DNA without a TF"
    fitted = fit_peaks(files/'peaks.bed', files/'world'/'genome.fa', tf='JUND', pretrained=files/'pre.safetensors')
    assert 'repeats' not in fitted.flattered and 'copies' not in fitted.flattered
    sequences = fitted.target.m.varm['sequence']
    bound = fitted.target.m.X[0] == BOUND
    sequences[bound] = np.tile([0, 3], sequences.shape[1]//2)
    target = target_set(fitted.target.m, 'JUND', fitted.target.split)
    said = FittedPeaks(None, fitted.pre, target).flattered
    assert 'peaks are repeats of a few letters' in said and 'are copies of others' in said


def test_no_peak_is_a_negative(files):
    m = peaks_matrix(files/'peaks.bed', files/'world'/'genome.fa', per_peak=3)
    peaks = pd.read_csv(files/'peaks.bed', sep='\t', names=['chrom', 'start', 'end'])
    for r in m.var[m.X[0] != BOUND].itertuples():
        same = peaks[peaks.chrom == r.chrom]
        assert not ((same.start-1000 < r.end) & (same.end+1000 > r.start)).any()


@pytest.mark.parametrize('seed', range(20))
def test_splits_keep_chromosomes_whole_and_the_shares_fair(seed):
    rng = np.random.default_rng(seed)
    n, chroms = int(rng.integers(30, 400)), [f'chr{i}' for i in range(int(rng.integers(3, 24)))]
    chrom = rng.choice(chroms, n, p=rng.dirichlet(np.ones(len(chroms))*3))
    start = np.arange(n)*1000
    regions = pd.DataFrame(dict(chrom=chrom, start=start, end=start+50))
    m = binding_matrix(rng.choice([1, 3], (1, n)), ['A'], regions, rng.integers(0, 4, (n, 50)).astype(np.uint8))
    if len(set(chrom[m.X[0] == BOUND])) < 3: return
    s = split_by_size(m)
    parts = [set(chrom[i]) for i in (s.train, s.valid, s.test)]
    assert not parts[0] & parts[1] and not parts[0] & parts[2] and not parts[1] & parts[2]
    assert sorted(np.concatenate([s.train, s.valid, s.test])) == list(range(n))
    assert all((m.X[0, i] == BOUND).any() for i in (s.train, s.valid, s.test))


def test_the_test_prefers_what_the_body_has_not_seen(files):
    m = peaks_matrix(files/'peaks.bed', files/'world'/'genome.fa')
    some = sorted(m.var.chrom.astype(str).unique())
    seen = pd.DataFrame(dict(chrom=some[2:], start=0, end=10**9))
    assert set(split_by_size(m, seen).test_chroms) <= set(some[:2])


def test_regions_count_as_seen_where_contigs_are_called_1_not_chr1(files, tmp_path, monkeypatch):
    class Enough(Exception): pass
    def enough(m, seen):
        raised.append(seen)
        raise Enough
    raised, bare, text = [], tmp_path/'bare.fa', (files/'world'/'genome.fa').read_text()
    bare.write_text(text.replace('>chr', '>'))
    peaks = pd.read_csv(files/'peaks.bed', sep='\t', names=['chrom', 'start', 'end'])
    bed(tmp_path/'bare.bed', peaks.assign(chrom=peaks.chrom.str[3:]))
    monkeypatch.setattr(own_data, 'split_by_size', enough)
    with pytest.raises(Enough): fit_peaks(tmp_path/'bare.bed', bare, pretrained=str(files/'pre.safetensors'))
    assert set(raised[0].chrom) <= {line.split()[0][1:] for line in bare.open() if line[0] == '>'}
    pre, m = load_model(files/'pre.safetensors'), simulate(n_regions=4000, seed=1).matrix()
    named = m.copy()
    named.var['chrom'] = m.var.chrom.astype(str).str[3:]
    here = [unseen_regions(pre, o, 'JUND', some)[1] for o, some in ((m, ['chr5']), (named, ['5']))]
    assert here[0] == here[1] > 0
    split = [by_chrom(m, 'chr5', 'chr6'), by_chrom(named, '5', '6')]
    n = [len(target_set(o, 'JUND', s, exclude=pre.card.regions).train) for o, s in zip((m, named), split)]
    assert n[0] == n[1] < len(target_set(m, 'JUND', split[0]).train)


def test_peaks_on_one_chromosome_are_split_by_position(files, tmp_path):
    peaks = pd.read_csv(files/'peaks.bed', sep='\t', names=['chrom', 'start', 'end'])
    bed(tmp_path/'one.bed', peaks[peaks.chrom == peaks.chrom.value_counts().index[0]])
    account = printed(*own(files, tmp_path/'o.safetensors', peaks=tmp_path/'one.bed'))
    assert 'too few chromosomes have peaks' in account and 'from the genome, away from peaks' in account


def spoiled_peaks(tmp_path, files, what):
    peaks = pd.read_csv(files/'peaks.bed', sep='\t', names=['chrom', 'start', 'end'])
    if what == 'few': peaks = peaks.head(1)
    if what == 'renamed': peaks['chrom'] = peaks.chrom.str.removeprefix('chr')
    if what == 'foreign': peaks.loc[3, 'chrom'] = 'chr77'
    if what == 'beyond': peaks.loc[3, ['start', 'end']] = 10**9, 10**9+100
    bed(tmp_path/f'{what}.bed', peaks)
    return tmp_path/f'{what}.bed'


@pytest.mark.parametrize('n', [2, 9])
def test_few_peaks_make_a_model_without_a_report(files, tmp_path, n):
    peaks = pd.read_csv(files/'peaks.bed', sep='\t', names=['chrom', 'start', 'end'])
    bed(tmp_path/'few.bed', peaks.head(n))
    account = printed(*own(files, tmp_path/'o.safetensors', peaks=tmp_path/'few.bed'))
    assert f'bound: {n}, too few to test on' in account and 'written, without a report' in account
    assert ('no score would mean anything' in account) == (n<5)


@pytest.mark.parametrize('what, words', [
    ('few', '1 peak can be used (of 1); at least 2 are needed'),
    ('renamed', 'have no contig in common'),
    ('foreign', '1 of 150 lie on contigs'),
    ('beyond', 'reaches over the end of chr'),
])
def test_spoiled_peaks(files, tmp_path, what, words):
    (tmp_path/'out').mkdir()
    assert_refused(words, *own(files, tmp_path/'out'/'o.safetensors', peaks=spoiled_peaks(tmp_path, files, what)))


def test_unbound_regions_that_are_not_drawn_are_counted(files, tmp_path):
    "Ten per peak are drawn of a large background: the account says of how many"
    lines = (files/'peaks.bed').read_text().splitlines()[:30]
    (tmp_path/'thirty.bed').write_text('\n'.join(lines))
    m = peaks_matrix(tmp_path/'thirty.bed', files/'world'/'genome.fa', files/'world'/'dhs.bed.gz', tf='JUND')
    n = m.uns['peaks']
    assert n['unbound'] == 300 < n['without_peak']
    said = _counts(target_set(m, 'JUND', split_by_size(m)))[0]
    assert f'300 of {n["without_peak"]} regions without a peak' in said


@pytest.mark.parametrize('name', ['renamed.bed', 'my renamed.bed.gz'])
def test_a_line_to_copy_renames_contigs(files, tmp_path, name):
    "Lines that begin otherwise stay as they are"
    lines = 'track name=x\n# x\n'+spoiled_peaks(tmp_path, files, 'renamed').read_text()
    (tmp_path/name).write_bytes(gzip.compress(lines.encode()) if name.endswith('gz') else lines.encode())
    with pytest.raises(UserError) as e: peaks_matrix(tmp_path/name, files/'world'/'genome.fa')
    subprocess.run(str(e.value).split('--rename-chroms): ')[1], shell=True, check=True)
    made = tmp_path/f'renamed_{name.removesuffix(".gz")}'
    assert made.read_text().startswith('track name=x\n# x\nchr')
    assert peaks_matrix(made, files/'world'/'genome.fa').uns['peaks']['used'] == 150


@pytest.mark.parametrize('args, words', [
    (['--background', 'peaks.bed'], 'every region of the background overlaps a peak'),
    (['--background', 'nowhere.bed'], 'no such file'),
    (['--pretrained', 'motifs-hg39'], "no released model 'motifs-hg39'"),
])
def test_mistakes_beside_the_peaks(files, tmp_path, args, words, monkeypatch):
    monkeypatch.chdir(files)
    assert_refused(words, *own(files, tmp_path/'o.safetensors', *args))


def test_arguments_that_do_not_go_together(files, tmp_path):
    assert_refused('--genome must be given', 'tft-fit', tmp_path/'o.safetensors', '--peaks', files/'peaks.bed')
    assert_refused('give one of --peaks, --positives and --table', 'tft-fit', tmp_path/'o.safetensors',
                   '--genome', files/'world'/'genome.fa')
    for name, words in (('tft-fit', 'required: out'), ('tft-finetune', 'required: matrix, pretrained, out')):
        status, err = command(name, '--tf', 'JUND')
        assert status == 2 and words in err
    assert_refused('--genome must be given', 'tft-predict', files/'pre.safetensors', tmp_path/'o.tsv',
                   '--bed', files/'peaks.bed')
    assert_refused('give one of', 'tft-predict', files/'pre.safetensors', tmp_path/'o.tsv')


HEADER = '##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\n'


def variant_file(path, genome, n, seed=0):
    "Single-base variants at random, with the true reference alleles"
    rng = np.random.default_rng(seed)
    chrom = next(iter(genome.lengths))
    letters = decode(genome[chrom])
    with gzip.open(path, 'wt') if path.suffix == '.gz' else open(path, 'w') as f:
        f.write(HEADER)
        for i, p in enumerate(rng.integers(200, len(letters)-200, n)):
            f.write(f'{chrom}\t{p+1}\tv{i}\t{letters[p]}\t{rng.choice([b for b in "ACGT" if b != letters[p]])}\n')


def test_variants_are_what_their_alleles_are(files, tmp_path):
    genome = Genome(files/'world'/'genome.fa')
    variant_file(tmp_path/'v.vcf.gz', genome, 50)
    status, err = command('tft-predict', files/'pre.safetensors', tmp_path/'v.tsv', '--vcf', tmp_path/'v.vcf.gz',
                          '--genome', files/'world'/'genome.fa', '--batch-size', 7)
    assert status == 0, err
    table = pd.read_csv(tmp_path/'v.tsv', sep='\t')
    assert len(table) == 50 and np.allclose(table.FOS_alt-table.FOS_ref, table.FOS_diff, atol=1e-4)
    model = load_model(files/'pre.safetensors')
    for v in table.head(5).itertuples():
        codes = genome[v.chrom][None, v.pos-101:v.pos+99].copy()
        codes[0, 100] = 'ACGT'.index(v.alt)
        p = predict(model, codes)[0, model.card.tfs.index('FOS')]
        assert abs(1/(1+np.exp(-v.FOS_alt))-p) < 1e-4


def test_a_variant_on_the_other_strand_does_the_same(files, tmp_path):
    from tf_transfer.genome.dna import encode, reverse_complement
    from tf_transfer.model.predict import logits
    model, rng = load_model(files/'pre.safetensors'), np.random.default_rng(0)
    codes = rng.integers(0, 4, (20, 200)).astype(np.uint8)
    codes[:, 90:97] = encode('TGACTCA')
    other = codes.copy()
    other[:, 93] = (codes[:, 93]+2) % 4
    here, there = (logits(model, f(other))-logits(model, f(codes)) for f in (lambda c: c, reverse_complement))
    assert np.allclose(here, there, atol=1e-4)


def test_spoiled_variants(files, tmp_path):
    genome = files/'world'/'genome.fa'
    letter = decode(Genome(genome)['chr1'][499:500])

    def refused(words, name):
        assert_refused(words, 'tft-predict', files/'pre.safetensors', tmp_path/'o.tsv', '--vcf', tmp_path/name,
                       '--genome', genome)
    (tmp_path/'a.vcf').write_text('chr1 100 . A C\n')
    refused('line 1 is no variant', 'a.vcf')
    wrong = {'A': 'C', 'C': 'G', 'G': 'T', 'T': 'A'}
    alleles = [(wrong[letter], letter), (letter, '<DEL>')]
    (tmp_path/'b.vcf').write_text(HEADER+''.join(f'chr1\t500\t.\t{ref}\t{alt}\n' for ref, alt in alleles))
    refused('1 skipped: reference allele is not what the genome has (chr1:500', 'b.vcf')


def test_sequences_of_another_width(files, tmp_path):
    "A row each, and a note; where none can be read, one line"
    to_table = ['tft-predict', files/'pre.safetensors', tmp_path/'o.tsv', '--fasta', tmp_path/'a.fa']
    (tmp_path/'a.fa').write_text('>two\nACGT\n')
    assert_refused('nothing to predict: a.fa gave no sequence that the model can read; 1 skipped: too few known bases',
                   *to_table)
    (tmp_path/'a.fa').write_text('>one\n'+'ACGT'*50+'\n>two\nACGT\n>three\n'+'ACGT'*80+'\n>four\n'+'ACGT'*4+'\n')
    assert '4 rows, 3 of them with a prediction; the column note says why' in printed(*to_table)
    table = pd.read_csv(tmp_path/'o.tsv', sep='\t', keep_default_na=False)
    assert list(table.note) == ['', 'too few known bases', 'longer than 200 bp: the highest of 4 windows',
                                'shorter than 200 bp: N on both sides']
    assert table.name.tolist() == ['one', 'two', 'three', 'four'] and table.FOS[1] == '' and 0 < float(table.FOS[3]) < 1


peak = """
import re, sys
from tf_transfer.commands.predictions import tft_predict
model, genome, out, *calls = sys.argv[1:]
for vcf, bs in zip(calls[::2], calls[1::2]):
    tft_predict(model, out, vcf=vcf, genome=genome, batch_size=int(bs), force=True)
    print(re.search(r'VmHWM:\\s*(\\d+) kB', open('/proc/self/status').read())[1])
"""


def megabytes(files, out, *calls):
    "The most memory held by the end of each call of `tft_predict`, one after the other in a new process (Linux)"
    p = Started('-c', peak, files/'pre.safetensors', files/'world'/'genome.fa', out, *sum(calls, ()))
    assert p.wait() == 0, p.said()
    return [int(o)/1024 for o in p.said()[0].splitlines() if o.isdigit()]


@pytest.mark.skipif(not sys.platform.startswith('linux'), reason='reads /proc')
def test_memory_does_not_grow_with_the_file(files, tmp_path):
    "8,000 variants as 500; all of them in one batch would need more"
    genome, few, many = Genome(files/'world'/'genome.fa'), tmp_path/'few.vcf', tmp_path/'many.vcf'
    variant_file(few, genome, 500)
    variant_file(many, genome, 8000)
    of_few, of_many, at_once = megabytes(files, tmp_path/'o.tsv', (few, 250), (many, 250), (many, 8000))
    assert of_many < of_few+20 < at_once


def test_a_model_for_another_width(files, tmp_path):
    narrow = simulate(n_regions=500, width=120, seed=1).matrix()
    write_matrix(narrow, tmp_path/'m.h5ad')
    assert_refused('reads 200 bp', 'tft-finetune', tmp_path/'m.h5ad', files/'pre.safetensors', tmp_path/'o.safetensors',
                   '--tf', 'JUND', '--valid-chroms', 'chr2', '--keep-seen')
