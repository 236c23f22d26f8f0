"The report beside a model of own peaks: as a page in a browser, as a notebook that runs again, all of it or nothing"
import hashlib
import json
import re
import shlex
from functools import partial
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from browser import Browser, chromium
from execnb.shell import CaptureShell
from fastcore.nbio import read_nb
from helpers import assert_refused, run
from tf_transfer.core import UserError
from tf_transfer.finetune import own_data
from tf_transfer.finetune.fitted import FittedPeaks
from tf_transfer.finetune.own_data import fit_peaks
from tf_transfer.finetune.verdict import OURS
from tf_transfer.interpret import own_report
from tf_transfer.interpret.own_report import SUFFIXES, Given, next_commands, own_notebook, write_own_report
from tf_transfer.interpret.own_steps import STEPS
from tf_transfer.matrix.simulate import simulate
from tf_transfer.matrix.splits import by_chrom
from tf_transfer.matrix.states import BOUND
from tf_transfer.model.networks import MotifNet
from tf_transfer.model.predict import predict
from tf_transfer.model.saving import load_model, save_model
from tf_transfer.motifs.files import read_meme
from tf_transfer.train.callbacks import silent
from tf_transfer.train.pretraining import pretrain
from test_options import parser_of
from test_safety import Shape


@pytest.fixture(scope='module')
def files(tmp_path_factory):
    "A genome, 60 peaks of JUND, open regions, and a model pre-trained on a relative; in a folder of an odd name"
    folder = tmp_path_factory.mktemp('<i>&"$_{')
    world = simulate(n_regions=1500, seed=1)
    world.write(folder/'world')
    m = world.matrix()
    peaks = m.var[m['JUND'].X[0] == BOUND].sample(60, random_state=0)
    peaks[['chrom', 'start', 'end']].to_csv(folder/'peaks.bed', sep='\t', header=False, index=False)
    arch = partial(MotifNet, motifs=[p for t, p in world.profiles.items() if t != 'JUND'], hidden=(32, 16))
    learn = pretrain(m, by_chrom(m, 'chr5', 'chr6'), ['FOSL2'], arch, epochs=1, lr=1e-3, one_cycle=False,
                     complete=False, bs=64, watch=silent)
    save_model(learn, folder/'pre.safetensors')
    return folder


def fit(files, out):
    return ['tft-fit', out, '--peaks', files/'peaks.bed', '--genome', files/'world'/'genome.fa', '--tf', 'JUND',
            '--background', files/'world'/'dhs.bed.gz', '--pretrained', files/'pre.safetensors']


@pytest.fixture(scope='module')
def report(files):
    "The model that the command made, whose report lies beside it"
    status, said, err = run(*fit(files, files/'jund.safetensors'))
    assert status == 0, err
    *_, following, last = said.splitlines()
    assert all(f'jund{o}' in last for o in SUFFIXES) and re.match('next: (tft-predict|fimo|jupyter) ', following)
    return files/'jund.safetensors'


def test_the_page_stands_alone_and_says_the_verdict_first(report):
    html = report.with_suffix('.html').read_text()
    assert not re.search(r'https?://|src="(?!data:)', html)
    assert html.count('<img') == html.count('src="data:image/png') == 6 and not re.search(r'alt=""', html)
    titles = re.findall('<h2>(.*?)</h2>', html)
    assert titles == [*[o.title for o in STEPS], 'What to do next']
    assert 'class="notice"' in html[:html.index('<h2>')]
    shape = Shape(html)
    assert 'i' not in {o[0] for o in shape.tags} and str(report.parent) in ''.join(shape.words)
    assert 'the body, a network that was pre-trained on many other TFs' in html
    for word in ('prevalence', 'AUPRC', 'MCC', 'at 1:1', 'body', 'words', 'spread of what it adds to the logit'):
        assert f'<dt>{word}</dt>' in html


@pytest.fixture(scope='module')
def browser():
    if not chromium: pytest.skip('no Chromium here')
    browser = Browser()
    yield browser
    browser.close()


