"The model that comes with the package: small, honest about what it has seen, and installed with it"
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from tf_transfer.motifs.pwm import jaspar
from tf_transfer.model.predict import predict
from tf_transfer.model.saving import pretrained, released, save_pretrained


@pytest.mark.parametrize('name', released())
def test_every_released_model_is_small_and_keeps_chromosomes_for_the_test(name):
    model, path = pretrained(name), released()[name]
    assert path.stat().st_size < 8e6
    assert model.card.test_chroms and not set(model.card.test_chroms) & set(model.card.regions.chrom)
    assert len(model.card.regions) < 30, 'whole chromosomes, not the regions themselves'
    scores = pd.read_csv(path.with_suffix('.csv'), index_col='tf')
    assert set(scores.index) <= set(model.card.tfs) and scores.auprc.between(0, 1).all()


def test_it_knows_a_motif_when_it_sees_one():
    model, rng = pretrained(), np.random.default_rng(0)
    codes = rng.integers(0, 4, (200, 200)).astype(np.uint8)
    with_site = codes.copy()
    site = jaspar('SPI1')[0].sample(200, rng)
    with_site[:, 90:90+site.shape[1]] = site
    column = model.card.tfs.index('SPI1')
    gain = predict(model, with_site)[:, column]-predict(model, codes)[:, column]
    assert gain.mean() > 0.02 and (gain > 0).mean() > 0.7


def test_a_folder_for_a_hub_holds_the_same_model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model, seqs = pretrained(), ['ACGT'*50, 'GGCCAATTNN'*20]
    save_pretrained(model, 'motifs-hg38', license='apache-2.0')
    assert {p.name for p in Path('motifs-hg38').iterdir()} == {'README.md', 'config.json', 'model.safetensors'}
    again = pretrained('motifs-hg38')
    assert all(np.array_equal(a, b) for a, b in zip(model.state_dict().values(), again.state_dict().values()))
    assert np.array_equal(predict(model, seqs), predict(again, seqs)) and repr(model.card) == repr(again.card)
    front = yaml.safe_load(Path('motifs-hg38/README.md').read_text().split('---')[1])
    assert front['library_name'] == 'tf_transfer' and front['license'] == 'apache-2.0' and 'AHR' in front['tags']
    Path('motifs-hg38/model.safetensors').unlink()
    assert pretrained('motifs-hg38').card.tfs == model.card.tfs, 'a folder without weights hides no released model'


def test_it_keeps_random_changes_for_hg38_alone(tmp_path):
    from tf_transfer.genome.dna import Genome
    from tf_transfer.model.alleles import AlleleReader
    from tf_transfer.model.random_changes import RandomChanges, null_line
    model = pretrained()
    assert 'in the middles of open regions of chr13' in null_line(model) and 'not of the whole' in null_line(model)
    (tmp_path/'g.fa').write_text('>chr22\n' + 'ACGT'*100 + '\n')
    genome = Genome(tmp_path/'g.fa')
    assert RandomChanges(AlleleReader(model), genome, [0]).kept == {}
    genome.lengths = {'chr22': 50818468, 'other': 900}
    null = RandomChanges(AlleleReader(model), genome, [0])
    assert list(null.kept) == ['SNV'] and null.of('SNV').shape == (10_000, 153)
    assert (np.diff(null.of('SNV'), axis=0) >= 0).all() and RandomChanges(null.read, genome, [0], 1000).kept == {}
