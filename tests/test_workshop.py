"The workshop: learner copies, slides, and checks that name what is wrong (the solutions run with the notebooks)"
import ast
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from browser import Browser, chromium
from execnb.shell import CaptureShell
from fastcore.nbio import read_nb

root = Path(__file__).parent.parent
sys.path.insert(0, str(root/'docs'))
from learner import (  # noqa: E402
    episodes, flagged, is_challenge, is_check, learner_copy, names_given, parts_of, sections)
from slides import deck  # noqa: E402

episode = pytest.mark.parametrize('path', episodes, ids=lambda p: p.stem)
challenges = [(path, title) for path in episodes for title, _ in sections(read_nb(path).cells) if is_challenge(title)]
challenge = pytest.mark.parametrize(
    'path, title', challenges, ids=lambda o: o.stem if isinstance(o, Path) else o.split(':')[0])


def cells_of(path, title): return dict(sections(read_nb(path).cells))[title]


def names_used(source):
    return {o.id for o in ast.walk(ast.parse(source)) if isinstance(o, ast.Name) and isinstance(o.ctx, ast.Load)}


@episode
def test_an_episode_says_what_it_is(path):
    cells = read_nb(path).cells
    head, what = cells[0].source, cells[1].source
    assert head.startswith('# ') and '\n> Episode' in head
    assert '**Questions**' in what and '**Objectives.**' in what
    teaching, exercises = map(int, re.search(r'\| (\d+) \| (\d+) \|', what).groups())
    assert teaching + exercises == 45
    text = '\n'.join(c.source for c in cells if c.cell_type == 'markdown')
    minutes = [int(o) for o in re.findall(r'^\*(\d+) minutes\.\*', text, re.M)]
    assert 3 <= len(minutes) <= 5 and len(minutes) == text.count('\n## Challenge') + text.startswith('## Challenge')
    assert 0 <= exercises - sum(minutes) <= 4
    assert '## Key points' in text


def test_timetables_are_those_of_the_episodes():
    "The schedule of the workshop's page, and the minutes of each challenge on the instructor's"
    schedule, timing = ((root/'nbs'/'workshop'/o).read_text() for o in ('index.ipynb', '7_instructor.ipynb'))
    for path in episodes:
        text = '\n'.join(c.source for c in read_nb(path).cells if c.cell_type == 'markdown')
        teaching, exercises = re.search(r'\| (\d+) \| (\d+) \|', text).groups()
        assert f'({path.name}) | {teaching} min | {exercises} min |' in schedule
        row = re.search(rf'\({path.name}\)(.*)', timing)[1]
        lasts = [int(b) - int(a) for a, b in re.findall(r'(\d+)-(\d+)', row)]
        assert lasts == [int(o) for o in re.findall(r'^\*(\d+) minutes\.\*', text, re.M)]


@challenge
def test_the_blanks_are_those_of_the_solution(path, title):
    blank, solution, check = parts_of(title, cells_of(path, title))
    calls = [o for o in ast.walk(ast.parse(check.source)) if isinstance(o, ast.Call)]
    call = next(o for o in calls if getattr(o.func, 'id', '') == 'check')
    asked = names_used(ast.unparse(call.args[0]))
    assert names_given(solution.source) & asked <= names_given(blank.source)
    assert names_given(blank.source) & asked


@challenge
def test_wrong_answers_are_named(path, title):
    "A hidden cell below the check says what several wrong answers must be told; it runs with the notebook"
    cells = cells_of(path, title)
    check = next(i for i, c in enumerate(cells) if is_check(c))
    hidden = '\n'.join(c.source for c in cells[check:] if flagged(c, 'hide'))
    assert 'expect_fail(NotYet, contains=words): check(' in hidden
    assert 'replace the ...' in hidden or 'nothing back' in hidden
    assert hidden.count('"') >= 6


@episode
def test_nothing_rests_on_an_answer(path):
    "A learner who is stuck can go on: what follows a challenge does not use its answers"
    answers = set()
    for title, cells in sections(read_nb(path).cells):
        if is_challenge(title):
            answers |= names_given(parts_of(title, cells)[1].source)
            continue
        for c in cells:
            if c.cell_type != 'code' or flagged(c, 'hide'): continue
            answers -= names_given(c.source)
            assert not names_used(c.source) & answers, c.source


@episode
def test_learner_copy(path):
    nb, original = learner_copy(path), read_nb(path)
    text = '\n'.join(c.source for c in nb.cells)
    for title, cells in sections(original.cells):
        if is_challenge(title):
            blank, solution, check = parts_of(title, cells)
            assert solution.source.split('\n', 1)[1] not in text
            assert blank.source in text and check.source.split('\n', 1)[1] in text
    assert '#| ' not in text and 'expect_fail(NotYet' not in text
    for title, cells in sections(nb.cells):
        if is_challenge(title): assert all(not c.outputs for c in cells if c.cell_type == 'code')
    assert not re.search(r'\]\(\.\./', text)