@pytest.mark.parametrize('width', [390, 1280])
@pytest.mark.parametrize('dark', [False, True])
def test_the_page_in_a_browser(browser, report, width, dark):
    browser.open(report.with_suffix('.html').as_uri(), width=width, dark=dark)
    assert browser.faults() == []
    assert browser.js('[...document.images].every(o => o.width <= innerWidth)')
    ground = browser.js('getComputedStyle(document.body).backgroundColor')
    assert (sum(map(int, re.findall(r'\d+', ground))) < 150) == dark


@pytest.fixture(scope='module')
def inside(files, report):
    "The page of tft-interpret on the same model"
    status, said, err = run('tft-interpret', report, files/'inside', '--peaks', files/'peaks.bed', '--background',
                            files/'world'/'dhs.bed.gz', '--genome', files/'world'/'genome.fa')
    assert status == 0, err
    assert [o in said for o in ('predicted correctly; looking', 'motifs, put in', 'letters that matter')] == [True]*3
    return files/'inside'/'report.html'


@pytest.mark.parametrize('width', [390, 1280])
@pytest.mark.parametrize('dark', [False, True])
def test_the_page_of_tft_interpret_in_a_browser(browser, inside, width, dark):
    browser.open(inside.as_uri(), width=width, dark=dark)
    assert browser.faults() == []


def test_the_page_of_tft_interpret_says_what_it_shows(inside):
    html, letters = inside.read_text(), pd.read_csv(inside.parent/'letters.csv', index_col=0)
    assert 'A network of one TF' in html and '<dt>own found</dt>' in html and 'false discovery rate is 5 %' in html
    assert set(letters.groupby('region').size()) == {200}, 'every letter of a region, by its place in the genome'
    assert letters.region.str.fullmatch(r'chr\d+:[\d,]+-[\d,]+').all()
    names = [p.name for p in read_meme(inside.parent/'motifs.meme')]
    assert len(set(names)) == len(names) and not any("'" in o for o in names)


def test_the_notebook_runs_and_finds_the_scores(report):
    shell, nb = CaptureShell(), read_nb(report.with_suffix('.ipynb'))
    assert f"peaks = {str(report.parent/'peaks.bed')!r}" in [o.source for o in nb.cells if o.cell_type == 'code'][0]
    shell.run_all(nb, exc_stop=True)
    numbers = json.loads(report.with_suffix('.json').read_text())
    again = shell.user_ns['fitted']
    assert again.scores.to_dict('index') == numbers['scores']
    assert str(again.verdict) == numbers['verdict'] and again.verdict.use == numbers['use']
    prose = ''.join(o.source for o in nb.cells if o.cell_type == 'markdown')
    assert all(f'## {step.title}' in prose and step.prose in prose for step in STEPS)


def test_the_notebook_ranks_regions_by_what_is_to_be_used(report):
    ranked = pd.read_csv(report.with_name('jund_ranked.tsv'), sep='\t')
    use = json.loads(report.with_suffix('.json').read_text())['use']
    assert list(ranked.columns) == ['chrom', 'start', 'end', use] and ranked[use].is_monotonic_decreasing
    assert len(ranked) == len((report.parent/'peaks.bed').read_text().splitlines())


def test_the_notebook_goes_on_with_the_saved_model(report, monkeypatch):
    "and predicts a sequence that is given as letters"
    monkeypatch.chdir(report.parent)
    code = [o.source for o in read_nb(report.with_suffix('.ipynb')).cells if o.cell_type == 'code']
    again, = [i for i, o in enumerate(code) if 'fit_again' in o]
    names = {}
    exec('\n'.join(code[:again]), names)
    exec(code[again].replace('fit_again = True', 'fit_again = False'), names)
    codes = names['fitted'].target.test.codes
    assert np.array_equal(predict(names['fitted'].learn, codes), predict(load_model(report), codes))
    one, = [o for o in code if 'sequence = ' in o]
    exec(one.replace('predict(', 'said = predict('), names)
    said = predict(load_model(report), codes[:1])[0, 0]
    assert isinstance(names['sequence'], str) and np.isclose(names['said'], said)


