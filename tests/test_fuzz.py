"Damaged and odd files: out of a parser comes a result or one line, nothing else (`bench/fuzz.py` tries a million)"
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tf_transfer.core import UserError

sys.path.insert(0, str(Path(__file__).parents[1]/'bench'))
from fuzz import parsers  # noqa: E402

ODD = [b'', b'.', b'-1', b'nan', b'inf', b'1e9', b'50.0', b'99999999999999999999', b'\t', b'\t\t', b' ', b'\n', b'\r\n',
       b'\n\n', b'>', b'#', b'"', b'\0', b'\xff', b'\xef\xbb\xbf', b'chr1', b'track', b'A', b'N', b',']
NAMES = ('bed', 'bed.gz', 'files', 'fasta', 'genome', 'motifs', 'vcf', 'packed', 'table', 'two fastas', 'peaks',
         'predict --bed', 'predict --fasta', 'predict --table', 'predict --vcf', 'contributions', 'stringdb', 'states',
         'parts', 'card', 'names', 'string', 'study', 'sources', 'pairs', 'index', 'npz', 'matrix', 'model')


@st.composite
def changed(draw, seeds):
    "A valid file with one to four changes: something odd put in, a stretch taken out, written twice or cut off"
    data = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(1, 4))):
        i, j = sorted(draw(st.tuples(*[st.integers(0, len(data))]*2)))
        j = min(j, i+40)
        data = draw(st.sampled_from((
            data[:i]+draw(st.sampled_from(ODD))+data[i:], data[:i]+draw(st.sampled_from(ODD))+data[j:],
            data[:i]+data[j:], data[:j]+data[i:j]+data[j:], data[:i], data[:i]+draw(st.binary(max_size=4))+data[i:])))
    return data


@pytest.fixture(scope='module')
def known(tmp_path_factory): return parsers(tmp_path_factory.mktemp('fuzz'))


def test_every_parser_is_here(known): assert set(NAMES) == set(known)


@pytest.mark.parametrize('name', NAMES)
def test_one_line_or_a_result(name, known, tmp_path):
    parser, path = known[name], tmp_path/f'input{known[name].suffix}'
    few = {'contributions': 15}.get(name, 60)
    @settings(max_examples=few, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(changed(parser.seeds))
    def once(data):
        path.write_bytes(data)
        try: parser.read(path)
        except UserError as e: assert str(e) and '\n' not in str(e)
    once()
