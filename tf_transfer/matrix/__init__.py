"Which TF binds where: the binding matrix, how it is built, split, grouped and simulated."