def test_a_notebook_in_another_folder_finds_its_files(files, tmp_path, monkeypatch):
    "Jupyter runs a notebook in its own folder"
    monkeypatch.chdir(tmp_path)
    (tmp_path/'results').mkdir()
    fitted = SimpleNamespace(target=SimpleNamespace(tf='JUND'), body='pre.safetensors', withheld=[],
                             seed=0, things='peaks',
                             verdict=SimpleNamespace(use='this model'))
    given = Given('results/jund.safetensors', 'peaks.bed', str(files/'genome.fa'))
    first, names = [o for o in own_notebook(fitted, given).cells if o.cell_type == 'code'][0], {}
    exec(first.source, names)
    assert [names[o] for o in ('model', 'peaks', 'body')] == ['jund.safetensors', '../peaks.bed', '../pre.safetensors']
    assert names['genome'] == str(files/'genome.fa')


def test_a_pretrained_network_in_memory(files, tmp_path, monkeypatch):
    "has no file: the notebook says which one it wants, and runs once it is there"
    monkeypatch.chdir(tmp_path)
    net = load_model(files/'pre.safetensors')
    given = Given('jund.safetensors', files/'peaks.bed', files/'world'/'genome.fa', files/'world'/'dhs.bed.gz')
    fitted = fit_peaks(given.peaks, given.genome, given.background, 'JUND', net)
    fitted.verdict = SimpleNamespace(use="body's output for FOSL2")
    fitted.tested = fitted.target.m.var[['chrom']].iloc[fitted.target.test.index].assign(
        label=fitted.target.test.label, **{"body's output for FOSL2": 0.1, OURS: 0.6})
    assert shlex.split(next_commands(fitted, given)[0])[:2] == ['tft-predict', 'body.safetensors']
    cells = own_notebook(fitted, given).cells
    assert 'save_model(network, "body.safetensors")' in cells[0].source
    names, code = {}, [o.source for o in cells if o.cell_type == 'code'][:3]
    with pytest.raises(UserError, match='body.safetensors'): exec('\n'.join(code), names)
    save_model(net, 'body.safetensors')
    exec('\n'.join(code), names)
    assert np.allclose(predict(names['fitted'].learn, fitted.target.test.codes),
                       predict(fitted.learn, fitted.target.test.codes))


def test_the_numbers_say_what_they_were_made_from(report):
    numbers = json.loads(report.with_suffix('.json').read_text())
    peaks = report.parent/'peaks.bed'
    assert numbers['inputs']['peaks']['bytes'] == peaks.stat().st_size
    assert set(numbers['inputs']) == {'peaks', 'genome', 'background'} and numbers['versions']['tf_transfer']
    assert numbers['options']['seed'] == 0 and numbers['regions']['test']['bound'] > 0
    assert [p.name for p in read_meme(report.with_suffix('.meme'))][-1] == 'own_found'


@pytest.mark.parametrize('name', ['jund.html', 'jund.meme'])
def test_what_is_there_is_not_replaced(files, tmp_path, name):
    (tmp_path/name).write_text('mine')
    assert_refused(f'{name} exists already', *fit(files, tmp_path/'jund.safetensors'))
    assert (tmp_path/name).read_text() == 'mine'


def test_a_model_that_is_called_as_its_report(files, tmp_path):
    assert_refused('call the model .safetensors', *fit(files, tmp_path/'jund.html'))


def test_the_commands_to_copy_are_understood(tmp_path):
    "Each option is one of its command; names with blanks stay whole"
    given = Given(str(tmp_path/'my model.safetensors'), 'my peaks.bed', 'genome.fa', 'open.bed')
    for use in ('this model', 'own profile', "body's output for JUND", 'gapped k-mer SVM', 'all of these, stacked'):
        called = pd.DataFrame(dict(threshold=0.031), [use])
        fitted = SimpleNamespace(verdict=SimpleNamespace(use=use), body='motifs-hg38', called=called)
        first = next_commands(fitted, given)[0]
        assert ('my model.safetensors' in first) == (use == 'this model'), 'what is to be used comes first'
        assert ('its last cells ask' in first) == (use in ('gapped k-mer SVM', 'all of these, stacked'))
        for name, *args in map(shlex.split, next_commands(fitted, given)):
            if not name.startswith('tft-'): continue
            known = re.findall(r'--[a-z-]+', parser_of(name).format_help())
            assert {o for o in args if o.startswith('--')} <= {*known}
            assert {str(given.model), 'motifs-hg38'} & {args[0]}


