"Every option of every command acts, or is refused with one line that names it: in each mode of the command"
import importlib
import inspect
import re
import shlex
import subprocess
import sys
from configparser import ConfigParser
from dataclasses import fields, is_dataclass
from functools import partial
from pathlib import Path
from tempfile import mkdtemp
from types import SimpleNamespace

import anndata
import numpy as np
import pandas as pd
import pytest
from fastcore.nbio import read_nb
from fastcore.script import anno_parser
from torch import nn

import helpers
import tf_transfer.all    # noqa: F401 (what is replaced below must not be what a module keeps that is imported meanwhile)
from tf_transfer.genome.dna import Genome
from tf_transfer.genome.windows import Skipped
from tf_transfer.matrix.groups import GROUPS
from tf_transfer.matrix.simulate import simulate
from tf_transfer.matrix.splits import by_chrom
from tf_transfer.matrix.states import write_matrix
from tf_transfer.model.networks import ARCHS, MotifNet, ShallowCNN
from tf_transfer.model.saving import save_model
from tf_transfer.train.learners import binding_learner
from tf_transfer.finetune.strategies import STRATEGIES
from tf_transfer.commands.demo import NEXT

root = Path(__file__).parent.parent
config = ConfigParser(delimiters=['='])
config.read(root/'settings.ini')
scripts = dict(o.split('=') for o in config['DEFAULT']['console_scripts'].split())


def options_of(name):
    "The arguments of a command that have a default"
    module, function = scripts[name].split(':')
    parameters = inspect.signature(getattr(importlib.import_module(module), function)).parameters.values()
    return [p.name for p in parameters if p.default is not p.empty]


# Arguments with a default that are known by their place
PLACES = {'tft-study': ['out'], 'tft-interpret': ['matrix', 'out']}

# What stands on the command line in each mode of each command
BUILD = 'out.h5ad --regions in/world/dhs.bed.gz --genome in/genome.fa --peaks '
FINETUNE = 'in/matrix.h5ad in/cnn.safetensors out.safetensors --tf JUND --strategy '
GROUPS_OF = 'in/matrix.h5ad --tf JUND --by '
MODES = {
    'tft-download': {'list': 'list', 'a source': 'hg38'},
    'tft-import': {
        'states': 'out.h5ad --states in/states.npz --regions in/regions.bed --fasta in/regions.fa',
        'published': 'out.h5ad --published in --fasta in/regions.fa'},
    'tft-build': {
        'peaks': BUILD+'in/world/remap.bed.gz',
        'peaks and sites': BUILD+'in/world/remap.bed.gz --tfbs in/world/unibind',
        'one TF': BUILD+'in/peaks.bed --tf JUND',
        'one TF and biosample': BUILD+'in/peaks.bed --tf JUND --biosample K562',
        'a sheet': BUILD+'in/sheet.tsv',
        'DNase clusters': BUILD+'in/world/remap.bed.gz --regions in/clusters.txt'},
    'tft-pretrain': {arch: f'in/matrix.h5ad out.safetensors --valid-chroms chr5 --arch {arch}' for arch in ARCHS},
    'tft-finetune': {strategy: FINETUNE+strategy for strategy in STRATEGIES},
    'tft-fit': {'unnamed': 'out.safetensors --peaks in/peaks.bed --genome in/genome.fa',
                'named': 'out.safetensors --peaks in/peaks.bed --genome in/genome.fa --tf JUND',
                'two files': 'out.safetensors --positives in/regions.fa --negatives in/other_regions.fa --tf JUND',
                'one file': 'out.safetensors --positives in/regions.fa',
                'a table': 'out.safetensors --table in/table.csv'},
    'tft-evaluate': {
        'one strand at a time': 'in/cnn.safetensors in/matrix.h5ad --tf FOS',
        'both strands at once': 'in/motifs.safetensors in/matrix.h5ad --tf FOS',
        'to a file': 'in/cnn.safetensors in/matrix.h5ad --tf FOS --json out.json',
        'all unbound regions': 'in/cnn.safetensors in/matrix.h5ad --tf FOS --negatives all'},
    'tft-predict': {'null': 'in/cnn.safetensors out.safetensors --genome in/genome.fa',
                    'bed': 'in/cnn.safetensors out.tsv --bed in/peaks.bed --genome in/genome.fa',
                    'fasta': 'in/cnn.safetensors out.tsv --fasta in/regions.fa',
                    'table': 'in/cnn.safetensors out.tsv --table in/table.csv',
                    'vcf': 'in/cnn.safetensors out.tsv --vcf in/variants.vcf --genome in/genome.fa',
                    'a track': 'in/cnn.safetensors out.bw --genome in/genome.fa --tf FOS',
                    'sites': 'in/cnn.safetensors out.bed --genome in/genome.fa --tf FOS',
                    'contributions': 'in/cnn.safetensors out.bw --bed in/peaks.bed --genome in/genome.fa --tf FOS '
                                     '--contributions',
                    'list': 'in/cnn.safetensors list'},
    'tft-groups': {
        **{by: GROUPS_OF+by for by in GROUPS if by != 'string'},
        'string': GROUPS_OF+'string --string in/links.txt --string-info in/info.txt',
        'buried': GROUPS_OF+'cofactors --bury 3', 'to a file': GROUPS_OF+'cofactors --out out.txt'},
    'tft-study': {'list': 'list', 'status': 'in/study --status', 'run': 'groups out',
                  'scheduler': 'groups out --scheduler tcp://there:1'},
    'tft-interpret': {
        'a matrix': 'in/cnn.safetensors in/matrix.h5ad out --tf FOS',
        'peaks': 'in/cnn.safetensors out --peaks in/peaks.bed --genome in/genome.fa --tf FOS'},
    'tft-demo': {'the whole': '', 'check': '--check'},
}

