"""Bytes of a dataset on disk: arrays, attributes, image shards, journals, locks. Knows nothing about the schema."""
