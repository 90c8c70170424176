"""Passes forward that are kept, so that gradients of their outputs can be taken back through the network.

A kept pass is a training step that is cut where the loss would be. Its plan has the row phases of a step: those on the
way forward, which end with the outputs, and those on the way back, which the caller's gradients of the outputs open.
The update phase follows them where the gradient of the parameters is wanted. So the results are those of a step, and do
not depend on the number of threads.
"""

import numpy as np

cimport numpy as cnp
from cython.parallel cimport parallel, threadid
from libc.string cimport memcpy

from fastmlp.engine.layout cimport panels_of, plain_rows, rows_at, rows_of
from fastmlp.engine.memory cimport is_plain
from fastmlp.engine.native cimport (
    FM_PANEL_BYTES, fm_denormals_flush, fm_denormals_restore, fm_rows, fm_source,
)
from fastmlp.engine.plan cimport add_operation, wait_for_all_rows
from fastmlp.engine.rows cimport Rows
from fastmlp.engine.step cimport do_row_phases, do_update, plan_way_back, plan_way_forward
from fastmlp.engine.structs cimport chunk_place, row_block, trained_layer, trained_part, training
from fastmlp.engine.teams cimport fm_team_size
from fastmlp.engine.trainer cimport Trainer

cnp.import_array()


# What the row operations of a kept pass read and write. Arrays of rows are in NumPy's order.
cdef struct pass_arrays:
    char *outputs                  # (rows, n_outputs)
    bint linked                    # whether they have passed the link
    const char *output_gradients   # (rows, n_outputs)
    char *input_gradients          # (rows, n_inputs)
    Py_ssize_t input_step          # bytes from one row of input_gradients to the next
    char *zero_means               # (1, n_inputs)
    # Buffers that the way forward fills and the way back turns into deltas: those of parts that are vectors. Here are
    # copies of what the way forward left.
    char **kept                    # (n_parts,): NULL for a matrix
    bint is_kept                   # whether the copies are made