# Values for each option, of which the first that the mode does not have is tried; True for a flag
VALUES = {
    'tft-download': dict(dir='elsewhere', offline=True),
    'tft-import': dict(states='in/other.npz', published='in/world', regions='in/other.bed', fasta='in/other.fa',
                       chroms='chr1', genome='toy', force=True),
    'tft-build': dict(regions='in/other.bed', peaks='in/named.bed', genome='in/other.fa',
                      tfbs=('in/named.bed', 'in/world/unibind'), width='100', assayed='both',
                      peak_overlap='any', keep_biosamples=True, blacklist='in/other.bed',
                      chroms='chr1', sources='in/sources.txt', rename_chroms=True, rename_biosamples='in/names.tsv',
                      ignore_case=True, tf='FOS', biosample='HeLa', name='toy', force=True),
    'tft-pretrain': dict(tfs='FOS,MAX', exclude_tfs='FOS', arch=('DanQ', 'ShallowCNN'), labels='masked', epochs='2',
                         batch_size='50', lr='0.1', one_cycle=True, random_strand=True, wd='0.1', compact=True,
                         valid_chroms='chr4', test_chroms='chr6', seed='1', force=True),
    'tft-finetune': dict(tf='SPI1', n_pos='30', ratio='2', strategy=('frozen', 'paper'), no_profile=True, epochs='2',
                         lr='0.1', batch_size='50', random_strand=True, keep_seen=True, valid_chroms='chr4',
                         test_chroms='chr3', seed='1', force=True),
    'tft-fit': dict(peaks='in/other.bed', genome='in/other.fa', background='in/world/dhs.bed.gz', tf='FOS',
                    positives='in/bound.fa', negatives='in/unbound.fa',
                    table='in/other.csv', width='150',
                    pretrained='in/cnn.safetensors', no_profile=True, ratio='5', other_genome=True, seed='1',
                    force=True),
    'tft-evaluate': dict(tf='FOSL2', chroms='chr5,chr6', n_pos='20', negatives=('all', 'matched'), one_strand=True,
                         json='other.json', seed='1', force=True),
    'tft-predict': dict(bed='in/other.bed', fasta='in/other.fa', table='in/other.csv', vcf='in/other.vcf',
                        genome='in/other.fa', tf='FOSL2', offsets='3', null='10', stride='50', logit=True,
                        contributions=True, threshold='0.9', top='3', tile='50', jobs='2',
                        scheduler='tcp://here:1', seed='1', batch_size='50', force=True),
    'tft-groups': dict(tf='FOS', by=('correlated', 'cofactors'), n='2', with_target=True, bury='2',
                       string='in/other_links.txt', string_info='in/other_info.txt', score='experimental',
                       min_score='990', out='other.txt', seed='1', force=True),
    'tft-study': dict(out='other', matrix='in/matrix.h5ad', workers='2', scheduler='tcp://here:1', keep_models=True,
                      status=True),
    'tft-interpret': dict(matrix='in/matrix.h5ad', out='other', peaks='in/other.bed', genome='in/other.fa',
                          background='in/world/dhs.bed.gz', tf='FOSL2', pretrained='in/motifs.safetensors', n='200',
                          seed='1', force=True),
    'tft-demo': dict(out='other', seeds='2', seed='1', force=True, check=True),
}