@episode
def test_untouched_checks_say_so(path):
    "In the learner copy, each check fails with its one line: imports, blanks and checks are all that is run"
    shell = CaptureShell()
    here = Path.cwd()
    try:
        os.chdir(path.parent)
        cells = learner_copy(path).cells
        for c in cells:
            if c.cell_type == 'code' and re.match(r'(from|import) ', c.source): shell.cell(c)
            assert not shell.exc
        for title, part in sections(cells):
            if not is_challenge(title): continue
            code = [c for c in part if c.cell_type == 'code']
            blank, check = next(c for c in code if 'TODO' in c.source), next(c for c in code if is_check(c))
            shell.run(just_blanks(blank.source))
            shell.run(check.source)      # what it says when it is right needs nothing of the lesson either
            assert type(shell.exc).__name__ == 'NotYet', f'{title}: {shell.exc!r}'
            assert re.search(r'replace the \.\.\.|nothing back yet', str(shell.exc)), f'{title}: {shell.exc}'
            assert shell.exc._render_traceback_() == [f'Not yet: {shell.exc}']
            shell.exc = None
    finally:
        os.chdir(here)
        shell.close()
        shell.restore_sys_module_state()


def just_blanks(source):
    "The statements that hold the dots: what stands beside them may need the data of the lesson"
    tree = ast.parse(source)
    dots = lambda node: any(isinstance(o, ast.Constant) and o.value is ... for o in ast.walk(node))
    return '\n'.join(ast.unparse(node) for node in tree.body if dots(node))


class Deck(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.slides, self.loads, self.alts = 0, [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.slides += tag == 'section'
        if tag in ('img', 'script', 'link'): self.loads += [attrs.get('src') or attrs.get('href') or 'data:']
        if tag == 'img': self.alts.append(attrs.get('alt'))


@episode
def test_slides(path):
    html = deck(path)
    seen = Deck(html)
    titles = [title for title, _ in sections(read_nb(path).cells) if title]
    assert seen.slides >= len(titles)
    assert all(o.startswith('data:') for o in seen.loads) and '<a ' not in html
    assert all(seen.alts) and len(html) < 1e6
    for title, cells in sections(read_nb(path).cells):
        if is_challenge(title):
            solution = parts_of(title, cells)[1].source.split('\n', 1)[1]
            assert solution not in html


@pytest.mark.skipif(not chromium, reason='no Chromium here')
def test_sliders_are_in_sight(tmp_path):
    "Figure, slider and what stands beside them fit on a projector"
    browser, cut = Browser(), {}
    for path in episodes:
        (tmp_path/'deck.html').write_text(deck(path))
        browser.open((tmp_path/'deck.html').as_uri(), height=720)
        cut[path.stem] = browser.js("""[...document.querySelectorAll('.slide:has(.frames)')].map(o => {
            document.querySelector('.now').classList.remove('now')
            o.classList.add('now')
            return o.scrollHeight - o.clientHeight }).filter(o => o > 1)""")
    browser.close()
    assert not {name: o for name, o in cut.items() if o}


def test_make_workshop(tmp_path):
    for name, out in (('learner', tmp_path), ('slides', tmp_path/'slides')):
        done = subprocess.run([sys.executable, root/'docs'/f'{name}.py', '--out', out], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    assert len(list(tmp_path.glob('*.ipynb'))) == len(list(tmp_path.glob('slides/*.html'))) == 6


def test_a_challenge_without_its_cells_is_refused():
    with pytest.raises(SystemExit, match='should have one'): parts_of('Challenge 9', [])


@pytest.mark.slow
@episode
def test_as_a_learner(path, tmp_path):
    "From top to bottom of the copy: each check fails first, and passes once the answer is there; nothing else fails"
    challenges = [(title, cells) for title, cells in sections(read_nb(path).cells) if is_challenge(title)]
    solutions = {title: parts_of(title, cells)[1].source for title, cells in challenges}
    shell, here = CaptureShell(), Path.cwd()
    def problem(source):
        shell.run(source)
        found, shell.exc = shell.exc, None
        return type(found).__name__ if found else None
    try:
        os.chdir(tmp_path)
        for title, cells in sections(learner_copy(path).cells):
            for c in cells:
                if c.cell_type != 'code': continue
                if is_check(c):
                    assert problem(c.source) == 'NotYet', title
                    assert problem(solutions[title]) is None, title
                assert problem(c.source) is None, c.source
    finally:
        os.chdir(here)
        shell.close()
        shell.restore_sys_module_state()
