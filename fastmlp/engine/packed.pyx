"""Networks in the packed layout of src_c/include/fastmlp.h: their parameters in and out, and forward passes.

Cython owns shapes, element types and threads; the C core (src_c/) owns one contiguous block on one core.
"""

import operator
from threading import get_ident

import numpy as np

cimport numpy as cnp
from libc.string cimport memcpy

from fastmlp.engine.forward cimport forward_rows
from fastmlp.engine.layers.columns cimport COLUMNS, set_columns
from fastmlp.engine.layers.embeddings cimport EMBEDDINGS, set_embedding_size
from fastmlp.engine.layers.kinds cimport kind_of
from fastmlp.engine.layers.normalization cimport use_running
from fastmlp.engine.layout cimport (
    flat_bytes, pack, packed_bytes, panels_of, plain_rows, rows_at, rows_of_part, unpack,
)
from fastmlp.engine.memory cimport are_within, is_plain
from fastmlp.engine.native cimport FM_PANEL_BYTES, fm_isa_kernels, fm_layer, fm_rows, fm_source
from fastmlp.engine.structs cimport BATCH_NORM
from fastmlp.engine.tables cimport bits_of_type, index_of, isa_index_of, source_index_of
from fastmlp.engine.teams cimport team_size

from fastmlp.engine.tables import LOSSES, NORMALIZATION_EPSILON

cnp.import_array()