# What takes long is replaced by a stub, which notes how it is called and returns this
TRAINED = SimpleNamespace(model=SimpleNamespace(card=SimpleNamespace(training=dict(epoch_kept=1, valid_loss=0.5))))
PROGRESS = dict(done=1, failed=0, running=0, left=0, minutes=0)
STUBS = {
    'genome.download.fetch_source': [Path('hg38.fa')],
    'matrix.build.build_report': 'built',
    'train.pretraining.pretrain': TRAINED,
    'finetune.strategies.finetune': TRAINED,
    'finetune.own_data.fit_peaks': SimpleNamespace(result='a result', save=lambda *args: None),
    'finetune.own_sequences.fit_sequences': SimpleNamespace(result='a result', save=lambda *args: None),
    'model.saving.save_model': None,
    'model.tables.predict_fasta': (3, Skipped()),
    'model.tables.predict_table': (3, Skipped()),
    'model.tables.predict_bed': (3, Skipped()),
    'model.variants.predict_vcf': (3, Skipped()),
    'model.random_changes.keep_random_changes': None,
    'model.tracks.write_track': (3, Skipped()),
    'model.sites.write_sites': (3, Skipped()),
    'interpret.contributions.write_contributions': (3, Skipped()),
    'study.runs.run_study': pd.DataFrame(columns=['error', 'auprc', 'group', 'with_target', 'n_peaks', 'strategy']),
    'study.folder.StudyFolder': SimpleNamespace(status=lambda: PROGRESS),
    'interpret.own_report.next_commands': ['a command'],
    'interpret.own_report.write_own_report': [Path('out.html')],
    'interpret.page.interpret': Path('out'),
    'commands.demo.run_demo': None, 'commands.selftest.self_test': None,
}


@pytest.fixture(scope='module')
def inputs(tmp_path_factory):
    "A folder with all files that the modes name"
    folder = tmp_path_factory.mktemp('inputs')
    simulated = simulate(n_regions=3000, seed=1)
    simulated.write(folder/'world')
    m = simulated.matrix()
    write_matrix(m, folder/'matrix.h5ad')
    motifs = list(simulated.profiles.values())
    for name, arch in dict(cnn=ShallowCNN, motifs=partial(MotifNet, motifs=motifs)).items():
        learn = binding_learner(m, by_chrom(m, 'chr5', 'chr6'), ['FOS', 'FOSL2'], arch)
        save_model(learn, folder/f'{name}.safetensors')
    regions = m.var[['chrom', 'start', 'end']]
    named = regions[:50].assign(name='E1.FOS.K562')
    for name, rows in dict(peaks=regions[:50], other=regions[:60], regions=regions, named=named).items():
        rows.to_csv(folder/f'{name}.bed', sep='\t', header=False, index=False)
    clusters = regions[:100].assign(name='1', score=500, n=1, sources='0', scores='500')
    clusters.to_csv(folder/'clusters.txt', sep='\t', header=False, index=False)
    (folder/'sheet.tsv').write_text('file\ttf\tbiosample\npeaks.bed\tJUND\tK562\nother.bed\tFOS\tHeLa\n')
    (folder/'sources.txt').write_text('0\tK562\n')
    (folder/'names.tsv').write_text('K562\tk\n')
    for name in ('genome.fa', 'other.fa'): (folder/name).write_bytes((folder/'world'/'genome.fa').read_bytes())
    write_string(folder, m.obs_names)
    return folder, m


