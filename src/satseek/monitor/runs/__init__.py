"""What a run of land use or of damage found → kept under the run's name, for whoever asks later."""
