"""``python -m satseek`` → the command line. Knows nothing else."""

from satseek.cli import main

if __name__ == "__main__":
    main()
