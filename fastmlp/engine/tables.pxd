"""Where the tables of the C core have a name; each raises ValueError where they have not."""

cdef int isa_index_of(isa) except -1
cdef int index_of(tuple names, name, what) except -1
cdef int bits_of_type(dtype) except -1
cdef int source_index_of(dtype) except -1
