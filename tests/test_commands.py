"Commands as a user meets them: what they write, and one line for each mistake"
import json
import os
import resource
import signal
import subprocess
import time

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file
from sklearn.metrics import average_precision_score

from helpers import Started, assert_refused, command
from tf_transfer.genome.dna import one_hot, reverse_complement
from tf_transfer.matrix.simulate import simulate
from tf_transfer.matrix.states import binding_matrix, read_matrix, write_matrix
from tf_transfer.model.predict import logits, predict
from tf_transfer.model.saving import load_model, save_model
from tf_transfer.motifs.pwm import vertebrate_profiles
from tf_transfer.train.evaluation import unseen_regions


@pytest.fixture(scope='module')
def files(tmp_path_factory):
    "A small world on disk, its matrix, and a model pre-trained for an epoch"
    folder = tmp_path_factory.mktemp('files')
    world = simulate(n_regions=4000, seed=1).write(folder/'world')
    status, err = command('tft-import', folder/'m.h5ad', *table(world))
    assert status == 0, err
    status, err = command('tft-pretrain', folder/'m.h5ad', folder/'pre.safetensors', '--tfs', 'FOSL2,FOS',
                          '--arch', 'ShallowCNN', '--epochs', 1, '--valid-chroms', 'chr5', '--test-chroms', 'chr6')
    assert status == 0, err
    return folder


def table(world):
    return ['--states', world/'states.npz', '--regions', world/'regions.bed.gz', '--fasta', world/'regions.fa.gz',
            '--genome', 'toy']


def jund(files, out, *args):
    "To fine-tune a model of JUND, from 50 peaks"
    return ['tft-finetune', files/'m.h5ad', files/'pre.safetensors', out, '--tf', 'JUND', '--n-pos', 50, *args]


def test_the_way_from_model_to_score(files, tmp_path):
    out = tmp_path/'jund.safetensors'
    status, err = command(*jund(files, out, '--epochs', 2))
    assert status == 0, err
    status, err = command('tft-evaluate', out, files/'m.h5ad', '--tf', 'JUND', '--json', tmp_path/'s.json')
    assert status == 0, err
    score = json.loads((tmp_path/'s.json').read_text())
    assert {'tf', 'auprc', 'auprc_ci', 'auroc', 'mcc', 'prevalence', 'n_pos', 'n_neg', 'chroms', 'model'} <= set(score)
    assert score['chroms'] == ['chr6'] and score['prevalence'] == 0.5
    assert_refused('exists already', 'tft-evaluate', out, files/'m.h5ad', '--tf', 'JUND', '--json', tmp_path/'s.json')
    status, _ = command('tft-evaluate', out, files/'m.h5ad', '--tf', 'JUND', '--json', tmp_path/'s.json', '--force')
    assert status == 0


def test_the_same_seed_gives_the_same_model(files, tmp_path):
    for name in ('a', 'b'):
        status, err = command(*jund(files, tmp_path/name, '--epochs', 1))
        assert status == 0, err
    assert (tmp_path/'a').read_bytes() == (tmp_path/'b').read_bytes()


def test_regions_seen_in_training_are_left_out_of_the_test(files, tmp_path):
    command(*jund(files, tmp_path/'j', '--epochs', 1))
    command('tft-evaluate', tmp_path/'j', files/'m.h5ad', '--tf', 'JUND', '--chroms', 'chr1,chr2',
            '--json', tmp_path/'s.json')
    score = json.loads((tmp_path/'s.json').read_text())
    assert score['seen_left_out'] > 0


def test_evaluate_and_predict_say_the_same(files, tmp_path):
    "So does Python; with a network to which the strands differ, so that the way of averaging them matters"
    net, m = load_model(files/'pre.safetensors'), read_matrix(files/'m.h5ad')
    (data, _), i = unseen_regions(net, m, 'FOS'), net.card.tfs.index('FOS')
    sharpened(net, data.codes)
    save_model(net, tmp_path/'net.safetensors')
    status, err = command('tft-evaluate', tmp_path/'net.safetensors', files/'m.h5ad', '--tf', 'FOS',
                          '--json', tmp_path/'s.json')
    assert status == 0, err
    auprc = json.loads((tmp_path/'s.json').read_text())['auprc']
    regions = m.var[['chrom', 'start', 'end']].iloc[data.index]
    regions.to_csv(tmp_path/'r.bed', sep='\t', header=False, index=False)
    status, err = command('tft-predict', tmp_path/'net.safetensors', tmp_path/'p.tsv', '--bed', tmp_path/'r.bed',
                          '--genome', files/'world'/'genome.fa')
    assert status == 0, err
    table = pd.read_csv(tmp_path/'p.tsv', sep='\t')
    assert (table[['chrom', 'start', 'end']].to_numpy() == regions.to_numpy()).all()
    probs = predict(net, data.codes)[:, i]
    assert np.allclose(table.FOS, probs, atol=1e-4)
    assert average_precision_score(data.label, probs) == pytest.approx(auprc, abs=1e-6)
    strands = [predict(net, codes, both_strands=False)[:, i] for codes in (data.codes, turned(data.codes))]
    otherwise = np.mean(strands, axis=0)
    assert np.abs(otherwise-table.FOS).max() > 0.1 and abs(average_precision_score(data.label, otherwise)-auprc) > 1e-5


