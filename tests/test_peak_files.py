"Peak files as real tools write them: what is taken for the place of a peak, and what counts from 1"
import gzip
import os
import random
import subprocess
import sys

import pytest

from helpers import run
from tf_transfer.core import UserError
from tf_transfer.genome.datasets import interval_files
from tf_transfer.genome.formats import read_bed, read_peaks, recognise
from tf_transfer.genome.intervals import places_line
from tf_transfer.matrix.build import build_report
from tf_transfer.matrix.states import read_matrix
from tf_transfer.finetune.own_regions import peaks_matrix

STARTS = [100_000 + 5000*i for i in range(60)]  # 60 peaks of 800 bp; the summit lies 100 bp after the start
SUMMITS = [s + 100 for s in STARTS]
MIDDLES = [s + 400 for s in STARTS]


def lines(row, sep='\t'):
    "A line per peak: `row` gets number and start"
    return ''.join(sep.join(map(str, row(i, s))) + '\n' for i, s in enumerate(STARTS))


def narrow(i, s, name='.', signal=9.1, p=40.2, q=33.3, peak=100, score=1000):
    return ['chr1', s, s + 800, name, score, '.', signal, p, q, peak]


def only(i, odd, usual, rows=(0,)): return odd if i in rows else usual


def written(tmp_path, text, name='a.txt'):
    path = tmp_path/name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def check(path, summits, place, starts=STARTS):
    table = read_bed(path)
    assert table.start.tolist() == starts and table.end.tolist() == [s + 800 for s in starts]
    assert table.summit.tolist() == summits
    assert place in recognise(path).place
    places = sum((b.places for b in recognise(path).blocks()), type(next(recognise(path).blocks()).places)())
    assert places.total() == len(starts) and place in places_line(places)


IDR = [2.46, 2.73]
TENTH = {
    'plain': narrow,
    'inf in the first row': lambda i, s: narrow(i, s, p=only(i, 'inf', 40.2)),
    'inf in the last row': lambda i, s: narrow(i, s, p=only(i, 'inf', 40.2, (59,))),
    'nan': lambda i, s: narrow(i, s, q=only(i, 'nan', 33.3)),
    'NA': lambda i, s: narrow(i, s, signal=only(i, 'NA', 9.1)),
    'words': lambda i, s: narrow(i, s, signal='strong', p='low'),
    'no p-values': lambda i, s: narrow(i, s, p='.', q='.'),
    'empty p-values': lambda i, s: narrow(i, s, p='', q=''),
    'no score': lambda i, s: narrow(i, s, score='.'),
    'whole numbers, one apart': lambda i, s: narrow(i, s, signal=30, p=31, q=0),
    'an eleventh column': lambda i, s: [*narrow(i, s), 'note'],
    'an eleventh column in one row': lambda i, s: narrow(i, s) + ['note']*(i == 59),
    'an eleventh column but in the first row': lambda i, s: narrow(i, s) + ['note']*(i > 0),
    'a trailing tab': lambda i, s: [*narrow(i, s), ''],
    'a trailing tab in the first row': lambda i, s: narrow(i, s) + ['']*(i == 0),
    'a trailing tab in the last row': lambda i, s: narrow(i, s) + ['']*(i == 59),
    'decimal points': lambda i, s: narrow(i, s, peak='100.0'),
    'a decimal point in one row': lambda i, s: narrow(i, s, peak=only(i, '100.0', 100)),
    'scientific': lambda i, s: narrow(i, s, peak='1e+02'),
    'spaces about': lambda i, s: narrow(i, s, peak=' 100 '),
    'idr, 12 columns': lambda i, s: [*narrow(i, s, signal=-1, q=-1), *IDR],
    'idr, 20 columns': lambda i, s: [*narrow(i, s, signal=-1, q=-1), *IDR, s, s+800, 40.2, 103, s-9, s+780, 38.1, 104],
    'idr of one replicate each': lambda i, s: [*narrow(i, s), *IDR, s, s+800, 40.2, 100],
    'idr, inf': lambda i, s: [*narrow(i, s, p=only(i, 'inf', 9)), 'inf', 'inf'],
    'idr, whole numbers': lambda i, s: [*narrow(i, s), '5.00', '3.00', s+3, s+800, 40, 97, s, s+780, 38, 104],
    'Genrich': lambda i, s: narrow(i, s, name=f'peak_{i}', signal='1243.559937', p='13.094', q=-1),
    'hmmratac of MACS3': lambda i, s: narrow(i, s, signal=0, p=0, q=0),
    'intersect -wo of two': lambda i, s: [*narrow(i, s), *narrow(i, s-40), 760],
    'closest -d to a BED': lambda i, s: [*narrow(i, s), 'chr1', s+900, s+950, 'x', 101],
    'intersect -wao, no other': lambda i, s: [*narrow(i, s), '.', -1, -1, '.', 0],
    'bin': lambda i, s: [585 + (s >> 17), *narrow(i, s)],
    'bin and inf': lambda i, s: [585 + (s >> 17), *narrow(i, s, q='inf')],
    'named': lambda i, s: narrow(i, s, name=f'x_peak_{i}a'),
    'thick within in some rows': lambda i, s: narrow(i, s, signal=only(i, s, 9.1), p=only(i, s + 1, 40.2), q=0),
}


@pytest.mark.parametrize('kind', TENTH)
def test_the_tenth_column(tmp_path, kind):
    check(written(tmp_path, lines(TENTH[kind])), SUMMITS, 'summit (10th column)')


@pytest.mark.parametrize('newline', ['\r\n', ' \n', '\t\n', '\n\n'])
def test_ends_of_lines(tmp_path, newline):
    check(written(tmp_path, lines(narrow).replace('\n', newline)), SUMMITS, 'summit (10th column)')


def test_spaces_quotes_marks_and_gzip(tmp_path):
    check(written(tmp_path, lines(narrow, '   ')), SUMMITS, 'summit (10th column)')
    check(written(tmp_path, b'\xef\xbb\xbf' + lines(narrow).encode()), SUMMITS, 'summit (10th column)')
    check(written(tmp_path, lines(lambda i, s: ['"chr1"', *narrow(i, s)[1:]])), SUMMITS, 'summit (10th column)')
    check(written(tmp_path, gzip.compress(('track type=narrowPeak\n' + lines(narrow)).encode())), SUMMITS, 'summit')
    assert set(read_bed(written(tmp_path, lines(lambda i, s: ['chr1 ', *narrow(i, s)[1:]]))).chrom) == {'chr1'}


def test_rows_that_are_commented_out(tmp_path):
    rows = lines(narrow).splitlines(True)
    check(written(tmp_path, ''.join([*rows[:9], '#' + rows[9], *rows[9:]])), SUMMITS, 'summit (10th column)')


@pytest.mark.parametrize('none', ['-1', '.', '', 'NA', '-1.0', 'nan'])
@pytest.mark.parametrize('rows', [(0,), (59,), tuple(range(55))])
def test_some_rows_name_no_summit(tmp_path, none, rows):
    path = written(tmp_path, lines(lambda i, s: narrow(i, s, peak=only(i, none, 100, rows))))
    check(path, [only(i, s + 400, s + 100, rows) for i, s in enumerate(STARTS)], 'summit (10th column)')


