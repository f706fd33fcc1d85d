"""Figures against peers, as ratios measured in one run; never timed tests."""
