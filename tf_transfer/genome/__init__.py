"Sequences and regions of a genome, the file formats that hold them, and the sources to download."
