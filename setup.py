"The package's metadata comes from settings.ini"
from configparser import ConfigParser
from pathlib import Path

from setuptools import find_packages, setup

config = ConfigParser(delimiters=['='])
config.read('settings.ini')
cfg = config['DEFAULT']
package, of_data = cfg['lib_name'], ('weights', 'studies')     # folders that hold files and no module

# GitHub finds the README's figure beside it, PyPI needs its address
readme = Path('README.md').read_text().replace('](nbs/', f"]({cfg['git_url']}/raw/main/nbs/")

setup(
    version=cfg['version'],
    description=cfg['description'],
    long_description=readme,
    long_description_content_type='text/markdown',
    author=cfg['author'],
    keywords=cfg['keywords'].split(),
    license_expression=cfg['license'],
    python_requires='>=' + cfg['min_python'],
    install_requires=cfg['requirements'].split(),
    extras_require={name: cfg[f'{name}_requirements'].split()
                    for name in ('dev', 'cluster', 'devices', 'modisco', 'tracks', 'variants')},
    entry_points={
        'console_scripts': cfg['console_scripts'].split(),
        'nbdev': [f'{package}={package}._modidx:d'],
    },
    packages=find_packages(include=[package, f'{package}.*']) + [f'{package}.{o}' for o in of_data],
    package_data={f'{package}.{o}': ['*'] for o in of_data},
)
