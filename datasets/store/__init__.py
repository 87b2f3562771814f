"""How the bytes of a dataset lie on the disk: arrays, shards, images, journals and locks."""
