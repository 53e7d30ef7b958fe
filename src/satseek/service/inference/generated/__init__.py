"""Messages that ``proto/inference/generate.py`` makes of ``open_inference.proto``: not by hand."""
