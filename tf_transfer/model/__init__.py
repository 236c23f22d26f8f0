"Networks, models on disk, and their predictions."