cdef class KeptPass(Trainer):
    """A pass forward over a batch that is kept, so that gradients of its outputs can be taken back through the network.

    ahead() goes forward, and back() goes back, as often as one likes for the same outputs.

    Parameters
    ----------
    sizes, hidden, loss, dtype, n_threads, columns, isa
        As for Trainer. Of the loss only the link is used.
    max_rows : int
        Rows of the largest batch.
    uses_running : bool, default=True
        Whether batch normalisation takes the running moments, as predictions do, or those of the batch, towards which
        the running moments move then.
    regularization : object, default=None
        As for Trainer. Only the rates of dropout have a meaning here.
    """

    cdef pass_arrays arrays
    cdef chunk_place chunk       # all rows of the pass
    cdef bint is_done            # whether there is a pass by the parameters as they are
    cdef char *input_deltas      # (max_rows, n_inputs); NULL before anybody asked for gradients of inputs
    cdef int forward_phases
    cdef readonly long max_rows

    def __init__(self, sizes, hidden, loss, dtype, *, max_rows, n_threads=1, uses_running=True, regularization=None,
                 columns=None, isa=None):
        cdef long i
        cdef trained_part *part
        self.t.plan.open_way_back, self.t.plan.owner = _open_way_back, &self.arrays
        self.t.plan.uses_running = uses_running
        super().__init__(sizes, hidden, loss, dtype, rule="gradient", max_batch=max_rows, n_threads=n_threads,
                         split=False, regularization=regularization, columns=columns, isa=isa)
        self.max_rows = max_rows
        self.take_hyper(np.zeros((1, 1)))
        self.arrays.kept = <char **> self.memory.zeros(self.net.n_parts * sizeof(char *))
        for i in range(self.net.n_parts):
            part = &self.t.parts[i]
            if part.layer == NULL:
                self.arrays.kept[i] = self.memory.zeros(part.n_panels * self.t.plan.stride * FM_PANEL_BYTES)

    def load(self, params, slots=(), average=None):
        """Take the parameters; a pass that was made before is none of theirs."""
        super().load(params, slots, average)
        self.is_done = False

    def begin(self, *args, **kwargs):
        """Refuse passes of a training, which would go back without gradients."""
        raise TypeError("a kept pass learns nothing: it has ahead() and back() in place of begin() and run()")

    def ahead(self, Rows rows not None, *, start=0, stop=None, linked=True, seed=0):
        """Go forward with rows start to stop, and keep what the way back needs.

        Parameters
        ----------
        rows : Rows
        start, stop : int
            The first of the rows, and the one behind the last (None: all that there are); from 1 to max_rows of them.
        linked : bool, default=True
            Whether the outputs have passed the link.
        seed : int, default=0
            Of dropout.

        Returns
        -------
        outputs : ndarray of shape (stop - start, n_outputs)
        """
        cdef long first = start, end = rows.source.n_rows if stop is None else stop
        self.check_rows(rows)
        if not 0 <= first < end <= min(rows.source.n_rows, first + self.max_rows):
            raise ValueError(f"expected from 1 to {self.max_rows} of {rows.source.n_rows} rows, got start={start} and"
                             f" stop={stop}")
        self.attach_rows(rows)
        self.data_arrays = (rows,)  # which must live as long as the pass
        # The only chunk of the only pass over the rows up to its end; of weight 1, since gradients are sums over rows.
        self.t.data.n_passes, self.t.data.n_rows, self.t.progress.position = 1, end, end
        self.chunk.start = self.chunk.batch_start = first
        self.chunk.end = self.chunk.batch_end = end
        self.chunk.weight = self.chunk.step_number = 1
        self.t.plan.seed, self.arrays.linked = seed, linked
        self.is_done = self.arrays.is_kept = False
        outputs = np.empty((end - first, self.net.n_outputs), dtype=self.dtype)
        self.arrays.outputs = <char *> cnp.PyArray_DATA(outputs)
        self.plan(False)
        self.go(0, self.forward_phases, False)
        self.is_done = True
        return outputs

    def back(self, output_gradients, params=None, inputs=None):
        """Take gradients of the outputs before their link back, for the rows that ahead() went forward with last.

        Parameters
        ----------
        output_gradients : ndarray of shape (n_rows, n_outputs)
            Contiguous, of the network's type.
        params : ndarray of shape (n_params,), default=None
            Where the gradient of the parameters goes, summed over the rows; None: nobody wants it.
        inputs : ndarray of shape (n_rows, n_inputs), default=None
            Where the gradients of the inputs go, as the caller gave them, before their scaling. Each row is contiguous,
            but the rows need not follow each other. None: nobody wants them.
        """
        cdef long n = self.chunk.end - self.chunk.start, n_inputs = self.net.layers[0].n_inputs
        if not self.is_done:
            raise ValueError("ahead() comes before back()")
        if not (is_plain(output_gradients) and output_gradients.dtype == self.dtype
                and output_gradients.shape == (n, self.net.n_outputs)):
            raise ValueError(f"output_gradients must be a contiguous {self.dtype} array of shape"
                             f" {(n, self.net.n_outputs)}")
        self.arrays.output_gradients = <const char *> cnp.PyArray_DATA(output_gradients)
        if inputs is not None:
            if self.columns is not None:
                raise ValueError("codes of encoded columns have no gradients")
            if not (inputs.dtype == self.dtype and inputs.shape == (n, n_inputs) and inputs.flags.writeable
                    and inputs.flags.aligned and (n_inputs == 1 or inputs.strides[1] == self.net.itemsize)):
                raise ValueError(f"inputs must be a {self.dtype} array of shape {(n, n_inputs)} with contiguous rows")
            self.arrays.input_step = inputs.strides[0]
            self.arrays.input_gradients = <char *> cnp.PyArray_DATA(inputs)
        self.plan(inputs is not None)
        self.go(self.forward_phases, self.t.plan.n_row_phases, params is not None)
        self.arrays.is_kept = True
        if params is not None:
            self.store(None, [params])

    cdef int plan(self, bint to_inputs) except -1:
        """Plan both ways, the way back up to the inputs where their gradients are wanted."""
        cdef training *t = &self.t
        cdef trained_layer *first = t.layers
        cdef trained_layer *last = t.layers + self.net.n_layers - 1
        cdef long n_panels = panels_of(&self.net, first.packed.n_inputs)
        if to_inputs and self.input_deltas == NULL:
            self.input_deltas = self.memory.zeros(n_panels * t.plan.stride * FM_PANEL_BYTES)
            self.arrays.zero_means = self.memory.zeros(n_panels * FM_PANEL_BYTES)
        first.input_deltas = self.input_deltas if to_inputs else NULL
        first.packed.kind.choose_products(t, first, self.memory)
        plan_way_forward(t)
        add_operation(t, _give_outputs, last)
        self.forward_phases = t.plan.n_row_phases
        wait_for_all_rows(t, t.plan.open_way_back, last)
        plan_way_back(t)
        if to_inputs:
            add_operation(t, _give_input_gradients, first)
        return 0

    cdef int go(self, int first, int end, bint updates) except -1:
        """Do the row phases from first to before end, and with updates the update phase, all threads together."""
        cdef training *t = &self.t
        t.progress.failed = False
        if t.plan.n_slices == 1:
            # Without OpenMP: a process forked from one that had a team must not enter it.
            with nogil:
                _do_phases(t, first, end, updates, &self.chunk, 0, 1)
        else:
            with nogil, parallel(num_threads=t.plan.n_slices):
                _do_phases(t, first, end, updates, &self.chunk, threadid(), fm_team_size())
        self.raise_error()
        return 0