def test_rows_without_a_summit_are_counted(tmp_path):
    [b] = recognise(written(tmp_path, lines(lambda i, s: narrow(i, s, peak=only(i, -1, 100, (3, 9)))))).blocks()
    assert places_line(b.places) == 'places of peaks: summit (10th column) for 58, middle for 2'
    [b] = recognise(written(tmp_path, lines(lambda i, s: narrow(i, s, peak=only(i, 800, 100, (3,)))))).blocks()
    assert b.places == {'summit (10th column)': 59, 'middle': 1}


def test_row_6_000(tmp_path):
    rows = [f'chr1\t{1000*i}\t{1000*i+800}\t.\t0\t.\t9\t9\t9\t100\n' for i in range(6_001)]
    for odd in ('x\tNA\t\t100', 'inf\tinf\tinf\t100\textra'):
        rows[6_000] = f'chr1\t6000000\t6000800\t.\t0\t.\t{odd}\n'
        path = written(tmp_path, ''.join(rows))
        table = read_bed(path)
        assert (table.summit == table.start + 100).all() and len(table) == 6_001
    rows[6_000] = 'chr1\t6000000\t6000800\t.\t0\t.\t9\t9\t9\tabc\n'
    with pytest.raises(UserError, match="line 6001, .*'abc' stands where the summit belongs"):
        recognise(written(tmp_path, ''.join(rows)))
    with pytest.raises(UserError, match="line 1, .*'abc' stands where the summit belongs"):
        recognise(written(tmp_path, ''.join(rows[::-1])))


@pytest.mark.parametrize('kind', ['inf in the first row', 'an eleventh column in one row', 'idr, 20 columns',
                                  'thick within in some rows', 'a trailing tab in the last row'])
def test_order_of_rows_does_not_matter(tmp_path, kind):
    rows = lines(TENTH[kind]).splitlines(True)
    random.Random(0).shuffle(rows)
    table = read_bed(written(tmp_path, ''.join(rows)))
    assert (table.summit == table.start + 100).all()


def bed12(i, s, sizes='300,100,', at='0,700,', n=2):
    return ['chr1', s, s + 800, f'x{i}', 960, '+', s + 20, s + 380, '255,0,0', n, sizes, at]


MIDDLE = {
    'BED12': bed12,
    'BED12, one block': lambda i, s: bed12(i, s, '800', '0', 1),
    'BED12, no thick part': lambda i, s: [*bed12(i, s)[:6], 0, 0, 0, *bed12(i, s)[9:]],
    'BED12 but for one row': lambda i, s: [*bed12(i, s)[:10], only(i, '.', '300,100,'), '0,700,'],
    'BED12 and a group': lambda i, s: [*bed12(i, s), 'genes'],
    'gappedPeak': lambda i, s: [*bed12(i, s), 7.1, 30.2, 28.0],
    'HMMRATAC': lambda i, s: [*bed12(i, s)[:4], '.', '.', *((0, 0) if i % 5 == 0 else (s+20, s+380)), '255,0,0', 1,
                              800, 0, 12.1, -1, -1],
    'broadPeak': lambda i, s: narrow(i, s)[:9],
    'broadPeak, inf': lambda i, s: narrow(i, s, p='inf')[:9],
    'fractions in the tenth column': lambda i, s: narrow(i, s, peak=[0, 1, 2.5][i % 3]),
    'words in the tenth column': lambda i, s: narrow(i, s, peak='JUND'),
    'distances in the tenth column': lambda i, s: narrow(i, s, peak=[-1200, 340][i % 2]),
    'scores in the tenth column': lambda i, s: narrow(i, s, peak=1000),
    'no summits at all': lambda i, s: narrow(i, s, peak=-1),
    'ChIP-Atlas': lambda i, s: ['chr1', s, s+800, 'ID=SRX1;Name=JUND%20(@%20K-562)', 812, '.', s, s+800, '255,9,0'],
    'SICER': lambda i, s: ['chr1', s, s+800, 52, 11, 1e-9, 4.4, 2e-8],
    'GoPeaks': lambda i, s: ['chr1', s, s+800],
    'JAMM': lambda i, s: narrow(i, s, p=1e-9, q=2e-8, peak=-1),
    'PePr': lambda i, s: narrow(i, s)[:9],
    'idr of broadPeak': lambda i, s: [*narrow(i, s)[:9], f'{4+i/50:.2f}', '4.90', s, s+800, 20.2, s-3, s+790, 19.1],
    'idr of broadPeak, whole numbers': lambda i, s: [*narrow(i, s)[:9], '5.00', '5.00', s, s+800, 20, s-3, s+790, 19],
    'idr of BED': lambda i, s: [*narrow(i, s)[:7], '5.00', '4.90', s, s+800, 20.2, s+3, s+790, 19.1],
    'idr of BED, one replicate wider': lambda i, s: [*narrow(i, s)[:7], '5.00', '4.90', s-9, s+800, 20, s, s+790, 19],
    'ENCODE cCREs': lambda i, s: ['chr1', s, s+800, f'EH38E{i}', 0, '.', s, s+800, '255,205,0', 'dELS', 'All'],
    'closest -d of BED3 to BED6': lambda i, s: ['chr1', s, s+800, 'chr1', s+90, s+95, 'g', 0, '+', 101],
    'closest -d, some without': lambda i, s: ['chr1', s, s+800, *(('.', -1, -1, '.', -1, '.', -1) if i < 55 else
                                              ('chr1', s+90, s+95, 'g', 0, '+', 101))],
    'intersect -wo of BED6 and BED3': lambda i, s: [*narrow(i, s)[:6], 'chr1', s+5, s+85, 80],
    'intersect -wo of BED4 and BED5': lambda i, s: ['chr1', s, s+800, 'x', 'chr1', s+5, s+85, 'y', 9, 80],
    'closest of BED5 to places': lambda i, s: ['chr1', s, s+800, 'x', 9, 'chr1', s+100, s+101, 'TSS'],
    'BEDPE': lambda i, s: ['chr1', s, s+800, 'chr1', s+5000, s+5800, 'x', 9, '+', '-'],
    'bdgdiff of MACS': lambda i, s: ['chr1', s, s+800, f'diff{i}', 3.2],
    'SICER2': lambda i, s: ['chr1', s, s+800, 52.2],
    'bedMethyl': lambda i, s: ['chr1', s, s+800, 'm', 7, '+', s, s+800, '255,0,0', 7, 42.8],
}


@pytest.mark.parametrize('kind', MIDDLE)
def test_files_without_summits(tmp_path, kind):
    check(written(tmp_path, lines(MIDDLE[kind])), MIDDLES, 'middle')
    [b] = recognise(tmp_path/'a.txt').blocks()
    assert places_line(b.places) == 'places of peaks: middle'


OTHER = {
    'ReMap': (lambda i, s: ['chr1', s, s+800, 'GSE1.JUND.K562', 0, '.', s+100, s+101, '255,0,0'], 'columns 7 and 8'),
    'ReMap, odd colours': (lambda i, s: ['chr1', s, s+800, 'GSE1.JUND.K562', 0, '.', s+100, s+101,
                                         only(i, '.', '1,2,3')], 'columns 7 and 8'),
    'ReMap and a number': (lambda i, s: ['chr1', s, s+800, 'GSE1.JUND.K562', 0, '.', s+100, s+101, '1,2,3', i],
                           'columns 7 and 8'),
    'BED8': (lambda i, s: ['chr1', s, s+800, 'x', 0, '.', s+100, s+101], 'columns 7 and 8'),
    'SEACR': (lambda i, s: ['chr1', s, s+800, 5200.5, 41.2, f'chr1:{s+80}-{s+120}'], 'column 6'),
    'SEACR, inf': (lambda i, s: ['chr1', s, s+800, 'inf', only(i, 'NA', 41.2), f'chr1:{s+80}-{s+120}'], 'column 6'),
    'SEACR, named contigs': (lambda i, s: ['chr1', s, s+800, 1, 2, f'HLA-A*01:01:{s+100}-{s+101}'], 'column 6'),
    'SEACR and more': (lambda i, s: ['chr1', s, s+800, 5, 4, f'chr1:{s+80}-{s+120}', 'x', 'y'], 'column 6'),
    'SEACR and five more': (lambda i, s: ['chr1', s, s+800, 5, 4, f'chr1:{s+80}-{s+120}', 1, 2, 3, 4, 5], 'column 6'),
    'positions': (lambda i, s: narrow(i, s, peak=s+100), 'summit (position in the 10th column)'),
}


