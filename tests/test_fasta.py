"FASTA files as tools, editors and downloads leave them: read right whatever stands beside them, or refused in one line"
import bz2
import gzip
import lzma
import os
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tf_transfer.core import UserError
from tf_transfer.genome.dna import Genome, decode, read_fasta
from tf_transfer.genome.fasta import FastaFile, fasta_records, line_of
from tf_transfer.genome.formats import read_bed
from tf_transfer.genome.variants import VcfFile
from tf_transfer.motifs.files import read_motifs

rng = np.random.default_rng(0)
SEQS = {f'chr{i}': ''.join(rng.choice(list('ACGT'), n)) for i, n in [(1, 1200), (2, 1130), (3, 7)]}


def wrapped(seqs=SEQS, width=60, end='\n', more=''):
    "A FASTA file as text"
    return ''.join(f'>{k}{more}{end}' + ''.join(s[i:i+width] + end for i in range(0, len(s), width))
                   for k, s in seqs.items())


def read(path):
    "All contigs, in whole and letter by letter in pieces"
    f = FastaFile(path)
    whole = {k: f.letters(k).tobytes().decode() for k in f.lengths}
    for k, s in whole.items():
        for a in range(0, len(s), 333): assert f.letters(k, a, min(a+350, len(s))).tobytes().decode() == s[a:a+350]
    return whole


def bgzip(text, size=500):
    "Text in blocks, as bgzip makes them, with the empty block at the end"
    blocks = []
    for a in [*range(0, len(text), size), len(text)]:
        piece = text[a:a+size].encode()
        packer = zlib.compressobj(6, zlib.DEFLATED, -15)
        body = packer.compress(piece) + packer.flush()
        head = b'\x1f\x8b\x08\x04' + bytes(5) + b'\xff' + struct.pack('<H2sHH', 6, b'BC', 2, len(body)+25)
        blocks.append(head + body + struct.pack('<II', zlib.crc32(piece), len(piece)))
    return b''.join(blocks)


def lines(*text): return '\n'.join(text)


same = {
    'plain': wrapped(), 'one line each': wrapped(width=10**6), 'no final newline': wrapped().rstrip('\n'),
    'one blank line at the end': wrapped() + '\n', 'two blank lines at the end': wrapped() + '\n\n',
    'blank lines between': wrapped().replace('>', '\n\n>'), 'blank lines first': '\n\n' + wrapped(),
    'a blank line inside': wrapped().replace(SEQS['chr1'][60:120], SEQS['chr1'][60:120] + '\n'),
    'a blank line after the header': wrapped().replace('>chr1\n', '>chr1\n\n'),
    'blank lines with blanks': wrapped().replace('>chr2', '   \n\t\n>chr2'),
    'unequal lines': wrapped(dict(chr1=SEQS['chr1'])) + wrapped(dict(chr2=SEQS['chr2']), 50)
    .replace('\n', '', 3).replace('>chr2', '>chr2\n') + wrapped(dict(chr3=SEQS['chr3'])),
    'another width per record': ''.join(wrapped({k: s}, 50+i) for i, (k, s) in enumerate(SEQS.items())),
    'CRLF': wrapped(end='\r\n'), 'CRLF and no final newline': wrapped(end='\r\n')[:-2],
    'old Mac': wrapped(end='\r'), 'CRLF in one record': wrapped(end='\r\n').replace('\r\n', '\n', 15),
    'blanks at the end of lines': wrapped(end=' \n'),
    'blanks inside lines': wrapped(width=10).replace('\nACG', '\nA CG'),
    'descriptions': wrapped(more=' dna:chromosome GRCh38:1:1:1200:1 REF'), 'tab after the name': wrapped(more='\tx'),
    'comments first': ';made by hand\n; two\n' + wrapped(),
    'a comment inside': wrapped().replace('>chr2', ';half\n>chr2'),
    'a byte order mark': '\ufeff' + wrapped(), 'blank before the name': wrapped().replace('>', '> '),
    'the same record twice': wrapped() + wrapped(dict(chr1=SEQS['chr1']), 50),
    'the same record in lower case': wrapped() + wrapped(dict(chr2=SEQS['chr2'].lower())),
    'seqkit seq -w 0, Windows': wrapped(width=10**6, end='\r\n'), 'a form feed': wrapped().replace('>chr2', '\f>chr2'),
    'soft-masked': wrapped(dict(chr1=SEQS['chr1'].lower(), chr2=SEQS['chr2'], chr3=SEQS['chr3'])),
    'Ensembl': wrapped(more=' dna_sm:chromosome chromosome:GRCh38:1:1:1200:1 REF'), 'GENCODE': wrapped(more=' 1'),
    'a header in Latin 1': wrapped(more=' prot\xe9ine'),
}


