"""A penalty of what a hidden layer puts out."""

from fastmlp.engine.memory cimport Memory
from fastmlp.engine.structs cimport trained_layer, training

cdef int set_activity(trained_layer *layer, regularization) except -1
cdef int allocate_activity(training *t, trained_layer *layer, Memory memory) except -1
cdef int wait_for_activity(training *t, trained_layer *layer) except -1
cdef int plan_activity_back(training *t, trained_layer *layer) except -1