@pytest.mark.parametrize('kind', OTHER)
def test_other_places(tmp_path, kind):
    row, place = OTHER[kind]
    check(written(tmp_path, lines(row)), SUMMITS, place)


@pytest.mark.parametrize('kind', ['ReMap', 'BED8', 'SEACR'])
@pytest.mark.parametrize('rows', [(0,), (59,), tuple(range(55)), tuple(range(60))])
def test_trailing_tabs_of_fewer_columns(tmp_path, kind, rows):
    row, place = OTHER[kind]
    check(written(tmp_path, lines(lambda i, s: row(i, s) + ['']*(i in rows))), SUMMITS, place)


@pytest.mark.parametrize('tool', ['GRanges', 'LanceOtron', 'MACS2, broad', 'findPeaks', 'GRanges, csv'])
def test_trailing_separators_of_tables(tmp_path, tool):
    text = TABLES_MIDDLE[tool]
    sep = ',' if 'csv' in tool else '\t'
    head, *rest = text.splitlines(True)
    for t in (text.replace('\n', sep + '\n'), head.replace('\n', sep + '\n') + ''.join(rest),
              head + ''.join(rest).replace('\n', sep + '\n')):
        check(written(tmp_path, t), MIDDLES, 'middle')


def test_summits_bed(tmp_path):
    path = written(tmp_path, lines(lambda i, s: ['chr1', s+100, s+101, f'x_peak_{i}', 21.3]))
    assert read_bed(path).summit.tolist() == SUMMITS
    [b] = recognise(path).blocks()
    assert places_line(b.places) == 'places of peaks: the base itself (1 bp)'


MACS = '# This file is generated by MACS version 2.2.9.1\n# name = x\n# d = 200\n\n'
MACS_COLUMNS = ['chr', 'start', 'end', 'length', 'abs_summit', 'pileup', '-log10(pvalue)', 'fold_enrichment',
                '-log10(qvalue)', 'name']


def table(header, row, sep='\t', before=''): return before + sep.join(header) + '\n' + lines(row, sep)


def quoted(fields): return [f'"{f}"' if isinstance(f, str) else f for f in fields]


RANGES = ['seqnames', 'start', 'end', 'width', 'strand']
LISTED = ['chrom', 'start', 'end', 'name', 'score', 'strand', 'fc', '-log10p', '-log10q', 'relSummit']


def ranges(i, s): return ['chr1', s+1, s+800, 800, '*']


TABLES = {
    'MACS2': (table(MACS_COLUMNS, lambda i, s: ['chr1', s+1, s+800, 800, s+101, 52., 40.2, 9.1, 33.3, f'x_peak_{i}'],
                    before=MACS), 'abs_summit (column 5)'),
    'MACS2, inf': (table(MACS_COLUMNS, lambda i, s: ['chr1', s+1, s+800, 800, s+101, 52., 'inf', 9.1, 'inf', 'x'],
                         before=MACS), 'abs_summit (column 5)'),
    'MACS 1.4': (table(['chr', 'start', 'end', 'length', 'summit', 'tags', '-10*log10(pvalue)', 'fold_enrichment'],
                       lambda i, s: ['chr1', s+1, s+800, 800, 101, 52, 402.1, 9.1], before=MACS), 'summit (column 5)'),
    'GRanges of narrowPeak': (table([*RANGES, 'name', 'score', 'signalValue', 'pValue', 'qValue', 'peak'],
                                    lambda i, s: [*ranges(i, s), 'x', 0, 9.1, 40.2, 33.3, 100]), 'peak (column 11)'),
    'the same from R': (table(quoted([*RANGES, 'name', 'score', 'signalValue', 'pValue', 'qValue', 'peak']),
                              lambda i, s: quoted([str(i+1), *ranges(i, s), 'x', 0, 9.1, 40.2, 33.3, 100]), ' '),
                        'peak (column 12)'),
    'GRanges of ReMap': (table([*RANGES, 'itemRgb', 'thick.start', 'thick.end', 'thick.width'],
                               lambda i, s: [*ranges(i, s), '#FF0000', s+101, s+101, 1]), 'thick'),
    'bioframe': (table(LISTED, narrow), 'relSummit (column 10)'),
    'pandas': (table(['chrom', 'start', 'end', 'summit'], lambda i, s: ['chr1', s, s+800, s+100]), 'summit (column 4)'),
    'UCSC': (table(['#bin', 'chrom', 'chromStart', 'chromEnd', 'name', 'score', 'strand', 'signalValue', 'pValue',
                    'qValue', 'peak'], lambda i, s: [585 + (s >> 17), *narrow(i, s)]), 'summit (10th column)'),
    'commented BED': (table(['#chrom', 'start', 'end', 'name', 'score', 'strand', 's', 'p', 'q', 'peak'], narrow),
                      'summit (10th column)'),
}
DEEPTOOLS = ('#chrom start end name score strand thickStart thickEnd itemRGB blockCount blockSizes blockStart '
             'deepTools_group')
def of_macs(i, s): return ['chr1', s+1, s+800, 800, s+101, 52., 40.2, 9.1, 33.3, f'x_peak_{i}']


