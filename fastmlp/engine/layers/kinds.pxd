"""The kinds of layers."""

from fastmlp.engine.structs cimport layer_kind

cdef const layer_kind *kind_of(spec) except NULL
