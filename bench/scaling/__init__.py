"""What a run over many machines takes: simulated, and seen."""