def test_all_of_it_or_nothing(tmp_path, monkeypatch):
    "Motifs are written last; where that fails, no page is left"
    for name, made in (('own_page', 'page'), ('own_numbers', {})):
        monkeypatch.setattr(own_report, name, lambda *args, made=made: made)
    monkeypatch.setattr(own_report, 'own_notebook', lambda *args: own_report.new_nb([]))
    with pytest.raises(AttributeError): write_own_report(None, Given(tmp_path/'jund.safetensors', '', ''))
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def over_older(files, tmp_path, monkeypatch):
    "A function that runs tft-fit over an older model and its report, where something is done instead of a report"
    net = load_model(files/'pre.safetensors')
    target = SimpleNamespace(split=SimpleNamespace(test_chroms=('chr6',)))
    fitted = FittedPeaks(SimpleNamespace(model=net), net, target)
    fitted.tested = pd.DataFrame({'label': [1, 0], OURS: [0.9, 0.1]})
    fitted.verdict = SimpleNamespace(use=OURS)
    monkeypatch.setattr(FittedPeaks, 'result', 'a result')
    monkeypatch.setattr(own_data, 'fit_peaks', lambda *args, **kwargs: fitted)
    monkeypatch.setattr(own_report, 'next_commands', lambda *args: [''])
    def start(do):
        monkeypatch.setattr(own_report, 'write_own_report', do)
        for o in ('.safetensors', *SUFFIXES): (tmp_path/f'jund{o}').write_text('old')
        status, _, err = run(*fit(files, tmp_path/'jund.safetensors'), '--force')
        return status, err.replace(f'{tmp_path}/', ''), sorted(p.name for p in tmp_path.iterdir())
    return start


def test_an_older_report_does_not_lie_beside_a_newer_model(over_older, tmp_path):
    "A report that fails or is stopped: the model is there, and the message says so"
    def stopped(*args): raise KeyboardInterrupt
    def full(*args): raise UserError('jund.html: the disk is full; it was not written')
    told = 'jund.safetensors is written, without its report\n'
    assert over_older(stopped) == (130, f'tft-fit: interrupted; {told}', ['jund.safetensors'])
    assert over_older(full) == (2, f'tft-fit: jund.html: the disk is full; it was not written; {told}',
                                ['jund.safetensors'])
    assert 'test' in load_model(tmp_path/'jund.safetensors').card.training


def test_a_report_stays_with_a_model_that_stays(over_older, tmp_path, monkeypatch):
    "The older model could not be replaced"
    def full(*args): raise UserError('jund.safetensors: the disk is full; it was not written')
    monkeypatch.setattr('tf_transfer.finetune.fitted.save_model', full)
    status, err, there = over_older(None)
    assert status == 2 and len(there) == 5 and (tmp_path/'jund.html').read_text() == 'old', err


def test_a_page_says_which_model_it_is_of(report):
    digest = hashlib.sha256(report.read_bytes()).hexdigest()
    assert f'jund.safetensors with the SHA-256 {digest}' in report.with_suffix('.html').read_text()
    assert json.loads(report.with_suffix('.json').read_text())['model_sha256'] == digest


def test_names_run_nothing():
    "A TF's name from elsewhere is a string in the notebook, not prose"
    name = '[a](javascript:alert(1))<img src=x onerror=alert(1)>\'\n1/0'
    fitted = SimpleNamespace(target=SimpleNamespace(tf=name), body=name, withheld=[name], seed=0, things='peaks',
                             verdict=SimpleNamespace(use='this model'))
    first, *others = [o for o in own_notebook(fitted, Given('x', name, name)).cells if o.cell_type == 'code']
    given = {}
    exec(first.source, given)
    assert given['tf'] == given['peaks'] == name and given['withheld'] == [name]
    assert not any('javascript' in o.source for o in others)
