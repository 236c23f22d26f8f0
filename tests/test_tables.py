"Tables of predictions: row i is row i of the input, the same for the same content however long or ordered a file is"
import gzip

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from tf_transfer.core import UserError
from tf_transfer.genome.dna import Genome
from tf_transfer.model.networks import MotifNet
from tf_transfer.model.predict import logits
from tf_transfer.model.ranks import keep_unbound
from tf_transfer.model.saving import ModelCard, load_model, save_model
from tf_transfer.model.tables import Only, Ranking, Read, predict_bed, predict_fasta, predict_table
from tf_transfer.motifs.pwm import jaspar

WIDTH = 30
rng = np.random.default_rng(0)
SEQS = {k: ''.join(rng.choice(list('ACGT'), n)) for k, n in dict(chr1=900, chr2=500, chrM=200).items()}
REASONS = dict(chrUn='contig not in the genome', edge='over the end of a contig')


@pytest.fixture(scope='module')
def net(): return MotifNet(2, WIDTH, jaspar('JUND'), hidden=(4, 4)).eval()


@pytest.fixture(scope='module')
def genome(tmp_path_factory):
    path = tmp_path_factory.mktemp('genome')/'g.fa'
    path.write_text(''.join(f'>{k}\n{s}\n' for k, s in SEQS.items()))
    return Genome(path)


def table_of(net, genome, path, text, predict=predict_bed, bs=256):
    path.write_text(text)
    n, skipped = predict(net, ['A', 'B'], path, genome, path.with_suffix('.tsv'), bs, True)
    t = pd.read_csv(path.with_suffix('.tsv'), sep='\t', dtype=dict(chrom=str, name=str, id=str), keep_default_na=False)
    assert n == (t.note == '').sum() and sum(skipped.count.values()) == (t.note != '').sum()
    assert dict(t.note[t.note != ''].value_counts()) == skipped.count
    return t


def probability(net, genome, chrom, start):
    return 1/(1 + np.exp(-logits(net, genome[chrom][None, start:start+WIDTH])[0]))


def check_rows(net, genome, t, rows):
    "Each row of a table is that of the input, and has the probabilities of its window"
    assert [tuple(r) for r in t[['chrom', 'start', 'end']].to_numpy()] == [tuple(r[:3]) for r in rows]
    for r in t.itertuples():
        if r.note: assert r.A == '' and r.B == ''
        else:
            assert r.window_end - r.window_start == WIDTH
            expected = probability(net, genome, r.chrom, r.window_start)
            assert np.allclose([float(r.A), float(r.B)], expected, rtol=1e-3)


peaks = [('chr1', 20, 80), ('chr9', 10, 40), ('chr1', 0, 8), ('chr2', 100, 200), ('chr1', 895, 899), ('chrM', 50, 51)]
notes = ['', 'contig not in the genome', 'over the end of a contig', '', 'over the end of a contig', '']
formats = {
    'BED3': lambda i: '', 'BED4': lambda i: f'\tpeak_{i}', 'BED6': lambda i: f'\tpeak_{i}\t{i}\t+',
    'narrowPeak': lambda i: f'\tpeak_{i}\t0\t.\t5.5\t3.1\t-1\t3',
    'broadPeak': lambda i: f'\tpeak_{i}\t0\t.\t5.5\t3.1\t-1',
    'names of many kinds': lambda i: '\t' + 'NA|nan|a b|1|"|,'.split('|')[i],
    'one name for all': lambda i: '\tpeak',
    'BED12': lambda i: f'\tp{i}\t0\t+\t{peaks[i][1]}\t{peaks[i][1]+1}\t0\t1\t1\t0',
}


