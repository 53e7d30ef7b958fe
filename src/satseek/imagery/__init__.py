"""Scenes → chips → pixels: the only room that opens rasters and images.

Knows neither models nor collections.
"""