TABLES |= {
    'MACS3, a csv of Excel': (table(MACS_COLUMNS, of_macs, ',', MACS.replace('\n', ',,,,,,,,,\n')), 'abs_summit'),
    'MACS3, a csv with quotes': (table(MACS_COLUMNS, of_macs, ',', '"# by MACS, version 3",,,,\n,,,,\n'), 'abs_summit'),
    'MACS3, semicolons': (table(MACS_COLUMNS, of_macs, ';', MACS), 'abs_summit (column 5)'),
    'MACS3, a mark of bytes': ('\ufeff' + table(MACS_COLUMNS, of_macs, before=MACS), 'abs_summit (column 5)'),
    'summit_pos': (table([*LISTED[:3], 'summit_pos'], lambda i, s: ['chr1', s, s+800, s+100]), 'summit_pos (column 4)'),
}
HOMER = '# HOMER Peaks\n# Peak finding parameters:\n# tag directory = x start\n#\n'
TABLES_MIDDLE = {
    'MACS2, broad': table(MACS_COLUMNS[:4] + MACS_COLUMNS[5:],
                          lambda i, s: ['chr1', s+1, s+800, 800, 52., 40.2, 9.1, 33.3, f'x_peak_{i}'], before=MACS),
    'findPeaks': table(['#PeakID', 'chr', 'start', 'end', 'strand', 'Normalized Tag Count', 'focus ratio'],
                       lambda i, s: [f'chr1-{i}', 'chr1', s+1, s+800, '+', 17.2, 0.9], before=HOMER),
    'annotatePeaks': table(['PeakID (cmd=annotatePeaks.pl p.txt hg38)', 'Chr', 'Start', 'End', 'Strand', 'Peak Score',
                            'Focus Ratio/Region Size', 'Annotation', 'Detailed Annotation', 'Distance to TSS'],
                           lambda i, s: [i, 'chr1', s+1, s+800, '+', 9, 'NA', 'intron (NM_1, 1 of 2)', 'L1', 100]),
    'mergePeaks': table(['#name (cmd = mergePeaks -d given a b)', 'chr', 'start', 'end', 'strand', 'Stat'],
                        lambda i, s: [f'Merged-{i}', 'chr1', s+1, s+800, '+', 17.2]),
    'GRanges': table(RANGES, ranges),
    'GRanges, row names': table(quoted(RANGES), lambda i, s: quoted([str(i+1), *ranges(i, s)])),
    'GRanges, csv': table(quoted(['', *RANGES, 'annotation']),
                          lambda i, s: quoted([str(i+1), *ranges(i, s), 'Intron (uc1, intron 1 of 2)']), ','),
    'GRanges, csv, unquoted': table(RANGES, ranges, ','),
    'DiffBind': table([*RANGES, 'Conc', 'Conc_A', 'Fold', 'p.value', 'FDR'],
                      lambda i, s: [*ranges(i, s), 5.1, 4.9, -0.2, 'NA', 1e-5]),
    'featureCounts': table(['Geneid', 'Chr', 'Start', 'End', 'Strand', 'Length', 'x.bam'],
                           lambda i, s: [f'p{i}', 'chr1', s+1, s+800, '.', 800, 52],
                           before='# Program:featureCounts\n'),
    'a width from 0': table(['Chr', 'Start', 'End', 'Width'], lambda i, s: ['chr1', s, s+800, 800]),
    'LanceOtron': table(['chrom', 'start', 'end', 'overall_peak_score', 'shape_score', 'enrichment_score'],
                        lambda i, s: ['chr1', s, s+800, 0.99, 0.98, 0.97]),
    'LanceOtron, CRLF': table(['chrom', 'start', 'end', 'overall_peak_score'],
                              lambda i, s: ['chr1', s, s+800, 0.99]).replace('\n', '\r\n'),
    'epic2': table(['#Chromosome', 'Start', 'End', 'PValue', 'Score', 'Strand', 'ChIPCount', 'InputCount', 'FDR',
                    'log2FoldChange'], lambda i, s: ['chr1', s, s+800, 1e-9, 812, '.', 52, 11, 2e-8, 2.1 + i % 2]),
    'ChIPpeakAnno': table([*RANGES, 'peak', 'feature', 'start_position', 'end_position', 'feature_strand',
                           'insideFeature', 'distancetoFeature', 'shortestDistance', 'fromOverlappingOrNearest'],
                          lambda i, s: [*ranges(i, s), i+1, 'ENSG1', 5, 99, '-', 'upstream', -900, 90, 'Nearest']),
    'bedtools multiinter': table('chrom start end num list a.bed b.bed'.split(),
                                 lambda i, s: ['chr1', s, s+800, 2, '1,2', 1, 1]),
    'deepTools, regions': table(DEEPTOOLS.split(), lambda i, s: [*bed12(i, s), 'cluster_1']),
    'deepTools, counts': table(["#'chr'", "'start'", "'end'", "'a.bam'"], lambda i, s: ['chr1', s, s+800, 5.0]),
    'ChIPseeker': table([*RANGES, 'V4', 'V10', 'annotation', 'geneChr', 'geneStart', 'geneEnd', 'geneLength'],
                        lambda i, s: [*ranges(i, s), 'p', 100, 'Distal Intergenic', 1, 5, 9, 5]),
    'csaw': table(quoted([*RANGES, 'num.tests', 'rep.logFC']), lambda i, s: quoted([*ranges(i, s), 3, 0.1]), ','),
    'plyranges': table([*RANGES, 'peak'], lambda i, s: [*ranges(i, s), i+1]),
    'pandas with its index': table(['', 'chrom', 'start', 'end'], lambda i, s: [i, 'chr1', s, s+800], ','),
    'CisGenome': table(['#rank', 'chromosome', 'start', 'end', 'strand', 'peak_length'],
                       lambda i, s: [i, 'chr1', s+1, s+800, '+', 800]),
    'CisGenome, no rank': table(['#chromosome', 'start', 'end', 'strand', 'peak_length'],
                                lambda i, s: ['chr1', s+1, s+800, '+', 800]),
    'ChIPseeker, spaces': table(quoted([*RANGES, 'annotation']),
                                lambda i, s: quoted([*ranges(i, s), 'Promoter (<=1kb)']), ' '),
    'GRanges, semicolons': table(quoted(RANGES), lambda i, s: quoted(ranges(i, s)), ';'),
    'DESeq2 beside GRanges': table([*RANGES, 'baseMean', 'padj'], lambda i, s: [i+1, *ranges(i, s), 5.1, 'NA']),
    'getDifferentialPeaks': table(['#PeakID', 'chr', 'start', 'end', 'strand', 'Tag Count', 'Fold Change', 'p-value'],
                                  lambda i, s: [f'chr1-{i}', 'chr1', s+1, s+800, '+', 17.2, 4, 0.1], before=HOMER),
    'diffReps': table(['Chrom', 'Start', 'End', 'Length', 'Treatment.cnt'], lambda i, s: ['chr1', s+1, s+800, 800, 5],
                      before='# Parameters:\n'),
    'a number of the peak': table(['chrom', 'start', 'end', 'peak'], lambda i, s: ['chr1', s, s+800, i+1]),
}


@pytest.mark.parametrize('tool', TABLES)
def test_tables_with_summits(tmp_path, tool):
    text, place = TABLES[tool]
    check(written(tmp_path, text), SUMMITS, place)
    check(written(tmp_path, gzip.compress(text.encode())), SUMMITS, place)


@pytest.mark.parametrize('tool', TABLES_MIDDLE)
def test_tables_without_summits(tmp_path, tool):
    check(written(tmp_path, TABLES_MIDDLE[tool]), MIDDLES, 'middle')


@pytest.mark.parametrize('tool, says', [
    ('MACS2', 'abs_summit (column 5) counted from 1'), ('bioframe', 'relSummit (column 10) counted from 0')])
def test_what_a_table_counts_from_is_said(tmp_path, tool, says):
    [b] = recognise(written(tmp_path, TABLES[tool][0])).blocks()
    assert places_line(b.places) == f'places of peaks: {says}'


def test_a_place_outside_of_its_row(tmp_path):
    text = TABLES['MACS2'][0].replace(f'\t{STARTS[7] + 101}\t', '\t0\t')
    [b] = recognise(written(tmp_path, text)).blocks()
    assert b.summit.tolist() == [only(i, s + 400, s + 100, (7,)) for i, s in enumerate(STARTS)]
    assert b.places == {'abs_summit (column 5) counted from 1': 59, 'middle counted from 1': 1}


def test_names_of_tables(tmp_path):
    assert read_bed(written(tmp_path, TABLES['MACS2'][0])).name[3] == 'x_peak_3'
    assert read_bed(written(tmp_path, TABLES_MIDDLE['findPeaks'])).name[3] == 'chr1-3'
    assert 'name' not in read_bed(written(tmp_path, TABLES_MIDDLE['LanceOtron']))


