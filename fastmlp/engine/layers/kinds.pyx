"""The kinds of layers. A new one is a module beside this one that fills in a layer_kind, and is named here.

It is named in NAMES in engine/_modules.py as well, which loads it; and its parameters are a class in network/layers.py.

What a layer_kind says is in structs.pxd; dense is an example. Its row operations read and write the buffers of a
trained_layer, of which it makes those that it needs, and its plan_forward and plan_back append them to the step.
"""

from fastmlp.engine.layers.columns cimport COLUMNS
from fastmlp.engine.layers.dense cimport DENSE
from fastmlp.engine.layers.embeddings cimport EMBEDDINGS
from fastmlp.engine.layers.residual cimport RESIDUAL
from fastmlp.engine.tables cimport index_of

KINDS = ("dense", "residual", "columns", "embeddings")
cdef const layer_kind *_TABLE[4]
_TABLE[0], _TABLE[1], _TABLE[2], _TABLE[3] = &DENSE, &RESIDUAL, &COLUMNS, &EMBEDDINGS


cdef const layer_kind *kind_of(spec) except NULL:
    """Return the kind of layer that a spec asks for; a name of an activation, or None, asks for a dense layer."""
    return _TABLE[index_of(KINDS, getattr(spec, "kind", "dense"), "kind")]