@pytest.mark.parametrize('packed', ['', 'gz', 'bgz', 'named otherwise'])
@pytest.mark.parametrize('what', same)
def test_read_right(tmp_path, what, packed):
    if what == 'a header in Latin 1' and packed == 'gz': pytest.skip('plain gzip is read as text, UTF-8')
    data = same[what].encode('latin-1' if 'Latin' in what else 'utf-8')
    path = tmp_path/('g.fa.gz' if packed in ('gz', 'bgz') else 'g.fa')
    if packed == 'gz': data = gzip.compress(data)
    elif packed: data = bgzip(data.decode('latin-1')) if 'mark' not in what else bgzip(same[what])
    path.write_bytes(data)
    for _ in range(2): assert {k: s.upper() for k, s in read(path).items()} == SEQS
    if packed == '' and 'Latin' not in what: assert [n for n, _ in fasta_records(path)][:3] == list(SEQS)


def test_lower_case_and_empty_records(tmp_path):
    (tmp_path/'g.fa').write_text('>a\nacgtNnrY\n>none\n>b\nAC\n>last\n')
    for _ in range(2):
        g = Genome(tmp_path/'g.fa')
        assert g.lengths == dict(a=8, none=0, b=2, last=0)
        assert decode(g['a']) == 'ACGTNNNN' and len(g['none']) == 0


FASTA = b'>a\nA\n'
others = {
    'hg38.2bit': (b'\x43\x27\x41\x1a' + bytes(12), 'twoBitToFa'), 'g.zip': (b'PK\x03\x04' + bytes(9), 'zip archive'),
    'g.fa.bz2': (bz2.compress(FASTA), 'packed with bzip2'), 'g.fa.xz': (lzma.compress(FASTA), 'packed with xz'),
    'g.zst': (b'\x28\xb5\x2f\xfd' + bytes(9), 'packed with zstd'), 'x.bb': (b'\xeb\xf2\x89\x87', 'bigBedToBed'),
    'g.fa': (FASTA.decode().encode('utf-16'), 'as UTF-8'), 'v.bcf': (gzip.compress(b'BCF\2\2'), 'bcftools view'),
    'g.fa.gz': (gzip.compress(gzip.compress(FASTA)), 'packed twice'), 'g.bam': (gzip.compress(b'BAM\1'), 'a BAM file')}


@pytest.mark.parametrize('name', others)
def test_other_files_are_told_what_they_are(tmp_path, name):
    data, words = others[name]
    (tmp_path/name).write_bytes(data)
    for read in (FastaFile, read_bed, read_motifs, *[VcfFile]*(name != 'v.bcf')):
        with pytest.raises(UserError, match=f'{name}: this is not a plain text file, it is .*{words}'):
            read(tmp_path/name)


refused = {
    'text first': ('hello\n' + wrapped(), "it begins with 'hello' in line 1, not with '>'"),
    'a BED file': ('chr1\t100\t200\n', "it begins with 'chr1"),
    'HTML': ('<html>\n', "it begins with '<html>' in line 1"),
    'GenBank': ('LOCUS       x\nORIGIN\n', "begins with 'LOCUS"), 'EMBL': ('ID   x; SV 1\nSQ\n', "begins with 'ID"),
    'FASTQ': ('@r1\nACGT\n+\nIIII\n', "it begins with '@r1' in line 1"), 'nothing': ('', 'no FASTA record in it'),
    'blank lines': ('\n\n\n', 'no FASTA record in it'), 'comments': ('; a\n;b\n', 'no FASTA record in it'),
    'no name': ('>chr1\nAC\n>\nAC\n', 'line 3: a record without a name'),
    'two of a name': ('>a\nACGT\n>b\nA\n>a\nACGA\n',
                      'two records are named a (a name ends at the first blank), in lines 1 and 5'),
    'two of other lengths': ('>a\nACGT\n>a\nACG\n', 'in lines 1 and 3, and they differ'),
    'alike to the blank': ('>chr1 part A\nACG\n>chr1 part B\nACT\n', 'two records are named chr1'),
    'two of a name, unequal lines': ('>a\nA\n\nCGT\n>b\nA\n>a\nACGA\n', 'in lines 1 and 7, and they differ'),
}