cdef class PackedNetwork:
    """A network's weights in the packed layout of src_c/include/fastmlp.h, ready for forward passes.

    The parameters come in parts: the matrices of all layers, then their vectors. Those of a dense layer are its weights
    and biases; and, with a number for each unit, the gains of its normalisation and the learned parameters of its
    activation, where it has them. A residual layer has projections of its inputs after its biases, where it needs them.

    Parameters
    ----------
    sizes : sequence of int
        Units per layer, input and output included.
    hidden : str or sequence
        The hidden layers' activation, a name from ACTIVATIONS; or for each of them an object with the attributes of
        fastmlp.network.HiddenLayer.
    loss : str
        A name from LOSSES; it decides the output's link.
    dtype : float32 or float64
    columns : object, default=None
        The layout of encoded columns, which the first layer looks up, as fastmlp.inputs.columns.ColumnsLayout; None for
        a first layer that reads other rows.
    isa : str, default=None
        Instruction set; None is ISA.
    """

    def __init__(self, sizes, hidden, loss, dtype, *, columns=None, isa=None):
        cdef packed_network *net = &self.net
        cdef packed_layer *layer
        cdef fm_layer *part
        cdef long i, n_inputs, n_outputs
        self.memory = Memory()
        self.errors = {}
        self.dtype = np.dtype(dtype)
        net.kernels = fm_isa_kernels(isa_index_of(isa), bits_of_type(dtype))
        net.element = source_index_of(self.dtype)
        net.itemsize = self.dtype.itemsize
        net.panel = FM_PANEL_BYTES // net.itemsize
        net.epsilon = NORMALIZATION_EPSILON
        net.loss = index_of(LOSSES, loss, "loss")
        net.call_python, net.owner = _call_python, <void *> self
        sizes = [operator.index(size) for size in sizes]
        if len(sizes) < 2 or min(sizes) < 0:
            raise ValueError(f"sizes must be those of two layers or more, got {sizes}")
        specs = [hidden] * (len(sizes) - 2) if isinstance(hidden, str) else list(hidden)
        if len(specs) != len(sizes) - 2:
            raise ValueError(f"expected {len(sizes) - 2} hidden layers, got {len(specs)}")
        self.functions = [None if isinstance(spec, str) else spec.function for spec in specs]
        specs.append(None)
        net.n_layers, net.n_outputs = len(specs), sizes[len(sizes) - 1]
        net.layers = <packed_layer *> self.memory.zeros(net.n_layers * sizeof(packed_layer))
        matrices, vectors, ends = [], [], [(0, 0)]
        for i in range(net.n_layers):
            layer = &net.layers[i]
            layer.kind, layer.number, layer.is_last = kind_of(specs[i]), i, i == net.n_layers - 1
            layer.n_inputs, layer.n_outputs = sizes[i], sizes[i + 1]
            if columns is not None and i == 0:
                if layer.kind != &EMBEDDINGS:
                    layer.kind = &COLUMNS
                set_columns(net, layer, columns, self.memory)
                if layer.kind == &EMBEDDINGS:
                    set_embedding_size(layer)
            elif layer.kind == &COLUMNS or layer.kind == &EMBEDDINGS:
                raise ValueError(f"layer {i} cannot look columns up: the first layer does, of a layout in columns")
            layer.kind.parts(layer, specs[i], matrices, vectors)
            ends.append((len(matrices), len(vectors)))
        net.n_parts = len(matrices) + len(vectors)
        net.parts = <fm_layer *> self.memory.zeros(net.n_parts * sizeof(fm_layer))
        for i, (n_inputs, n_outputs, is_biased) in enumerate([*matrices, *((0, width, True) for width in vectors)]):
            part = &net.parts[i]
            part.inputs, part.outputs, part.unbiased = n_inputs, n_outputs, not is_biased
            part.weights = self.memory.zeros(packed_bytes(net, part))
            net.n_params += rows_of_part(part) * n_outputs
        net.multiply_adds = net.n_params
        if columns is not None:
            net.multiply_adds -= (columns.total_inputs - columns.n_looked_up) * net.parts[0].outputs
        for i in range(net.n_layers):
            first_matrix, first_vector = ends[i]
            layer = &net.layers[i]
            layer.kind.set_up(net, layer, specs[i], &net.parts[<long> first_matrix],
                              &net.parts[len(matrices) + <long> first_vector], self.memory)

        self.columns = columns

    @property
    def n_layers(self):
        return self.net.n_layers

    @property
    def sizes(self):
        cdef long i
        return (self.net.layers[0].n_inputs, *[self.net.layers[i].n_outputs for i in range(self.net.n_layers)])

    @property
    def n_params(self):
        return self.net.n_params

    @property
    def multiply_adds(self):
        return self.net.multiply_adds

    @property
    def n_outputs(self):
        return self.net.n_outputs

    @property
    def runs_python(self):
        return self.net.runs_python

    @property
    def input_is_scaled(self):
        return self.net.input_is_scaled

    # ---- parameters --------------------------------------------------------------------------------------------------

    def load(self, params):
        """Take the parameters from a flat vector: of each layer the weights and biases, then the vectors of all."""
        cdef long i, panel
        cdef const packed_layer *layer
        self.load_parts(params, self.weights_of_parts())
        for i in range(self.net.n_layers):
            layer = &self.net.layers[i]
            if layer.kind.follow_weights != NULL:
                for panel in range(panels_of(&self.net, layer.weights.outputs)):
                    layer.kind.follow_weights(&self.net, layer, panel)

    def store(self, params):
        """Write the parameters to a flat vector."""
        self.store_parts(params, self.weights_of_parts())

    cdef list weights_of_parts(self):
        """Return where each part has its parameters."""
        cdef long i
        return [<size_t> self.net.parts[i].weights for i in range(self.net.n_parts)]

    cdef int load_parts(self, vector, list places) except -1:
        """Pack a flat vector, part by part."""
        cdef const char *flat = self.flat(vector)
        cdef long i
        for i, place in enumerate(places):
            pack(&self.net, &self.net.parts[i], flat, <void *> <size_t> place)
            flat += flat_bytes(&self.net, &self.net.parts[i])
        return 0

    cdef int store_parts(self, vector, list places) except -1:
        """Write what is packed to a flat vector, part by part."""
        cdef char *flat = self.flat_to_write(vector)
        cdef long i
        for i, place in enumerate(places):
            unpack(&self.net, &self.net.parts[i], <const void *> <size_t> place, flat)
            flat += flat_bytes(&self.net, &self.net.parts[i])
        return 0

    cdef const char *flat(self, params) except NULL:
        if not (is_plain(params) and params.dtype == self.dtype and params.shape == (self.net.n_params,)):
            raise ValueError(f"expected a contiguous {self.dtype} vector of {self.net.n_params} parameters")
        return <const char *> cnp.PyArray_DATA(params)

    cdef char *flat_to_write(self, params) except NULL:
        cdef const char *flat = self.flat(params)
        if not params.flags.writeable:
            raise ValueError("expected a vector that can be written to")
        return <char *> flat

    # ---- what belongs to a network beside its parameters -------------------------------------------------------------

    def scale_inputs(self, means, scales):
        """Have the inputs centred (not those of CSR rows) and scaled, by vectors of the network's type."""
        cdef long n = self.net.layers[0].n_inputs
        cdef Py_ssize_t n_bytes = panels_of(&self.net, n) * FM_PANEL_BYTES
        if not self.net.input_is_scaled:
            self.net.input_means, self.net.input_scales = self.memory.zeros(n_bytes), self.memory.zeros(n_bytes)
            self.net.input_is_scaled = True
        # A panel of one row, and one panel after another, is a plain vector.
        for values, to in ((means, <size_t> self.net.input_means), (scales, <size_t> self.net.input_scales)):
            values = np.ascontiguousarray(values, dtype=self.dtype)
            if values.shape != (n,):
                raise ValueError(f"expected {n} means and scales, got shape {values.shape}")
            memcpy(<char *> <size_t> to, cnp.PyArray_DATA(values), n * self.net.itemsize)

    def set_running(self, long i, mean, variance):
        """Set the running moments of hidden layer i, vectors of the network's type."""
        cdef packed_layer *layer = self.layer_with_moments(i)
        cdef long width = layer.n_outputs
        cdef fm_source plain
        cdef fm_rows both = rows_at(layer.normalization.running, 2, 2, width)
        moments = np.ascontiguousarray(np.stack([mean, variance]), dtype=self.dtype)
        if moments.shape != (2, width):
            raise ValueError(f"expected moments of {width} units, got shape {moments.shape}")
        plain = plain_rows(cnp.PyArray_DATA(moments), width * self.net.itemsize)
        self.net.kernels.gather[self.net.element](&plain, &both)
        self.use_running_moments(i)

    def running(self, long i):
        """Return the running mean and variance of hidden layer i, shape (2, n_units)."""
        cdef packed_layer *layer = self.layer_with_moments(i)
        cdef long width = layer.n_outputs
        cdef fm_rows both = rows_at(layer.normalization.running, 2, 2, width)
        moments = np.empty((2, width), dtype=self.dtype)
        self.net.kernels.scatter(&both, cnp.PyArray_DATA(moments), width * self.net.itemsize)
        return moments

    cdef packed_layer *layer_with_moments(self, long i) except NULL:
        """Return layer i, which must be a hidden one with batch normalisation."""
        if not 0 <= i < self.net.n_layers - 1 or self.net.layers[i].normalization.method != BATCH_NORM:
            raise ValueError(f"there is no batch normalisation in a hidden layer {i}")
        return &self.net.layers[i]

    cdef int use_running_moments(self, long i) except -1:
        """Have forward passes normalise layer i by the running moments as they are now."""
        return use_running(&self.net, &self.net.layers[i], self.running(i))

    # ---- forward passes ----------------------------------------------------------------------------------------------

    def forward(self, Rows rows not None, *, order=None, start=0, stop=None, out=None, n_threads=1, judged=False,
                linked=True, depth=None, hidden=()):
        """Return the outputs of rows start to stop of X, or of X[order]; without linked those before the link.

        n_threads share the rows; with judged fewer where there is little to do, and one after others were of no use.
        With depth, the rows go through that many layers only, and the outputs are those of the last of them. The arrays
        in hidden get the outputs of the first layers on the way, one array for each.

        Returns
        -------
        out : ndarray of shape (stop - start, n_units), n_units being that of the last layer the rows go through
        """
        cdef const int64_t *order_at = NULL
        cdef long n = rows.source.n_rows, first = start, end, n_through = self.net.n_layers, width, i
        cdef int team = team_size(n_threads)
        cdef char **places = NULL
        cdef char *to
        self.check_rows(rows)
        if depth is not None:
            n_through = depth
        if not 1 <= n_through <= self.net.n_layers or len(hidden) >= n_through:
            raise ValueError(f"depth must be from 1 to {self.net.n_layers} and above the number of arrays in hidden,"
                             f" which is {len(hidden)}; got {depth}")
        width = self.net.layers[n_through - 1].n_outputs
        if order is not None:
            if not is_plain(order) or order.dtype != np.int64 or order.ndim != 1:
                raise ValueError("order must be a contiguous vector of int64")
            n = order.shape[0]
            order_at = <const int64_t *> cnp.PyArray_DATA(order) if n else NULL
        end = n if stop is None else stop
        if not 0 <= first <= end <= n:
            raise ValueError(f"expected 0 <= start <= stop <= {n}, got start={start} and stop={stop}")
        n = end - first
        if order_at != NULL and not are_within(order_at + first, n, rows.source.n_rows):
            raise ValueError(f"order must hold numbers of rows, from 0 to {rows.source.n_rows - 1}")
        if out is None:
            out = np.empty((n, width), dtype=self.dtype)
        to = self.rows_to_write(out, n, width)
        if hidden:
            addresses = np.zeros(self.net.n_layers, dtype=np.uintp)
            places = <char **> cnp.PyArray_DATA(addresses)
        for i, array in enumerate(hidden):
            places[i] = self.rows_to_write(array, n, self.net.layers[i].n_outputs)
        self.outputs_of(&rows.source, order_at, first, n, to, width, n_through, places, team, judged, linked, False)
        return out

    cdef char *rows_to_write(self, array, long n, long width) except NULL:
        """Return where an array has the elements of n rows, which it must have room for."""
        if not (is_plain(array) and array.dtype == self.dtype and array.shape == (n, width) and array.flags.writeable):
            raise ValueError(f"out must be a contiguous {self.dtype} array of shape {(n, width)}")
        return <char *> cnp.PyArray_DATA(array)

    cdef bint outputs_of(self, const row_source *X, const int64_t *order, long first, long n, char *to, long width,
                         long depth, char **hidden, int n_threads, bint judged, bint linked, bint check) except -1:
        """Do what forward_rows() does, and raise what functions in Python raised."""
        cdef bint is_good = forward_rows(&self.net, X, order, first, n, to, width, depth, hidden, n_threads, judged,
                                         linked, check)
        self.raise_error()
        return is_good

    cdef int check_rows(self, Rows rows) except -1:
        """Refuse rows that the network cannot read."""
        cdef long n_features = self.net.layers[0].n_inputs
        if rows.source.n_features != n_features:
            raise ValueError(
                f"X has {rows.source.n_features} features, but the network is expecting {n_features} features"
                " as input."
            )
        if rows.layout != self.columns:
            raise ValueError(f"X has columns of the layout {rows.layout!r}, but the network is expecting"
                             f" {self.columns!r}")
        if rows.source.is_sparse and rows.source.element != self.net.element:
            raise ValueError(f"the data of a CSR matrix must be {self.dtype}, as the network is")
        if not rows.is_canonical:
            raise ValueError("the indices of a CSR matrix must be sorted and without duplicates")
        return 0

    # ---- activations in Python ---------------------------------------------------------------------------------------

    cdef int call_function(self, long number, long n, char *z, char *slopes, long stride) except -1:
        """Apply a hidden layer's activation in Python to n rows from z on; without slopes none are wanted."""
        cdef long width = self.net.layers[number].n_outputs
        cdef Py_ssize_t row_bytes = width * self.net.itemsize
        cdef fm_source plain
        cdef fm_rows panels = rows_at(z, stride, n, width)
        function, values = self.functions[number], np.empty((n, width), dtype=self.dtype)
        self.net.kernels.scatter(&panels, cnp.PyArray_DATA(values), row_bytes)
        slope_array = None if slopes == NULL else function.slopes(values.copy())  # which may write to it
        for array, to in ((function.values(values), <size_t> z), (slope_array, <size_t> slopes)):
            if to:
                if not (is_plain(array) and array.dtype == self.dtype and array.shape == (n, width)):
                    raise ValueError(f"{function!r} must return a contiguous {self.dtype} array of shape {(n, width)}")
                plain, panels.at = plain_rows(cnp.PyArray_DATA(array), row_bytes), <void *> <size_t> to
                self.net.kernels.gather[self.net.element](&plain, &panels)
        return 0

    cdef int fail(self, error) except -1:
        """Keep what a function in Python raised for raise_error(). A forward pass may run in many Python threads."""
        self.errors[get_ident()] = error
        return 0

    cdef int raise_error(self) except -1:
        """Raise what a function in Python raised within the engine."""
        if self.errors:
            error = self.errors.pop(get_ident(), None)
            if error is not None:
                raise error
        return 0


cdef void _call_python(void *owner, long number, long n, char *z, char *slopes, long stride) noexcept nogil:
    """Run a layer's activation in Python, unless something was raised before."""
    with gil:
        if get_ident() not in (<PackedNetwork> owner).errors:
            try:
                (<PackedNetwork> owner).call_function(number, n, z, slopes, stride)
            except BaseException as error:
                (<PackedNetwork> owner).fail(error)
