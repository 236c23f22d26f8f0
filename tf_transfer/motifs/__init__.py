"What TFs bind: motifs as matrices and logos, motif files, comparison, binding modes."
