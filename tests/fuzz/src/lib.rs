//! Fuzz targets and their corpus.