@pytest.mark.parametrize('what', refused)
@pytest.mark.parametrize('packed', [False, True])
def test_refused_in_one_line(tmp_path, what, packed):
    text, words = refused[what]
    path = tmp_path/'g.fa'
    path.write_bytes(bgzip(text) if packed else text.encode())
    with pytest.raises(UserError) as e: Genome(path)
    assert str(path) in str(e.value) and words in str(e.value) and '\n' not in str(e.value)
    assert [p.name for p in tmp_path.iterdir()] == ['g.fa']


@pytest.mark.parametrize('letters, problem', [
    ('ACGU', "'U', as RNA has; write T for U (line 7)"),
    ('MKVL', "'L', as proteins have (line 7)"), ('AC-T', "'-' (line 7)"), ('AC1T', "'1' (line 7)"),
    ('AC.T', "'.' (line 7)"), ('AC=T', "'=' (line 7)"), ('ACGT*', "'*', as proteins have (line 7)"),
    ('ACXT', "'X', as proteins have (line 7)"), ('1ACGT', "'1' (line 7)"), ('AC>T', "'>' (line 7)"),
    ('AC\x00T', "'\x00' (line 7)")])
@pytest.mark.parametrize('end', ['\n', '\n\n', '\r\n', '\r'])
def test_letters_that_are_not_dna(tmp_path, letters, problem, end):
    blank = end == '\n\n'
    rows = ['>a', 'ACGT', 'ACGT', '>b', 'ACGT', 'ACGT', letters] if not blank else ['>a', 'ACGTACGT', '>b x', letters]
    (tmp_path/'g.fa').write_bytes(end.join(rows).encode())
    if blank: assert line_of(tmp_path/'g.fa', 'b', 0) == 7
    g = Genome(tmp_path/'g.fa')
    assert decode(g['a']) == 'ACGTACGT'
    with pytest.raises(UserError) as e: g['b']
    assert problem in str(e.value) and f'{tmp_path/"g.fa"}: a letter in b:0-' in str(e.value)


def test_records_of_one_width_name_their_line(tmp_path):
    (tmp_path/'r.fa').write_text('>a\nAC\nGT\n>b\nAC\nGU\n')
    with pytest.raises(UserError, match=r"record 'b' has a letter that is not DNA: 'U', as RNA has; .*\(line 6\)"):
        read_fasta(tmp_path/'r.fa')


