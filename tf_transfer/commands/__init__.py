"The commands, the demonstration, and the self-test."
