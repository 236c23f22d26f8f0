"The package's metadata comes from settings.ini"
from configparser import ConfigParser
from setuptools import find_packages, setup

config = ConfigParser(delimiters=['='])
config.read('settings.ini')
cfg = config['DEFAULT']

setup(
    version=cfg['version'],
    description=cfg['description'],
    author=cfg['author'],
    keywords=cfg['keywords'].split(),
    license_expression=cfg['license'],
    python_requires='>=' + cfg['min_python'],
    install_requires=cfg['requirements'].split(),
    extras_require={name: cfg[f'{name}_requirements'].split() for name in ('dev', 'cluster', 'devices', 'modisco')},
    entry_points={
        'console_scripts': cfg['console_scripts'].split(),
        'nbdev': [f"{cfg['lib_name']}={cfg['lib_name']}._modidx:d"],
    },
    packages=find_packages(include=[cfg['lib_name']]),
    package_data={cfg['lib_name']: ['weights/*', 'studies/*']},
)
