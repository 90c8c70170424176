"""Layers of embeddings of encoded columns."""

from fastmlp.engine.structs cimport layer_kind, packed_layer

cdef layer_kind EMBEDDINGS

cdef int set_embedding_size(packed_layer *layer) except -1