@pytest.mark.parametrize('text, says', [
    (table(['Chr', 'Start', 'End'], lambda i, s: ['chr1', s, s+800]), 'line 1: a table with .* Chr, Start, End'),
    (table(quoted(['seqnames', 'start', 'end', 'strand']), lambda i, s: quoted(['chr1', s, s+800, '*']), ' '),
     'add a column width'),
    (table(['GeneID', 'Chr', 'Start', 'End', 'Strand'], lambda i, s: [i, 'chr1', s, s+800, '.']), 'give a BED file'),
    (table(RANGES, lambda i, s: ['chr1', s+1, s+800, only(i, 799, 800, (59,)), '*']), 'line 61, .*column width is 799'),
    (table(RANGES, lambda i, s: ['chr1', s+1, s+800, 'wide', '*']), 'line 2, .*column width is wide'),
    (table(['chrom', 'start', 'end', 'length'], lambda i, s: ['chr1', s, s+800, 7]), 'column length is 7'),
    (table(RANGES, lambda i, s: ['chr1', only(i, 0, s+1), only(i, 99, s+800), only(i, 100, 800), '*']),
     'line 2.*start is below'),
    (table(RANGES, lambda i, s: ['chr1', only(i, '1e+05', s+1), s+800, 800, '*']), "'1e.05' stands where start"),
    (lines(lambda i, s: [f'p{i}', 'chr1', s, s+800, '+', 7]), 'line 1, .*without HOMER'),
    (table(['Chromosome', 'Start', 'End', 'Name'], lambda i, s: ['chr1', s, s+800, 'x']), 'may count from 0 or from 1'),
    (table(quoted(['Chr', 'Start', 'End', 'Conc']), lambda i, s: ['chr1', s, s+800, 2.2], ','), 'may count from'),
    (table(['chr', 'start', 'stop', 'name'], lambda i, s: ['chr1', s, s+800, 'MSPC_Peak']), 'may count from 0 or'),
    (table(['seqname', 'start', 'end', 'summit'], lambda i, s: ['chr1', s, s+800, s+100]), 'may count from 0 or'),
    (table(['Contig', 'Start', 'Stop', 'q-Value'], lambda i, s: ['chr1', s, s+800, 1e-3]), 'not chrom, start and'),
    ('@HD\tVN:1.6\n'+lines(lambda i, s: ['chr1', s+1, s+800, '+', 'x']), 'an interval list, which counts from 1'),
    (lines(lambda i, s: ['chr1', s+1, s+800, '-+'[i % 2], 'x']), 'line 1, .*a strand in the fourth column'),
    (lines(lambda i, s: ['chr1', s+1, s+800, '*']), 'a strand in the fourth column'),
    ('##gff-version 3\n'+lines(lambda i, s: ['chr1', 'MACS', 'peak', s+1, s+800, '.', '.', '.', 'ID=x']),
     'line 2, .*GFF or GTF, which count from 1'),
    (lines(lambda i, s: ['chr1', 'x', 'exon', s+1, s+800, '.', '+', '.', 'gene_id "x"; tag "y";']), 'GFF or GTF'),
    (lines(of_macs), 'line 1, .*the fourth column is end-start.1 in all rows, so it counts from 1'),
    (lines(ranges), 'so it counts from 1'),
    (lines(lambda i, s: [i+1, *ranges(i, s), 'x']), 'so it counts from 1'),
    ('# A tibble: 60 x 5\n'+lines(lambda i, s: [i+1, *ranges(i, s)], '  '), 'line 2, .*so it counts from 1'),
    ('variableStep chrom=chr1\n'+lines(lambda i, s: [s+1, 5.2]), 'a wiggle file'),
    (lines(lambda i, s: [f'chr1-{s+1}-{s+800}']), 'a place in one column'),
    (lines(lambda i, s: [f'chr1:{s+1:,}-{s+800:,}', 5]), 'a place in one column'),
    (lines(lambda i, s: ['chr1', s+1, 'rs1', 'A', 'C']), 'a VCF file'),
    (lines(lambda i, s: narrow(i, s)[:only(i, 7, 10, (59,))]), 'line 60, .*7 columns, where the first line has 10'),
    (lines(lambda i, s: narrow(i, s)[:only(i, 7, 10, (9,))]), 'line 10, .*7 columns, where the first line has 10'),
    (lines(lambda i, s: ['chr1', s, only(i, '', s+800, (59,)), 'x']), "line 60, .*'' stands where end belongs"),
], ids=range(30))
def test_refused(tmp_path, text, says):
    with pytest.raises(UserError, match=says) as e: read_bed(written(tmp_path, text))
    assert '\n' not in str(e.value) and str(tmp_path/'a.txt') in str(e.value)


@pytest.mark.parametrize('text', [
    'chrom,start,end,name\nchr1,10,60,{}\n', 'chrom,start,end,{}\nchr1,10,60,a\n',
    'chrom;start;end;name\nchr1;10;60;{}\n', 'chrom,start,end\nchr1,10,60\nchr1,70,{}\n',
    '"chrom" "start" "end"\n"{}" 10 60\n'])
def test_a_field_without_end(tmp_path, text):
    with pytest.raises(UserError, match='a.txt: this is not a table: field larger than'):
        read_bed(written(tmp_path, text.format('a'*200_000)))


def test_values_along_a_genome_are_no_peaks(tmp_path):
    "A bedGraph file as MACS writes it; not the peaks of one, nor windows side by side"
    row = lambda i, s: ['chr1', 100*i, 100*i + 100, i % 7/2]
    path = written(tmp_path, 'track type=bedGraph\n' + lines(row), 'treat_pileup.txt')
    assert recognise(path).format == 'bedGraph' and len(read_bed(path)) == 60
    with pytest.raises(UserError, match='a bedGraph file, values along a genome'): interval_files(path, tf='JUND')
    with pytest.raises(UserError, match='a bedGraph file'): peaks_matrix(path, 'no.fa')
    apart = lambda i, s: ['chr1', s, s+800, i]
    for some in (lambda i, s: row(i, s)[:3], lambda i, s: [*row(i, s)[:3], f'b{i}'], apart):
        assert [f.dataset for f in interval_files(written(tmp_path, lines(some)), tf='JUND')] == [('JUND', '')]


@pytest.fixture(scope='module')
def world(tmp_path_factory):
    "A small genome and open regions of 200 bp, one about each summit"
    folder, dna = tmp_path_factory.mktemp('world'), random.Random(0)
    (folder/'genome.fa').write_text('>chr1\n' + ''.join(dna.choices('ACGT', k=400_000)) + '\n')
    (folder/'open.bed').write_text(lines(lambda i, s: ['chr1', s, s + 200]))
    return folder


def built(world, tmp_path, peaks, *args):
    "What tft-build says; all of it, and the report alone"
    status, out, err = run('tft-build', tmp_path/'m.h5ad', '--regions', world/'open.bed', '--genome', world/'genome.fa',
                           '--peaks', peaks, *args)
    assert status == 0, err
    return out, build_report(read_matrix(tmp_path/'m.h5ad'))


def test_commands_say_the_places(world, tmp_path):
    path = written(tmp_path, lines(lambda i, s: narrow(i, s, peak=only(i, -1, 100))), 'x.bed')
    where = 'summit (10th column) for 59, middle for 1'
    says = f'places of peaks: {where}\n'
    for said in built(world, tmp_path, path, '--tf', 'JUND'): assert says in said
    status, out, err = run('tft-predict', 'motifs-hg38', tmp_path/'p.tsv', '--bed', path, '--genome', world/'genome.fa')
    assert status == 0 and f'intervals are read about: {where}\n' in out and 'peaks' not in out, err
    m = peaks_matrix(path, world/'genome.fa')
    assert m.uns['peaks']['places'] == says.strip()