cdef void _do_phases(training *t, int first, int end, bint updates, const chunk_place *chunk, int thread,
                     int team) noexcept nogil:
    """Do what go() does, as one thread of a team."""
    cdef unsigned mode = fm_denormals_flush()
    do_row_phases(t, first, end, chunk, thread, team)
    if updates:
        do_update(t, chunk, thread, team)
    fm_denormals_restore(mode)


# ---- row operations --------------------------------------------------------------------------------------------------

cdef void _give_outputs(training *t, trained_layer *last, const row_block *rows) noexcept nogil:
    """Row operation: write the outputs. The panels they are taken from are the last layer's deltas on the way back."""
    cdef const pass_arrays *arrays = <const pass_arrays *> t.plan.owner
    cdef Py_ssize_t row_bytes = t.network.n_outputs * t.network.itemsize
    cdef fm_rows outputs = rows_of(t, last.outputs, rows, t.network.n_outputs)
    if arrays.linked:
        t.network.kernels.link[t.network.loss](&outputs)
    t.network.kernels.scatter(&outputs, arrays.outputs + rows.low * row_bytes, row_bytes)


cdef void _open_way_back(training *t, trained_layer *last, const row_block *rows) noexcept nogil:
    """Opening: read the gradients of a slice's outputs, and restore what an earlier way back turned into deltas."""
    cdef pass_arrays *arrays = <pass_arrays *> t.plan.owner
    cdef Py_ssize_t row_bytes = t.network.n_outputs * t.network.itemsize, offset
    cdef long n = rows.high - rows.low, i, panel
    cdef fm_source gradients = plain_rows(arrays.output_gradients + rows.low * row_bytes, row_bytes)
    cdef fm_rows deltas = rows_at(last.deltas + rows.low * FM_PANEL_BYTES, t.plan.stride, n, t.network.n_outputs)
    cdef const trained_part *part
    t.network.kernels.gather[t.network.element](&gradients, &deltas)
    for i in range(t.network.n_parts):
        part = &t.parts[i]
        if arrays.kept[i] == NULL:
            continue
        for panel in range(part.n_panels):
            offset = (panel * t.plan.stride + rows.low) * FM_PANEL_BYTES
            if arrays.is_kept:
                memcpy(part.deltas + offset, arrays.kept[i] + offset, n * FM_PANEL_BYTES)
            else:
                memcpy(arrays.kept[i] + offset, part.deltas + offset, n * FM_PANEL_BYTES)


cdef void _give_input_gradients(training *t, trained_layer *first, const row_block *rows) noexcept nogil:
    """Row operation: write the gradients of the inputs, as they were before their scaling."""
    cdef const pass_arrays *arrays = <const pass_arrays *> t.plan.owner
    cdef fm_rows deltas = rows_of(t, first.input_deltas, rows, first.packed.n_inputs)
    if t.network.input_is_scaled:
        t.network.kernels.standardize(&deltas, arrays.zero_means, t.network.input_scales)
    t.network.kernels.scatter(&deltas, arrays.input_gradients + rows.low * arrays.input_step, arrays.input_step)