def sharpened(net, codes):
    "Make a network surer of itself: probabilities from 0 to 1, and half of them above one half"
    with torch.no_grad():
        net.head.weight *= 4
        net.head.bias -= torch.from_numpy(np.median(logits(net, codes), axis=0))


def turned(codes): return reverse_complement(torch.as_tensor(codes))


def cut(path, to, keep=0.6):
    to.write_bytes(path.read_bytes()[:int(path.stat().st_size*keep)])
    return to


@pytest.mark.parametrize('option', ['--states', '--regions', '--fasta'])
def test_import_of_truncated_files(files, tmp_path, option):
    args = table(files/'world')
    i = args.index(option)+1
    args[i] = cut(args[i], tmp_path/f'cut_{args[i].name}')
    assert_refused('cut short', 'tft-import', tmp_path/'out.h5ad', *args)


@pytest.mark.parametrize('option', ['--states', '--regions', '--fasta'])
@pytest.mark.parametrize('content', [b'', b'hello\nworld\n', bytes(range(256))*9], ids=['empty', 'text', 'junk'])
def test_import_of_foreign_files(files, tmp_path, option, content):
    args = table(files/'world')
    args[args.index(option)+1] = tmp_path/'foreign'
    (tmp_path/'foreign').write_bytes(content)
    assert_refused('foreign', 'tft-import', tmp_path/'out.h5ad', *args)


def test_import_of_a_pickle_in_an_npz(files, tmp_path):
    np.savez(tmp_path/'p.npz', states=np.array([{'a': 1}], dtype=object), tfs=['A'])
    args = table(files/'world')
    args[1] = tmp_path/'p.npz'
    assert_refused('not an .npz file of plain arrays', 'tft-import', tmp_path/'out.h5ad', *args)


def test_import_of_files_that_do_not_fit(files, tmp_path):
    args = table(files/'world')
    np.savez(tmp_path/'s.npz', states=np.zeros((2, 7), np.int8), tfs=['A', 'B'])
    assert_refused('4000 regions', 'tft-import', tmp_path/'out.h5ad', '--states', tmp_path/'s.npz', *args[2:])
    np.savez(tmp_path/'t.npz', states=np.full((1, 4000), 9, np.int8), tfs=['A'])
    args[1] = tmp_path/'t.npz'
    assert_refused('from 0 (unresolved) to 3 (bound)', 'tft-import', tmp_path/'out.h5ad', *args)


def test_import_of_wrong_paths(files, tmp_path):
    args = table(files/'world')
    assert_refused('no such file', 'tft-import', tmp_path/'out.h5ad', '--states', tmp_path/'nowhere.npz', *args[2:])
    assert_refused('no such folder', 'tft-import', tmp_path/'nowhere'/'out.h5ad', *args)
    assert_refused('exists already', 'tft-import', files/'m.h5ad', *args)
    assert_refused('give either --states or --published', 'tft-import', tmp_path/'out.h5ad')
    assert_refused('is a folder', 'tft-import', tmp_path, *args)


pretrain = ['--valid-chroms', 'chr5', '--test-chroms', 'chr6', '--arch', 'ShallowCNN', '--epochs', 1]


@pytest.mark.parametrize('args, words', [
    (['--tfs', 'FOSL3'], 'did you mean FOSL2'),
    (['--exclude-tfs', 'JUNX'], 'did you mean JUN'),
    (['--tfs', 'best99'], 'the matrix has 25'),
    (['--tfs', 'JUND', '--exclude-tfs', 'JUND'], 'leaves no TF'),
    (['--arch', 'PaperCCN'], 'did you mean PaperCNN'),
    (['--labels', 'sparse'], 'complete or masked'),
    (['--valid-chroms', 'chr22'], 'no region lies on chr22'),
    (['--test-chroms', '22'], 'the matrix has chr1'),
    (['--test-chroms', 'chr5'], 'both for validation and for test'),
    (['--valid-chroms', ''], '--valid-chroms must name'),
    (['--epochs', 0], '--epochs must be 1 or more'),
])
def test_pretrain_mistakes(files, tmp_path, args, words):
    assert_refused(words, 'tft-pretrain', files/'m.h5ad', tmp_path/'o.safetensors', *pretrain, *args)