def write_string(folder, tfs):
    "STRING's two files, twice"
    rng = np.random.default_rng(0)
    for name, order in (('', list(tfs)), ('other_', list(tfs)[::-1])):
        info = [f'9606.P{i}\t{tf}\n' for i, tf in enumerate(order)]
        (folder/f'{name}info.txt').write_text('#string_protein_id\tpreferred_name\n'+''.join(info))
        scores = rng.integers(500, 1000, (len(order), len(order), 2))
        pairs = [(i, j) for i in range(len(order)) for j in range(len(order)) if i != j]
        links = [f'9606.P{i} 9606.P{j} {scores[i, j, 0]} {scores[i, j, 1]}\n' for i, j in pairs]
        (folder/f'{name}links.txt').write_text('protein1 protein2 experimental combined_score\n'+''.join(links))


def plain(o):
    "What to compare calls by: values, contents of arrays and tables, fields, names of functions, types of all else"
    if isinstance(o, (str, int, float, type(None))): return o
    if isinstance(o, Path): return str(o)
    if isinstance(o, np.ndarray): return o.tolist()
    if isinstance(o, pd.DataFrame): return o.to_csv()
    if isinstance(o, anndata.AnnData): return o.uns.get('fingerprint') or plain([dict(o.uns), o.varm['sequence']])
    if isinstance(o, dict): return {k: plain(v) for k, v in o.items()}
    if isinstance(o, (list, tuple)): return [plain(v) for v in o]
    if isinstance(o, Genome): return str(o.path)
    if isinstance(o, nn.Module): return type(o).__name__, plain(o.card.tfs)
    if is_dataclass(o) and not isinstance(o, type): return {f.name: plain(getattr(o, f.name)) for f in fields(o)}
    return getattr(o, '__qualname__', type(o).__name__)


@pytest.fixture
def trial(inputs, tmp_path, monkeypatch):
    "Run a command in a folder of its own; its status, its line of error, and all that came of it"
    folder, m = inputs
    calls = []

    def stub(name, result):
        def noted(*args, **kwargs):
            calls.append((name, plain(args), plain(kwargs)))
            return result
        module, function = f'tf_transfer.{name}'.rsplit('.', 1)
        monkeypatch.setattr(importlib.import_module(module), function, noted)
    for name in ('build.build_matrix', 'states.import_states', 'published.import_published'): stub(f'matrix.{name}', m)
    for name, result in STUBS.items(): stub(name, result)
    monkeypatch.setattr('tf_transfer.matrix.states.read_matrix', lambda path: m)

    def try_out(name, args, there=()):
        calls.clear()
        cwd = Path(mkdtemp(dir=tmp_path))
        (cwd/'in').symlink_to(folder)
        for o in there: (cwd/o).write_text('')
        monkeypatch.chdir(cwd)
        status, out, err = helpers.run(name, *args)
        files = {p.name: p.read_bytes() for p in cwd.iterdir() if p.name != 'in'}
        return status, err, [[*calls], re.sub(r' *\d+ s  ', '', out), files]
    return try_out


def placed(args, value):
    "Another OUT, behind STUDY, or in the place of the one that is there"
    return [value if o == 'out' else o for o in args] if 'out' in args else [args[0], value, *args[1:]]


def command_line(name, mode, option):
    "The arguments of a mode, and the same with one option more"
    args, values = MODES[name][mode].split(), VALUES[name][option]
    if option in PLACES.get(name, ()) and option == 'matrix': return args, [args[0], values, *args[args.index('out'):]]
    value = next(v for v in (values if isinstance(values, tuple) else (values,)) if v is True or v not in args)
    if option == 'out' and 'out' in PLACES.get(name, ()): return args, placed(args, value)
    flag = f"--{option.replace('_', '-')}"
    if value is True: return args, args if flag in args else [*args, flag]
    return args, [*args, flag, value]


BEFORE = {}


def acts(trial, name, mode, option):
    "Does an option act in a mode? Fails where it neither acts nor is refused"
    outs = [f'out.{o}' for o in ('h5ad', 'safetensors', 'tsv', 'bw', 'bed', 'json', 'txt')]
    there = tuple(outs) if option == 'force' else ()
    without, given = command_line(name, mode, option)
    if without == given: return True
    if (name, mode, there) not in BEFORE: BEFORE[name, mode, there] = trial(name, without, there)
    before, after = BEFORE[name, mode, there], trial(name, given, there)
    assert before[0] == 0 or option == 'force' and 'exists already' in before[1], f'{mode}: {before[1]}'
    status, err, (calls, _, files) = after
    if status == 0:
        assert after != before, f'{mode}: --{option} does nothing, and is not refused'
        return True
    assert status == 2 and err.startswith(f'{name}: ') and err.count('\n') == 1, f'{mode}: {err}'
    assert {'OUT', *(o for o in given if o.startswith('--'))} & set(re.findall(r'--[a-z-]+|OUT', err)), f'{mode}: {err}'
    assert not calls and set(files) == set(there), mode


