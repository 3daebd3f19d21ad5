"""How packets leave: the binding to a line, the proof by the kernel's route, what TCP and the port say."""
