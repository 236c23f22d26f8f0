"""Is the same model made twice, byte for byte? Same seed, same versions, same machine.

    python bench/repeat.py               # some minutes

Each command runs twice, in fresh processes, and the files are compared. `results/repeat.csv` has a row for each."""
import hashlib
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from common import RESULTS, commit, write_table
from kill import commands, prepare

NAMES = ("tft-build", "tft-pretrain", "tft-finetune", "tft-fit", "tft-predict", "tft-groups")


def made(name, words, out):
    "The fingerprint of what a command writes, and the seconds that it takes"
    start = time.time()
    subprocess.run([Path(sys.executable).parent/name, *words.replace("OUT", str(out)).split()], check=True,
                   stdout=subprocess.DEVNULL)
    return hashlib.sha256(out.read_bytes()).hexdigest(), round(time.time()-start)


def main():
    folder, rows = Path(tempfile.mkdtemp()), []
    prepare(folder)
    every = commands(folder)
    for name in NAMES:
        words, called, _ = every[name]
        (folder/name).mkdir()
        (first, seconds), (second, _) = (made(name, words, folder/name/called) for _ in range(2))
        rows.append(dict(command=name, same=first==second, sha256=first[:16], seconds=seconds))
        print(rows[-1], flush=True)
    write_table(rows, RESULTS/"repeat.csv", commit=commit(), date=time.strftime("%Y-%m-%d"))


if __name__=="__main__": main()