CASES = [(name, option) for name in scripts for option in options_of(name)]


@pytest.mark.parametrize('name, option', CASES, ids=map(' '.join, CASES))
def test_an_option_acts_or_is_refused(trial, name, option):
    "In each mode; and it acts in one"
    assert any([acts(trial, name, mode, option) for mode in MODES[name]])


# A value that is wrong, for each option whose value is looked at before the long part of its command
WRONG = {
    'tft-build': dict(width='0', peaks='none.bed'),
    'tft-pretrain': dict(tfs='JUNX', exclude_tfs='JUNX', arch='CNN', labels='some', epochs='0', batch_size='1',
                         lr='nan', wd='nan', valid_chroms='chr91', test_chroms='chr91', seed='-1'),
    'tft-finetune': dict(tf='JUNX', n_pos='0', ratio='0', strategy='auto2', epochs='0', lr='inf', batch_size='1',
                         valid_chroms='chr91', test_chroms='chr91', seed='-1'),
    'tft-fit': dict(ratio='0', seed='-1', width='0'),
    'tft-evaluate': dict(tf='JUNX', chroms='chr91', n_pos='0', negatives='some', json='none/out.json', seed='-1'),
    'tft-predict': dict(genome='none.fa', batch_size='0', tf='JUNX', stride='0', threshold='1', top='0',
                        jobs='0'),
    'tft-groups': dict(tf='JUNX', by='others', n='0', bury='-1', string='none.txt', string_info='none.txt',
                       score='other_score', min_score='many', out='none/out.txt', seed='-1'),
    'tft-study': dict(workers='0'),
    'tft-interpret': dict(pretrained='none.safetensors', n='0', seed='-1'),
    'tft-demo': dict(seeds='0', seed='-1'),
}
MODE = {'string': 'string', 'string_info': 'string', 'score': 'string', 'min_score': 'string', 'peaks': 'one TF',
        'workers': 'run', 'width': 'one file', 'seed': 'random', 'epochs': 'paper', 'lr': 'paper',
        'batch_size': 'paper', 'tf': 'a track', 'stride': 'a track',
        'jobs': 'a track', 'threshold': 'sites', 'top': 'sites'}


@pytest.mark.parametrize('name', WRONG)
def test_a_mistake_names_its_option_as_it_was_typed(trial, name):
    for option, value in WRONG[name].items():
        mode = MODE.get(option, '')
        line = MODES[name][mode if mode in MODES[name] else next(iter(MODES[name]))].split()
        flag = f"--{option.replace('_', '-')}"
        if flag in line: line[line.index(flag)+1] = value
        else: line += [flag, value]
        status, err, _ = trial(name, line)
        assert status == 2 and re.search(rf'{flag}\b', err), (option, err)
        assert not re.search(r'(?<!\S)-[a-z]\b', err), (option, err)


@pytest.mark.parametrize('mode, option', [('bed', 'genome'), ('fasta', 'fasta'), ('a track', 'scheduler'),
                                          ('a track', 'bed'), ('sites', 'tf'), ('sites', 'scheduler')])
def test_an_empty_value_is_refused(trial, mode, option):
    "As of a shell variable that is not set"
    status, err, (calls, _, files) = trial('tft-predict', [*MODES['tft-predict'][mode].split(), f'--{option}', ''])
    assert status == 2 and f'tft-predict: --{option} is empty; give it a value, or leave it out' in err
    assert not calls and not files


@pytest.mark.parametrize('mode, like, name', [
    ('a track', 'bw', 'a.bigWig'), ('a track', 'bw', 'a.bigwig'), ('a track', 'bw', 'a.BW'), ('sites', 'bed', 'a.BED'),
    ('contributions', 'bw', 'a.BigWig'), ('bed', 'tsv', 'a.TSV'), ('fasta', 'tsv', 'a.Tsv'), ('bed', 'h5ad', 'a.H5AD'),
    ('bed', 'tsv.gz', 'a.TSV.GZ'), ('vcf', 'vcf.gz', 'a.VCF.GZ'), ('vcf', 'vcf', 'a.Vcf')])