def test_predictions_for_a_table_that_counts_from_1(world, tmp_path):
    path = written(tmp_path, TABLES['MACS2'][0], 'x.xls')
    status, out, err = run('tft-predict', 'motifs-hg38', tmp_path/'p.tsv', '--bed', path, '--genome', world/'genome.fa')
    assert status == 0 and 'counted from 1\nstart and end in the table count from 0, as in BED\n' in out, err
    rows = [o.split('\t')[:6] for o in (tmp_path/'p.tsv').read_text().splitlines()[1:3]]
    assert rows == [['chr1', str(s), str(s+800), f'x_peak_{i}', str(s), str(s+200)] for i, s in enumerate(STARTS[:2])]


def test_predictions_for_islands(world, tmp_path):
    path = written(tmp_path, ''.join(f'chr1\t{s}\t{s+799}\t9\n' for s in STARTS[:3]))
    status, out, err = run('tft-predict', 'motifs-hg38', tmp_path/'p.tsv', '--bed', path, '--genome', world/'genome.fa')
    assert status == 0 and 'SICER writes them\nends in the table are those of BED, one further\n' in out, err
    rows = [o.split('\t')[1:3] for o in (tmp_path/'p.tsv').read_text().splitlines()[1:]]
    assert rows == [[str(s), str(s+800)] for s in STARTS[:3]]


def test_whole_peaks_have_no_places(world, tmp_path):
    path = written(tmp_path, lines(narrow), 'x.bed')
    for said in built(world, tmp_path, path, '--tf', 'JUND', '--peak-overlap', 'any'): assert 'places' not in said


def remap(tf): return lines(lambda i, s: ['chr1', s, s+200, f'GSE1.{tf}.K562'])


def test_a_folder_of_any_spelling(world, tmp_path):
    folder = tmp_path/'peaks'
    (folder/'more').mkdir(parents=True)
    names = ['A.bed', 'B.narrowpeak', 'C.BED', 'D_peaks.txt', 'E.tsv', 'F.NarrowPeak', 'G.broadpeak', 'H.bed6', 'I.csv',
             'more/J.Peaks', 'K.regionPeak', 'L.bed.GZ', 'M.narrowPeak.gz', 'N.txt.gz', 'O.TXT', 'P.gappedPeak']
    for n in names:
        data = remap(f'TF{n[:6]}').encode()
        (folder/n).write_bytes(gzip.compress(data) if n.lower().endswith('gz') else data)
    (folder/'Q.xls').write_text(TABLES['MACS2'][0].replace('x_peak_', 'GSE1.TFQ.K562_'))
    left = {'README.md': 'named', 'x.bw': 'named', 'x.bigBed': 'bigBedToBed', 'notes.txt': "line 1, 'Dear all",
            'chrom.sizes.txt': 'chr1 400000', 'more/none.txt': 'no interval in it', 'old.xls': 'a sheet of Excel'}
    for n in left: (folder/n).write_text('Dear all\n')
    (folder/'chrom.sizes.txt').write_text('chr1\t400000\n')
    (folder/'more'/'none.txt').write_text('# nothing\n')
    (folder/'old.xls').write_bytes(b'\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1' + bytes(range(256)))
    (folder/'.DS_Store').write_bytes(b'\x00')
    unread = {}
    assert [f.path.name for f in interval_files(folder, unread=unread)] == sorted(
        [n.split('/')[-1] for n in [*names, 'Q.xls']], key=lambda n: 'more/J.Peaks' if n[0] == 'J' else n)
    assert unread.keys() == left.keys() and all(w in unread[n] for n, w in left.items()), unread
    assert str(folder) not in str(unread.values())
    for said in built(world, tmp_path, folder):
        assert all(n in said for n in left) and 'not read, bigBed' in said and 'DS_Store' not in said
    assert len(read_matrix(tmp_path/'m.h5ad').obs) == 17


def test_links_hidden_folders_and_empty_files(tmp_path):
    folder = tmp_path/'peaks'
    hidden = '.ipynb_checkpoints/A-checkpoint.bed', '.old/D.bed'
    for name in ('A.bed', 'more/B.narrowPeak.bed', 'C.hg38.BED6.gz', *hidden):
        (folder/name).parent.mkdir(parents=True, exist_ok=True)
        data = remap(name[0]).encode()
        (folder/name).write_bytes(gzip.compress(data) if name.endswith('gz') else data)
    for name, text in {'E.bed': '', 'F.narrowPeak': 'track name=none\n', 'G.bed.gz.part': 'x', 'H': 'x'}.items():
        (folder/name).write_text(text)
    for name, to in {'I.bed': 'nowhere.bed', 'J': 'more', 'K.bed': 'A.bed', 'L.bed': tmp_path/'out.bed'}.items():
        (folder/name).symlink_to(to)
    (tmp_path/'out.bed').write_text(remap('L'))
    unread = {}
    assert [f.path.name for f in interval_files(folder, unread=unread)] == ['A.bed', 'C.hg38.BED6.gz', 'K.bed',
                                                                            'B.narrowPeak.bed']
    says = {'E.bed': 'no interval in it', 'F.narrowPeak': 'no interval in it', 'G.bed.gz.part': 'not named',
            'H': 'not named', 'I.bed': 'a link to nothing', 'J': 'a link to a folder', 'L.bed': 'a link out of'}
    assert unread.keys() == says.keys() and all(unread[k].startswith(v) for k, v in says.items()), unread


def test_what_is_no_file_of_peaks_in_a_folder(tmp_path):
    "A pipe, names that no text can hold, loops of links"
    folder = tmp_path/'peaks'
    (folder/'X.bed').mkdir(parents=True)
    for name in ('A.bed', 'X.bed/B.bed', 'a\nC.bed'): (folder/name).write_text(remap('T'))
    with open(os.fsencode(folder)+b'/D\xff.bed', 'w') as f: f.write(remap('D'))
    os.mkfifo(folder/'E.bed')
    for name, to in {'F': '.', 'G': 'G'}.items(): (folder/name).symlink_to(to)
    unread = {}
    assert [f.path.name for f in interval_files(folder, unread=unread)] == ['A.bed', 'B.bed']
    says = {'a\\nC.bed': 'the name holds', 'D\\udcff.bed': 'the name holds', 'E.bed': 'no plain file',
            'F': 'a link to a folder', 'G': 'a link to nothing'}
    assert unread.keys() == says.keys() and all(unread[k].startswith(v) for k, v in says.items()), unread
    with pytest.raises(UserError, match='the name of this file holds what no text has'):
        read_bed(os.fsdecode(os.fsencode(folder)+b'/D\xff.bed'))


@pytest.mark.parametrize('closed, says', [
    ('more', "{'more': 'a folder that you may not read'}"), ('B.bed', 'B.bed: you may not read this file'),
    ('C.txt', "{'C.txt': 'you may not read this file'}"), ('.', 'peaks: you may not read this folder')])
