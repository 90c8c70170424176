"""Residual layers."""

from fastmlp.engine.structs cimport layer_kind

cdef layer_kind RESIDUAL
