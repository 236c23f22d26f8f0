"What a trained network has learned: filters, attributions, patterns, experiments."