def test_what_may_not_be_read(tmp_path, closed, says):
    "Nothing is passed over in silence; in a process of its own, since root may read anything"
    folder = tmp_path/'peaks'
    (folder/'more').mkdir(parents=True)
    for name in ('A.bed', 'B.bed', 'C.txt', 'more/D.bed'): (folder/name).write_text(remap('T'))
    (folder/closed).chmod(0)
    for p in (folder, *folder.parents):
        if p.owner() == tmp_path.owner() and p != folder and 'pytest' in str(p): p.chmod(0o755)
    code = f"""if 1:
        import os
        from tf_transfer.genome.datasets import interval_files
        if os.getuid() == 0: os.seteuid(65534)
        unread = {{}}
        try: interval_files({str(folder)!r}, unread=unread)
        except ValueError as e: print(e)
        print(unread)"""
    try: told = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True).stdout
    finally: (folder/closed).chmod(0o755)
    assert says in told, told


def test_what_macs_wrote_twice_is_read_once(tmp_path):
    for n in ('x_peaks.narrowPeak', 'x_peaks.xls', 'x_summits.bed', 'y_summits.bed', 'x_model.r'):
        written(tmp_path, TABLES['MACS2'][0] if n.endswith('xls') else lines(narrow), n)
    unread = {}
    files = interval_files(tmp_path, tf='JUND', unread=unread)
    assert [f.path.name for f in files] == ['x_peaks.narrowPeak', 'y_summits.bed']
    assert unread['x_peaks.xls'] == unread['x_summits.bed'] == 'the same peaks as x_peaks.narrowPeak'
    assert unread.keys() == {'x_peaks.xls', 'x_summits.bed', 'x_model.r'}


def test_files_that_a_sheet_leaves_out(tmp_path):
    for n in ('a.bed', 'b.bed'): written(tmp_path, lines(narrow), n)
    written(tmp_path, 'file\ttf\tbiosample\na.bed\tJUND\tK562\n', 'sheet.TSV')
    unread = {}
    assert [f.path.name for f in interval_files(tmp_path, unread=unread)] == ['a.bed']
    assert unread == {'b.bed': 'not in the sheet'}


def test_a_folder_without_peaks(tmp_path):
    written(tmp_path, 'Dear all\n', 'notes.txt')
    with pytest.raises(UserError, match=r"no .bed or .narrowPeak file in this folder; not read: notes.txt \(line 1"):
        interval_files(tmp_path)


@pytest.mark.parametrize('text, words', [
    ('file\ttf\tbiosample\na.bed\tJUND\tH\textra\tmore\n', 'row 1 has 5 columns, the header 3'),
    ('file\ttf\tbiosample\na.bed\tJUND\tH\nb.bed\tFOS\tH\tmore\n', 'row 2 has 4 columns, the header 3'),
    ('file\ttf\tbiosample\na\0.bed\tJUND\tH\n', 'no file can have this name'),
    ('file\ttf\tbiosample\n'+300*'a'+'\tJUND\tH\n', 'too long'),
    ('file\ttf\tbiosample\tfile\na.bed\tJUND\tH\tb.bed\n', 'one column file, it has 2')])
def test_a_sheet_of_odd_rows(tmp_path, text, words):
    (tmp_path/'s.tsv').write_text(text)
    with pytest.raises(UserError, match=words): interval_files(tmp_path/'s.tsv')


@pytest.mark.parametrize('row', ['a.bed\tJUND\tHep G2\t\t', '"a.bed"\tJUND\tHep G2', 'a.bed\tJUND\tHep G2\n\n\t\t'])
def test_a_sheet_with_blanks(tmp_path, row):
    (tmp_path/'a.bed').write_text('chr1\t1\t9\n')
    (tmp_path/'s.tsv').write_text(f'file\ttf\tbiosample\n{row}\n')
    assert [f.dataset for f in interval_files(tmp_path/'s.tsv')] == [('JUND', 'Hep G2')]


@pytest.mark.parametrize('row', [
    lambda i, s: [*narrow(i, s)[:9], i % 5],
    lambda i, s: narrow(i, s, peak=0),
    lambda i, s: narrow(i, s, peak=only(i, 400, 0, range(20))),
], ids=['intersect -c of broadPeak', 'zeros', 'zeros in most rows'])
def test_small_numbers_in_the_tenth_column_are_no_summits(tmp_path, row):
    check(written(tmp_path, lines(row)), MIDDLES, 'middle')


def peaks_of(width, at, n=600):
    "narrowPeak of this width; `at` gives the summit of each"
    rng = random.Random(0)
    return ''.join(f'chr1\t{s}\t{s+width}\t.\t0\t.\t9.1\t4.2\t3.3\t{at(rng, width)}\n' for s in range(7, 1000*n, 1000))


