"STRING's links in the forms in which people have them"
import gzip
import warnings

import pytest

from tf_transfer.core import UserError
from tf_transfer.matrix import groups
from tf_transfer.matrix.groups import read_string, string_partners
from tf_transfer.matrix.simulate import simulate

TFS = ['JUND', 'SPI1', 'ETS1', 'MAX', 'FOS']
SCORES = {1: 900, 2: 950, 3: 200, 4: 999}
RIGHT = {'FOS': 999, 'ETS1': 950, 'SPI1': 900, 'MAX': 200}
OTHERS = [(1, 2, 700), (3, 4, 500)]
INFO = '#string_protein_id\tpreferred_name\tprotein_size\tannotation\n'+''.join(
    f'9606.P{i}\t{t}\t100\tA "TF of 5\' ends\n' for i, t in enumerate(TFS))


def links(pairs=None, head='protein1 protein2 combined_score', sep=' ', end='\n', row='9606.P{0} 9606.P{1} {2}'):
    pairs = pairs or [(0, i, s) for i, s in SCORES.items()]+OTHERS
    lines = [head, *(row.format(a, b, s, TFS[a], TFS[b], s/1000) for a, b, s in pairs)]
    return ''.join(line.replace(' ', sep)+end for line in lines)


BOTH = [o for a, b, s in [*((0, i, s) for i, s in SCORES.items()), *OTHERS] for o in ((a, b, s), (b, a, s))]
TURNED = [(b, a, s) for a, b, s in BOTH[::2]]
HALF = [(0, 1, 900), (2, 0, 950), (3, 0, 200), (0, 4, 999), *OTHERS]
WEB = '#node1 node2 node1_string_id node2_string_id neighborhood_on_chromosome combined_score'
API = 'stringId_A stringId_B preferredName_A preferredName_B ncbiTaxonId score nscore'
FORMS = {
    'both directions': links(BOTH), 'each once': links(), 'each once, the other way round': links(TURNED),
    'each once, mixed': links(HALF), 'tabs': links(sep='\t'), 'commas': links(sep=','), 'two blanks': links(sep='  '),
    'Windows': links(end='\r\n'), 'byte-order mark': '\ufeff'+links(), 'a blank at the end': links(end=' \n'),
    'a tab at the end of rows': links(sep='\t', end='\t\n').replace('score\t', 'score'),
    'row names of R': links(row='7 9606.P{0} 9606.P{1} {2}'),
    'quotes and commas': links(
        row='"9606.P{0}" "9606.P{1}" {2}', head='"protein1" "protein2" "combined_score"', sep=','),
    'R, STRINGdb': links(head='from to combined_score', row='9606.P{0} 9606.P{1} {2}'),
    'R, STRINGdb, written out': links(head='"from" "to" "combined_score"', row='"7" "9606.P{0}" "9606.P{1}" {2}'),
    'quotes and tabs': links(row='"9606.P{0}" "9606.P{1}" "{2}"', head='"protein1" "protein2" "combined_score"',
                             sep='\t'),
    'physical links': links(head='protein1 protein2 experimental database textmining combined_score',
                            row='9606.P{0} 9606.P{1} 0 0 0 {2}'),
    'a link without a score': links()+'9606.P0 9606.P1 \n',
    'more scores': links(head='protein1 protein2 experimental combined_score', row='9606.P{0} 9606.P{1} 0 {2}'),
    'twice, with a lower score': links([*BOTH, (0, 2, 150), (4, 0, 1)]), 'with itself': links([(0, 0, 1000), *BOTH]),
    'API, names of one side': links(head='stringId_A stringId_B preferredName_A score',
                                    row='9606.P{0} 9606.P{1} {3} {5}', sep='\t'),
    'decimals': links(row='9606.P{0} 9606.P{1} {2}.0'), 'from 0 to 1': links(row='9606.P{0} 9606.P{1} {5}')}
NAMED = {
    'web': links(head=WEB, row='{3} {4} 9606.P{0} 9606.P{1} 0 {5}', sep='\t'),
    'web, each once, mixed': links(HALF, head=WEB, row='{3} {4} 9606.P{0} 9606.P{1} 0 {5}', sep='\t'),
    'web, names only': links(head='#node1 node2 combined_score', row='{3} {4} {5}', sep='\t'),
    'API': links(head=API, row='9606.P{0} 9606.P{1} {3} {4} 9606 {5} 0', sep='\t'),
    'API, both directions': links(BOTH, head=API, row='9606.P{0} 9606.P{1} {3} {4} 9606 {5} 0', sep='\t'),
    'API, as commas': links(head=API, row='9606.P{0} 9606.P{1} {3} {4} 9606 {5} 0', sep=','),
    'API, identifiers of one side': links(head='stringId_A preferredName_A preferredName_B score',
                                          row='9606.P{0} {3} {4} {5}', sep='\t'),
    'names for identifiers': links(row='{3} {4} {2}'), 'small names': links(row='{3} {4} {2}').lower()}