def spoil_cut(data): return data[:len(data)//2]
def spoil_end(data): return data[:-28]
def spoil_head(data): return data[:7]
def spoil_byte(data): return data[:40] + bytes([data[40] ^ 255]) + data[41:]
def spoil_tail(data): return data + b'junk'
def spoil_size(data): return data[:16] + b'\x01\x00' + data[18:]
def spoil_count(data): return data[:-32] + b'\xff\xff\x00\x00' + data[-28:]


@pytest.mark.parametrize('spoil', [spoil_cut, spoil_end, spoil_head, spoil_byte, spoil_tail, spoil_size, spoil_count])
@pytest.mark.parametrize('pack', [bgzip, lambda s: gzip.compress(s.encode())], ids=['bgzip', 'gzip'])
def test_compressed_files_that_are_damaged(tmp_path, pack, spoil):
    if pack is not bgzip and spoil in (spoil_end, spoil_byte, spoil_size, spoil_count): data = pack(wrapped())[:-9]
    else: data = spoil(pack(wrapped()))
    (tmp_path/'g.fa.gz').write_bytes(data)
    with pytest.raises(UserError, match='cut short or damaged|is damaged'): read(tmp_path/'g.fa.gz')


def test_a_block_that_unpacks_to_more_than_it_says(tmp_path):
    "A block holds 64 KiB at most; nothing beyond that is unpacked"
    data = bytearray(bgzip('>a\n' + 'A'*10**7 + '\n', 10**8))
    at = len(data)-28-4
    data[at:at+4] = struct.pack('<I', 1000)
    (tmp_path/'g.fa').write_bytes(data)
    with pytest.raises(UserError, match='damaged'): FastaFile(tmp_path/'g.fa')


# Indices that are of another file

OLD = wrapped(more=' old')
changed = {k: s if k != 'chr2' else s[:-1] + 'A' * 40 for k, s in SEQS.items()}
other_files = {
    'longer headers': (wrapped(more=' of another release'), SEQS), 'shorter headers': (wrapped(), SEQS),
    'one line each': (wrapped(width=10**6, more=' old'), SEQS), 'other width': (wrapped(width=61, more=' old'), SEQS),
    'CRLF': (wrapped(end='\r\n', more=' old'), SEQS), 'a longer contig': (wrapped(changed, more=' old'), changed),
    'another order': (wrapped(dict(reversed(SEQS.items())), more=' old'), SEQS),
    'one contig less': (wrapped({k: s for k, s in SEQS.items() if k != 'chr3'}, more=' old'), None),
    'one contig more': (OLD + '>chr4\nACGT\n', dict(SEQS, chr4='ACGT')), 'blank lines at the end': (OLD + '\n\n', SEQS),
    'another name of equal length': (OLD.replace('chr2', 'chrX'), None),
    'two names changed over': (OLD.replace('chr2', '@').replace('chr1', 'chr2').replace('@', 'chr1'), None),
    'a comment first': (';x\n' + OLD, SEQS), 'lines cut otherwise': (OLD.replace('\n' + SEQS['chr1'][60:120] + '\n',
        '\n' + SEQS['chr1'][60:119] + '\n' + SEQS['chr1'][119]), SEQS),
    'unequal lines': (wrapped(more=' old').replace('>chr2', '\nA\n>chr2'), None),
}


@pytest.mark.parametrize('what', other_files)
@pytest.mark.parametrize('pack', [False, True])
@pytest.mark.parametrize('older', [False, True])
@pytest.mark.parametrize('width', [60, 10**6])
def test_an_index_of_another_file(tmp_path, what, pack, older, width):
    text, expected = other_files[what]
    path, old = tmp_path/'g.fa', wrapped(width=width, more=' old')
    path.write_bytes(bgzip(old) if pack else old.encode())
    read(path)
    index = {p.name: p.read_bytes() for p in tmp_path.iterdir() if p != path}
    assert set(index) == ({'g.fa.fai', 'g.fa.gzi'} if pack else {'g.fa.fai'})
    path.write_bytes(bgzip(text, 700) if pack else text.encode())
    if older: os.utime(path, (10**9, 10**9))
    found = read(path)
    assert found == dict(fasta_records(path) if not pack else _by_hand(text))
    assert expected is None or found == expected
    assert index == {p.name: p.read_bytes() for p in tmp_path.iterdir() if p != path}


def _by_hand(text):
    for record in text.split('>')[1:]:
        head, *rest = [o for o in record.splitlines() if not o.startswith(';')]
        yield head.split()[0], ''.join(rest)


@pytest.mark.parametrize('index', ['', 'chr1\t5\n', 'chr1\tA\tB\tC\tD\n', 'chr1\t1200\t9999999999\t60\t61\n',
                                   'chr1\t1200\t-6\t60\t61\n', 'chr1\t1200\t6\t0\t0\n', '\x00\x01',
                                   'chr1\t0\t6\t0\t0\n', 'chr1\t1200\t6\t60\t60\n', 'chr1\t1200\t6\t60\t1\n',
                                   'chr1\t-5\t6\t60\t61\n'])
def test_an_index_that_is_none(tmp_path, index):
    (tmp_path/'g.fa').write_text(wrapped())
    (tmp_path/'g.fa.fai').write_text(index)
    assert read(tmp_path/'g.fa') == SEQS


odd_indices = {
    'Windows': lambda t: t.replace('\n', '\r\n'), 'without the last': lambda t: ''.join(t.splitlines(True)[:2]),
    'without one inside': lambda t: ''.join(t.splitlines(True)[::2]),
    'one line twice': lambda t: t + t.split('chr2')[0],
    'backwards': lambda t: ''.join(t.splitlines(True)[::-1]), 'renamed': lambda t: t.replace('chr', ''),
    'sizes': lambda t: ''.join('\t'.join(o.split('\t')[:2]) + '\n' for o in t.splitlines()),
    'a shorter contig': lambda t: t.replace('1200', '1140'), 'of FASTQ': lambda t: t.replace('\n', '\t1\n'),
    'of UTF-16': lambda t: t.encode('utf-16').decode('latin-1'), 'beyond all': lambda t: t.replace('1200', '9'*20),
}


@pytest.mark.parametrize('what', odd_indices)
@pytest.mark.parametrize('pack', [False, True])
def test_an_index_of_another_kind(tmp_path, what, pack):
    path, index = tmp_path/'g.fa', tmp_path/'g.fa.fai'
    path.write_bytes(bgzip(wrapped()) if pack else wrapped().encode())
    FastaFile(path)
    index.write_text(odd_indices[what](index.read_text()), encoding='latin-1')
    os.utime(index, (4e9, 4e9))
    assert read(path) == SEQS


@pytest.mark.parametrize('what', ['a folder', 'a link to nothing', 'other blocks', 'cut short', 'beyond it', 'gone'])
def test_a_table_of_blocks_of_another_kind(tmp_path, what):
    path, table = tmp_path/'g.fa.gz', tmp_path/'g.fa.gz.gzi'
    path.write_bytes(bgzip(wrapped(), 700))
    FastaFile(path)
    blocks = table.read_bytes()
    table.unlink()
    if what == 'a folder': table.mkdir()
    elif what == 'a link to nothing': table.symlink_to(tmp_path/'nothing')
    elif what == 'other blocks': path.write_bytes(bgzip(wrapped(), 300))
    if what in ('other blocks', 'cut short'): table.write_bytes(blocks[:-9] if what == 'cut short' else blocks)
    if what == 'beyond it': np.array([2**40, 1, 1], '<u8').tofile(table)
    assert read(path) == SEQS


def test_an_index_that_fits_is_used(tmp_path, monkeypatch):
    (tmp_path/'g.fa').write_text(wrapped())
    FastaFile(tmp_path/'g.fa')
    os.utime(tmp_path/'g.fa.fai', (10**9, 10**9))
    monkeypatch.setattr('pyfaidx.Faidx.build_index', None)
    assert read(tmp_path/'g.fa') == SEQS


def test_the_index_is_that_of_samtools(tmp_path):
    "Written out by hand after the definition: name, length, offset, bases and bytes per line"
    (tmp_path/'g.fa').write_text('>one x\nACGTAC\nACGTAC\nAC\n>two\nACG\n>three\r\nACGT\r\nAC\r\n')
    FastaFile(tmp_path/'g.fa')
    assert (tmp_path/'g.fa.fai').read_text() == 'one\t14\t7\t6\t7\ntwo\t3\t29\t3\t4\nthree\t6\t41\t4\t6\n'


line = st.one_of(st.text('ACGTacgtN', max_size=30), st.text('ACGTacgtN', max_size=30), st.just('ACGTACGT'),
                 st.text('AC ;\t', max_size=9), st.just(';x'), st.just('ACG ACGT'))


@given(st.lists(st.lists(st.tuples(line, st.sampled_from(['\n', '\n', '\n', '\r\n'])), max_size=6), min_size=1,
                max_size=4), st.booleans(), st.booleans())
@settings(deadline=None, max_examples=200)
def test_any_place_equals_reading_line_by_line(tmp_path_factory, records, final, pack):
    path = tmp_path_factory.mktemp('any')/'g.fa'
    text = ''.join(o + end for i, rows in enumerate(records) for o, end in ((f'>r{i} x', '\n'), *rows))
    if not final: text = text.rstrip('\r\n')
    path.write_bytes(bgzip(text, 13) if pack else text.encode())
    for _ in range(2): assert read(path) == dict(fasta_records(path))


@pytest.mark.parametrize('text', [
    '>a\nACGTACGT\r\nACGTACGT\n>b\nAC\n', '>a\r\nACGT\r\nACGT\n>b\r\nAC\r\n', '>a\nAC\r\nGT\n\n>b\n'])
def test_a_last_line_that_ends_otherwise(tmp_path, text):
    "pyfaidx reads the end of a full last line along, as long as that of the first"
    (tmp_path/'g.fa').write_bytes(text.encode())
    assert read(tmp_path/'g.fa') == dict(fasta_records(tmp_path/'g.fa'))


@pytest.mark.parametrize('odd', ['ACG ACGT', ';ACGACGT', 'ACG\tACGT', 'ACGTACG\r', 'ACG\rACGT', 'ACGTAC\xe9'])
@pytest.mark.parametrize('pack', [False, True])
def test_one_odd_line_among_many(tmp_path, odd, pack):
    "Of the same number of bytes as the others, so that only a look at each line tells"
    text = '>a\n' + 'ACGTACGT\n'*5000 + odd + '\n' + 'ACGTACGT\n'*5000
    (tmp_path/'g.fa').write_bytes(bgzip(text, 10_000) if pack else text.encode())
    expected = next(fasta_records(tmp_path/'g.fa'))[1].encode('ascii', 'replace').decode()
    assert read(tmp_path/'g.fa') == {'a': expected}
    assert [p.name for p in tmp_path.iterdir()] == ['g.fa']


def test_a_block_that_is_damaged_later(tmp_path):
    "It is refused each time it is read"
    data = bytearray(bgzip('>a\n' + 'ACGTTGCA'*10_000 + '\n', 5000))
    (tmp_path/'g.fa.gz').write_bytes(data)
    f = FastaFile(tmp_path/'g.fa.gz')
    at = f._fa.gzi_index[8].cstart
    data[at+22] ^= 255
    (tmp_path/'g.fa.gz').write_bytes(data)
    f = FastaFile(tmp_path/'g.fa.gz')
    for _ in range(2):
        with pytest.raises(UserError, match='g.fa.gz: the bgzip file is damaged; get it again'):
            f.letters('a', 41000, 42000)


@pytest.mark.parametrize('size', [60_000, 2**16])
def test_every_place_of_large_blocks(tmp_path, size):
    "pyfaidx cannot read from the end of a block of 64 KiB"
    seq = ''.join(rng.choice(list('ACGT'), 2*2**16 + 100))
    (tmp_path/'g.fa.gz').write_bytes(bgzip('>a\n' + seq + '\n', size))
    f = FastaFile(tmp_path/'g.fa.gz')
    for block in (1, 2):
        for a in range(block*size - 6, block*size + 4): assert f.letters('a', a, a+9).tobytes().decode() == seq[a:a+9]
    assert f.letters('a').tobytes().decode() == seq


def test_bgzip_files_one_after_another(tmp_path):
    "Each ends with an empty block"
    (tmp_path/'g.fa.gz').write_bytes(b''.join(bgzip(wrapped({k: s})) for k, s in SEQS.items()))
    for _ in range(2): assert read(tmp_path/'g.fa.gz') == SEQS
    assert (tmp_path/'g.fa.gz.gzi').exists()


def test_an_odd_line_that_the_index_beside_does_not_know(tmp_path):
    "Far from the places that are looked at: letters are missing, so it is refused"
    text = '>a\n' + 'ACGTACGT\n'*10_000
    (tmp_path/'g.fa').write_text(text)
    FastaFile(tmp_path/'g.fa')
    (tmp_path/'g.fa').write_text(text[:20_001] + '\n' + text[20_002:])
    with pytest.raises(UserError, match='80000 letters expected in a:0-80000, 79999 found; the index'):
        FastaFile(tmp_path/'g.fa').letters('a')


@pytest.mark.parametrize('more', [[], [-28], [-28, 0]])
def test_a_table_of_blocks_is_used_if_it_fits(tmp_path, more, monkeypatch):
    "samtools may name the empty block, and the end of the file, too"
    path, table = tmp_path/'g.fa.gz', tmp_path/'g.fa.gz.gzi'
    path.write_bytes(bgzip(wrapped()))
    FastaFile(path)
    rows = np.fromfile(table, '<u8')[1:].tolist()
    for o in more: rows += [path.stat().st_size + o, len(wrapped())]
    np.array([len(rows)//2, *rows], '<u8').tofile(table)
    monkeypatch.setattr('pyfaidx.Faidx.build_index', None)
    monkeypatch.setattr('pyfaidx.Faidx.build_gzi', None)
    assert read(path) == SEQS
