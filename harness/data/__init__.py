"""Picture folders, decoding, the cache of decoded pictures, training pairs and the two embedded datasets."""