def test_a_suffix_in_any_spelling(trial, mode, like, name):
    line = MODES['tft-predict'][mode].split()
    made = []
    for out in (f'a.{like}', name):
        status, err, (calls, _, files) = trial('tft-predict', [line[0], out, *line[2:]])
        assert status == 0, err
        made += [(files[out] if out in files else None, len(calls))]
    assert made[0] == made[1] and (made[0][0] or made[0][1])


@pytest.mark.parametrize('name', ['a', 'a.txt', 'a.bed.gz', 'a.bw.gz', 'a.csv'])
def test_an_unknown_suffix_names_all(trial, name):
    line = MODES['tft-predict']['bed'].split()
    status, err, (_, _, files) = trial('tft-predict', [line[0], name, *line[2:]])
    assert status == 2 and not files
    for o in ('.tsv.gz', '.parquet', '.h5ad', '.vcf.gz', '.bw or .bigWig', '.bed', '.png', '.safetensors'):
        assert o in err


def test_a_long_list_of_tfs(trial, inputs):
    "Longer than the name of a file may be; and as a file, from an editor that marks it as UTF-8"
    tfs = list(inputs[1].obs_names)
    line = MODES['tft-pretrain']['ShallowCNN'].split()
    (inputs[0]/'tfs.txt').write_text('\ufeff'+'\r\n'.join(tfs), encoding='utf-8')
    for spec in (','.join(tfs*4), 'in/tfs.txt'):
        status, err, (calls, _, _) = trial('tft-pretrain', [*line, '--tfs', spec])
        assert status == 0 and tfs in calls[0][1], err
    status, err, _ = trial('tft-pretrain', [*line, '--tfs', ','.join([*tfs*4, 'JUNX'])])
    assert status == 2 and err.startswith("tft-pretrain: --tfs: no TF 'JUNX' in this matrix; did you mean JUN"), err


def said():
    "What pages say to type: the page, the name of a command, and its arguments"
    for path in sorted(root.rglob('nbs/**/*.ipynb')):
        cells = [] if '.ipynb_checkpoints' in path.parts else read_nb(path).cells
        for text in [c.source for c in cells if c.cell_type == 'markdown' and 'tft-' in c.source]:
            text = re.sub(r'\$\w+', '1', text.replace('\\\n', ' '))
            for line in re.findall(r'`(tft-[^`\n]+)`|^ *(tft-[a-z]+ .*)$', text, re.M):
                name, *args = shlex.split(''.join(line))
                yield path.name, name, args
    for line in NEXT.splitlines():
        name, *args = shlex.split(line)
        yield 'the demo', name, args


def test_pages_say_what_commands_understand():
    "Whole commands, and options that are mentioned beside the name of a command"
    parsers, n = {}, 0
    for page, name, args in said():
        if name not in parsers: parsers[name] = parser_of(name)
        options = set(re.findall(r'--[a-z-]+', parsers[name].format_help()))
        assert {o for o in args if o.startswith('--')} <= options, (page, name, args)
        if not args or args[0].startswith('--'): continue
        n += 1
        try: parsers[name].parse_args(args)
        except SystemExit: pytest.fail(f'{page}: {name} {" ".join(args)}')
    assert n > 20


def parser_of(name):
    module, function = scripts[name].split(':')
    function = getattr(importlib.import_module(module), function)
    return anno_parser(function, name, PLACES.get(name))


def test_help_and_wrong_options_do_not_wait_for_torch():
    code = """
import runpy, sys
for path in sys.argv[1:]:
    for option, status in (('--help', 0), ('--no-such', 2)):
        sys.argv = [path, option]
        try: runpy.run_path(path, run_name='__main__')
        except SystemExit as e: assert (e.code or 0) == status
        assert not {'torch', 'fastai', 'pandas', 'numpy'} & sys.modules.keys(), path
"""
    paths = [helpers.scripts/name for name in scripts]
    done = subprocess.run([sys.executable, '-c', code, *paths], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('usage: tft-') == done.stderr.count('usage: tft-') == len(scripts)