def test_pretrain_a_network_of_motifs_and_words(files, tmp_path):
    out = tmp_path/'words.safetensors'
    status, err = command('tft-pretrain', files/'m.h5ad', out, '--tfs', 'FOSL2,FOS', '--arch', 'MotifKmerNet',
                          '--labels', 'masked', '--batch-size', 256, '--lr', 0.002, '--wd', 0.01, '--one-cycle',
                          '--compact', '--epochs', 1, '--valid-chroms', 'chr5', '--test-chroms', 'chr6')
    assert status == 0, err
    assert out.stat().st_size < 8e6
    net = load_model(out)
    codes = np.random.default_rng(0).integers(0, 4, (20, 200)).astype(np.uint8)
    with torch.no_grad(): both = [net(one_hot(o)) for o in (codes, reverse_complement(codes))]
    torch.testing.assert_close(*both, atol=1e-3, rtol=0)
    assert net.first.n_out == len(vertebrate_profiles())+2080 and predict(net, codes).std() > 0


def test_pretrain_tfs_from_a_file(files, tmp_path):
    (tmp_path/'tfs.txt').write_text('MAX\nMYC\n')
    status, err = command('tft-pretrain', files/'m.h5ad', tmp_path/'o.safetensors', *pretrain,
                          '--tfs', tmp_path/'tfs.txt', '--labels', 'masked')
    assert status == 0, err
    assert_refused('exists already', 'tft-pretrain', files/'m.h5ad', tmp_path/'o.safetensors', *pretrain)


def test_matrices_that_are_none(files, tmp_path):
    def refused(words, path): assert_refused(words, 'tft-pretrain', path, tmp_path/'o.safetensors', *pretrain)
    refused('no such file', tmp_path/'nowhere.h5ad')
    refused('cut', cut(files/'m.h5ad', tmp_path/'cut.h5ad'))
    refused('not an .h5ad file', files/'pre.safetensors')
    import anndata
    anndata.AnnData(np.ones((3, 4), np.float32)).write_h5ad(tmp_path/'foreign.h5ad')
    refused('not a binding matrix', tmp_path/'foreign.h5ad')


def test_models_that_are_none(files, tmp_path):
    def refused(words, path):
        assert_refused(words, 'tft-finetune', files/'m.h5ad', path, tmp_path/'o.safetensors', '--tf', 'JUND')
    refused('no such file', tmp_path/'nowhere.safetensors')
    refused('cut short', cut(files/'pre.safetensors', tmp_path/'cut.safetensors'))
    refused('not a .safetensors file', files/'m.h5ad')
    save_file({'w': torch.zeros(3)}, tmp_path/'foreign.safetensors')
    refused('not of a tf_transfer model', tmp_path/'foreign.safetensors')


@pytest.mark.parametrize('args, words', [
    (['--tf', 'jund'], 'did you mean JUND'),
    ([], '--tf must be given'),
    (['--tf', 'JUND', '--n-pos', 3], 'at least 10'),
    (['--tf', 'JUND', '--n-pos', 90000], '90000 are needed; regions seen'),
    (['--tf', 'JUND', '--strategy', 'papr'], 'did you mean paper'),
    (['--tf', 'JUND', '--valid-chroms', 'chrX'], 'no region lies on chrX'),
])
def test_finetune_mistakes(files, tmp_path, args, words):
    assert_refused(words, *jund(files, tmp_path/'o.safetensors')[:4], *args)


def test_a_tf_without_positives(files, tmp_path):
    states = np.load(files/'world'/'states.npz')
    x = states['states'].copy()
    x[list(states['tfs']).index('SPI1')] = 1
    np.savez(tmp_path/'s.npz', states=x, tfs=states['tfs'])
    status, err = command('tft-import', tmp_path/'m.h5ad', '--states', tmp_path/'s.npz', *table(files/'world')[2:])
    assert status == 0, err
    assert_refused('SPI1 has 0 bound regions', 'tft-finetune', tmp_path/'m.h5ad', files/'pre.safetensors',
                   tmp_path/'o.safetensors', '--tf', 'SPI1')


@pytest.mark.parametrize('args, words', [
    (['--tf', 'MAX'], "no TF 'MAX' in this model"),
    (['--tf', 'FOS', '--chroms', 'chr22'], 'no region lies on chr22'),
    (['--tf', 'FOS', '--negatives', 'some'], 'matched or all'),
    (['--tf', 'FOS', '--n-pos', 99999], 'FOS has'),
    ([], '--tf must be given'),
])
def test_evaluate_mistakes(files, args, words):
    assert_refused(words, 'tft-evaluate', files/'pre.safetensors', files/'m.h5ad', *args)


