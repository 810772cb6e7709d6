"""Pairs of sounds and pictures to learn from and to be judged on, wherever they lie: folders, tables, videos, shards, published sets."""