@pytest.mark.parametrize('what', formats)
@pytest.mark.parametrize('bs', [1, 2, 256])
def test_row_i_is_interval_i(net, genome, tmp_path, what, bs):
    more = formats[what]
    text = '# a comment\n' + ''.join('\t'.join(map(str, r)) + more(i) + '\n' for i, r in enumerate(peaks))
    t = table_of(net, genome, tmp_path/'p.bed', text, bs=bs)
    assert list(t.columns) == [*'chrom start end name window_start window_end note A B'.split()]
    assert list(t.note) == notes
    assert list(t.name) == [(more(i).split('\t') + ['.'])[1] if more(i) else '.' for i in range(len(peaks))]
    check_rows(net, genome, t, peaks)
    summit = 3 if what == 'narrowPeak' else 0 if what == 'BED12' else None
    at = [a + summit if summit is not None and a + summit < b else (a+b)//2 for _, a, b in peaks]
    assert list(t.window_start) == [p - WIDTH//2 for p in at]


@pytest.mark.parametrize('bs', [1, 256])
def test_windows_of_n(net, tmp_path, bs):
    "They have no prediction, as in a FASTA file and along a genome"
    seq = SEQS['chr2'][:100] + 'N'*100 + SEQS['chr2'][200:300]
    (tmp_path/'n.fa').write_text(f'>chr2\n{seq}\n')
    at = [60, 100, 101, 135, 200, 240]
    t = table_of(net, Genome(tmp_path/'n.fa'), tmp_path/'v.bed', ''.join(f'chr2\t{i-1}\t{i+1}\n' for i in at), bs=bs)
    known = [sum(b != 'N' for b in seq[i-WIDTH//2:i+WIDTH//2]) for i in at]
    assert known == [30, 15, 14, 0, 15, 30]
    assert list(t.note) == ['too few known bases' if n < WIDTH/2 else '' for n in known]
    assert list(t.A == '') == list(t.note != '')


def test_headers_bins_and_gzip(net, genome, tmp_path):
    text = 'track name=x\nbrowser position chr1\n' + ''.join(f'585\t{c}\t{a}\t{b}\tn{a}\n' for c, a, b in peaks)
    t = table_of(net, genome, tmp_path/'p.bed', text)
    assert list(t.name) == [f'n{a}' for _, a, _ in peaks]
    check_rows(net, genome, t, peaks)
    (tmp_path/'z.bed.gz').write_bytes(gzip.compress(text.encode()))
    predict_bed(net, ['A', 'B'], tmp_path/'z.bed.gz', genome, tmp_path/'z.tsv')
    assert (tmp_path/'z.tsv').read_text() == (tmp_path/'p.tsv').read_text()


def small_blocks(monkeypatch, size):
    "Files are read in blocks of so many bytes"
    from tf_transfer.genome.intervals import IntervalFile
    whole = IntervalFile.blocks
    monkeypatch.setattr(IntervalFile, 'blocks', lambda self, name=True: whole(self, name, size))


def rows_of(n, chroms):
    return [(c, a, a+40) for c in chroms for a in rng.integers(20, 150, n).tolist()]


@pytest.mark.parametrize('order', ['unknown first', 'known first', 'mixed'])
@pytest.mark.parametrize('size', [200, 1000, 2**22])
def test_the_same_whatever_the_blocks_and_the_order(net, genome, tmp_path, monkeypatch, order, size):
    "A hundred intervals on contigs that the genome lacks, ten on one that it has"
    rows = rows_of(50, ['chr8', 'chr9']) + rows_of(10, ['chr2'])
    if order == 'known first': rows = rows[::-1]
    if order == 'mixed': rows = [rows[i] for i in rng.permutation(len(rows))]
    text = ''.join(f'{c}\t{a}\t{b}\tn{i}\n' for i, (c, a, b) in enumerate(rows))
    small_blocks(monkeypatch, size)
    t = table_of(net, genome, tmp_path/'p.bed', text, bs=3)
    check_rows(net, genome, t, rows)
    assert list(t.name) == [f'n{i}' for i in range(len(rows))]
    assert (t.note == REASONS['chrUn']).sum() == 100 and (t.note == '').sum() == 10


@pytest.mark.parametrize('size', [200, 2**22])
@pytest.mark.parametrize('rename', [dict(chr1='1', chr2='2'), dict(chr1='CHR1', chr2='CHR2'), dict(chr1='x', chr2='y')])
def test_no_contig_in_common(net, genome, tmp_path, monkeypatch, size, rename):
    small_blocks(monkeypatch, size)
    text = ''.join(f'{rename[c]}\t{a}\t{b}\n' for c, a, b in rows_of(30, ['chr1', 'chr2']))
    hint = 'they may be of another genome' if 'x' in rename.values() else f'write chr1 for {rename["chr1"]}'
    with pytest.raises(UserError) as e: table_of(net, genome, tmp_path/'p.bed', text)
    assert 'have no contig in common' in str(e.value) and hint in str(e.value)
    assert '60 skipped: contig not in the genome' in str(e.value) and not (tmp_path/'p.tsv').exists()


def test_batches_are_the_same_whatever_stands_between(net, genome, tmp_path, monkeypatch):
    "The network sees the same batches, so the numbers are the same to the last digit"
    good = rows_of(40, ['chr1'])
    text = [f'{c}\t{a}\t{b}\n' for c, a, b in good]
    bad = 'chrUn\t1\t9\n'
    alone = table_of(net, genome, tmp_path/'a.bed', ''.join(text), bs=7)
    for between in (1, 5, 900):
        more = ''.join(o + bad*between*(i % 3 == 0) for i, o in enumerate(text))
        among = table_of(net, genome, tmp_path/'b.bed', more, bs=7)
        among = among[among.note == ''].reset_index(drop=True)
        assert among[['A', 'B']].astype(float).equals(alone[['A', 'B']].astype(float))


sequences = [SEQS['chr1'][a:a+WIDTH] for a in (0, 40, 80)]


@pytest.mark.parametrize('headers, names', [
    (['a', 'b', 'c'], 'abc'), (['a one', 'b two', 'c'], 'abc'), (['peak 1', 'peak 2', 'x'], ['peak 1', 'peak 2', 'x']),
    (['chr1 100 130', 'chr1 200 230', 'chr1 300 330'], ['chr1 100 130', 'chr1 200 230', 'chr1 300 330']),
    (['a', 'a', 'b'], 'aab'), (['s|1', 's|2', 's|1 again'], ['s|1', 's|2', 's|1 again'])])
def test_records_keep_names_that_tell_them_apart(net, tmp_path, headers, names):
    (tmp_path/'s.fa').write_text(''.join(f'>{h}\n{s}\n' for h, s in zip(headers, sequences)))
    predict_fasta(net, ['A', 'B'], tmp_path/'s.fa', tmp_path/'o.tsv')
    assert pd.read_csv(tmp_path/'o.tsv', sep='\t').name.tolist() == list(names)


@pytest.mark.parametrize('header, names', [('id', 'xyz'), ('Name', 'xyz'), ('ID', 'xyz'), ('peak', '123')])
def test_rows_keep_their_ids(net, tmp_path, header, names):
    (tmp_path/'s.csv').write_text(f'{header},sequence\n' + ''.join(f'{n},{s}\n' for n, s in zip('xyz', sequences)))
    predict_table(net, ['A', 'B'], tmp_path/'s.csv', tmp_path/'o.tsv')
    assert pd.read_csv(tmp_path/'o.tsv', sep='\t', dtype=str).name.tolist() == list(names)


@pytest.mark.parametrize('seed', range(5))
def test_sequences_of_many_lengths_in_any_order(net, tmp_path, seed):
    "The same probabilities whatever stands before and after, and however many go at once"
    draw = np.random.default_rng(seed)
    places = zip(draw.integers(0, 400, 40), draw.integers(9, 400, 40))
    of = {f's{i}': SEQS['chr1'][a:a+n] for i, (a, n) in enumerate(places)}
    found = []
    for order, bs in ((sorted(of), 256), (draw.permutation(sorted(of)), 256), (draw.permutation(sorted(of)), 3)):
        (tmp_path/'s.fa').write_text(''.join(f'>{k}\n{of[k]}\n' for k in order))
        predict_fasta(net, ['A', 'B'], tmp_path/'s.fa', tmp_path/'o.tsv', bs, True)
        found.append(pd.read_csv(tmp_path/'o.tsv', sep='\t').set_index('name').sort_index())
    for other in found[1:]:
        assert (other.note.fillna('') == found[0].note.fillna('')).all()
        assert np.allclose(other[['A', 'B']], found[0][['A', 'B']], atol=2e-5)


def test_sequences_that_are_not_dna_name_file_and_record(net, tmp_path):
    (tmp_path/'s.fa').write_text(f'>a\n{"A"*WIDTH}\n>b\n{"A"*(WIDTH-1)}U\n')
    words = r"s\.fa: record 'b': 'U' at position 30 is not a DNA letter; it looks like RNA: write T for U"
    with pytest.raises(UserError, match=words):
        predict_fasta(net, ['A', 'B'], tmp_path/'s.fa', tmp_path/'o.tsv')


# Longer intervals, all along

LONG = [('chr1', 100, 131), ('chr1', 0, 900), ('chr1', 880, 910), ('chr2', 5, 500), ('chrUn', 1, 400), ('chrM', 10, 40),
        ('chr1', -5, 300), ('chr2', 480, 501), ('chrM', 0, 200), ('chr1', 50, 81)]


@pytest.mark.parametrize('tile', [1, 7, 10, 30, 500])
@pytest.mark.parametrize('bs', [1, 256])
def test_a_longer_interval_has_the_highest_of_its_windows(net, genome, tmp_path, tile, bs):
    rows = [r for r in LONG if r[1] >= 0]
    (tmp_path/'l.bed').write_text(''.join('\t'.join(map(str, r)) + '\n' for r in rows))
    read = Read()
    n, skipped = predict_bed(net, ['A', 'B'], tmp_path/'l.bed', genome, tmp_path/'l.tsv', bs, tile=tile, read=read)
    t = pd.read_csv(tmp_path/'l.tsv', sep='\t', keep_default_na=False)
    assert read.longer == sum(b-a > WIDTH for _, a, b in rows) and n == 6 == (t.A != '').sum()
    assert skipped.count == {'over the end of a contig': 2, 'contig not in the genome': 1}
    for r, (chrom, start, end) in zip(t.itertuples(), rows):
        assert (r.chrom, r.start, r.end) == (chrom, start, end)
        if r.A == '': continue
        if end-start <= WIDTH: assert r.note == '' and r.window_end-r.window_start == WIDTH
        else:
            starts = sorted({*range(start, end-WIDTH+1, tile), end-WIDTH})
            assert r.note == f'longer than {WIDTH} bp: the highest of {len(starts)} windows'
            best = np.max([probability(net, genome, chrom, a) for a in starts], 0)
            assert np.allclose([float(r.A), float(r.B)], best, rtol=1e-3)


def test_an_interval_in_pieces_is_the_interval(net, genome):
    from tf_transfer.model.tables import highest_along
    whole, n = highest_along(net, genome, 'chr1', 3, 898, 10)
    piece, m = highest_along(net, genome, 'chr1', 3, 898, 10, most=4)
    assert n == m and np.allclose(whole, piece, atol=1e-4)


def test_longer_intervals_with_n(net, tmp_path):
    seq = SEQS['chr2'][:100] + 'N'*100 + SEQS['chr2'][200:300]
    (tmp_path/'n.fa').write_text(f'>chr2\n{seq}\n')
    (tmp_path/'n.bed').write_text('chr2\t110\t190\nchr2\t60\t150\nchr2\t0\t300\n')
    n, skipped = predict_bed(net, ['A', 'B'], tmp_path/'n.bed', Genome(tmp_path/'n.fa'), tmp_path/'n.tsv', tile=10)
    t = pd.read_csv(tmp_path/'n.tsv', sep='\t', keep_default_na=False)
    assert n == 2 and skipped.count == {'too few known bases': 1} and t.note[0] == 'too few known bases'
    read = sum(sum(b != 'N' for b in seq[a:a+WIDTH]) >= WIDTH/2 for a in range(60, 121, 10))
    assert t.note[1] == f'longer than {WIDTH} bp: the highest of {read} windows'


# The highest alone

@pytest.fixture(scope='module')
def ranked(net, tmp_path_factory):
    "A model that keeps scores of unbound regions, saved and read again"
    none = pd.DataFrame(dict(chrom=[], start=[], end=[]))
    net.card = ModelCard('MotifNet', WIDTH, ['A', 'B'], 0, '', 'toy', none, args=net.args)
    keep_unbound(net, np.linspace(0.3, 0.7, 50), 'chr5')
    path = tmp_path_factory.mktemp('ranked')/'m.safetensors'
    save_model(net, path)
    return load_model(path)


@pytest.mark.parametrize('suffix', ['.tsv', '.parquet', '.h5ad'])
def test_a_tf_that_is_named_twice_has_one_column(net, tmp_path, suffix):
    (tmp_path/'s.fa').write_text('>a\n'+'ACGT'*20+'\n')
    for name, tfs in dict(twice=['B', 'A', 'B'], once=['B', 'A']).items():
        predict_fasta(net, ['A', 'B'], tmp_path/'s.fa', tmp_path/f'{name}{suffix}', ranking=Only(tfs))
    twice, once = (tmp_path/f'{name}{suffix}' for name in ('twice', 'once'))
    if suffix == '.h5ad': assert list(ad.read_h5ad(twice).var_names) == ['B', 'A']
    else: assert twice.read_bytes() == once.read_bytes()


def test_packed_tables_are_the_same_bytes(net, tmp_path, monkeypatch):
    (tmp_path/'s.fa').write_text('>a\n'+'ACGT'*20+'\n')
    made = []
    for now in (1e9, 1.5e9):
        monkeypatch.setattr('time.time', lambda: now)
        predict_fasta(net, ['A', 'B'], tmp_path/'s.fa', tmp_path/'t.tsv.gz', force=True)
        made.append((tmp_path/'t.tsv.gz').read_bytes())
    assert made[0] == made[1] and gzip.decompress(made[0]).startswith(b'name\tnote\tA\tB\na\t')


@pytest.mark.parametrize('suffix', ['.tsv', '.tsv.gz', '.parquet'])
@pytest.mark.parametrize('bs', [1, 3, 256])
def test_a_ranking_is_the_table_sorted(ranked, genome, tmp_path, suffix, bs):
    rows = rows_of(40, ['chr1', 'chr2', 'chr9'])
    rows += rows[:20]
    (tmp_path/'r.bed').write_text(''.join(f'{c}\t{a}\t{b}\tn{i}\n' for i, (c, a, b) in enumerate(rows)))
    of = ranked, ['A', 'B'], tmp_path/'r.bed', genome
    predict_bed(*of, tmp_path/'all.parquet', bs)
    every = pd.read_parquet(tmp_path/'all.parquet').dropna(subset='A')
    for tf, n in (('A', 7), ('B', 500)):
        told, _ = predict_bed(*of, tmp_path/f'top{suffix}', bs, True, Ranking(ranked, ['A', 'B'], tf, n))
        if suffix == '.parquet': t = pd.read_parquet(tmp_path/f'top{suffix}')
        else: t = pd.read_csv(tmp_path/f'top{suffix}', sep='\t', keep_default_na=False)
        expected = every.sort_values(tf, ascending=False, kind='stable').head(n)
        assert told == len(every) and list(t.name) == list(expected.name) and list(t['rank']) == [*range(1, len(t)+1)]
        assert np.allclose(t[tf], expected[tf], rtol=1e-4)
        unbound = np.linspace(0.3, 0.7, 50).astype(np.float32)
        if tf == 'B': assert (t.unbound_above.astype(str).isin(['', 'nan'])).all()
        else: assert np.allclose(t.unbound_above, [(1+(unbound >= v).sum())/51 for v in expected.A], rtol=1e-3)


def test_scores_of_unbound_regions_hold_for_the_weights_alone(ranked, tmp_path):
    from copy import deepcopy

    import torch
    from tf_transfer.model.ranks import unbound_of
    trained = deepcopy(ranked)
    assert unbound_of(trained, 'A') and not unbound_of(trained, 'B')
    with torch.no_grad(): trained.head.weight += 0.01
    assert unbound_of(trained, 'A') is None
    save_model(trained, tmp_path/'t.safetensors')
    assert unbound_of(load_model(tmp_path/'t.safetensors'), 'A') is None
    save_model(ranked, tmp_path/'c.safetensors', compact=True)
    assert len(unbound_of(load_model(tmp_path/'c.safetensors'), 'A').probs) == 50


def test_nothing_to_rank(ranked, genome, tmp_path):
    (tmp_path/'r.bed').write_text('chr9\t5\t90\n')
    for suffix in ('.tsv', '.parquet', '.h5ad'):
        with pytest.raises(UserError):
            predict_bed(ranked, ['A', 'B'], tmp_path/'r.bed', genome, tmp_path/f'o{suffix}',
                        ranking=Ranking(ranked, ['A', 'B'], 'A', 3))
    with pytest.raises(UserError, match='needs 1 row or more'): Ranking(ranked, ['A', 'B'], 'A', 0)
    assert [p.name for p in tmp_path.iterdir()] == ['r.bed']


def test_tables_and_tracks_have_one_rule_for_an_interval_over_an_end(net, genome, tmp_path):
    from tf_transfer.genome.windows import Skipped
    from tf_transfer.model.tracks import stretches
    (tmp_path/'o.bed').write_text('chr1\t100\t200\nchr1\t600\t901\nchr2\t400\t500\n')
    skipped, here = Skipped(), tmp_path/'o.bed'
    n, told = predict_bed(net, ['A', 'B'], here, genome, tmp_path/'o.tsv')
    where = stretches(genome, WIDTH, 10, here, skipped)
    assert n == len(where) == 2 and told.count == skipped.count == {'over the end of a contig': 1}
    assert str(told) == str(skipped) == '1 skipped: over the end of a contig (chr1:600-901 first)'


@pytest.mark.parametrize('longest, said', [(20, True), (WIDTH, False)])
@pytest.mark.parametrize('out, given', [('a.tsv', '--table'), ('b.parquet', '--bed'), ('c.bw', '--bed'),
                                        ('d.bed', '--bed'), ('e.tsv', '--vcf')])
def test_a_model_of_short_sequences_says_that_it_reads_more(genome, tmp_path, capsys, longest, said, out, given):
    from tf_transfer.commands.predictions import tft_predict
    short = MotifNet(1, WIDTH, jaspar('JUND'), hidden=(4, 4)).eval()
    none = pd.DataFrame(dict(chrom=[], start=[], end=[]))
    told = dict(sequences=dict(longest=longest))
    short.card = ModelCard('MotifNet', WIDTH, ['A'], 0, '', 'g', none, training=told, args=short.args)
    keep_unbound(short, np.linspace(0.01, 0.02, 50))
    save_model(short, tmp_path/'m.safetensors')
    ref, head = SEQS['chr1'][300], '##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\n'
    texts = {'--table': f"sequence\n{SEQS['chr1'][:60]}\n", '--bed': 'chr1\t100\t200\n',
             '--vcf': f"{head}chr1\t301\t.\t{ref}\t{'A' if ref != 'A' else 'C'}\n"}
    (tmp_path/'in').write_text(texts[given])
    how = dict(genome=str(genome.path)) if given != '--table' else {}
    if given == '--vcf': how['null'] = 0
    if out == 'd.bed': how['threshold'] = 1e-6
    tft_predict(str(tmp_path/'m.safetensors'), str(tmp_path/out), **{given[2:]: str(tmp_path/'in')}, **how)
    assert ('from sequences of up to 20 bp and reads 30 bp' in capsys.readouterr().out) == said
