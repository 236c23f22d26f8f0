"Many runs: the plan of a study, its runs, and how they compare."