@pytest.mark.parametrize('width', [20, 30, 60, 99, 150, 400, 900])
@pytest.mark.parametrize('at', [lambda r, w: r.randrange(w), lambda r, w: w//2, lambda r, w: int(w*r.betavariate(1, 4)),
                                lambda r, w: w-1, lambda r, w: r.choice([-1, -1, -1, w//3]),
                                lambda r, w: r.choice([0, w//2, w//2])],
                         ids=['anywhere', 'middle', 'skewed', 'last base', 'mostly none', 'some at the start'])
def test_summits_of_any_width(tmp_path, width, at):
    text = peaks_of(width, at)
    want = [int(line.split('\t')[9]) for line in text.splitlines()]
    table = read_bed(written(tmp_path, text))
    assert (table.summit-table.start).tolist() == [w if w >= 0 else width//2 for w in want]


TOOLS = {  # A row, and how far from the start the summit lies; from start, width and a generator
    'MACS': lambda s, w, r: ([f'p{s}', r.randrange(1000), '.', r.uniform(2, 9), 9.2, 4.1], r.randrange(w)),
    'MACS, subpeaks near the ends': lambda s, w, r: (['p', 9, '.', 5.1, 9.2, 4.1], r.choice([w//12, w-1-w//12])),
    'Genrich': lambda s, w, r: ([f'peak_{s}', 1000, '.', 124.5, 13.1, -1], r.randrange(w)),
    'HMMRATAC of MACS3': lambda s, w, r: (['p', r.randrange(9), '.', 0, 0, 0], r.randrange(w)),
    'SPP': lambda s, w, r: (['.', 0, '.', r.uniform(2, 90), -1, r.uniform(0, 4)], w//2),
    'ENCODE, none': lambda s, w, r: (['.', r.randrange(1000), '.', 2.5, 3.1, -1], -1),
    'ENCODE, hotspot': lambda s, w, r: (['.', 0, '.', 22, 8.9, -1], r.choice([-1, w//2])),
    'ENCODE, DNase with zeros': lambda s, w, r: (['.', 0, '.', 22, -1, -1], 0),
}


@pytest.mark.parametrize('tool', TOOLS)
@pytest.mark.parametrize('widths', [(20, 21), (30, 60), (150, 151), (36, 900), (500, 5000)])
@pytest.mark.parametrize('idr', [False, True])
def test_summits_as_tools_write_them(tmp_path, tool, widths, idr):
    rng, rows, want = random.Random(0), [], []
    for s in range(7, 10_000*200, 10_000):
        w = rng.randrange(*widths)
        fields, at = TOOLS[tool](s, w, rng)
        beside = [2.1, 2.7, s-1, s+w+4, 9.1, at, s+2, s+w, 8.2, at] if idr else []
        rows.append('\t'.join(map(str, ['chr1', s, s+w, *fields, at, *beside]))+'\n')
        want.append(s+at if at >= 0 and 'zeros' not in tool else s+w//2)
    assert (read_bed(written(tmp_path, ''.join(rows))).summit-want).abs().max() <= 1


@pytest.mark.parametrize('width', [20, 40, 80])
def test_summits_of_short_peaks_may_lie_at_their_start(tmp_path, width):
    table = read_bed(written(tmp_path, peaks_of(width, lambda r, w: r.choice([0, 0, 1, 2, 3]))))
    assert set(table.summit-table.start) == {0, 1, 2, 3}


@pytest.mark.parametrize('width', [20, 40, 80, 99, 100, 400])
@pytest.mark.parametrize('at', [lambda r, w: 0, lambda r, w: r.choice([0, 0, 0, 1]),
                                lambda r, w: r.choice([0, 0, w//3]),
                                lambda r, w: r.choice([0, 0, 0, -1, 5]), lambda r, w: r.choice([0]*99+[w-1])])
def test_most_summits_are_not_on_the_first_base(tmp_path, width, at):
    "Zeros that stand for none, or counts: the middles of all, and so it is said"
    table, places = read_peaks(written(tmp_path, peaks_of(width, at)))
    assert set(table.summit-table.start) == {width//2} and set(places) == {'middle'}


# Text that is not UTF-8, and comments

@pytest.mark.parametrize('what', ['name in Latin-1', 'note in Latin-1', 'comment in Latin-1', 'last row in Latin-1'])
def test_letters_in_latin_1(tmp_path, what):
    text = lines(lambda i, s: [*narrow(i, s, name='Köln' if what[:4] == 'name' else 'x'),
                               'für' if what[:4] == 'note' or what[:4] == 'last' and i == 59 else 'for'])
    if what[:4] == 'comm': text = '# größer\n'+text
    path = written(tmp_path, text.encode('latin-1'))
    check(path, SUMMITS, 'summit (10th column)')
    assert set(read_bed(path).name) == {'Köln' if what[:4] == 'name' else 'x'}


@pytest.mark.parametrize('data', [
    random.Random(0).randbytes(5000), lines(narrow).encode()+random.Random(0).randbytes(999),
    lines(narrow).encode('utf-16-le')], ids=['bytes', 'bytes at the end', 'UTF-16'])
def test_no_text(tmp_path, data):
    with pytest.raises(UserError, match='this is not a text file'): read_bed(written(tmp_path, data))


@pytest.mark.parametrize('head', ['# chrom start end\n', '# peaks by chrom start end length\n', '#chrom\tstart\tend\n',
                                  '# made today, chrom, start, end\n', '## x\n#\n# start at chr1, end at chr2\n'])
def test_comments_are_no_headers(tmp_path, head):
    check(written(tmp_path, head+lines(narrow)), SUMMITS, 'summit (10th column)')
    check(written(tmp_path, head+lines(lambda i, s: ['chr1', s, s+800])), MIDDLES, 'middle')


@pytest.mark.parametrize('sep', ['\t', ',', ' ', ';'])
@pytest.mark.parametrize('head', ['# report, of today\n', '# x\n#\n\n', '"# by R"\n', '## x\n#'])
def test_comments_above_a_table(tmp_path, sep, head):
    if head.endswith('#') and sep == ' ': head += ' '
    text = head+sep.join(['chr', 'start', 'end', 'length', 'abs_summit'])+'\n'
    text += lines(lambda i, s: ['chr1', s+1, s+800, 800, s+101], sep)
    check(written(tmp_path, text), SUMMITS, 'abs_summit (column 5)')


@pytest.mark.parametrize('first, second', [
    (lines(narrow), TABLES['MACS2'][0]), (TABLES['MACS2'][0], TABLES['pandas'][0]),
    (lines(narrow), TABLES_MIDDLE['findPeaks'])], ids=['narrowPeak, MACS', 'MACS, pandas', 'narrowPeak, HOMER'])
def test_two_formats_in_one_file(tmp_path, first, second):
    "Rows that count from 1 below rows that count from 0"
    with pytest.raises(UserError, match='line 6[0-9], .*a header of another table, below the first row'):
        read_bed(written(tmp_path, first+second))
    twice = TABLES['MACS2'][0]*2
    assert read_bed(written(tmp_path, twice)).summit.tolist() == SUMMITS*2


@pytest.mark.parametrize('strand', ['.', 'x'])
def test_a_number_before_the_contig_that_is_no_bin(tmp_path, strand):
    "Tables of featureCounts (SAF) and of R, without their header, may count from 1"
    with pytest.raises(UserError, match="'1 chr1 100001 100800': .*not UCSC's bin.*give a BED file"):
        read_bed(written(tmp_path, lines(lambda i, s: [i+1, 'chr1', s+1, s+800, strand])))


@pytest.mark.parametrize('start', ['100000.5', '100000.0', '1e+05', '100,000', "100'000"])
@pytest.mark.parametrize('row', [0, 59])
def test_places_that_are_not_written_in_digits(tmp_path, start, row):
    with pytest.raises(UserError) as e:
        read_bed(written(tmp_path, lines(lambda i, s: ['chr1', only(i, start, s, (row,)), s+800])))
    assert f"line {row+1}, " in str(e.value) and f"'{start}' stands where start" in str(e.value)
    assert 'scipen=999' in str(e.value) and '\n' not in str(e.value)


def test_a_gzip_file_with_zeros_behind_it(tmp_path):
    "As tapes and some downloads leave it; gunzip reads it"
    check(written(tmp_path, gzip.compress(lines(narrow).encode())+bytes(512)), SUMMITS, 'summit (10th column)')


ISLANDS = {    # Start, end of the i-th interval, what follows, and what is added to the ends
    'SICER, islands': (lambda i: (1000*i, 1000*i+599), '\t52.1', 1),
    'SICER, summary': (lambda i: (1000*i, 1000*i+599), '\t52\t11\t1e-09\t4.4\t2e-08', 1),
    'SICER, windows of 50 bp': (lambda i: (150*i, 150*i+49), '\t7', 1),
    'SICER, wide islands': (lambda i: (9400*i, 9400*i+4999), '', 1),
    'SICER, the last row has a name of its own': (lambda i: (1000*i, 1000*i+599), '\tx y', 1),
    'windows of BED': (lambda i: (1000*i, 1000*i+600), '\t7', 0),
    'windows, one of them cut': (lambda i: (1000*i, 1000*i+599+(i == 199_999)), '\t7', 0),
    'words of ten bases': (lambda i: (20*i, 20*i+9), '\t7', 0),
    'places of one base': (lambda i: (200*i, 200*i+1), '\t7', 0),
}


@pytest.mark.parametrize('kind', ISLANDS)
def test_ends_that_are_last_bases(tmp_path, kind):
    interval, more, add = ISLANDS[kind]
    intervals = [interval(i) for i in range(200_000 if 'cut' in kind else 60)]
    table, places = read_peaks(written(tmp_path, ''.join(f'chr1\t{s}\t{e}{more}\n' for s, e in intervals)))
    assert (table.end == [e+add for _, e in intervals]).all()
    assert ('last base' in places_line(places)) == bool(add)


@pytest.mark.parametrize('w', [50, 200, 1000])
def test_windows_from_one(tmp_path, w):
    text = ''.join(f'chr1\t{w*i+1}\t{w*i+2*w}\tx{i}\n' for i in range(9))
    with pytest.raises(UserError, match=f"line 1, .* whole windows of {w} bp that begin with 1, so they count from 1"):
        read_bed(written(tmp_path, text))