def test_a_model_of_another_width(files, tmp_path):
    narrow = simulate(n_regions=2000, width=120, seed=1).write(tmp_path/'world')
    status, err = command('tft-import', tmp_path/'m.h5ad', *table(narrow))
    assert status == 0, err
    assert_refused('200 bp', 'tft-finetune', tmp_path/'m.h5ad', files/'pre.safetensors', tmp_path/'o.safetensors',
                   '--tf', 'JUND')
    assert_refused('DanQ needs', 'tft-pretrain', short_matrix(tmp_path), tmp_path/'o.safetensors', '--arch', 'DanQ',
                   '--valid-chroms', 'chr2', '--labels', 'masked')


def short_matrix(folder):
    rng = np.random.default_rng(0)
    regions = pd.DataFrame(dict(chrom=['chr1', 'chr2']*20, start=np.arange(40)*50)).assign(end=lambda d: d.start+30)
    codes = rng.integers(0, 4, (40, 30), dtype=np.uint8)
    write_matrix(binding_matrix(rng.integers(1, 4, (2, 40)), ['A', 'B'], regions, codes), folder/'short.h5ad')
    return folder/'short.h5ad'


def test_demo_does_not_overwrite(tmp_path):
    (tmp_path/'demo').mkdir()
    assert_refused('exists already', 'tft-demo', '--out', tmp_path/'demo')


def where_no_file_may_grow(name, *args):
    "Run a command while this process may write no file over 20 kB"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try: return command(name, *args)
    finally: resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_file_that_may_not_grow(files, tmp_path):
    for name, *args in [('tft-import', tmp_path/'out.h5ad', *table(files/'world')),
                        ('tft-pretrain', files/'m.h5ad', tmp_path/'o.safetensors', *pretrain, '--tfs', 'FOS'),
                        ('tft-demo', '--out', tmp_path/'demo')]:
        assert_refused('the disk is full; it was not written', name, *args, command=where_no_file_may_grow)


@pytest.fixture
def full_disk(tmp_path):
    "A disk of 100 kB, where one may be mounted"
    disk = tmp_path/'disk'
    disk.mkdir()
    mounted = subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=100k', 'none', str(disk)], capture_output=True)
    if mounted.returncode: pytest.skip('may not mount a small disk')
    yield disk
    subprocess.run(['umount', str(disk)], check=True)


def test_a_full_disk(files, full_disk):
    words = 'the disk is full; it was not written'
    assert_refused(words, 'tft-import', full_disk/'out.h5ad', *table(files/'world'))
    assert_refused(words, *jund(files, full_disk/'o.safetensors', '--epochs', 1))


def interrupted(args, cwd, sign):
    "Send Ctrl-C once `sign` has been printed"
    p, end = Started(*args, cwd=cwd), time.time()+120
    try:
        while sign not in p.said()[0]:
            assert p.poll() is None and time.time() < end, p.said()
            time.sleep(0.1)
        os.kill(p.pid, signal.SIGINT)
        return p.wait(60), p.said()[1]
    finally: p.kill()


@pytest.mark.parametrize('args, sign', [
    (['tft-pretrain', 'm.h5ad', 'o.safetensors', '--tfs', 'FOS', '--epochs', 500, '--valid-chroms', 'chr5'],
     'training'),
    (['tft-demo', '--out', 'demo'], 'pre-training'),
], ids=['pretrain', 'demo'])
def test_ctrl_c(files, tmp_path, args, sign):
    (tmp_path/'m.h5ad').symlink_to(files/'m.h5ad')
    status, err = interrupted(args, tmp_path, sign)
    assert (status, err) == (130, f'{args[0]}: interrupted; nothing was written\n')
    assert [p.name for p in tmp_path.iterdir()] == ['m.h5ad']


@pytest.fixture
def listening():
    "Heed Ctrl-C, also where the tests run in the background"
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_interrupt_in_a_destructor_is_not_lost(capsys, listening):
    from tf_transfer.commands.base import _interrupts_arrive

    class Tidy:
        def __del__(self): raise KeyboardInterrupt

    def train():
        Tidy()
        time.sleep(5)
    with _interrupts_arrive(), pytest.raises(KeyboardInterrupt): train()
    assert capsys.readouterr().err == ''


def test_files_have_the_usual_permissions(files, tmp_path):
    (tmp_path/'plain').touch()
    usual = (tmp_path/'plain').stat().st_mode
    assert (files/'m.h5ad').stat().st_mode == (files/'pre.safetensors').stat().st_mode == usual


@pytest.mark.parametrize('name, words', [('p.png', 'a picture shows contributions; add --contributions'),
                                         ('P.SVG', 'add --contributions'), ('p.vcf', 'variants go there, of --vcf'),
                                         ('p.vcf.gz', 'write a table (.tsv)'), ('p.csv', 'its suffix must say')])
def test_outputs_that_want_another_option(tmp_path, name, words):
    assert_refused(words, 'tft-predict', 'motifs-hg38', tmp_path/name, '--fasta', 'some.fa')
