"""Puts this folder's own module, metric_rows, within reach."""