@pytest.fixture
def files(tmp_path):
    warnings.simplefilter('error')

    def write(text, info=INFO):
        (tmp_path/'links.txt').write_text(text, newline='')
        (tmp_path/'info.txt').write_text(info, newline='')
        return tmp_path/'links.txt', tmp_path/'info.txt'
    return write


@pytest.mark.parametrize('form', FORMS)
def test_the_same_partners(files, form):
    found = read_string(*files(FORMS[form]), 'JUND')
    assert found.to_dict() == RIGHT and list(found.index) == list(RIGHT)
    assert read_string(*files(FORMS[form]), 'max').to_dict()['FOS'] == 500


@pytest.mark.parametrize('form', NAMED)
def test_links_that_name_the_proteins(files, form):
    found = read_string(files(NAMED[form])[0], None, 'JUND')
    found.index = found.index.str.upper()
    assert found.to_dict() == RIGHT
    if 'P0' in NAMED[form]: assert read_string(*files(NAMED[form]), 'JUND').to_dict() == RIGHT


@pytest.mark.parametrize('info', [
    INFO, INFO.replace('#string_protein_id', 'protein_external_id'), INFO.replace('\n', '\r\n'), '\ufeff'+INFO,
    INFO.replace('#string_protein_id\tpreferred_name', '#string_ids\tpreferredName'), INFO.replace('MAX', 'NA')])
def test_the_same_names(files, info):
    found = read_string(*files(links(), info), 'JUND')
    assert found.rename({'NA': 'MAX'}).to_dict() == RIGHT


def test_gzipped(files, tmp_path):
    (tmp_path/'a.gz').write_bytes(gzip.compress(links().encode()))
    assert read_string(tmp_path/'a.gz', files('')[1], 'JUND').to_dict() == RIGHT


REFUSED = {
    'no number': (links(row='9606.P{0} 9606.P{1} x'), 'the column combined_score holds something that is no number'),
    'no score': (links(head='protein1 protein2 other'), 'has no column combined_score; its columns are protein1'),
    'semicolons': (links(sep=';'), 'has no column protein1; its columns are protein1;protein2;combined_score'),
    'Cytoscape': (links(head='SUID name stringdb::score'), 'has no column protein1; its columns are SUID, name'),
    'without names of columns': (links(head='9606.P0 9606.P1 JUND 9606 0.9', sep='\t'), 'has no column protein1'),
    'no proteins': (links(head='a b combined_score'), 'has no column protein1; its columns are a, b'),
    'no header': (links().split('\n', 1)[1], 'has no column protein1'),
    'another species': (links().replace('9606', '10090'), 'is of species 10090, not of 9606'),
    'another version': (links().replace('P', 'Q'), 'does not know; they must be of one version'),
    'empty': ('', 'has no column protein1'), 'a header alone': (links().split('\n')[0]+'\n', 'no link in this file')}


@pytest.mark.parametrize('kind', REFUSED)
def test_what_is_no_link_is_refused(files, kind):
    text, words = REFUSED[kind]
    with pytest.raises(UserError, match=words) as e: read_string(*files(text), 'JUND')
    assert 'links.txt' in str(e.value) and '\n' not in str(e.value)


def test_names_are_needed(files):
    with pytest.raises(UserError, match='links.txt has no names of proteins; .* is needed too'):
        read_string(files(links())[0], None, 'JUND')


def test_names_of_a_mouse(files, monkeypatch):
    "Names in other letters than STRING's"
    m = simulate(n_regions=1000, seed=3).matrix()
    m.obs_names = m.obs_names.str.title()
    monkeypatch.setattr(groups, '_modes', lambda m, tf, same: ['Fos', 'Elf1', 'Max', 'Ets1', 'Spi1'])
    partners = string_partners(m, 'Jund', 5, *files(links()))
    assert partners.tfs == ['Fos', 'Ets1', 'Spi1']
    assert partners.table.score.tolist() == [999, 950, 900]
