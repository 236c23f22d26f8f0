"A model of one TF: baselines, strategies, `auto`, and a user's own peaks."
